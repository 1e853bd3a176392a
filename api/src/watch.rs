//! What the audit log keeps of requests that nobody wrote a story for: refused ones, forged ones, records that were
//! opened. A refusal is answered whatever becomes of its entry; a record is not shown unless its entry was written.

use axum::extract::Request;
use axum::http::StatusCode;
use shared::kernel::Result;
use shared::platform::audit;
use shared::platform::tx::Origin;

use crate::app::App;

/// What is recorded when a record is read.
#[derive(Clone, Copy, Debug)]
pub struct Opens {
    /// The action.
    pub action: &'static str,
    /// What kind of thing the record is.
    pub target: &'static str,
}

/// Somebody asked for what they may not do.
pub async fn refused(app: &App, origin: &Origin, permission: &str, request: String) {
    told(audit::refused(&app.platform, origin, permission, &request).await);
}

/// Somebody came with a token that says it is ours, and is not.
pub async fn tampered(app: &App, origin: &Origin) {
    let address = origin.ip.map(|ip| fingerprint(app, &ip.to_string())).unwrap_or_default();
    let reason = "a token whose signature is not ours";
    told(audit::suspected(&app.platform, origin, "SECURITY_BREACH", ("address", &address), reason).await);
}

/// Somebody came with an event that is not Stripe's.
pub async fn forged(app: &App, origin: &Origin, reason: &'static str) {
    told(audit::suspected(&app.platform, origin, "WEBHOOK_REFUSED", ("webhook", reason), reason).await);
}

fn told(written: Result<()>) {
    if let Err(error) = written {
        tracing::warn!(%error, "a refusal is not in the audit log");
    }
}

/// What an address is called where it may not stand.
fn fingerprint(app: &App, address: &str) -> String {
    use secrecy::ExposeSecret;
    let key = app.platform.config.auth.jwt_secret.expose_secret();
    shared::kernel::secret::sign(key.as_bytes(), &format!("audit address\n{address}"))[..16].to_owned()
}

/// A request that may open a record.
pub struct Look {
    origin: Origin,
    id: String,
}

impl Look {
    /// Who asks for which: the last id of the path, or its last word.
    pub fn of(request: &Request) -> Self {
        let origin = request.extensions().get::<Origin>().cloned().unwrap_or_default();
        let path = request.uri().path();
        let id = path.split('/').rfind(|word| uuid::Uuid::parse_str(word).is_ok());
        let id = id.unwrap_or_else(|| path.rsplit('/').next().unwrap_or_default());
        Self { origin, id: id.to_owned() }
    }

    /// Records it, when it was shown.
    pub async fn noted(self, app: &App, opens: Opens, status: StatusCode) -> Result<()> {
        if !matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            return Ok(());
        }
        audit::opened(&app.platform, &self.origin, opens.action, opens.target, &self.id).await
    }
}
