//! Accounts and rights as administrators change them, and what keeps them from raising themselves.

use std::time::Duration;

use harness::letters::token;
use harness::people::PASSWORD;
use harness::{Client, TestApp};
use serde_json::{Value, json};
use shared::domain::identity::catalogue;

use crate::dashboard::{form_token, operator, post};

const USERS: &str = "/api/v1/admin/users";

async fn id_of(app: &TestApp, name: &str) -> String {
    let admin = app.sql("select id, first_name from users").await;
    let row = admin.as_array().expect("rows").iter().find(|row| row["first_name"] == name).expect("somebody").clone();
    row["id"].as_str().expect("an id").to_owned()
}

fn at(id: &str, rest: &str) -> String {
    format!("{USERS}/{id}{rest}")
}

/// Somebody whose role allows just this.
async fn helper(app: &TestApp, admin: &Client, name: &str, permissions: &[&str]) -> Client {
    let role = json!({ "code": name, "label": "Aide", "permissions": permissions });
    admin.post("/api/v1/admin/roles", role).await.created();
    app.person(name, name).await
}

async fn audited(app: &TestApp) -> Vec<String> {
    let rows = app.sql("select action from audit_log where target_type in ('user', 'role', 'group') order by id").await;
    rows.as_array().expect("rows").iter().map(|row| row["action"].as_str().expect("a word").to_owned()).collect()
}

