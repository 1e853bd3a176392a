//! The document says what the rows say, and is a document.

use std::collections::BTreeSet;

use harness::TestApp;
use serde_json::Value;

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let methods = |(path, methods): (&String, &'_ Value)| -> Vec<(String, String)> {
        methods.as_object().expect("methods").keys().map(|method| (path.clone(), method.clone())).collect()
    };
    let all: Vec<(String, String)> = paths.iter().flat_map(methods).collect();
    all.into_iter()
        .map(|(path, method)| {
            let operation = &paths[&path][&method];
            (path, method, operation)
        })
        .collect()
}

async fn document() -> Value {
    TestApp::new().await.anonymous().get("/openapi.json").await.status(200).json()
}

#[tokio::test]
async fn every_row_is_an_operation_and_every_operation_a_row() {
    let document = document().await;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")));
    let described: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(path, method, _)| (path, method)).collect();
    let tables = api::routes::tables();
    let rows = tables.iter().flat_map(api::table::Table::rows);
    let rows: BTreeSet<(String, String)> =
        rows.map(|row| (row.path.clone(), row.method.as_str().to_lowercase())).collect();
    assert_eq!(described, rows);
}

#[tokio::test]
async fn an_operation_has_a_name_of_its_own_a_sentence_and_answers() {
    let document = document().await;
    let operations = operations(&document);
    let names: BTreeSet<&str> =
        operations.iter().filter_map(|(.., operation)| operation["operationId"].as_str()).collect();
    assert_eq!(names.len(), operations.len());
    assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')), "{names:?}");
    for (path, method, operation) in operations {
        assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{method} {path} says nothing");
        let answers = operation["responses"].as_object().expect("responses");
        assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path} never succeeds");
        let open = operation["security"].as_array().is_some_and(|s| s.iter().any(|one| one == &serde_json::json!({})));
        assert!(open || answers.contains_key("401"), "{method} {path} needs a token and never asks for one");
        for name in path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}')) {
            let told = operation["parameters"]
                .as_array()
                .is_some_and(|p| p.iter().any(|p| p["name"] == name && p["in"] == "path"));
            assert!(told, "{method} {path} does not describe {name}");
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let document = document().await;
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    references += 1;
                    assert!(
                        to.strip_prefix('#').and_then(|pointer| document.pointer(pointer)).is_some(),
                        "{to} leads nowhere"
                    );
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(references > 50, "{references}");
}

#[tokio::test]
async fn the_document_is_the_same_every_time_and_served_twice() {
    assert_eq!(api::openapi::document().to_string(), api::openapi::document().to_string());
    let app = TestApp::new().await;
    let (one, two) = (app.anonymous().get("/openapi.json").await, app.anonymous().get("/api/v1/openapi.json").await);
    assert_eq!(one.header("content-type"), Some("application/json"));
    assert_eq!(one.status(200).text, two.status(200).text);
}

#[tokio::test]
async fn the_page_shows_every_operation_and_fetches_nothing_from_elsewhere() {
    let app = TestApp::new().await;
    let page = app.anonymous().get("/docs").await.status(200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    assert!(!page.text.contains("<script") && !page.text.contains("src=\"http") && !page.text.contains("href=\"http"));
    let document = api::openapi::document();
    for (path, _, operation) in operations(&document) {
        let id = operation["operationId"].as_str().expect("a name");
        assert!(page.text.contains(&format!("id=\"{id}\"")), "{path} is not on the page");
    }
    app.anonymous().get("/docs/style.css").await.status(200);
}

#[tokio::test]
async fn a_login_answers_what_its_schema_promises() {
    let app = TestApp::new().await;
    app.user("alice").await;
    let body = serde_json::json!({ "login": "alice@example.org", "password": harness::people::PASSWORD });
    let session = app.anonymous().post("/api/v1/auth/login", body).await.ok();
    let document = api::openapi::document();
    let schema = &document["components"]["schemas"]["Session"];
    let promised: BTreeSet<&str> =
        schema["required"].as_array().expect("fields").iter().filter_map(Value::as_str).collect();
    let given: BTreeSet<&str> = session.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(given, promised);
}
