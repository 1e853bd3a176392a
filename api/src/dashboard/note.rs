//! What the page after a form says: a code and two numbers in a signed cookie that lives a minute. Never a text, so
//! nobody can make the dashboard say something of theirs.

use axum::http::HeaderMap;
use cookie::Cookie;
use serde::Serialize;
use shared::kernel::ids::SessionId;
use shared::kernel::secret;

use crate::app::App;
use crate::dashboard::marks::capped;
use crate::dashboard::session;

/// The cookie's name, before its prefix.
const NAME: &str = "note";
/// Its life in seconds.
const TERM: i64 = 60;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Which sentence.
    pub what: What,
    /// Its first number.
    pub n: usize,
    /// Its second.
    pub m: usize,
}

/// The sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// One job was brought back.
    Retried,
    /// A waiting job was cancelled.
    Cancelled,
    /// A running job was asked to stop.
    Stopping,
    /// A job was deleted.
    Discarded,
    /// Many were brought back.
    BulkRetried,
    /// A lane stopped.
    Paused,
    /// A lane runs again.
    Resumed,
    /// A schedule's job was enqueued.
    Ran,
    /// A schedule stopped.
    ScheduleOff,
    /// A schedule ticks again.
    ScheduleOn,
    /// A lane's limits changed.
    Limited,
    /// A kind's fuse was blown.
    Fused,
    /// It was closed.
    Cleared,
    /// A failure is mended.
    Resolved,
    /// Nobody need hear of it.
    Muted,
    /// It is known and matters.
    Known,
    /// Somebody wrote what they know.
    Noted,
    /// An invoice has its number.
    InvoiceIssued,
    /// An invoice is on its way once more.
    InvoiceSent,
    /// Its files are drawn again.
    InvoiceDrawn,
    /// An invoice was taken back.
    InvoiceCredited,
    /// The invoice did not allow it.
    InvoiceRefused,
    /// Nobody said why.
    ReasonMissing,
    /// An export is being made.
    ExportAsked,
    /// One of the kind is being made already.
    ExportOpen,
    /// Its filters or columns are not known.
    ExportInvalid,
    /// An export is not made any more.
    ExportCancelled,
    /// Its file was taken away.
    ExportRevoked,
    /// It had ended without a file.
    ExportGone,
    /// The job's state did not allow it.
    Refused,
    /// The preview was used before.
    UsedUp,
}

const CODES: [(What, &str); 31] = [
    (What::Retried, "retried"),
    (What::Cancelled, "cancelled"),
    (What::Stopping, "stopping"),
    (What::Discarded, "discarded"),
    (What::BulkRetried, "bulk"),
    (What::Paused, "paused"),
    (What::Resumed, "resumed"),
    (What::Ran, "ran"),
    (What::ScheduleOff, "schedule-off"),
    (What::ScheduleOn, "schedule-on"),
    (What::Limited, "limited"),
    (What::Fused, "fused"),
    (What::Cleared, "cleared"),
    (What::Resolved, "resolved"),
    (What::Muted, "muted"),
    (What::Known, "known"),
    (What::Noted, "noted"),
    (What::InvoiceIssued, "invoice-issued"),
    (What::InvoiceSent, "invoice-sent"),
    (What::InvoiceDrawn, "invoice-drawn"),
    (What::InvoiceCredited, "invoice-credited"),
    (What::InvoiceRefused, "invoice-refused"),
    (What::ReasonMissing, "reason-missing"),
    (What::ExportAsked, "export-asked"),
    (What::ExportOpen, "export-open"),
    (What::ExportInvalid, "export-invalid"),
    (What::ExportCancelled, "export-cancelled"),
    (What::ExportRevoked, "export-revoked"),
    (What::ExportGone, "export-gone"),
    (What::Refused, "refused"),
    (What::UsedUp, "used"),
];

/// A note as the layout shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    tone: &'static str,
    icon: &'static str,
    text: String,
}

impl From<What> for Note {
    fn from(what: What) -> Self {
        Self { what, n: 0, m: 0 }
    }
}

impl Note {
    /// With its tone and icon.
    pub fn shown(self) -> Shown {
        let warn = matches!(
            self.what,
            What::Refused
                | What::UsedUp
                | What::InvoiceRefused
                | What::ReasonMissing
                | What::ExportOpen
                | What::ExportInvalid
                | What::ExportGone
        );
        let (tone, icon) = if warn { ("warn", "alert") } else { ("good", "calm") };
        Shown { tone, icon, text: self.text() }
    }