#[tokio::test]
async fn an_administrator_makes_finds_and_changes_accounts() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let new = json!({ "email": "lea@example.org", "first_name": "Léa", "last_name": "Petit", "role": "moderator" });
    let made = admin.post(USERS, new.clone()).await.created();
    assert_eq!((&made["status"], &made["role"]), (&json!("pending_activation"), &json!("moderator")));
    assert_eq!(admin.post(USERS, new).await.status(409).code(), "email_taken");
    let wrong = json!({ "email": "x", "first_name": "", "last_name": "B", "role": "nobody" });
    assert_eq!(admin.post(USERS, wrong).await.wrong_fields(), ["email", "first_name"]);
    let unknown = json!({ "email": "b@example.org", "first_name": "A", "last_name": "B", "role": "nobody" });
    assert_eq!(admin.post(USERS, unknown).await.wrong_fields(), ["role"]);
    let mail = app.only_mail_to("lea@example.org").await;
    assert!(mail.text.contains("chef Test vous a ouvert un compte"), "{}", mail.text);
    app.anonymous().post("/api/v1/auth/activate", json!({ "token": token(&mail) })).await.status(200);
    app.drain().await;

    let path = at(made["id"].as_str().expect("an id"), "");
    let changed = admin.patch(&path, json!({ "last_name": "Grand", "phone": "01 02 03" })).await.ok();
    assert_eq!((&changed["last_name"], &changed["first_name"]), (&json!("Grand"), &json!("Léa")));
    let whole = admin.get(&path).await.ok();
    assert_eq!((&whole["status"], &whole["erasure"]), (&json!("active"), &Value::Null));
    let held = json!({ "permission": "requests.manage", "source": "role", "name": "moderator" });
    assert!(whole["permissions"].as_array().expect("rights").contains(&held), "{whole}");
    for (query, found) in [("q=grand", 1), ("role=moderator", 1), ("status=active", 2), ("q=%25", 0), ("q=LEA%40ex", 1)]
    {
        let listed = admin.get(&format!("{USERS}?{query}")).await.ok();
        assert_eq!(listed.as_array().expect("rows").len(), found, "{query}: {listed}");
    }
    let first = admin.get(&format!("{USERS}?limit=1")).await.status(200).json();
    let next = first["page"]["next"].as_str().expect("more");
    let second = admin.get(&format!("{USERS}?limit=1&after={next}")).await.status(200).json();
    assert_ne!(first["data"][0]["id"], second["data"][0]["id"]);
    // The record was opened twice, within ten minutes; one's own is nobody else's.
    admin.get(&path).await.ok();
    admin.get(&at(&id_of(&app, "chef").await, "")).await.ok();
    let chef = operator(&app, "chef").await;
    chef.get(&path.replace("/api/v1", "")).await.status(200);
    assert_eq!(audited(&app).await, ["USER_CREATED", "USER_ACTIVATED", "USER_UPDATED", "ADMIN_ACCESS"]);
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_hold_nor_raises_themselves() {
    let mut app = TestApp::new().await;
    app.leave_jobs(); // what the administrators are told of grave entries
    let admin = app.admin().await;
    let rights = ["users.read", "users.manage", "users.grant", "groups.manage", "jobs.read"];
    let aide = helper(&app, &admin, "aide", &rights).await;
    let alice = app.user("alice").await;
    let (chef, own, alice_id) = (id_of(&app, "chef").await, id_of(&app, "aide").await, id_of(&app, "alice").await);

    let role = |code: &str| json!({ "role": code, "reason": "parce que" });
    let suspended = json!({ "status": "suspended", "reason": "parce que" });
    let refused = [
        aide.put(&at(&alice_id, "/role"), role("admin")).await,
        aide.put(&at(&alice_id, "/role"), role("moderator")).await,
        aide.put(&at(&chef, "/role"), role("user")).await,
        aide.put(&at(&chef, "/status"), suspended.clone()).await,
        aide.patch(&at(&chef, ""), json!({ "first_name": "Moi" })).await,
        aide.delete(&at(&chef, "")).await,
        aide.delete(&at(&chef, "/sessions")).await,
        aide.delete(&at(&chef, "/erasure")).await,
        aide.post("/api/v1/admin/roles", json!({ "code": "roi", "label": "Roi", "permissions": ["*"] })).await,
        aide.post("/api/v1/admin/roles", json!({ "code": "roi", "label": "Roi", "permissions": ["jobs.manage"] }))
            .await,
        aide.post("/api/v1/admin/groups", json!({ "name": "Rois", "permissions": ["jobs.manage"] })).await,
        aide.post(&at(&alice_id, "/grants"), json!({ "permission": "jobs.manage" })).await,
        aide.patch("/api/v1/admin/roles/moderator", json!({ "permissions": [] })).await,
        aide.delete("/api/v1/admin/roles/moderator").await,
    ];
    for (n, reply) in refused.into_iter().enumerate() {
        assert_eq!(reply.status(403).code(), "permission_not_held", "case {n}");
    }
    let group = admin.post("/api/v1/admin/groups", json!({ "name": "Équipe", "permissions": ["jobs.read"] })).await;
    let group = format!("/api/v1/admin/groups/{}", group.created()["id"].as_str().expect("an id"));
    for (reply, code) in [
        (aide.put(&at(&own, "/role"), role("user")).await, "own_account"),
        (aide.put(&at(&own, "/status"), suspended).await, "own_account"),
        (aide.post(&at(&own, "/grants"), json!({ "permission": "jobs.read" })).await, "own_account"),
        (aide.put(&format!("{group}/members/{own}"), json!({})).await, "own_account"),
        (aide.delete(&at(&own, "")).await, "own_account"),
        (aide.patch("/api/v1/admin/roles/aide", json!({ "permissions": [] })).await, "own_role"),
        (admin.patch("/api/v1/admin/roles/admin", json!({ "permissions": [] })).await, "own_role"),
        (admin.delete("/api/v1/admin/roles/user").await, "role_used"),
        (admin.delete("/api/v1/admin/roles/aide").await, "role_used"),
    ] {
        assert_eq!(reply.status(409).code(), code);
    }
    // What may not be lent, what is none, and everything at once.
    for permission in ["payments.refund", "nothing.at_all", "*"] {
        let loan = json!({ "permission": permission });
        assert_eq!(admin.post(&at(&alice_id, "/grants"), loan).await.wrong_fields(), ["permission"]);
        let group = json!({ "name": "Tout", "permissions": [permission] });
        assert_eq!(admin.post("/api/v1/admin/groups", group).await.wrong_fields(), ["permissions[0]"]);
    }
    aide.post(&at(&alice_id, "/grants"), json!({ "permission": "jobs.read" })).await.created();
    alice.get("/api/v1/admin/jobs").await.status(200);
    // Alice may now do something that a helper without it may not take from her.
    let small = helper(&app, &admin, "petit", &["users.read", "users.manage"]).await;
    small.delete(&at(&alice_id, "")).await.status(403);
}

