//! Stripe's form encoding (`line_items[0][price_data][unit_amount]=…`, `expand[]=…`) and its typed reading.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;

/// Parameters: those of a request, or of a part of it.
#[derive(Clone, Debug)]
pub struct Form {
    value: Value,
    /// Where it stands in the request: `line_items[0]`.
    path: String,
}

impl Form {
    /// Reads a query string or a body.
    pub fn parse(text: &str) -> Self {
        let mut root = Value::Null;
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let mut keys = name.split('[').map(|key| key.trim_end_matches(']'));
            let first = keys.next().unwrap_or_default();
            put(&mut root, &[first].into_iter().chain(keys).collect::<Vec<_>>(), &value);
        }
        Self { value: lists(root), path: String::new() }
    }

    /// All of it, for comparing two requests.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// A parameter's name as errors say it.
    pub fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}[{key}]", self.path) }
    }

    /// Refuses a parameter that is none of these.
    pub fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        let unknown = self.value.as_object().and_then(|map| map.keys().find(|key| !known.contains(&key.as_str())));
        match unknown {
            Some(key) if *key != "expand" => {
                let name = self.name(key);
                Err(Refusal::invalid(&name, format!("Received unknown parameter: {name}"))
                    .with_code("parameter_unknown"))
            }
            _ => Ok(()),
        }
    }

    /// Was it sent, even as nothing?
    pub fn has(&self, key: &str) -> bool {
        !self.value[key].is_null()
    }

    /// A text; nothing when absent or empty.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.value[key].as_str().filter(|text| !text.is_empty())
    }

    /// A text or the error that it is missing.
    pub fn needed(&self, key: &str) -> Result<&str, Refusal> {
        self.text(key).ok_or_else(|| Refusal::missing(&self.name(key)))
    }

    /// A text as JSON: null when absent or empty.
    pub fn json(&self, key: &str) -> Value {
        self.text(key).map_or(Value::Null, |text| json!(text))
    }

    /// An integer.
    pub fn integer(&self, key: &str) -> Result<Option<i64>, Refusal> {
        let refuse = |text: &str| Refusal::invalid(&self.name(key), format!("Invalid integer: {text}"));
        match &self.value[key] {
            Value::Null => Ok(None),
            Value::String(text) => text.parse().map(Some).map_err(|_| refuse(text)),
            other => Err(refuse(&other.to_string())),
        }
    }

    /// A truth value.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, Refusal> {
        match self.value[key].as_str() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(Refusal::invalid(&self.name(key), format!("Invalid boolean: {other}"))),
        }
    }

    /// A text out of these.
    pub fn choice(&self, key: &str, known: &[&str]) -> Result<Option<&str>, Refusal> {
        match self.text(key) {
            Some(text) if !known.contains(&text) => {
                let message = format!("Invalid {}: must be one of {}", self.name(key), known.join(", "));
                Err(Refusal::invalid(&self.name(key), message))
            }
            text => Ok(text),
        }
    }

    /// A currency code.
    pub fn currency(&self, key: &str) -> Result<Option<String>, Refusal> {
        let Some(code) = self.text(key) else { return Ok(None) };
        let code = code.to_ascii_lowercase();
        if code.len() == 3 && code.bytes().all(|b| b.is_ascii_lowercase()) {
            return Ok(Some(code));
        }
        Err(Refusal::invalid(&self.name(key), format!("Invalid currency: {code}.")))
    }

    /// A nested part; empty when absent.
    pub fn part(&self, key: &str) -> Self {
        Self { value: self.value[key].clone(), path: self.name(key) }
    }

    /// The parts of a list.
    pub fn parts(&self, key: &str) -> Vec<Self> {
        let items = self.value[key].as_array().into_iter().flatten().enumerate();
        items.map(|(n, value)| Self { value: value.clone(), path: format!("{}[{n}]", self.name(key)) }).collect()
    }

    /// A list of texts.
    pub fn texts(&self, key: &str) -> Vec<String> {
        let items = self.value[key].as_array().into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// Puts `metadata` into an object: keys are set one by one, an empty value removes one, an empty `metadata` all.
    pub fn metadata(&self, target: &mut Value) -> Result<(), Refusal> {
        match &self.value["metadata"] {
            Value::Null => {}
            Value::String(text) if text.is_empty() => *target = json!({}),
            Value::Object(pairs) => {
                for (key, value) in pairs {
                    let text = value.as_str().unwrap_or_default();
                    if text.len() > 500 || key.len() > 40 {
                        let message = "Metadata keys have 40 characters at most, values 500.";
                        return Err(Refusal::invalid(&self.name("metadata"), message));
                    }
                    match text {
                        "" => drop(target.as_object_mut().map(|map| map.remove(key))),
                        text => target[key] = json!(text),
                    }
                }
            }
            _ => return Err(Refusal::invalid(&self.name("metadata"), "Invalid hash")),
        }
        Ok(())
    }
}

fn put(node: &mut Value, keys: &[&str], value: &str) {
    let Some((key, rest)) = keys.split_first() else {
        *node = json!(value);
        return;
    };
    if !node.is_object() {
        *node = Value::Object(Map::new());
    }
    let map = node.as_object_mut().expect("made above");
    let key = if key.is_empty() { map.len().to_string() } else { (*key).to_owned() };
    put(map.entry(key).or_insert(Value::Null), rest, value);
}

/// Objects whose keys are all numbers become lists, in the order of those.
fn lists(node: Value) -> Value {
    let Value::Object(map) = node else { return node };
    let numbers: Option<Vec<usize>> = map.keys().map(|key| key.parse().ok()).collect();
    match numbers {
        Some(_) if !map.is_empty() => {
            let mut items: Vec<(usize, Value)> =
                map.into_iter().map(|(key, value)| (key.parse().expect("checked above"), lists(value))).collect();
            items.sort_by_key(|(n, _)| *n);
            Value::Array(items.into_iter().map(|(_, value)| value).collect())
        }
        _ => Value::Object(map.into_iter().map(|(key, value)| (key, lists(value))).collect()),
    }
}
