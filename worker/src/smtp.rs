//! Handing a mail over: to a relay, to a folder (development), to memory (tests). The only file that knows lettre.
//!
//! lettre's own time-out covers the connect alone (0.11.23), so every send has ours around it; the connection of a
//! send that was cut is dropped with it. What counts as permanent is a 5xx answer and nothing else: a cut is unknown.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use lettre::address::Envelope;
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart, header};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;
use shared::kernel::config::{Mail, SmtpConfig, SmtpSecurity};

/// A mail, ready to go.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Names the file in a folder.
    pub id: String,
    /// The sender's address and name.
    pub from: (String, String),
    /// The recipient's address and name.
    pub to: (String, Option<String>),
    /// Where answers go.
    pub reply_to: Option<String>,
    /// Constant over all attempts.
    pub message_id: String,
    /// The subject.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// What is attached, in this order.
    pub attachments: Vec<Enclosure>,
}

/// What is attached to a mail.
#[derive(Clone, Debug)]
pub struct Enclosure {
    /// Under which it is saved.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// All of it.
    pub bytes: Bytes,
}

/// How a hand-over ended when it succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The relay's answer.
    pub reply: String,
    /// The whole message, as it was handed over.
    pub bytes: usize,
}

/// How a hand-over ended when it did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The relay said no for good (5xx), or the mail cannot be built.
    Permanent(String),
    /// The relay does not let us in: the password is wrong, or it wants another way of signing in. That is our fault and no
    /// recipient's.
    Login(String),
    /// The relay said not now (4xx).
    Temporary(String),
    /// Nobody answered, or not in time. The mail may have been accepted.
    Unknown(String),
}

/// Where mails go.
#[derive(Clone)]
pub enum Smtp {
    /// A relay, over pooled connections.
    Relay(AsyncSmtpTransport<Tokio1Executor>, Duration),
    /// `.eml` files, for development.
    Folder(PathBuf),
    /// A list, for tests.
    Memory(Arc<Mutex<Vec<Letter>>>),
    /// Nowhere: sending is switched off.
    Off,
}

impl Smtp {
    /// As configured.
    pub fn new(config: &Mail) -> anyhow::Result<Self> {
        match (&config.smtp, &config.folder) {
            _ if !config.enabled => Ok(Self::Off),
            (Some(relay), _) => Ok(Self::Relay(transport(relay)?, relay.timeout)),
            (None, Some(folder)) => {
                std::fs::create_dir_all(folder)?;
                Ok(Self::Folder(folder.clone()))
            }
            (None, None) => Ok(Self::Off),
        }
    }

    /// Hands a mail over.
    pub async fn send(&self, letter: Letter) -> Result<Taken, Refusal> {
        if matches!(self, Self::Off) {
            return Err(Refusal::Temporary("sending is switched off".into()));
        }
        let message = message(&letter)?;
        let raw = message.formatted();
        let reply = self.hand_over(letter, message.envelope(), &raw).await?;
        Ok(Taken { reply, bytes: raw.len() })
    }

    async fn hand_over(&self, letter: Letter, envelope: &Envelope, raw: &[u8]) -> Result<String, Refusal> {
        match self {
            Self::Off => Err(Refusal::Temporary("sending is switched off".into())),
            Self::Memory(sent) => {
                sent.lock().expect("no code panics while holding this lock").push(letter);
                Ok("250 kept in memory".into())
            }
            Self::Folder(folder) => {
                let path = folder.join(format!("{}.eml", letter.id));
                let written = tokio::fs::write(&path, raw).await;
                written.map_err(|error| Refusal::Temporary(format!("{}: {error}", path.display())))?;
                Ok("250 kept in the folder".into())
            }
            Self::Relay(relay, limit) => match tokio::time::timeout(*limit, relay.send_raw(envelope, raw)).await {
                Err(_) => Err(Refusal::Unknown(format!("the relay did not answer within {} s", limit.as_secs()))),
                Ok(Ok(answer)) => Ok(reply(answer.code(), &answer.message().collect::<Vec<_>>().join(" "))),
                Ok(Err(error)) if is_login(&error) => Err(Refusal::Login(said(&error))),
                Ok(Err(error)) if error.is_permanent() => Err(Refusal::Permanent(said(&error))),
                Ok(Err(error)) if error.is_transient() => Err(Refusal::Temporary(said(&error))),
                Ok(Err(error)) => Err(Refusal::Unknown(said(&error))),
            },
        }
    }