#[tokio::test]
async fn one_active_administrator_is_always_left() {
    let mut app = TestApp::new().await;
    app.leave_jobs(); // what the administrators are told of grave entries
    let (chef, second) = (app.admin().await, app.person("second", "admin").await);
    let (chef_id, second_id) = (id_of(&app, "chef").await, id_of(&app, "second").await);
    let (chef_role, second_role, second_path) = (at(&chef_id, "/role"), at(&second_id, "/role"), at(&second_id, ""));
    for round in 0..3 {
        let demoted = json!({ "role": "user" });
        let (suspended, path) = (json!({ "status": "suspended", "reason": "x" }), at(&chef_id, "/status"));
        let (one, other) = match round {
            0 => tokio::join!(chef.put(&second_role, demoted.clone()), second.put(&chef_role, demoted)),
            1 => tokio::join!(chef.put(&second_role, demoted), second.put(&path, suspended)),
            _ => tokio::join!(chef.delete(&second_path), second.put(&path, suspended)),
        };
        let left = "select count(*) as n from users where status = 'active' and role = 'admin'";
        assert_eq!(app.sql(left).await[0]["n"], 1, "round {round}: {} {}", one.text, other.text);
        let mut codes = [one.status.as_u16(), other.status.as_u16()];
        codes.sort_unstable();
        assert!(codes[0] < 300 && matches!(codes[1], 401 | 403 | 409), "round {round}: {codes:?}");
        app.execute("update erasures set cancelled_at = now(); delete from jobs; update users set role = 'admin', status = 'active'").await;
        app.execute("update sessions set revoked_at = null").await;
    }
    // Alone, neither by others' hands nor by their own.
    app.execute("update users set role = 'user' where first_name = 'second'").await;
    let helper = json!({ "code": "aide", "label": "Aide", "permissions": ["users.manage"] });
    chef.post("/api/v1/admin/roles", helper).await.created();
    let own = chef.call(axum::http::Method::DELETE, "/api/v1/me", Some(json!({ "password": PASSWORD }))).await;
    assert_eq!(own.status(409).code(), "last_administrator");
}

#[tokio::test]
async fn a_loan_ends_at_its_instant_and_a_group_gives_while_it_is_active() {
    let mut app = TestApp::new().await;
    app.leave_jobs(); // what the administrators are told of grave entries
    let admin = app.admin().await;
    let alice = app.user("alice").await;
    let id = id_of(&app, "alice").await;
    let jobs = || alice.get("/api/v1/admin/jobs");
    let until = (app.platform.clock.now() + chrono::Duration::minutes(5)).to_rfc3339();
    let past = json!({ "permission": "jobs.read", "expires_at": "2020-01-01T00:00:00Z" });
    assert_eq!(admin.post(&at(&id, "/grants"), past).await.wrong_fields(), ["expires_at"]);
    admin.post(&at(&id, "/grants"), json!({ "permission": "jobs.read", "expires_at": until })).await.created();
    jobs().await.status(200);
    app.advance(Duration::from_secs(299)).await;
    jobs().await.status(200);
    app.advance(Duration::from_secs(2)).await;
    assert_eq!(jobs().await.status(403).code(), "permission_missing");
    let listed = admin.get(&at(&id, "/grants")).await.ok();
    assert_eq!(listed[0]["active"], false, "{listed}");
    let lasting = admin.post(&at(&id, "/grants"), json!({ "permission": "jobs.read" })).await.created();
    jobs().await.status(200);
    let path = format!("/api/v1/admin/permission-grants/{}", lasting["id"].as_str().expect("an id"));
    admin.delete(&path).await.status(204);
    admin.delete(&path).await.status(404);
    jobs().await.status(403);

    let group = json!({ "name": "Atelier", "permissions": ["jobs.read"], "color": "#1f4e8c" });
    let group = admin.post("/api/v1/admin/groups", group).await.created();
    let group = format!("/api/v1/admin/groups/{}", group["id"].as_str().expect("an id"));
    admin.put(&format!("{group}/members/{id}"), json!({})).await.status(204);
    jobs().await.status(200);
    assert_eq!(alice.get("/api/v1/me").await.ok()["permissions"], json!(["jobs.read"]));
    assert_eq!(admin.get(&group).await.ok()["people"][0]["email"], "alice@example.org");
    for (change, status) in [
        (json!({ "is_active": false }), 403),
        (json!({ "is_active": true }), 200),
        (json!({ "permissions": ["audit.read"] }), 403),
    ] {
        admin.patch(&group, change).await.ok();
        jobs().await.status(status);
    }
    admin.delete(&format!("{group}/members/{id}")).await.status(204);
    admin.delete(&group).await.status(204);
    assert_eq!(alice.get("/api/v1/me").await.ok()["permissions"], json!([]));
}

