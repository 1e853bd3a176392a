//! Enqueue through the REST API: a real `facteur serve`, an administrator's token, kept-alive connections, one job a
//! request. The client speaks HTTP by hand, so that it takes as little as possible of the CPUs it shares with the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::people::PASSWORD;
use harness::process;
use serde_json::{Value, json};
use shared::domain::identity::passwords;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::Options;
use crate::enqueue::CALLERS;
use crate::report::Report;
use crate::stage::{Stage, stop};

/// A rate and the answer times.
pub async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let port = process::free_port();
    let limits = [("PORT", port.to_string()), ("RATE_LIMIT_API", "1000000000/1s".into())];
    let limits: Vec<(&str, &str)> = limits.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let api = stage.start("facteur", "serve", &limits)?;
    let ready = format!("http://127.0.0.1:{port}/health/ready");
    process::eventually(Duration::from_secs(20), "the API is ready", || async {
        reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    let request: Arc<[u8]> = request(port, &token(stage, port).await?).into();
    calls(port, &request, 20).await?; // connections to the stores are opened before the clock starts
    let each = options.jobs / 2 / CALLERS;
    let began = Instant::now();
    let late = calls(port, &request, each).await?;
    report.put("enqueue over HTTP, 32 connections", "jobs/s", late.len() as f64 / began.elapsed().as_secs_f64());
    report.put_percentiles("enqueue over HTTP, answer time", "ms", late);
    stop(api).await
}

/// Signs an administrator in.
async fn token(stage: &Stage, port: u16) -> anyhow::Result<String> {
    let hash = passwords::hash(&stage.platform.config, PASSWORD).await?;
    sqlx::query(
        "insert into users (id, email, password_hash, first_name, last_name, role, status, activated_at)
         values (gen_random_uuid(), 'chef@example.org', $1, 'Chef', 'Bench', 'admin', 'active', now())",
    )
    .bind(hash.to_string())
    .execute(&stage.platform.db)
    .await?;
    let login = reqwest::Client::new()
        .post(format!("http://127.0.0.1:{port}/api/v1/auth/login"))
        .json(&json!({ "login": "chef@example.org", "password": PASSWORD }))
        .send()
        .await?
        .error_for_status()?;
    let answer: Value = login.json().await?;
    let token = answer["data"]["token"].as_str().ok_or_else(|| anyhow::anyhow!("no token: {answer}"))?;
    Ok(token.to_owned())
}

/// The bytes of one request.
fn request(port: u16, token: &str) -> Vec<u8> {
    let body = json!({ "mode": "ok", "note": "x".repeat(176) }).to_string();
    format!(
        "POST /api/v1/admin/jobs/probe HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// So many calls from each of the connections; the time of every one in ms.
async fn calls(port: u16, request: &Arc<[u8]>, each: usize) -> anyhow::Result<Vec<f64>> {
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let request = request.clone();
        callers.spawn(async move {
            let mut socket = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
            socket.get_ref().set_nodelay(true)?;
            let mut times = Vec::with_capacity(each);
            for _ in 0..each {
                let began = Instant::now();
                socket.write_all(&request).await?;
                answer(&mut socket, 202).await?;
                times.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            anyhow::Ok(times)
        });
    }
    let mut all = Vec::new();
    while let Some(times) = callers.join_next().await {
        all.extend(times??);
    }
    Ok(all)
}

/// Reads an answer of this status to its last byte.
pub async fn answer(socket: &mut BufReader<TcpStream>, status: u16) -> anyhow::Result<()> {
    let (mut line, mut length) = (String::new(), 0);
    socket.read_line(&mut line).await?;
    anyhow::ensure!(line.starts_with(&format!("HTTP/1.1 {status}")), "the API answered `{}`", line.trim());
    while line != "\r\n" {
        line.clear();
        anyhow::ensure!(socket.read_line(&mut line).await? > 0, "the API closed the connection");
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await?;
    Ok(())
}
