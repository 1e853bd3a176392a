//! Every column of every row, every link, every missing, inserted or moved row: what is changed is named.

use std::collections::BTreeSet;

use harness::TestApp;
use serde_json::json;
use shared::platform::audit::{Anchor, Part};

use super::{force, seal, verify, write};

/// A column of an entry, what a hand of evil makes of it, and the group that is to be named.
const COLUMNS: [(&str, &str, Part); 20] = [
    ("occurred_at", "occurred_at + interval '1 microsecond'", Part::What),
    ("actor_id", "gen_random_uuid()", Part::Who),
    ("actor_email", "'m' || actor_email", Part::Where),
    ("action", "overlay(action placing 'M' from 1 for 1)", Part::What),
    ("severity", "'medium'", Part::What),
    ("target_type", "overlay(target_type placing 'b' from 1 for 1)", Part::What),
    ("target_id", "target_id || ' '", Part::What),
    ("details", "details || '{\"fields\": []}'", Part::What),
    ("details", "details || '{\"reason\": \"other\"}'", Part::Why),
    ("ip_address", "ip_address + 1", Part::Where),
    ("user_agent", "null", Part::Where),
    ("request_id", "gen_random_uuid()", Part::What),
    ("outcome", "'refused'", Part::What),
    ("actor_role", "'admin'", Part::Who),
    ("salt", "set_byte(salt, 5, get_byte(salt, 5) # 1)", Part::Where),
    ("salt_why", "set_byte(salt_why, 31, get_byte(salt_why, 31) # 128)", Part::Why),
    ("digest_what", "set_byte(digest_what, 0, get_byte(digest_what, 0) # 1)", Part::Digest),
    ("digest_who", "set_byte(digest_who, 31, get_byte(digest_who, 31) # 1)", Part::Digest),
    ("digest_where", "set_byte(digest_where, 7, get_byte(digest_where, 7) # 64)", Part::Digest),
    ("digest_why", "set_byte(digest_why, 30, get_byte(digest_why, 30) # 2)", Part::Digest),
];

/// An application with a log of some entries, all in the chain; `keep` and `undo` put it back.
async fn written() -> (TestApp, i64) {
    let app = TestApp::new().await;
    let alice = app.user("alice").await.header("user-agent", "a browser");
    alice.patch("/api/v1/me", json!({ "first_name": "Alix" })).await.ok();
    for id in ["1", "2", "3"] {
        write(&app, "CATALOGUE_SYNCED", id).await;
    }
    assert_eq!(seal(&app).await, 5);
    assert_eq!(seal(&app).await, 0, "each has one place");
    for table in ["audit_log", "audit_chain", "audit_head"] {
        app.execute(&format!("create table kept_{table} as table {table}")).await;
    }
    let id = app.sql("select id from audit_log where action = 'USER_UPDATED'").await[0]["id"].as_i64().expect("an id");
    (app, id)
}

async fn undo(app: &TestApp) {
    for table in ["audit_log", "audit_chain", "audit_head"] {
        let undo =
            format!("delete from {table}; insert into {table} overriding system value select * from kept_{table}");
        force(app, &undo).await;
    }
    force(app, "delete from audit_pending").await;
    let verdict = verify(app, None).await;
    assert!(verdict.intact, "{:?}", verdict.findings);
}

#[tokio::test]
async fn a_changed_column_is_named_with_its_row() {
    let (app, id) = written().await;
    let untouched = verify(&app, None).await;
    assert_eq!((untouched.intact, untouched.links, untouched.entries, untouched.pending), (true, 5, 5, 0));
    let columns = app
        .sql("select array_agg(column_name order by 1) as c from information_schema.columns where table_name = 'audit_log'")
        .await;
    let mut all: BTreeSet<&str> = columns[0]["c"].as_array().into_iter().flatten().filter_map(|c| c.as_str()).collect();
    for (column, made, part) in COLUMNS {
        all.remove(column);
        force(&app, &format!("update audit_log set {column} = {made} where id = {id}")).await;
        let verdict = verify(&app, None).await;
        let found: Vec<_> = verdict.findings.iter().map(|finding| (finding.entry, finding.part)).collect();
        assert!(!verdict.intact && found == [(Some(id), part)], "{column}: {:?}", verdict.findings);
        undo(&app).await;
    }
    // The id cannot be updated; rows that change places are tried below.
    assert_eq!(all.into_iter().collect::<Vec<_>>(), ["id"]);
}

