//! JSON patches (RFC 6902): add, remove, replace and test, which is what payloads need.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One step of a patch. Paths are JSON pointers (RFC 6901).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Op {
    /// Puts a value where there may be none; `/-` is behind the last item of a list.
    Add {
        /// Where.
        path: String,
        /// What.
        value: Value,
    },
    /// Takes a value away.
    Remove {
        /// Where.
        path: String,
    },
    /// Puts a value in the place of another.
    Replace {
        /// Where.
        path: String,
        /// What.
        value: Value,
    },
    /// Goes on only when this value is there.
    Test {
        /// Where.
        path: String,
        /// What.
        value: Value,
    },
}

/// The value after all steps; none is done when one is not possible, and the sentence says which.
pub fn apply(value: &Value, steps: &[Op]) -> Result<Value, String> {
    let mut value = value.clone();
    for step in steps {
        one(&mut value, step)?;
    }
    Ok(value)
}

fn one(root: &mut Value, step: &Op) -> Result<(), String> {
    let missing = |path: &str| format!("there is nothing at `{path}`");
    match step {
        Op::Test { path, value } => match root.pointer(path) {
            Some(there) if there == value => Ok(()),
            _ => Err(format!("`{path}` is not what the patch expects")),
        },
        Op::Replace { path, value } => {
            *root.pointer_mut(path).ok_or_else(|| missing(path))? = value.clone();
            Ok(())
        }
        Op::Remove { path } => {
            let (parent, name) = inside(root, path)?;
            let gone = match parent {
                Value::Object(fields) => fields.remove(&name).is_some(),
                Value::Array(items) => {
                    let at = name.parse().ok().filter(|at: &usize| *at < items.len());
                    at.map(|at| items.remove(at)).is_some()
                }
                _ => false,
            };
            if gone { Ok(()) } else { Err(missing(path)) }
        }
        Op::Add { path, value } if path.is_empty() => {
            *root = value.clone();
            Ok(())
        }
        Op::Add { path, value } => {
            let (parent, name) = inside(root, path)?;
            match parent {
                Value::Object(fields) => {
                    fields.insert(name, value.clone());
                    Ok(())
                }
                Value::Array(items) => {
                    let at = if name == "-" { Some(items.len()) } else { name.parse().ok() };
                    let at = at.filter(|at| *at <= items.len()).ok_or_else(|| missing(path))?;
                    items.insert(at, value.clone());
                    Ok(())
                }
                _ => Err(missing(path)),
            }
        }
    }
}

/// What holds the value at this path, and the value's name in it.
fn inside<'a>(root: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), String> {
    let (parent, name) = path.rsplit_once('/').ok_or_else(|| format!("`{path}` is no path: `/name`"))?;
    let name = name.replace("~1", "/").replace("~0", "~");
    let parent = root.pointer_mut(parent).ok_or_else(|| format!("there is nothing at `{parent}`"))?;
    Ok((parent, name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_are_taken_in_order_or_not_at_all() {
        let before = json!({ "a": { "b/c": [1, 2] }, "n": 9_007_199_254_740_993_u64 });
        let steps: Vec<Op> = serde_json::from_value(json!([
            { "op": "test", "path": "/a/b~1c/1", "value": 2 },
            { "op": "add", "path": "/a/b~1c/-", "value": 3 },
            { "op": "remove", "path": "/a/b~1c/0" },
            { "op": "replace", "path": "/n", "value": 1 },
            { "op": "add", "path": "/new", "value": null }
        ]))
        .expect("a patch");
        assert_eq!(apply(&before, &steps), Ok(json!({ "a": { "b/c": [2, 3] }, "n": 1, "new": null })));
        let late = [steps.as_slice(), &[Op::Remove { path: "/gone".into() }]].concat();
        assert!(apply(&before, &late).is_err_and(|why| why.contains("/gone")));
    }
}
