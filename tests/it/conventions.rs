//! What every endpoint has in common: problems, ids, headers, limits, and what happens while PostgreSQL is away.

use api::app::App;
use axum::http::Method;
use harness::{Client, TestApp, env};
use serde_json::json;
use shared::kernel::config::Config;
use shared::platform::Platform;

#[tokio::test]
async fn a_problem_has_one_shape() {
    let app = TestApp::new().await;
    let reply = app.anonymous().get("/api/v1/me").await.status(401);
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    let body = reply.json();
    assert_eq!(body["type"], "about:blank");
    assert_eq!(
        (&body["title"], &body["status"], &body["code"]),
        (&json!("Unauthorized"), &json!(401), &json!("token_missing"))
    );
    assert_eq!(body["request_id"].as_str(), reply.header("x-request-id"));

    let reply = app.anonymous().post("/api/v1/auth/login", json!({})).await.status(422);
    let body = reply.json();
    assert_eq!(body["errors"][0], json!({ "path": "login", "code": "required", "message": "is missing" }));
}

#[tokio::test]
async fn a_request_id_is_kept_or_made() {
    let app = TestApp::new().await;
    let id = "0190a000-0000-7000-8000-000000000000";
    let reply = app.anonymous().header("x-request-id", id).get("/nowhere").await;
    assert_eq!((reply.header("x-request-id"), reply.json()["request_id"].as_str()), (Some(id), Some(id)));
    let odd = app.anonymous().header("x-request-id", "<script>").get("/nowhere").await;
    let made = odd.header("x-request-id").expect("an id");
    assert!(uuid::Uuid::parse_str(made).is_ok(), "{made}");
}

#[tokio::test]
async fn every_answer_wears_its_security_headers() {
    let app = TestApp::new().await;
    for path in
        ["/api/v1/me", "/nowhere", "/docs", "/openapi.json", "/health/live", "/admin/login", "/admin/assets/admin.css"]
    {
        let reply = app.anonymous().get(path).await;
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
        assert!(
            reply.header("content-security-policy").is_some_and(|csp| csp.contains("default-src 'none'")),
            "{path}"
        );
        assert!(reply.header("content-security-policy").is_some_and(|csp| !csp.contains("unsafe")), "{path}");
        assert!(reply.header("strict-transport-security").is_some(), "{path}");
        assert!(reply.header("referrer-policy").is_some(), "{path}");
    }
    let private = app.anonymous().get("/api/v1/me").await;
    assert_eq!(private.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn the_site_may_call_and_others_may_not() {
    let app = TestApp::with(&[("FRONTEND_URL", "http://www.test,http://other.test")]).await;
    let preflight = |origin: &'static str| {
        let client = app.anonymous().header("origin", origin).header("access-control-request-method", "POST");
        let client = client.header("access-control-request-headers", "authorization,content-type,idempotency-key");
        async move { client.raw(Method::OPTIONS, "/api/v1/requests", Vec::new()).await }
    };
    for origin in ["http://www.test", "http://other.test"] {
        let reply = preflight(origin).await.status(200);
        assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
        assert!(reply.header("access-control-allow-headers").is_some_and(|h| h.contains("idempotency-key")));
    }
    for origin in ["http://evil.test", "http://www.test.evil.test", "null"] {
        assert_eq!(preflight(origin).await.header("access-control-allow-origin"), None, "{origin}");
    }
    let reply = app.anonymous().header("origin", "http://www.test").get("/health/live").await;
    assert!(reply.header("access-control-expose-headers").is_some_and(|h| h.contains("retry-after")));
    assert_eq!(reply.header("access-control-allow-credentials"), None, "cookies are the dashboard's alone");
}

#[tokio::test]
async fn nothing_here_and_not_like_this_are_problems() {
    let app = TestApp::new().await;
    for path in ["/", "/nowhere", "/api/v1/nowhere", "/api/v2/me", "/docs/../etc/passwd"] {
        assert_eq!(app.anonymous().get(path).await.status(404).code(), "not_found", "{path}");
    }
    let reply = app.anonymous().delete("/api/v1/requests").await.status(405);
    assert_eq!(reply.code(), "method_not_allowed");
    assert!(reply.header("allow").is_some_and(|allow| allow.contains("POST")), "{:?}", reply.headers);
}

#[tokio::test]
async fn an_id_that_is_none_names_no_row() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for id in ["1", "x", "%00", "0190a000-0000-7000-8000-00000000000g"] {
        admin.get(&format!("/api/v1/admin/jobs/{id}")).await.status(404);
    }
}

#[tokio::test]
async fn a_body_is_json_and_small_and_what_the_endpoint_takes() {
    let app = TestApp::new().await;
    let send = |kind: &'static str, body: Vec<u8>| {
        let client = app.anonymous().header("content-type", kind);
        async move { client.raw(Method::POST, "/api/v1/requests", body).await }
    };
    let big = format!("{{\"body\": \"{}\"}}", "x".repeat(64 * 1024));
    assert_eq!(send("application/json", big.into_bytes()).await.status(413).json()["status"], 413);
    for broken in ["{", "nonsense", "{\"a\": }", "\u{feff}{}", "{} {}"] {
        send("application/json", broken.into()).await.status(422);
    }
    assert_eq!(send("text/plain", b"{}".to_vec()).await.wrong_fields(), [""]);
    assert_eq!(send("application/x-www-form-urlencoded", b"kind=contact".to_vec()).await.wrong_fields(), [""]);
    send("application/json; charset=utf-8", b"{}".to_vec()).await.status(422);
    send("application/json", vec![0xff, 0xfe]).await.status(422);
}