#[tokio::test]
async fn what_is_lent_until_a_time_is_not_given_on_for_longer() {
    let mut app = TestApp::new().await;
    app.leave_jobs(); // what the administrators are told of grave entries
    let admin = app.admin().await;
    app.user("alice").await;
    let aide = helper(&app, &admin, "aide", &["users.read", "users.manage", "users.grant", "groups.manage"]).await;
    let (own, alice) = (id_of(&app, "aide").await, id_of(&app, "alice").await);
    let group = json!({ "name": "Équipe", "permissions": ["jobs.read"] });
    let team = admin.post("/api/v1/admin/groups", group.clone()).await.created();
    let role = json!({ "code": "vigie", "label": "Vigie", "permissions": ["jobs.read"] });
    admin.post("/api/v1/admin/roles", role).await.created();
    let now = app.platform.clock.now();
    let after =
        |minutes| (now + chrono::Duration::minutes(minutes)).to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let lend = async |by: &Client, to: &str, until: Option<String>| {
        let loan = json!({ "permission": "jobs.read", "expires_at": until });
        by.post(&at(to, "/grants"), loan).await.created()["expires_at"].clone()
    };
    lend(&admin, &own, Some(after(30))).await;
    let ends = lend(&aide, &alice, None).await;
    assert_eq!(ends.as_str().map(instant), Some(instant(&after(30))), "as long as who lends it has it");
    assert_eq!(lend(&aide, &alice, Some(after(60))).await, ends);
    let sooner = lend(&aide, &alice, Some(after(10))).await;
    assert_eq!(sooner.as_str().map(instant), Some(instant(&after(10))));
    let member = format!("/api/v1/admin/groups/{}/members/{alice}", team["id"].as_str().expect("an id"));
    let lasting = async || {
        let roi = json!({ "code": "roi", "label": "Roi", "permissions": ["jobs.read"] });
        let new = json!({ "email": "n@example.org", "first_name": "N", "last_name": "N", "role": "vigie" });
        [
            aide.post("/api/v1/admin/roles", roi).await,
            aide.post("/api/v1/admin/groups", json!({ "name": "Autre", "permissions": ["jobs.read"] })).await,
            aide.put(&member, json!({})).await,
            aide.put(&at(&alice, "/role"), json!({ "role": "vigie", "reason": "x" })).await,
            aide.post(USERS, new).await,
        ]
    };
    for (n, reply) in lasting().await.into_iter().enumerate() {
        assert_eq!(reply.status(403).code(), "permission_not_held", "case {n}");
    }
    // Lent for good, it is given for good.
    lend(&admin, &own, None).await;
    assert_eq!(lend(&aide, &alice, None).await, Value::Null);
    for (n, reply) in lasting().await.into_iter().enumerate() {
        assert!(reply.status.is_success(), "case {n}: {}", reply.text);
    }
}

fn instant(text: &str) -> chrono::DateTime<chrono::Utc> {
    text.parse().expect("a moment")
}

