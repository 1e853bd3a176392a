//! Does mail have somewhere to go?

use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::Check;
use crate::kernel::config::Mail;
use crate::kernel::config::SmtpConfig;
use crate::kernel::config::SmtpSecurity;

/// The relay's greeting must come within this.
const PATIENCE: Duration = Duration::from_secs(5);

/// The relay's greeting, or whether the folder takes mails.
pub async fn mail(mail: &Mail) -> Check {
    if !mail.enabled {
        return Check::warn("mail", "SMTP_ENABLED is false: mails are held until it is true");
    }
    match (&mail.smtp, &mail.folder) {
        (Some(smtp), _) => relay(smtp).await,
        (None, Some(folder)) => match writable(folder).await {
            Ok(()) => Check::ok("mail", format!("goes to the folder {}", folder.display())),
            Err(error) => {
                let folder = folder.display();
                Check::wrong("mail", format!("MAIL_FOLDER {folder} cannot be written ({error}): name another"))
            }
        },
        (None, None) => Check::warn("mail", "goes nowhere: neither SMTP_HOST nor MAIL_FOLDER is set"),
    }
}

async fn relay(smtp: &SmtpConfig) -> Check {
    let SmtpConfig { host, port, .. } = smtp;
    match tokio::time::timeout(PATIENCE, greeting(smtp)).await {
        Ok(Ok(())) => Check::ok("mail", format!("the relay at {host}:{port} answers")),
        Ok(Err(error)) => {
            let text = format!("the relay at {host}:{port}: {error}; see SMTP_HOST, SMTP_PORT, SMTP_SECURE");
            Check::away("mail", text)
        }
        Err(_) => {
            let text = format!("{host}:{port} says nothing within 5 s: is SMTP_SECURE right for this port?");
            Check::away("mail", text)
        }
    }
}

async fn greeting(smtp: &SmtpConfig) -> std::io::Result<()> {
    let mut stream = TcpStream::connect((smtp.host.as_str(), smtp.port)).await?;
    if smtp.security == SmtpSecurity::Tls {
        return Ok(()); // the greeting comes inside TLS, which is the worker's to speak
    }
    let mut code = [0_u8; 3];
    stream.read_exact(&mut code).await?;
    if &code == b"220" { Ok(()) } else { Err(std::io::Error::other("it does not greet with 220")) }
}

async fn writable(folder: &Path) -> std::io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    tokio::fs::write(&probe, b"").await?;
    tokio::fs::remove_file(&probe).await
}
