//! One row as an OpenAPI operation.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{Shapes, parameters, problems};
use crate::table::{Access, Limit, Row};

/// The operation of a row.
pub(super) fn operation(row: &Row, shapes: Shapes) -> Value {
    let mut operation = json!({
        "operationId": id(row),
        "summary": row.summary,
        "description": who(row),
        "tags": [row.tag],
        "security": security(row.access),
        "responses": responses(row, &shapes),
    });
    let parameters = parameters::of(row, shapes.queries.as_ref());
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Access::Can(permission) = row.access {
        operation["x-permission"] = Value::from(permission);
    }
    if let Some(schema) = shapes.takes {
        let required = shapes.body.is_some_and(|body| body["required"].as_array().is_some_and(|all| !all.is_empty()));
        operation["requestBody"] =
            json!({ "required": required, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

/// `tag_method_rest_of_the_path`: stable as long as the address is, and as unique.
fn id(row: &Row) -> String {
    let words = row.path.split('/').map(|word| word.trim_matches(['{', '}']));
    let words = words.filter(|word| !matches!(*word, "" | "api" | "v1") && *word != row.tag);
    let method = row.method.as_str().to_ascii_lowercase();
    [row.tag, &method].into_iter().chain(words).collect::<Vec<_>>().join("_").replace(['-', ' ', '.'], "_")
}

fn who(row: &Row) -> String {
    let who = match row.access {
        Access::Public => "Anybody may call.".to_owned(),
        Access::Caller => "Anybody signed in may call.".to_owned(),
        Access::Can(permission) => format!("Needs the permission `{permission}`."),
    };
    let limit = match row.limit {
        Limit::Api => "",
        Limit::Forms => " A few times an hour per address.",
        Limit::None => " Not limited.",
    };
    format!("{who}{limit}")
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([{}, { "bearer": [] }]),
        Access::Caller | Access::Can(_) => json!([{ "bearer": [] }]),
    }
}

fn responses(row: &Row, shapes: &Shapes) -> Map<String, Value> {
    let mut responses = Map::new();
    for (status, schema) in &shapes.gives {
        let mut answer = json!({ "description": what(*status) });
        if let Some(schema) = schema {
            answer["content"] = json!({ "application/json": { "schema": envelope(schema, row.paged) } });
        }
        if *status == 202 {
            let schema = json!({ "type": "string", "format": "uri-reference" });
            answer["headers"] = json!({ "Location": { "description": "Where to follow the job.", "schema": schema } });
        }
        responses.insert(status.to_string(), answer);
    }
    if row.streams {
        let events = json!({ "text/event-stream": { "schema": { "type": "string" } } });
        responses.insert("200".into(), json!({ "description": "Events, without an end.", "content": events }));
    }
    if row.downloads {
        let bytes = json!({ "application/octet-stream": {} });
        for (status, description) in [(200, "The file."), (206, "The range that was asked for.")] {
            responses.insert(status.to_string(), json!({ "description": description, "content": bytes }));
        }
        responses.insert("304".into(), json!({ "description": what(304) }));
    }
    responses.extend(problems::of(row, shapes.body.as_ref()));
    responses
}

fn what(status: u16) -> &'static str {
    match status {
        200 => "Here it is.",
        201 => "Created.",
        202 => "Accepted: a job will do it.",
        204 => "Done.",
        304 => "As you know it.",
        _ => "Answered.",
    }
}

fn envelope(schema: &Value, paged: bool) -> Value {
    if !paged {
        return json!({ "type": "object", "required": ["data"], "properties": { "data": schema } });
    }
    let next = json!({ "type": ["string", "null"], "description": "Give this as `after` for the next page; null at the end." });
    json!({
        "type": "object",
        "required": ["data", "page"],
        "properties": {
            "data": { "type": "array", "items": schema },
            "page": { "type": "object", "required": ["next"], "properties": { "next": next } },
        },
    })
}

/// Whether a method changes something.
pub(super) fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}
