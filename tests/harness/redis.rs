//! A Redis of a test's own, to be killed, paused and misconfigured.

use std::time::Duration;

use redis::{FromRedisValue, RedisResult};
use tokio::process::{Child, Command};

use crate::process::{self, eventually};

/// A redis-server on a port of its own; it ends with this value.
pub struct RedisServer {
    /// Its port on loopback.
    pub port: u16,
    /// Its address.
    pub url: String,
    child: Child,
}

impl RedisServer {
    /// Starts an empty one and waits until it answers.
    pub async fn start() -> Self {
        let port = process::free_port();
        let server = Self { port, url: format!("redis://127.0.0.1:{port}"), child: spawn(port) };
        server.wait().await;
        server
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("Redis is killed");
    }

    /// Starts it again on the same port, empty.
    pub async fn restart(&mut self) {
        self.child = spawn(self.port);
        self.wait().await;
    }

    /// SIGSTOP: connections stand, nothing answers.
    pub fn stop(&self) {
        process::signal(&self.child, "STOP").expect("a signal");
    }

    /// SIGCONT.
    pub fn resume(&self) {
        process::signal(&self.child, "CONT").expect("a signal");
    }

    /// One command, its words separated by blanks.
    pub async fn say<T: FromRedisValue>(&self, command: &str) -> RedisResult<T> {
        let mut connection = redis::Client::open(self.url.as_str())?.get_multiplexed_async_connection().await?;
        let mut words = command.split(' ');
        let mut call = redis::cmd(words.next().unwrap_or_default());
        words.for_each(|word| {
            call.arg(word);
        });
        call.query_async(&mut connection).await
    }

    /// One command that must succeed.
    pub async fn order(&self, command: &str) {
        self.say::<redis::Value>(command).await.unwrap_or_else(|error| panic!("{command}: {error}"));
    }

    async fn wait(&self) {
        eventually(Duration::from_secs(10), "Redis answers", || async { self.say::<String>("PING").await.is_ok() })
            .await;
    }
}

fn spawn(port: u16) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("redis-server is installed")
}