    /// Whether the relay answers, for `doctor`.
    pub async fn check(&self) -> Result<String, String> {
        match self {
            Self::Relay(relay, limit) => match tokio::time::timeout(*limit, relay.test_connection()).await {
                Ok(Ok(true)) => Ok("the relay answers".into()),
                Ok(Ok(false)) => Err("the relay refused the connection".into()),
                Ok(Err(error)) => Err(said(&error)),
                Err(_) => Err(format!("the relay did not answer within {} s", limit.as_secs())),
            },
            Self::Folder(folder) => Ok(format!("mails go to {}", folder.display())),
            Self::Memory(_) => Ok("mails stay in memory".into()),
            Self::Off => Ok("sending is switched off: mails are held".into()),
        }
    }
}

/// 530, 534, 535 and 538 are about signing in (RFC 4954, 6).
fn is_login(error: &lettre::transport::smtp::Error) -> bool {
    error.status().is_some_and(|code| matches!(code.to_string().as_str(), "530" | "534" | "535" | "538"))
}

fn transport(relay: &SmtpConfig) -> anyhow::Result<AsyncSmtpTransport<Tokio1Executor>> {
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&relay.host)
        .port(relay.port)
        .timeout(Some(relay.timeout))
        .hello_name(ClientId::default())
        // A connection is kept shorter than relays usually do, so that they rarely close one under our hands.
        .pool_config(PoolConfig::new().max_size(16).idle_timeout(Duration::from_secs(20)));
    builder = match relay.security {
        SmtpSecurity::None => builder.tls(Tls::None),
        SmtpSecurity::Starttls => builder.tls(Tls::Required(TlsParameters::new(relay.host.clone())?)),
        SmtpSecurity::Tls => builder.tls(Tls::Wrapper(TlsParameters::new(relay.host.clone())?)),
    };
    if let (Some(user), Some(password)) = (&relay.user, &relay.password) {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
    }
    Ok(builder.build())
}

/// An address or a subject that cannot be written is permanent: no retry will mend it.
fn message(letter: &Letter) -> Result<Message, Refusal> {
    let bad = |what: &str, error: &dyn std::fmt::Display| Refusal::Permanent(format!("{what}: {error}"));
    let mailbox = |name: Option<&String>, address: &str| {
        let address = address.parse().map_err(|e| bad("the address", &e))?;
        Ok::<_, Refusal>(Mailbox::new(name.filter(|n| !n.is_empty()).cloned(), address))
    };
    let mut builder = Message::builder()
        .from(mailbox(Some(&letter.from.1), &letter.from.0)?)
        .to(mailbox(letter.to.1.as_ref(), &letter.to.0)?)
        .subject(letter.subject.clone())
        .message_id(Some(letter.message_id.clone()))
        .header(header::MIME_VERSION_1_0);
    if let Some(reply_to) = &letter.reply_to {
        builder = builder.reply_to(mailbox(None, reply_to)?);
    }
    let text = MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone());
    if letter.attachments.is_empty() {
        return builder.multipart(text).map_err(|e| bad("the message", &e));
    }
    let mut parts = MultiPart::mixed().multipart(text);
    for enclosure in &letter.attachments {
        parts = parts.singlepart(attached(enclosure).map_err(|e| bad(&enclosure.name, &*e))?);
    }
    builder.multipart(parts).map_err(|e| bad("the message", &e))
}

/// Base64 whatever it is: other encodings may change the ends of lines, and what is attached arrives byte by byte.
fn attached(enclosure: &Enclosure) -> Result<SinglePart, Box<dyn std::error::Error>> {
    let kind = header::ContentType::parse(&enclosure.content_type)?;
    let body = Body::new_with_encoding(enclosure.bytes.to_vec(), header::ContentTransferEncoding::Base64);
    let body = body.map_err(|_| "cannot be encoded")?;
    Ok(Attachment::new(enclosure.name.clone()).body(body, kind))
}

fn reply(code: impl std::fmt::Display, text: &str) -> String {
    format!("{code} {text}").chars().take(500).collect()
}

/// The relay's words: lettre's error with its cause.
fn said(error: &lettre::transport::smtp::Error) -> String {
    let text = match (error.status(), std::error::Error::source(error)) {
        (Some(code), Some(cause)) => format!("{code} {cause}"),
        (Some(code), None) => format!("{code} {error}"),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    };
    text.chars().take(500).collect()
}
