//! A mail relay on a socket that does what a test says: accept, refuse, be slow or silent, break off, lose its answer.
//! It remembers what arrived, what it refused for good, and how many connections it ever had at once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What the relay does from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// 250.
    Accept,
    /// 250, after so many milliseconds.
    Slow(u64),
    /// 535 to whoever signs in.
    WrongPassword,
    /// 421 as a greeting.
    Busy,
    /// 451 to the recipient.
    Later,
    /// 451 to a recipient's first try, 250 to the second.
    Greylist,
    /// 550 to the recipient.
    Never,
    /// Accepts the connection and says nothing.
    Silent,
    /// Greets, and does not answer EHLO.
    SilentAtHello,
    /// Takes the mail, keeps nothing, and does not answer the final dot.
    SilentAtDot,
    /// Closes in the middle of the mail.
    DropInData,
    /// Keeps the mail and closes without the answer.
    AnswerLost,
    /// The same, once for each Message-ID.
    AnswerLostOnce,
    /// 250; closes a connection on which nothing is said for so many milliseconds.
    CloseIdle(u64),
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

impl Arrived {
    /// Where an answer goes.
    pub fn reply_to(&self) -> String {
        header(&self.source, "reply-to")
    }
}

/// The listener.
#[derive(Clone)]
pub struct Relay {
    /// Its port on loopback.
    pub port: u16,
    state: Arc<State>,
}

struct State {
    mood: Mutex<Mood>,
    /// The mood is for every so-many-th mail; the others are accepted.
    every: AtomicUsize,
    mails: AtomicUsize,
    offered: AtomicUsize,
    arrived: Mutex<Vec<Arrived>>,
    refused: Mutex<HashSet<String>>,
    /// Recipients greylisted, Message-IDs whose answer was lost.
    seen: Mutex<HashSet<String>>,
    open: AtomicUsize,
    peak: AtomicUsize,
}