#[tokio::test]
async fn suspension_ends_sessions_at_once_and_its_owner_hears_why() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let alice = app.user("alice").await;
    let elsewhere = app.login("alice@example.org", PASSWORD).await;
    let id = id_of(&app, "alice").await;
    let open = admin.get(&at(&id, "/sessions")).await.ok();
    assert_eq!(open.as_array().expect("sessions").len(), 2);
    let newest = open[0]["id"].as_str().expect("an id");
    admin.delete(&at(&id, &format!("/sessions/{newest}"))).await.status(204);
    elsewhere.get("/api/v1/me").await.status(401);
    alice.get("/api/v1/me").await.status(200);

    let why = json!({ "status": "suspended", "reason": "Factures impayées" });
    assert_eq!(admin.put(&at(&id, "/status"), why.clone()).await.ok()["status"], "suspended");
    assert_eq!(alice.get("/api/v1/me").await.status(401).code(), "session_ended");
    let login = json!({ "login": "alice@example.org", "password": PASSWORD });
    app.anonymous().post("/api/v1/auth/login", login).await.status(401);
    let mail = app.only_mail_to("alice@example.org").await;
    assert!(mail.subject.contains("suspendu") && mail.text.contains("Factures impayées"), "{}", mail.text);
    admin.put(&at(&id, "/status"), why).await.ok(); // nothing changes, nobody is told
    let back = json!({ "status": "active", "reason": "Payées" });
    admin.put(&at(&id, "/status"), back).await.ok();
    app.only_mail_to("alice@example.org").await;
    app.login("alice@example.org", PASSWORD).await.get("/api/v1/me").await.status(200);
    let gone = json!({ "status": "anonymised", "reason": "x" });
    assert_eq!(admin.put(&at(&id, "/status"), gone).await.wrong_fields(), ["status"]);
    let changes = app.sql("select severity, details ->> 'before' as b, details ->> 'after' as a from audit_log where action = 'USER_STATUS_CHANGED' order by id").await;
    assert_eq!(changes[0], json!({ "severity": "high", "b": "active", "a": "suspended" }));
    assert_eq!(changes.as_array().expect("rows").len(), 2);
}

#[tokio::test]
async fn what_routes_ask_for_is_in_the_catalogue_and_roles_name_nothing_else() {
    let app = TestApp::new().await;
    let tables = api::routes::tables();
    for row in tables.iter().flat_map(api::table::Table::rows) {
        if let api::table::Access::Can(permission) = row.access {
            assert!(catalogue::find(permission).is_some(), "{} {} asks for {permission}", row.method, row.path);
        }
    }
    let named = app.sql("select distinct unnest(permissions) as name from roles").await;
    for row in named.as_array().expect("rows") {
        let name = row["name"].as_str().expect("a name");
        assert!(name == catalogue::ALL || catalogue::find(name).is_some(), "{name}");
    }
    let admin = app.admin().await;
    let told = admin.get("/api/v1/admin/permissions").await.ok();
    assert_eq!(told.as_array().expect("rows").len(), catalogue::PERMISSIONS.len());
}

#[tokio::test]
async fn the_dashboard_shows_people_and_its_forms_change_them() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.user("alice").await;
    let id = id_of(&app, "alice").await;
    admin.post(&at(&id, "/grants"), json!({ "permission": "jobs.read" })).await.created();
    admin.post("/api/v1/admin/groups", json!({ "name": "Atelier", "permissions": ["jobs.read"] })).await.created();
    let chef = operator(&app, "chef").await;
    let path = format!("/admin/users/{id}");
    let page = chef.get(&path).await.status(200);
    for (path, says) in
        [("/admin/users?q=alice", "alice@example.org"), ("/admin/roles", "Atelier"), (path.as_str(), "jobs.read")]
    {
        assert!(chef.get(path).await.status(200).text.contains(says), "{path}");
    }
    let token = form_token(&page);
    let act = |what: &'static str, reason: &'static str| {
        let (chef, token, to) = (&chef, &token, format!("{path}/{what}"));
        async move { post(chef, &to, &[("token", token), ("reason", reason)]).await.status(303) }
    };
    act("suspend", "").await; // nobody said why: nothing is changed
    assert_eq!(admin.get(&at(&id, "")).await.ok()["status"], "active");
    act("suspend", "impayes").await;
    assert_eq!(admin.get(&at(&id, "")).await.ok()["status"], "suspended");
    act("delete", "demande").await;
    assert!(chef.get(&path).await.status(200).text.contains("Due by law"));
    assert!(chef.get("/admin/erasures").await.status(200).text.contains("alice@example.org"));
    app.drain().await;
    assert!(!chef.get("/admin/erasures").await.status(200).text.contains("alice@example.org"));
    assert_eq!(admin.get(&at(&id, "")).await.ok()["status"], "anonymised");
    // Somebody who may only look sees no form, and none of theirs is taken.
    app.person("max", "moderator").await;
    let max = operator(&app, "max").await;
    let seen = max.get(&format!("/admin/users/{}", id_of(&app, "chef").await)).await.status(200);
    assert!(!seen.text.contains("/suspend") && !seen.text.contains("/delete"));
    let foreign = format!("/admin/users/{}/suspend", id_of(&app, "chef").await);
    post(&max, &foreign, &[("token", &form_token(&seen)), ("reason", "x")]).await.status(403);
}