    fn text(self) -> String {
        match self.what {
            What::Retried => "The job is back in its queue and runs as soon as a worker is free.".into(),
            What::Cancelled => "The job is cancelled.".into(),
            What::Stopping => "The worker was asked to stop the job; it ends at its next heartbeat.".into(),
            What::Discarded => "The job and its attempts are deleted.".into(),
            What::BulkRetried => {
                let noun = if self.n == 1 { "job" } else { "jobs" };
                format!("{} {noun} retried, {} skipped.", capped(self.n as i64, false), capped(self.m as i64, false))
            }
            What::Paused => "The queue is paused. Jobs keep arriving and wait.".into(),
            What::Resumed => "The queue runs again.".into(),
            What::Ran => "The schedule's job is in its queue, beside the ticks.".into(),
            What::ScheduleOff => "The schedule is paused. What passes meanwhile is not made up for.".into(),
            What::ScheduleOn => "The schedule ticks again.".into(),
            What::Limited => "The limits are set; every worker keeps them within a few seconds.".into(),
            What::Fused => "The fuse is set: no worker claims this kind.".into(),
            What::Cleared => "The fuse is closed: jobs of this kind run again.".into(),
            What::Resolved => "Resolved. If it comes back, it shows as regressed.".into(),
            What::Muted => "Muted. It is still counted.".into(),
            What::Known => "Marked as known.".into(),
            What::Noted => "The note is kept.".into(),
            What::InvoiceIssued => "The invoice has its number; its files are being drawn.".into(),
            What::InvoiceSent => "The invoice is on its way to who bought.".into(),
            What::InvoiceDrawn => "Its files are being drawn again; those of before stay.".into(),
            What::InvoiceCredited => "This credit note takes the invoice back.".into(),
            What::InvoiceRefused => {
                "Nothing was changed: the invoice does not allow it as it stands; see what the rules say.".into()
            }
            What::ReasonMissing => "Nothing was changed: say why.".into(),
            What::ExportAsked => "The export is being made; you will be told by mail when it is ready.".into(),
            What::ExportOpen => "Nothing was begun: an export of this kind is being made for you.".into(),
            What::ExportInvalid => "Nothing was begun: a filter or a column is not one of that list's.".into(),
            What::ExportCancelled => "The export is cancelled.".into(),
            What::ExportRevoked => "The file was taken away.".into(),
            What::ExportGone => "Nothing was changed: that export had ended already.".into(),
            What::Refused => "Nothing was changed: the job has moved on to another state, shown here.".into(),
            What::UsedUp => "Nothing was changed: that selection was retried before.".into(),
        }
    }

    /// The cookie that carries it to the next page.
    pub fn cookie(self, app: &App, session: SessionId) -> Cookie<'static> {
        let code = CODES.iter().find(|(what, _)| *what == self.what).map_or("", |(_, code)| code);
        let until = app.platform.clock.now().timestamp() + TERM;
        let said = format!("{code}.{}.{}.{until}", self.n, self.m);
        let proof = session::prove(app, "note", &format!("{session}:{said}"));
        session::cookie(app, NAME, format!("{said}.{proof}"), Some(TERM))
    }

    /// Reads it back; none when it is absent, too old, or not ours.
    pub fn read(app: &App, headers: &HeaderMap, session: SessionId) -> Option<Self> {
        let value = session::read_cookie(app, headers, NAME)?;
        let (said, proof) = value.rsplit_once('.')?;
        if !secret::same(proof, &session::prove(app, "note", &format!("{session}:{said}"))) {
            return None;
        }
        let [code, n, m, until] = said.split('.').collect::<Vec<_>>().try_into().ok()?;
        let what = CODES.iter().find(|(_, known)| *known == code)?.0;
        let alive = until.parse::<i64>().ok()? >= app.platform.clock.now().timestamp();
        alive.then_some(Self { what, n: n.parse().ok()?, m: m.parse().ok()? })
    }

    /// The cookie that ends it, once shown.
    pub fn spent(app: &App) -> Cookie<'static> {
        session::cookie(app, NAME, String::new(), Some(0))
    }
}