impl Relay {
    /// Listens.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = State {
            mood: Mutex::new(Mood::Accept),
            every: AtomicUsize::new(1),
            mails: AtomicUsize::default(),
            offered: AtomicUsize::default(),
            arrived: Mutex::default(),
            refused: Mutex::default(),
            seen: Mutex::default(),
            open: AtomicUsize::default(),
            peak: AtomicUsize::default(),
        };
        let relay = Self { port, state: Arc::new(state) };
        let serving = relay.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let state = serving.state.clone();
                tokio::spawn(async move {
                    let _ = state.serve(socket).await;
                });
            }
        });
        relay
    }

    /// From now on.
    pub fn be(&self, mood: Mood) {
        self.be_for_every(1, mood);
    }

    /// From now on, for every n-th mail; the others are accepted.
    pub fn be_for_every(&self, n: usize, mood: Mood) {
        self.state.every.store(n, Ordering::SeqCst);
        *self.state.mood.lock().expect("the mood") = mood;
    }

    /// Mails that arrived so far.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.state.arrived.lock().expect("the mails").clone()
    }

    /// How many arrived so far.
    pub fn count(&self) -> usize {
        self.state.arrived.lock().expect("the mails").len()
    }

    /// Recipients that were refused for good.
    pub fn refused(&self) -> HashSet<String> {
        self.state.refused.lock().expect("the refused").clone()
    }

    /// Recipients that were offered so far, accepted or not.
    pub fn offered(&self) -> usize {
        self.state.offered.load(Ordering::SeqCst)
    }

    /// The most connections there ever were at once.
    pub fn peak(&self) -> usize {
        self.state.peak.load(Ordering::SeqCst)
    }

    /// The variables that make a process use it.
    pub fn env(&self) -> Vec<(String, String)> {
        let pairs = [("SMTP_HOST", "127.0.0.1".to_owned()), ("SMTP_PORT", self.port.to_string())];
        let plain = [("SMTP_SECURE", "none".to_owned()), ("SMTP_TIMEOUT_SECONDS", "2".to_owned())];
        pairs.into_iter().chain(plain).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// One connection.
struct Session {
    lines: tokio::io::Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
    to: String,
    /// The mood is not for this mail.
    spared: bool,
}

/// A line to say, or the end of the connection.
type Next = std::io::Result<Option<&'static str>>;

impl State {
    fn mood(&self) -> Mood {
        *self.mood.lock().expect("the mood")
    }

    async fn serve(&self, socket: TcpStream) -> std::io::Result<()> {
        socket.set_nodelay(true)?;
        self.peak.fetch_max(self.open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let ended = self.talk(socket).await;
        self.open.fetch_sub(1, Ordering::SeqCst);
        ended
    }

    async fn talk(&self, socket: TcpStream) -> std::io::Result<()> {
        let (read, write) = socket.into_split();
        let lines = BufReader::new(read).lines();
        let mut session = Session { lines, write, to: String::new(), spared: false };
        match self.mood() {
            Mood::Silent => return silence().await,
            Mood::Busy => return session.say("421 4.3.2 too busy").await,
            _ => session.say("220 relay.test ESMTP").await?,
        }
        while let Some(line) = self.line(&mut session).await? {
            match self.answer(&line, &mut session).await? {
                Some(text) => session.say(text).await?,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    async fn line(&self, session: &mut Session) -> std::io::Result<Option<String>> {
        loop {
            let Ok(line) = tokio::time::timeout(Duration::from_millis(100), session.lines.next_line()).await else {
                if let Mood::CloseIdle(ms) = self.mood() {
                    let rest = Duration::from_millis(ms.saturating_sub(100));
                    return tokio::time::timeout(rest, session.lines.next_line()).await.unwrap_or(Ok(None));
                }
                continue;
            };
            return line;
        }
    }

    async fn answer(&self, line: &str, session: &mut Session) -> Next {
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match (verb.as_str(), self.mood()) {
            (_, Mood::Silent) | ("EHLO" | "HELO", Mood::SilentAtHello) => silence().await.map(|()| None),
            ("EHLO" | "HELO", _) => Ok(Some("250-relay.test\r\n250 AUTH PLAIN LOGIN")),
            ("AUTH", Mood::WrongPassword) => Ok(Some("535 5.7.8 authentication failed")),
            ("AUTH", _) => Ok(Some("235 2.7.0 welcome")),
            ("MAIL", _) => {
                let n = self.mails.fetch_add(1, Ordering::SeqCst);
                session.spared = !n.is_multiple_of(self.every.load(Ordering::SeqCst));
                Ok(Some("250 ok"))
            }
            ("RCPT", mood) => {
                self.offered.fetch_add(1, Ordering::SeqCst);
                session.to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                Ok(Some(self.recipient(if session.spared { Mood::Accept } else { mood }, &session.to)))
            }
            ("DATA", mood) => self.data(if session.spared { Mood::Accept } else { mood }, session).await,
            ("QUIT", _) => {
                session.say("221 bye").await?;
                Ok(None)
            }
            _ => Ok(Some("250 ok")),
        }
    }

    fn recipient(&self, mood: Mood, to: &str) -> &'static str {
        let first = || self.seen.lock().expect("the seen").insert(to.to_owned());
        match mood {
            Mood::Later => "451 4.3.0 come back later",
            Mood::Greylist if first() => "451 4.7.1 greylisted, come back later",
            Mood::Never => {
                self.refused.lock().expect("the refused").insert(to.to_owned());
                "550 5.1.1 no such mailbox"
            }
            _ => "250 ok",
        }
    }

    async fn data(&self, mood: Mood, session: &mut Session) -> Next {
        session.say("354 go on").await?;
        if mood == Mood::DropInData {
            session.lines.next_line().await?;
            return Ok(None);
        }
        let source = session.body().await?;
        let message_id = header(&source, "message-id");
        match mood {
            Mood::Slow(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Mood::SilentAtDot => return silence().await.map(|()| None),
            _ => {}
        }
        let lost = mood == Mood::AnswerLost
            || mood == Mood::AnswerLostOnce && self.seen.lock().expect("the seen").insert(message_id.clone());
        let to = session.to.clone();
        self.arrived.lock().expect("the mails").push(Arrived { to, message_id, source });
        Ok((!lost).then_some("250 2.0.0 queued"))
    }
}

impl Session {
    async fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.write.write_all(format!("{text}\r\n").as_bytes()).await
    }

    async fn body(&mut self) -> std::io::Result<String> {
        let mut source = String::new();
        while let Some(line) = self.lines.next_line().await? {
            if line == "." {
                return Ok(source);
            }
            source.push_str(line.strip_prefix('.').unwrap_or(&line));
            source.push_str("\r\n");
        }
        // Cut off before the final dot: never accepted.
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }
}

async fn silence() -> std::io::Result<()> {
    tokio::time::sleep(Duration::from_secs(600)).await;
    Ok(())
}

fn header(source: &str, name: &str) -> String {
    let line = source.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
    line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}
