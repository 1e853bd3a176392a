//! Speaks to the API as its users do.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// Somebody who calls, signed in or not.
#[derive(Clone)]
pub struct Client {
    /// Where the API is.
    pub base: String,
    http: reqwest::Client,
    token: Option<String>,
}

impl Client {
    /// Somebody unknown, to the API of `PUBLIC_URL`.
    pub fn new() -> anyhow::Result<Self> {
        let base = std::env::var("PUBLIC_URL").context("PUBLIC_URL is not set: run this by `./dev demo`")?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10));
        // The API closes connections on which nothing was said for five seconds.
        let http = http.pool_idle_timeout(Duration::from_secs(2)).build()?;
        Ok(Self { base, http, token: None })
    }

    /// The seeded administrator.
    pub async fn sign_in_admin(&self) -> anyhow::Result<Self> {
        let admins = std::env::var("ADMIN_EMAIL").context("ADMIN_EMAIL is not set")?;
        let password = std::env::var("SEED_PASSWORD").context("SEED_PASSWORD is not set")?;
        self.sign_in(admins.split(',').next().unwrap_or_default().trim(), &password).await
    }

    /// Somebody with an account.
    pub async fn sign_in(&self, login: &str, password: &str) -> anyhow::Result<Self> {
        let answer = self.post("/api/v1/auth/login", json!({ "login": login, "password": password }), 200).await?;
        let token = answer["data"]["token"].as_str().context("no token")?.to_owned();
        Ok(Self { token: Some(token), ..self.clone() })
    }

    /// The API's clock, from its Date header.
    pub async fn server_time(&self) -> anyhow::Result<chrono::DateTime<chrono::Utc>> {
        let url = format!("{}/health/live", self.base);
        let answer = self
            .http
            .get(&url)
            .send()
            .await
            .with_context(|| format!("{url} does not answer: is `./dev up` running?"))?;
        let date = answer.headers().get("date").and_then(|date| date.to_str().ok()).context("no Date header")?;
        Ok(chrono::DateTime::parse_from_rfc2822(date)?.into())
    }

    /// GET, 200.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(self.http.get(format!("{}{path}", self.base)), 200).await
    }

    /// POST with the status that is expected.
    pub async fn post(&self, path: &str, body: Value, status: u16) -> anyhow::Result<Value> {
        self.send(self.http.post(format!("{}{path}", self.base)).json(&body), status).await
    }

    async fn send(&self, mut request: reqwest::RequestBuilder, status: u16) -> anyhow::Result<Value> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await?;
        let (got, url, text) = (answer.status().as_u16(), answer.url().path().to_owned(), answer.text().await?);
        ensure!(got == status, "{url} answered {got} instead of {status}: {text}");
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}
