//! The document as a page wants it: sections of endpoints with their fields in rows, then the types they name.

use serde_json::{Map, Value, json};

use super::TYPES;

/// In the order a reader expects them.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The variables of `templates/admin/docs.hbs`.
pub fn variables(document: &Value) -> Value {
    let sections: Vec<Value> = list(&document["tags"])
        .filter_map(|tag| tag["name"].as_str())
        .map(|tag| json!({ "name": tag, "endpoints": endpoints(document, tag) }))
        .collect();
    let types = document["components"]["schemas"].as_object().into_iter().flatten();
    json!({
        "locale": "en",
        "title": document["info"]["title"],
        "summary": document["info"]["summary"],
        "version": document["info"]["version"],
        "openapi": document["openapi"],
        "sections": sections,
        "types": types.filter(|(_, schema)| is_object(schema)).map(|(name, schema)| json!({
            "name": name,
            "description": said(&schema["description"]),
            "fields": fields(document, schema),
        })).collect::<Vec<_>>(),
    })
}

fn endpoints(document: &Value, tag: &str) -> Vec<Value> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method, operation))
    });
    let mine = operations.filter(|(.., operation)| list(&operation["tags"]).any(|t| t == tag));
    let mut mine: Vec<_> = mine.collect();
    mine.sort_by_key(|(path, method, _)| (*path, METHODS.iter().position(|known| known == method)));
    let endpoints = mine.into_iter().map(|(path, method, operation)| endpoint(document, path, method, operation));
    endpoints.collect()
}

fn endpoint(document: &Value, path: &str, method: &str, operation: &Value) -> Value {
    let answers = operation["responses"].as_object().into_iter().flatten();
    let (good, bad): (Vec<_>, Vec<_>) = answers.partition(|(_, answer)| answer.get("$ref").is_none());
    let body = &operation["requestBody"];
    let schema = &body["content"]["application/json"]["schema"];
    json!({
        "id": operation["operationId"],
        "method": method.to_ascii_uppercase(),
        "path": path,
        "words": path.split_inclusive('/').collect::<Vec<_>>(),
        "summary": text(&operation["summary"]),
        "who": who(operation),
        "permission": operation["x-permission"],
        "parameters": parameters(document, operation),
        "body": if body.is_null() { Value::Null } else { json!({ "fields": fields(document, follow(document, schema)) }) },
        "answers": good.into_iter().map(|(status, answer)| answered(document, status, answer)).collect::<Vec<_>>(),
        "problems": bad.into_iter().map(|(status, answer)| json!({
            "status": status,
            "description": follow(document, answer)["description"],
        })).collect::<Vec<_>>(),
    })
}

fn who(operation: &Value) -> &'static str {
    match (&operation["x-permission"], list(&operation["security"]).any(|s| s == &json!({}))) {
        (Value::String(_), _) => "Permission",
        (_, true) => "Anybody",
        (_, false) => "Signed in",
    }
}

/// Those of the query: the path shows its own, and the one header is told once for all.
fn parameters(document: &Value, operation: &Value) -> Vec<Value> {
    let all = list(&operation["parameters"]).map(|parameter| follow(document, parameter));
    all.filter(|parameter| parameter["in"] == "query").map(|p| parameter(document, p)).collect()
}

fn parameter(document: &Value, parameter: &Value) -> Value {
    json!({
        "name": parameter["name"],
        "type": kind(document, &parameter["schema"]),
        "required": parameter["required"] == true,
        "description": said(&parameter["description"]),
    })
}

fn answered(document: &Value, status: &str, answer: &Value) -> Value {
    let envelope = &answer["content"]["application/json"]["schema"]["properties"];
    let data = &envelope["data"];
    json!({
        "status": status,
        "description": text(&answer["description"]),
        "paged": envelope.get("page").is_some(),
        "type": if data.is_null() { Value::Null } else { kind(document, data) },
    })
}

/// An object's fields, those that must be there first.
fn fields(document: &Value, schema: &Value) -> Vec<Value> {
    let required = |name: &str| list(&schema["required"]).any(|r| r == name);
    let properties: Vec<_> = schema["properties"].as_object().into_iter().flatten().collect();
    let (first, then): (Vec<_>, Vec<_>) = properties.into_iter().partition(|(name, _)| required(name));
    let row = |(name, schema): (&String, &Value)| {
        json!({
            "name": name,
            "type": kind(document, schema),
            "required": required(name),
            "description": said(&schema["description"]),
        })
    };
    first.into_iter().chain(then).map(row).collect()
}

/// A type in words: what it is, and the anchor of the table that tells more.
fn kind(document: &Value, schema: &Value) -> Value {
    let plain = |text: String| json!({ "text": text, "link": null });
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.strip_prefix(TYPES)) {
        let target = &document["components"]["schemas"][name];
        return if is_object(target) { json!({ "text": name, "link": name }) } else { kind(document, target) };
    }
    if let Some(options) = schema["anyOf"].as_array() {
        return joined(options.iter().map(|option| kind(document, option)).collect());
    }
    if let Some(options) = schema["oneOf"].as_array() {
        let words = options.iter().flat_map(|o| list(&o["enum"]).chain(o.get("const"))).filter_map(Value::as_str);
        return plain(words.collect::<Vec<_>>().join(" | "));
    }
    if let Some(words) = schema["enum"].as_array() {
        return plain(words.iter().map(|w| w.as_str().unwrap_or("null")).collect::<Vec<_>>().join(" | "));
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => {
            let item = kind(document, &schema["items"]);
            json!({ "text": format!("list of {}", text(&item["text"])), "link": item["link"] })
        }
        Value::String(name) => plain(simple(schema, name)),
        Value::Array(names) => {
            plain(names.iter().filter_map(Value::as_str).map(|n| simple(schema, n)).collect::<Vec<_>>().join(" or "))
        }
        _ => plain("any".into()),
    }
}

fn joined(kinds: Vec<Value>) -> Value {
    let words: Vec<&str> = kinds.iter().map(|kind| text(&kind["text"])).collect();
    json!({ "text": words.join(" or "), "link": kinds.iter().map(|k| &k["link"]).find(|l| !l.is_null()) })
}

/// `string` with what narrows it: a format, a length, a range.
fn simple(schema: &Value, name: &str) -> String {
    if name == "null" {
        return name.into();
    }
    let known = schema["format"].as_str().filter(|format| !format.starts_with("int") && !format.starts_with("uint"));
    let bound = |low: &str, high: &str| match (schema[low].as_i64(), schema[high].as_i64()) {
        (Some(low), Some(high)) => format!(", {low} to {high}"),
        (Some(low), None) if low > 0 => format!(", at least {low}"),
        (None, Some(high)) => format!(", at most {high}"),
        _ => String::new(),
    };
    let bounds = [bound("minLength", "maxLength"), bound("minimum", "maximum")].concat();
    format!("{}{bounds}", known.unwrap_or(name))
}

fn is_object(schema: &Value) -> bool {
    schema.get("properties").is_some_and(|properties| properties.as_object().is_some_and(|p: &Map<_, _>| !p.is_empty()))
}

/// What a reference points to, or the value itself.
fn follow<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|r| r.strip_prefix('#')).and_then(|pointer| document.pointer(pointer));
    target.unwrap_or(value)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A text cut where it turns into code and back.
fn said(value: &Value) -> Vec<Value> {
    let parts = text(value).split('`').enumerate();
    let parts = parts.map(|(i, part)| json!({ "text": part, "code": i % 2 == 1 }));
    parts.filter(|part| part["text"] != "").collect()
}