#[tokio::test]
async fn a_deep_body_is_refused_and_not_a_crash() {
    let app = TestApp::new().await;
    let deep = format!("{{\"details\": {}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    app.anonymous()
        .header("content-type", "application/json")
        .raw(Method::POST, "/api/v1/requests", deep.into())
        .await
        .status(422);
}

#[tokio::test]
async fn pages_have_bounds() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for path in ["/api/v1/admin/jobs", "/api/v1/admin/emails", "/api/v1/admin/requests", "/api/v1/admin/orders"] {
        for limit in ["201", "0", "-1", "x", ""] {
            assert_eq!(admin.get(&format!("{path}?limit={limit}")).await.wrong_fields(), ["limit"], "{path} {limit}");
        }
        for after in ["x", "AAAA", "0190a000-0000-7000-8000-000000000000"] {
            assert_eq!(admin.get(&format!("{path}?after={after}")).await.wrong_fields(), ["after"], "{path} {after}");
        }
        assert_eq!(admin.get(&format!("{path}?limit=200")).await.status(200).json()["page"]["next"], json!(null));
        assert_eq!(admin.get(&format!("{path}?colour=red")).await.wrong_fields(), ["colour"], "{path}");
    }
}

#[tokio::test]
async fn an_idempotency_key_has_a_length() {
    let app = TestApp::new().await;
    let body = json!({ "kind": "contact", "name": "A", "email": "a@example.org", "title": "T", "body": "B" });
    for key in ["", &"x".repeat(256)] {
        let reply = app.anonymous().header("idempotency-key", key).post("/api/v1/requests", body.clone()).await;
        assert_eq!(reply.wrong_fields(), ["Idempotency-Key"]);
    }
    let client = app.anonymous().header("idempotency-key", &"x".repeat(255));
    client.post("/api/v1/requests", body).await.created();
    app.drain().await;
}

#[tokio::test]
async fn callers_are_limited_one_by_one() {
    let app = TestApp::with(&[("RATE_LIMIT_API", "50/15m")]).await;
    let alice = app.user("alice").await; // one of the five that a stranger's address has
    let bob = app.user("bob").await;
    for _ in 0..50 {
        alice.get("/api/v1/me").await.status(200);
    }
    let refused = alice.get("/api/v1/me").await.status(429);
    assert_eq!(refused.code(), "too_many_requests");
    assert!(refused.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok_and(|s| (1..=18).contains(&s))));
    bob.get("/api/v1/me").await.status(200);
    for _ in 0..3 {
        app.anonymous().get("/api/v1/me").await.status(401);
    }
    app.anonymous().get("/api/v1/me").await.status(429);
    app.anonymous().get("/health/live").await.status(200);
}

#[tokio::test]
async fn live_asks_nobody_and_ready_asks_the_database() {
    let app = TestApp::new().await;
    assert_eq!(app.anonymous().get("/health/live").await.ok()["status"], "live");
    let ready = app.anonymous().get("/health/ready").await.ok();
    assert_eq!((&ready["status"], &ready["details"]["redis"]), (&json!("ready"), &json!("unused")));
    let mut stranger = app.anonymous();
    stranger.address = ([203, 0, 113, 5], 4000).into();
    assert_eq!(stranger.get("/health/ready").await.ok(), json!({ "status": "ready" }));
    app.execute("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)").await;
    let reply = app.anonymous().get("/health/ready").await.status(503);
    assert!(reply.header("retry-after").is_some());
}

#[tokio::test]
async fn while_postgresql_is_away_we_say_so_and_when_to_come_back() {
    let vars = env::base("postgres://postgres@127.0.0.1:1/away");
    let config = Config::read(|name| env::lookup(&vars, name)).expect("complete");
    let platform = Platform::new(config).expect("a platform needs no database to start");
    let client = Client::new(App::new(platform).router());
    client.get("/health/live").await.status(200);
    let form = json!({ "kind": "contact", "name": "A", "email": "a@example.org", "title": "T", "body": "B" });
    let login = json!({ "login": "a@example.org", "password": "b" });
    let replies = [
        client.get("/health/ready").await,
        client.post("/api/v1/requests", form).await,
        client.post("/api/v1/auth/login", login).await,
    ];
    for reply in replies {
        let reply = reply.status(503);
        assert_eq!(reply.code(), "unavailable");
        assert!(reply.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok_and(|s| s > 0)));
        assert!(!reply.text.contains("127.0.0.1"), "{}", reply.text);
    }
}

#[tokio::test]
async fn what_goes_wrong_inside_is_not_told_outside() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.execute("alter table requests rename to hidden").await;
    let reply = admin.get("/api/v1/admin/requests").await.status(500);
    assert_eq!(reply.code(), "internal");
    assert!(!reply.text.contains("relation") && !reply.text.contains("requests"), "{}", reply.text);
}
