//! The API described by its own rows, as OpenAPI 3.1: what the tables say is what the document says.
//!
//! `facteur openapi` prints it, `/openapi.json` serves it, `/docs` is drawn from it. The same source makes the same
//! text: keys are sorted and nothing in it depends on where or when it was made.

mod operation;
pub mod page;
mod parameters;
mod problems;

use std::collections::HashSet;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use shared::platform::jobs::VERSION;

use crate::error::Problem;
use crate::routes;
use crate::table::{Row, Table};

/// Where the document keeps its types.
const TYPES: &str = "#/components/schemas/";

const ABOUT: &str = "Job queue first: whatever takes time is answered with 202 and done by a worker. Answers are \
    `{\"data\": …}`, lists add `page.next`; errors are `application/problem+json` with a stable `code`.";

/// The whole document.
pub fn document() -> Value {
    let tables = routes::tables();
    let rows: Vec<&Row> = tables.iter().flat_map(Table::rows).collect();
    let (described, mut types) = describe(&rows);
    let mut paths = Map::new();
    for (row, shapes) in rows.iter().zip(described) {
        let path = paths.entry(row.path.clone()).or_insert_with(|| json!({}));
        path[row.method.as_str().to_ascii_lowercase()] = operation::operation(row, shapes);
    }
    types.sort_keys();
    let mut tags: Vec<&str> = rows.iter().map(|row| row.tag).collect();
    let mut seen = HashSet::new();
    tags.retain(|tag| seen.insert(*tag));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Facteur",
            "summary": "A worker platform around one job queue",
            "description": ABOUT,
            "version": VERSION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This server" }],
        "tags": tags.iter().map(|tag| json!({ "name": tag })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "The access token of `POST /api/v1/auth/login`, valid for 15 minutes at most.",
            } },
            "parameters": { "IdempotencyKey": parameters::idempotency_key() },
            "responses": problems::all(),
            "schemas": types,
        },
    })
}

/// The types of one row, as schemas or references.
struct Shapes {
    takes: Option<Value>,
    body: Option<Value>, // what it takes, once more without references
    queries: Option<Value>,
    gives: Vec<(u16, Option<Value>)>,
}

/// Two generators, because a field that may be left out when we read is still always there when we write.
fn describe(rows: &[&Row]) -> (Vec<Shapes>, Map<String, Value>) {
    let settings = || SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
    let mut reads = settings().for_deserialize().into_generator();
    let mut writes = settings().for_serialize().into_generator();
    let mut inline = settings().for_deserialize().with(|s| s.inline_subschemas = true).into_generator();
    let mut described: Vec<Shapes> = rows
        .iter()
        .map(|row| Shapes {
            takes: row.takes.map(|schema| schema(&mut reads).to_value()),
            body: row.takes.map(|schema| schema(&mut inline).to_value()),
            queries: row.queries.map(|schema| schema(&mut inline).to_value()),
            gives: row
                .gives
                .iter()
                .map(|(status, schema)| (*status, schema.map(|s| s(&mut writes).to_value())))
                .collect(),
        })
        .collect();
    writes.subschema_for::<Problem>();
    let mut types = writes.take_definitions(true);
    let read = reads.take_definitions(true);
    let differs = |name: &String, schema: &Value| types.get(name).is_some_and(|written| written != schema);
    let clashes: Vec<String> =
        read.iter().filter(|(name, schema)| differs(name, schema)).map(|(name, _)| name.clone()).collect();
    for (name, mut schema) in read {
        rename(&mut schema, &clashes);
        let name = if clashes.contains(&name) { input(&name) } else { name };
        types.insert(name, schema);
    }
    for takes in described.iter_mut().filter_map(|shapes| shapes.takes.as_mut()) {
        rename(takes, &clashes);
    }
    (described, types)
}

/// The name of a type that is read differently than it is written.
fn input(name: &str) -> String {
    format!("{name}Input")
}

fn rename(schema: &mut Value, clashes: &[String]) {
    match schema {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix(TYPES).filter(|name| clashes.iter().any(|clash| clash == name)) {
                *text = format!("{TYPES}{}", input(name));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, clashes)),
        Value::Object(fields) => fields.values_mut().for_each(|field| rename(field, clashes)),
        _ => {}
    }
}
