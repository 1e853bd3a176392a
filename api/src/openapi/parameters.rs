//! What stands in the address and the headers of a request.

use axum::http::Method;
use serde_json::{Value, json};
use shared::kernel::page::{DEFAULT_LIMIT, MAX_LIMIT};

use crate::table::Row;

/// The parameters of a row: path, query, headers.
pub(super) fn of(row: &Row, queries: Option<&Value>) -> Vec<Value> {
    let mut all: Vec<Value> = row.path.split('/').filter_map(in_path).collect();
    if let Some(schema) = queries {
        all.extend(in_query(schema));
    }
    if row.paged {
        all.push(query(
            "limit",
            "Rows at most.",
            json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT }),
        ));
        all.push(query("after", "The `page.next` of the page before.", json!({ "type": "string" })));
    }
    if row.streams {
        all.push(json!({
            "name": "Last-Event-ID",
            "in": "header",
            "required": false,
            "description": "The last `id` received: what came since is sent first.",
            "schema": { "type": "string", "format": "uuid" },
        }));
    }
    if row.downloads {
        all.push(header(
            "Range",
            "One range of bytes: `bytes=0-99`. Several at once are answered with the whole file.",
        ));
        all.push(header("If-Range", "The `ETag` of the rest one has: another file is sent whole."));
        all.push(header("If-None-Match", "The `ETag` of the file one has: 304 when it is the same."));
    }
    if row.method == Method::POST {
        all.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
    }
    all
}

/// The header every POST takes.
pub(super) fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "Same key, account and body within 24 hours: the same answer again, with `Idempotency-Replayed: true`, \
            and nothing is done twice.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
    })
}

fn in_path(word: &str) -> Option<Value> {
    let name = word.strip_prefix('{')?.strip_suffix('}')?;
    let schema =
        if name.ends_with("id") { json!({ "type": "string", "format": "uuid" }) } else { json!({ "type": "string" }) };
    Some(json!({ "name": name, "in": "path", "required": true, "schema": schema }))
}

fn in_query(schema: &Value) -> Vec<Value> {
    let Some(properties) = schema["properties"].as_object() else {
        return Vec::new();
    };
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|r| r == name));
    properties
        .iter()
        .map(|(name, schema)| {
            let mut schema = present(schema.clone());
            let description = schema.as_object_mut().and_then(|s| s.remove("description")).unwrap_or_default();
            let mut parameter = query(name, description.as_str().unwrap_or_default(), schema);
            parameter["required"] = Value::from(required(name));
            parameter
        })
        .collect()
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema })
}

fn header(name: &str, description: &str) -> Value {
    json!({ "name": name, "in": "header", "required": false, "description": description, "schema": { "type": "string" } })
}

/// A query parameter is absent or has a value: nothing in an address is null.
fn present(mut schema: Value) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        fields.retain(|name, value| !(name == "default" && value.is_null()));
        for name in ["type", "enum"] {
            if let Some(Value::Array(options)) = fields.get_mut(name) {
                options.retain(|option| !option.is_null() && option != "null");
                if let ("type", [only]) = (name, options.as_slice()) {
                    let only = only.clone();
                    fields.insert("type".into(), only);
                }
            }
        }
        if let Some(Value::Array(mut options)) = fields.remove("anyOf") {
            options.retain(|option| option["type"] != "null");
            match options.as_mut_slice() {
                [Value::Object(only)] => {
                    let only = std::mem::take(only);
                    only.into_iter().for_each(|(name, value)| {
                        fields.entry(name).or_insert(value);
                    });
                }
                _ => {
                    fields.insert("anyOf".into(), Value::Array(options));
                }
            }
        }
    }
    schema
}
