//! Personal data: everything about one person, nothing about another, no secret; and no table is forgotten.

use std::collections::BTreeSet;

use harness::TestApp;
use harness::people::PASSWORD;
use serde_json::{Value, json};
use shared::platform::files::{self, FileKind, NewFile};
use shared::platform::tx::Tx;
use shared::reports::exports::personal_data::{REFERENCES, TABLES, Where};

use super::lists::unpacked;
use super::{fetched, id, orders};

#[tokio::test]
async fn one_gets_everything_about_oneself_and_nothing_about_others() {
    let app = TestApp::new().await;
    let (_, _bob, staff) = (app.user("alice").await, app.user("bob").await, app.admin().await);
    app.execute("delete from sessions where user_id = (select id from users where first_name = 'alice')").await;
    let login = json!({ "login": "alice@example.org", "password": PASSWORD });
    let opened = app.anonymous().header("user-agent", "Alice/1.0").post("/api/v1/auth/login", login).await.ok();
    let alice = app.anonymous().token(opened["token"].as_str().expect("a token"));
    orders(&app, 2).await; // a guest's, whose address it is
    app.execute("update customers set email = 'alice@example.org'").await;
    let user = app.sql("select id from users where email = 'alice@example.org'").await[0]["id"].clone();
    let record = format!("/api/v1/admin/users/{}", user.as_str().expect("an id"));
    staff.header("user-agent", "Chef/1.0").get(&record).await.status(200);
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let owner = user.as_str().expect("an id").parse().expect("a uuid");
    let new = NewFile {
        kind: FileKind::Document,
        name: "attestation.pdf",
        content_type: "application/pdf",
        bytes: "%PDF of Alice".into(),
        user: Some(owner),
        keep: None,
    };
    files::put(&mut tx, new).await.expect("stored");
    tx.commit().await.expect("a commit");
    let wrong = alice.post("/api/v1/me/exports", json!({ "password": "not hers, not at all" })).await.wrong_fields();
    assert_eq!(wrong, ["password"]);
    let asked = alice.post("/api/v1/me/exports", json!({ "password": PASSWORD })).await.status(202).data();
    app.drain().await;
    let export = alice.get(&format!("/api/v1/exports/{}", id(&asked))).await.ok();
    assert_eq!((&export["kind"], &export["subject_user_id"]), (&json!("personal_data"), &user));
    let file = fetched(&alice, &export).await;
    assert_eq!(app.sql("select count(*) as n from audit_log where action = 'USER_DATA_EXPORTED'").await[0]["n"], 1);
    let Some(inside) = unpacked(&file.bytes) else { return };
    let data: Value = serde_json::from_str(inside["data.json"].as_str().expect("data.json")).expect("JSON");
    assert_eq!(data.as_object().map(serde_json::Map::len), Some(TABLES.len()));
    assert_eq!(data["users"][0]["email"], "alice@example.org");
    assert_eq!(data["sessions"].as_array().map(Vec::len), Some(1));
    let entries = data["audit_log"].as_array().expect("entries");
    let of =
        |action: &str| entries.iter().rev().find(|one| one["action"] == action).unwrap_or_else(|| panic!("{action}"));
    assert_eq!(of("LOGIN_SUCCESS")["user_agent"], "Alice/1.0");
    assert_eq!((&of("ADMIN_ACCESS")["ip_address"], &of("ADMIN_ACCESS")["user_agent"]), (&Value::Null, &Value::Null));
    let numbers: BTreeSet<_> =
        data["orders"].as_array().expect("orders").iter().map(|one| one["number"].as_str()).collect();
    assert_eq!(numbers, BTreeSet::from([Some("C-1"), Some("C-2")]), "what was bought before there was an account, too");
    assert_eq!(
        (&data["customers"][0]["email"], data["order_lines"].as_array().map(Vec::len)),
        (&json!("alice@example.org"), Some(2))
    );
    assert_eq!(inside["files/attestation.pdf"], "%PDF of Alice");
    for table in TABLES {
        let rows = data[table.name].as_array().unwrap_or_else(|| panic!("no {}", table.name)).len();
        let csv = inside[format!("{}.csv", table.name)].as_str().expect("a CSV");
        assert!(csv.lines().count() > rows, "{}: {rows} rows, {csv}", table.name);
    }
    let all = inside.to_string();
    assert!(!all.contains("bob@example.org") && !all.contains("argon2") && !all.contains("Chef/1.0"), "{all}");
}

/// Every column that may name a person, by its foreign key or by its name, is spoken of.
#[tokio::test]
async fn no_column_that_names_a_person_is_forgotten() {
    let app = TestApp::new().await;
    let found = app
        .sql(
            "select c.table_name as t, c.column_name as c from information_schema.columns c
             where c.table_schema = 'public' and c.data_type = 'uuid'
               and (c.column_name ~ '(^|_)user_id$|_by$|^(actor|owner|assignee|submitter|author|granted_to|member|person)_id$'
                    or exists (select from pg_constraint k join pg_class r on r.oid = k.conrelid and r.relname = c.table_name
                               join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any(k.conkey)
                               where k.contype = 'f' and k.confrelid = 'users'::regclass and a.attname = c.column_name))
             order by 1, 2",
        )
        .await;
    let text = |value: &Value| value.as_str().expect("a name").to_owned();
    let found: BTreeSet<_> =
        found.as_array().expect("rows").iter().map(|row| (text(&row["t"]), text(&row["c"]))).collect();
    assert!(found.contains(&("sessions".into(), "user_id".into())), "{found:?}");
    let told: BTreeSet<_> =
        REFERENCES.iter().map(|(table, column, _)| ((*table).to_owned(), (*column).to_owned())).collect();
    assert_eq!(found, told, "say in REFERENCES where each column is exported, or why it is not");
    for (table, column, place) in REFERENCES {
        if let Where::In(name) = place {
            assert!(TABLES.iter().any(|table| table.name == *name), "{table}.{column}: no table {name}");
        }
    }
}
