//! Lists with cursors, and the expansion of ids into objects.

use serde_json::{Value, json};

use super::form::Form;
use super::refusal::{Answer, Refusal};
use super::state::{State, id};

/// The parameters every list has.
const PAGING: [&str; 5] = ["limit", "starting_after", "ending_before", "created", "expand"];

/// Objects of a kind, newest first, that agree with every field of `fields` that is sent.
pub fn list(state: &State, form: &Form, kind: &str, url: &str, fields: &[&str]) -> Answer {
    form.only(&[&PAGING, fields].concat())?;
    let fits = |object: &&Value| {
        fields.iter().all(|field| {
            form.text(field).is_none_or(|wanted| match &object[*field] {
                Value::String(text) => text == wanted || (*field == "status" && wanted == "all"),
                Value::Bool(is) => wanted.parse() == Ok(*is),
                other => wanted.parse().ok().as_ref() == Some(other),
            })
        })
    };
    page(form, state.all(kind).filter(fits), url)
}

/// One page of these objects, which are newest first.
pub fn page<'a>(form: &Form, objects: impl Iterator<Item = &'a Value>, url: &str) -> Answer {
    let limit = form.integer("limit")?.unwrap_or(10);
    if !(1..=100).contains(&limit) {
        return Err(Refusal::invalid("limit", "This value must be between 1 and 100 (inclusive)."));
    }
    let limit = limit as usize;
    let since = created(form)?;
    let objects: Vec<&Value> = objects.filter(|object| since(object["created"].as_i64().unwrap_or_default())).collect();
    let place = |param: &str| -> Result<Option<usize>, Refusal> {
        let Some(cursor) = form.text(param) else { return Ok(None) };
        let at = objects.iter().position(|object| object["id"] == cursor);
        at.map(Some).ok_or_else(|| Refusal::no_such("object", cursor, param))
    };
    let (after, before) = (place("starting_after")?, place("ending_before")?);
    let (from, to, more) = match (after, before) {
        (Some(_), Some(_)) => {
            return Err(Refusal::invalid("starting_after", "You may not use both starting_after and ending_before."));
        }
        // The page just above the cursor, still newest first.
        (None, Some(at)) => (at.saturating_sub(limit), at, at > limit),
        (after, None) => {
            let from = after.map_or(0, |at| at + 1);
            (from, objects.len().min(from + limit), objects.len() > from + limit)
        }
    };
    Ok(json!({ "object": "list", "data": objects[from..to], "has_more": more, "url": url }))
}

/// `created=…` or `created[gte]=…`: a condition on Unix seconds.
fn created(form: &Form) -> Result<impl Fn(i64) -> bool, Refusal> {
    let exact = if form.part("created").value().is_string() { form.integer("created")? } else { None };
    let range = form.part("created");
    let [gt, gte, lt, lte] = ["gt", "gte", "lt", "lte"].map(|bound| range.integer(bound));
    let (gt, gte, lt, lte) = (gt?, gte?, lt?, lte?);
    Ok(move |at| {
        exact.is_none_or(|bound| at == bound)
            && gt.is_none_or(|bound| at > bound)
            && gte.is_none_or(|bound| at >= bound)
            && lt.is_none_or(|bound| at < bound)
            && lte.is_none_or(|bound| at <= bound)
    })
}

/// Expands what `expand[]` names.
pub fn expand(state: &State, form: &Form, object: &mut Value) -> Result<(), Refusal> {
    for path in form.texts("expand") {
        walk(state, object, &path.split('.').collect::<Vec<_>>(), &path)?;
    }
    Ok(())
}

fn walk(state: &State, node: &mut Value, keys: &[&str], path: &str) -> Result<(), Refusal> {
    let Some((key, rest)) = keys.split_first() else { return Ok(()) };
    if let Value::Array(items) = node {
        return items.iter_mut().try_for_each(|item| walk(state, item, keys, path));
    }
    if let Some(list) = included(state, node, key) {
        node[*key] = list;
    }
    let Some(field) = node.get_mut(*key) else {
        let message = format!("This property cannot be expanded ({path}).");
        return Err(Refusal::invalid("expand", message));
    };
    if let Some(found) = field.as_str().and_then(|id| state.find(id)).cloned() {
        *field = found;
    }
    if field.is_null() { Ok(()) } else { walk(state, field, rest, path) }
}

/// Lists that an object has only when they are asked for.
fn included(state: &State, object: &Value, key: &str) -> Option<Value> {
    let (items, url): (Vec<Value>, String) = match (object["object"].as_str()?, key) {
        ("checkout.session", "line_items") => {
            (state.lines.get(&id(object)).cloned()?, format!("/v1/checkout/sessions/{}/line_items", id(object)))
        }
        ("charge", "refunds") => {
            let own = state.all("refund").filter(|refund| refund["charge"] == object["id"]);
            (own.cloned().collect(), format!("/v1/charges/{}/refunds", id(object)))
        }
        _ => return None,
    };
    Some(json!({ "object": "list", "data": items, "has_more": false, "url": url }))
}
