//! A mail relay on a socket that does what a test says: accept, refuse for now, refuse for good, be silent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the relay does with the next mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// 250.
    Accept,
    /// 250, after so many milliseconds.
    Slow(u64),
    /// 451 to the recipient.
    Later,
    /// 550 to the recipient.
    Never,
    /// Accepts the connection and says nothing.
    Silent,
    /// Takes the mail and closes without the answer.
    AnswerLost,
}

/// A mail that arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The envelope's recipient.
    pub to: String,
    /// The Message-ID.
    pub message_id: String,
    /// Everything after DATA.
    pub source: String,
}

/// The listener.
#[derive(Clone)]
pub struct Relay {
    /// Its port on loopback.
    pub port: u16,
    mood: Arc<Mutex<Mood>>,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Relay {
    /// Listens.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let relay = Self { port, mood: Arc::new(Mutex::new(Mood::Accept)), arrived: Arc::default() };
        let serving = relay.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let relay = serving.clone();
                tokio::spawn(async move {
                    let _ = relay.serve(socket).await;
                });
            }
        });
        relay
    }

    /// From now on.
    pub fn be(&self, mood: Mood) {
        *self.mood.lock().expect("the mood") = mood;
    }

    fn mood(&self) -> Mood {
        *self.mood.lock().expect("the mood")
    }

    /// Mails that arrived so far.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().expect("the mails").clone()
    }

    /// The variables that make a process use it.
    pub fn env(&self) -> Vec<(String, String)> {
        let pairs = [("SMTP_HOST", "127.0.0.1".to_owned()), ("SMTP_PORT", self.port.to_string())];
        let plain = [("SMTP_SECURE", "none".to_owned()), ("SMTP_TIMEOUT_SECONDS", "2".to_owned())];
        pairs.into_iter().chain(plain).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    async fn serve(&self, socket: TcpStream) -> std::io::Result<()> {
        socket.set_nodelay(true)?;
        let (read, mut write) = socket.into_split();
        let mut lines = BufReader::new(read).lines();
        if self.mood() == Mood::Silent {
            tokio::time::sleep(Duration::from_secs(600)).await;
            return Ok(());
        }
        write.write_all(b"220 relay.test ESMTP\r\n").await?;
        let mut to = String::new();
        while let Some(line) = lines.next_line().await? {
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let answer = match (verb.as_str(), self.mood()) {
                (_, Mood::Silent) => {
                    tokio::time::sleep(Duration::from_secs(600)).await;
                    return Ok(());
                }
                ("EHLO" | "HELO", _) => "250 relay.test\r\n".to_owned(),
                ("RCPT", Mood::Later) => "451 4.3.0 come back later\r\n".to_owned(),
                ("RCPT", Mood::Never) => "550 5.1.1 no such mailbox\r\n".to_owned(),
                ("RCPT", _) => {
                    to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    "250 ok\r\n".to_owned()
                }
                ("DATA", _) => {
                    write.write_all(b"354 go on\r\n").await?;
                    let source = body(&mut lines).await?;
                    let message_id = header(&source, "message-id");
                    if let Mood::Slow(ms) = self.mood() {
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                    }
                    self.arrived.lock().expect("the mails").push(Arrived { to: to.clone(), message_id, source });
                    if self.mood() == Mood::AnswerLost {
                        return Ok(());
                    }
                    "250 2.0.0 queued\r\n".to_owned()
                }
                ("QUIT", _) => {
                    write.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => "250 ok\r\n".to_owned(),
            };
            write.write_all(answer.as_bytes()).await?;
        }
        Ok(())
    }
}

async fn body<R: tokio::io::AsyncBufRead + Unpin>(lines: &mut tokio::io::Lines<R>) -> std::io::Result<String> {
    let mut source = String::new();
    while let Some(line) = lines.next_line().await? {
        if line == "." {
            break;
        }
        source.push_str(line.strip_prefix('.').unwrap_or(&line));
        source.push_str("\r\n");
    }
    Ok(source)
}

fn header(source: &str, name: &str) -> String {
    let line = source.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
    line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}