#[tokio::test]
async fn a_link_that_is_changed_missing_inserted_or_moved_is_named() {
    let (app, id) = written().await;
    let seq = app
        .sql("select seq from audit_chain where entry_id = (select id from audit_log where action = 'USER_UPDATED')")
        .await;
    let seq = seq[0]["seq"].as_i64().expect("a place");
    let evil = [
        ("another digest", format!("update audit_chain set digest = set_byte(digest, 3, get_byte(digest, 3) # 1) where seq = {seq}"), Part::Link),
        ("another hash", format!("update audit_chain set hash = set_byte(hash, 3, get_byte(hash, 3) # 1) where seq = {seq}"), Part::Link),
        ("a purge that never was", format!("update audit_chain set purged_by = {id} where seq = {seq}"), Part::Link),
        ("a missing link", format!("delete from audit_chain where seq = {seq}"), Part::Link),
        ("a missing row", format!("delete from audit_log where id = {id}"), Part::Entry),
        ("both missing", format!("delete from audit_log where id = {id}; delete from audit_chain where seq = {seq}"), Part::Link),
        ("the last ones missing", "delete from audit_log where target_id = '3'; delete from audit_chain where seq = 5".into(), Part::Head),
        ("another head", "update audit_head set hash = set_byte(hash, 3, get_byte(hash, 3) # 1)".into(), Part::Head),
        ("rows that change places",
         format!("update audit_chain set entry_id = -1 where seq = {seq};
                  update audit_chain set entry_id = {id} where seq = {seq} + 1;
                  update audit_chain set entry_id = (select k.entry_id from kept_audit_chain k where k.seq = {seq} + 1) where seq = {seq}"),
         Part::Link),
        ("a row beside the chain",
         "insert into audit_log (action, severity, digest_what, digest_who, digest_where, digest_why) values ('LOGOUT', 'low', '', '', '', '')".into(),
         Part::Entry),
        ("an erased row that is not", format!("update audit_log set salt = null, user_agent = 'another' where id = {id}"), Part::Where),
        ("a row and its digests",
         format!("update audit_log set target_id = 'x' where id = {id};
                  update audit_log l set digest_what = (x.d).digest_what
                  from (select id, audit_digest(a) as d from audit_log a) x where x.id = l.id and l.id = {id}"),
         Part::Digest),
    ];
    for (what, statement, part) in evil {
        force(&app, &statement).await;
        let verdict = verify(&app, None).await;
        let named = verdict.findings.first().map(|finding| finding.part);
        assert!(!verdict.intact && named == Some(part), "{what}: {:?}", verdict.findings);
        undo(&app).await;
    }
}

#[tokio::test]
async fn whoever_noted_the_head_proves_that_the_log_is_the_one_of_then() {
    let (app, _) = written().await;
    let head = verify(&app, None).await.head;
    let noted = Anchor { seq: head.seq, hash: head.hash };
    write(&app, "CATALOGUE_SYNCED", "4").await;
    seal(&app).await;
    let later = verify(&app, Some(&noted)).await;
    assert!(later.intact && later.head.seq == noted.seq + 1, "{later:?}");
    // A whole new chain over a changed log fits in itself, and not with what was noted.
    force(
        &app,
        "update audit_log set target_id = 'other' where target_id = '1'; delete from audit_chain;
         update audit_head set seq = 0, hash = decode(repeat('00', 32), 'hex');
         update audit_log l set digest_what = (x.d).digest_what, digest_who = (x.d).digest_who
             from (select id, audit_digest(a) as d from audit_log a) x where x.id = l.id;
         insert into audit_pending select id from audit_log",
    )
    .await;
    seal(&app).await;
    assert!(verify(&app, None).await.intact);
    let caught = verify(&app, Some(&noted)).await;
    assert_eq!(caught.findings.iter().map(|finding| finding.part).collect::<Vec<_>>(), [Part::Head], "{caught:?}");
}

#[tokio::test]
async fn the_log_is_whole_while_it_is_written() {
    let app = TestApp::new().await;
    let writing = async {
        for n in 0..60 {
            write(&app, "CATALOGUE_SYNCED", &n.to_string()).await;
            if n % 7 == 0 {
                seal(&app).await;
            }
        }
    };
    let reading = async {
        for _ in 0..20 {
            let verdict = verify(&app, None).await;
            assert!(verdict.intact, "{:?}", verdict.findings);
        }
    };
    tokio::join!(writing, reading);
    seal(&app).await;
    assert_eq!(verify(&app, None).await.links, 60);
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_the_log() {
    let (app, _) = written().await;
    for statement in [
        "update audit_log set action = 'LOGOUT'",
        "update audit_log set ip_address = null",
        "update audit_log set details = '{}'",
        "delete from audit_log",
        "truncate audit_log",
        "update audit_chain set hash = digest",
        "update audit_chain set purged_by = 1",
        "delete from audit_chain",
        "truncate audit_chain",
    ] {
        let done = sqlx::raw_sql(statement).execute(&app.platform.db).await;
        let said = done.expect_err(statement).to_string();
        assert!(said.contains("append-only"), "{statement}: {said}");
    }
    assert!(verify(&app, None).await.intact);
}
