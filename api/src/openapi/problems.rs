//! How an endpoint says no: which problems its row makes possible, each described once.

use serde_json::{Map, Value, json};

use super::operation::changes;
use crate::table::{Access, Limit, Row};

/// Status, name and meaning of every problem.
const ALL: [(u16, &str, &str); 9] = [
    (401, "Unauthenticated", "Not identified, or not with these credentials."),
    (403, "Forbidden", "Identified and not allowed."),
    (404, "NotFound", "No such row, or not yours."),
    (
        409,
        "Conflict",
        "The row is in a state that does not allow this, or the first request with this key is in progress.",
    ),
    (410, "Gone", "The token was used, replaced or is too old."),
    (416, "RangeNotSatisfiable", "The range lies outside of the file: `Content-Range` says how long that is."),
    (422, "Invalid", "The request does not validate: `errors` names every wrong field."),
    (429, "TooMany", "Too many requests: wait as long as `Retry-After` says."),
    (503, "Unavailable", "PostgreSQL is away or the answer took too long: try again."),
];

/// The answers every operation refers to.
pub(super) fn all() -> Map<String, Value> {
    let one = |(status, name, description): (u16, &str, &str)| {
        let mut answer = json!({
            "description": description,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
        if matches!(status, 429 | 503) {
            let schema = json!({ "type": "integer", "minimum": 0 });
            answer["headers"] = json!({ "Retry-After": { "description": "Seconds to wait.", "schema": schema } });
        }
        (name.to_owned(), answer)
    };
    ALL.into_iter().map(one).collect()
}

/// The problems of a row, by status. A body with a token of ours may come too late.
pub(super) fn of(row: &Row, body: Option<&Value>) -> Map<String, Value> {
    let gone = body.is_some_and(|body| body["properties"].get("token").is_some());
    let (changes, signed_in) = (changes(&row.method), row.access != Access::Public);
    let possible = |status| match status {
        401 => signed_in || changes,
        403 => matches!(row.access, Access::Can(_)),
        404 => row.path.contains('{'),
        409 => changes,
        410 => gone,
        416 => row.downloads,
        // Whatever is wrong with the address of a file, there is nothing there.
        422 if row.downloads => false,
        422 => changes || row.queries.is_some() || row.paged || row.streams,
        429 => row.limit != Limit::None,
        _ => true,
    };
    let refer = |(status, name, _): (u16, &str, &str)| {
        (status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }))
    };
    ALL.into_iter().filter(|(status, ..)| possible(*status)).map(refer).collect()
}
