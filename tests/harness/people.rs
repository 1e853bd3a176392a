//! Clients that speak as people. A call gives a reply; the reply's assertion names what was expected.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::TestApp;

/// The password of every test person.
pub const PASSWORD: &str = "un mot de passe pour essayer";

/// Somebody who calls.
#[derive(Clone)]
pub struct Client {
    router: Router,
    headers: Vec<(String, String)>,
    /// From where.
    pub address: SocketAddr,
}

impl Client {
    /// Somebody unknown.
    pub fn new(router: Router) -> Self {
        Self { router, headers: Vec::new(), address: SocketAddr::from(([127, 0, 0, 1], 40_000)) }
    }

    /// The same with one more header.
    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The same with a bearer token.
    pub fn token(&self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(body)).await
    }

    /// PATCH.
    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, None).await
    }

    /// Any method, with a JSON body or none.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let client = if body.is_some() { self.header("content-type", "application/json") } else { self.clone() };
        client.raw(method, path, body.map(|b| b.to_string()).unwrap_or_default().into_bytes()).await
    }

    /// Any method with any bytes.
    pub async fn raw(&self, method: Method, path: &str, body: Vec<u8>) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from(body)).expect("a request");
        request.extensions_mut().insert(ConnectInfo(self.address));
        let response = self.router.clone().oneshot(request).await.expect("the router is infallible");
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = response.into_body();
        let endless = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let bytes = if endless {
            // Its first event will do: it has no end.
            let first = body.frame().await.expect("an event").expect("a frame");
            first.into_data().expect("data")
        } else {
            body.collect().await.expect("a body").to_bytes()
        };
        Reply { status, headers, text: String::from_utf8_lossy(&bytes).into_owned(), bytes }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body.
    pub bytes: bytes::Bytes,
}

impl Reply {
    /// Asserts the status; gives the reply back.
    #[track_caller]
    pub fn status(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "unexpected answer: {}", self.text);
        self
    }

    /// 200, and the `data`.
    #[track_caller]
    pub fn ok(self) -> Value {
        self.status(200).data()
    }

    /// 201, and the `data`.
    #[track_caller]
    pub fn created(self) -> Value {
        self.status(201).data()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// `data` of the body.
    #[track_caller]
    pub fn data(&self) -> Value {
        self.json()["data"].clone()
    }

    /// The paths of a 422's wrong fields, sorted.
    #[track_caller]
    pub fn wrong_fields(self) -> Vec<String> {
        let body = self.status(422).json();
        let mut paths: Vec<String> = body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|e| e["path"].as_str().map(str::to_owned))
            .collect();
        paths.sort();
        paths
    }

    /// The problem's code.
    #[track_caller]
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl TestApp {
    /// Somebody with an active account and this role, signed in.
    pub async fn person(&self, name: &str, role: &str) -> Client {
        let hash = shared::domain::identity::passwords::hash(&self.platform.config, PASSWORD).await.expect("a hash");
        let statement = format!(
            "insert into users (id, email, password_hash, first_name, last_name, role, status, activated_at)
             values ('{}', '{name}@example.org', '{hash}', '{name}', 'Test', '{role}', 'active', now())",
            uuid::Uuid::now_v7()
        );
        self.execute(&statement).await;
        self.login(&format!("{name}@example.org"), PASSWORD).await
    }

    /// A client.
    pub async fn user(&self, name: &str) -> Client {
        self.person(name, "user").await
    }

    /// An administrator.
    pub async fn admin(&self) -> Client {
        self.person("chef", "admin").await
    }

    /// Signs in over HTTP.
    pub async fn login(&self, login: &str, password: &str) -> Client {
        let body = json!({ "login": login, "password": password });
        let data = self.anonymous().post("/api/v1/auth/login", body).await.ok();
        self.anonymous().token(data["token"].as_str().expect("a token"))
    }
}
