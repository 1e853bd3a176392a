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
use crate::dashboard::words::say;

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
    /// A bulk operation began.
    BulkStarted,
    /// It waits.
    BulkPaused,
    /// It goes on.
    BulkResumed,
    /// It is over before its end.
    BulkEnded,
    /// Its jobs are back where they were.
    BulkUndone,
    /// It did not allow it.
    BulkRefused,
    /// Whoever started it was asked for their password.
    PasswordNeeded,
    /// It was another.
    PasswordWrong,
    /// A job has another payload.
    Edited,
    /// A worker was asked to stop.
    WorkerTold,
    /// No box was checked.
    NothingChosen,
    /// It had gone.
    WorkerGone,
    /// A view has a name.
    ViewKept,
    /// A view is gone.
    ViewForgotten,
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
    /// A test job is in its queue.
    Probed,
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
    /// A setting was changed.
    Set,
    /// Somebody else changed the setting first.
    SetRefused,
    /// An account, or what it may do, is changed.
    UserChanged,
    /// Somebody's sessions have ended.
    SignedOut,
    /// Somebody will be forgotten.
    Leaving,
    /// The account, or the rights of who asked, did not allow it.
    UserRefused,
    /// Nobody said why.
    ReasonMissing,
    /// Events are handled again.
    Replayed,
    /// Not these.
    ReplayRefused,
    /// What was missing is here.
    TakenIn,
    /// An order is cancelled.
    OrderCancelled,
    /// Money is on its way back.
    RefundAsked,
    /// The order did not allow it.
    OrderRefused,
    /// A mail is on its way once more.
    MailAgain,
    /// A mail's data is mended.
    DataMended,
    /// Its template does not render with that.
    DataRefused,
    /// A mail to somebody who gets none.
    MailRefused,
    /// A template was sent to whoever asked.
    TestSent,
    /// A test of the alarms went to whoever asked.
    AlarmMailed,
    /// And to the webhook.
    AlarmTested,
    /// Which did not take it.
    AlarmUntold,
    /// Held mails are on their way.
    Released,
    /// An address gets no mail any more.
    Suppressed,
    /// An address gets mail again.
    Unsuppressed,
    /// No address, no reason, or one that gets none already.
    AddressRefused,
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
}

const CODES: &[(What, &str)] = &[
    (What::Retried, "retried"),
    (What::Cancelled, "cancelled"),
    (What::Stopping, "stopping"),
    (What::Discarded, "discarded"),
    (What::BulkStarted, "bulk-started"),
    (What::BulkPaused, "bulk-paused"),
    (What::BulkResumed, "bulk-resumed"),
    (What::BulkEnded, "bulk-ended"),
    (What::BulkUndone, "bulk-undone"),
    (What::BulkRefused, "bulk-refused"),
    (What::PasswordNeeded, "password-needed"),
    (What::PasswordWrong, "password-wrong"),
    (What::Edited, "edited"),
    (What::WorkerTold, "worker-told"),
    (What::NothingChosen, "nothing-chosen"),
    (What::WorkerGone, "worker-gone"),
    (What::ViewKept, "view-kept"),
    (What::ViewForgotten, "view-forgotten"),
    (What::Paused, "paused"),
    (What::Resumed, "resumed"),
    (What::Ran, "ran"),
    (What::ScheduleOff, "schedule-off"),
    (What::ScheduleOn, "schedule-on"),
    (What::Limited, "limited"),
    (What::Probed, "probed"),
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
    (What::Set, "set"),
    (What::SetRefused, "set-refused"),
    (What::UserChanged, "user-changed"),
    (What::SignedOut, "signed-out"),
    (What::Leaving, "leaving"),
    (What::UserRefused, "user-refused"),
    (What::ReasonMissing, "reason-missing"),
    (What::Replayed, "replayed"),
    (What::ReplayRefused, "replay-refused"),
    (What::TakenIn, "taken-in"),
    (What::OrderCancelled, "order-cancelled"),
    (What::RefundAsked, "refund-asked"),
    (What::OrderRefused, "order-refused"),
    (What::MailAgain, "mail-again"),
    (What::DataMended, "data-mended"),
    (What::DataRefused, "data-refused"),
    (What::MailRefused, "mail-refused"),
    (What::TestSent, "test-sent"),
    (What::AlarmMailed, "alarm-mailed"),
    (What::AlarmTested, "alarm-tested"),
    (What::AlarmUntold, "alarm-untold"),
    (What::Released, "released"),
    (What::Suppressed, "suppressed"),
    (What::Unsuppressed, "unsuppressed"),
    (What::AddressRefused, "address-refused"),
    (What::ExportAsked, "export-asked"),
    (What::ExportOpen, "export-open"),
    (What::ExportInvalid, "export-invalid"),
    (What::ExportCancelled, "export-cancelled"),
    (What::ExportRevoked, "export-revoked"),
    (What::ExportGone, "export-gone"),
    (What::Refused, "refused"),
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
                | What::UserRefused
                | What::MailRefused
                | What::AlarmUntold
                | What::AddressRefused
                | What::ReplayRefused
                | What::DataRefused
                | What::OrderRefused
                | What::SetRefused
                | What::ExportOpen
                | What::ExportInvalid
                | What::ExportGone
                | What::BulkRefused
                | What::PasswordNeeded
                | What::PasswordWrong
                | What::NothingChosen
                | What::WorkerGone
                | What::InvoiceRefused
                | What::ReasonMissing
        );
        let (tone, icon) = if warn { ("warn", "alert") } else { ("good", "calm") };
        Shown { tone, icon, text: self.text() }
    }

    fn text(self) -> String {
        match self.what {
            What::Retried => say!("The job is back in its queue and runs as soon as a worker is free."),
            What::Cancelled => say!("The job is cancelled."),
            What::Stopping => say!("The worker was asked to stop the job; it ends at its next heartbeat."),
            What::Discarded => say!("The job and its attempts are deleted."),
            What::BulkStarted => say!("It has begun, in the background: this page shows how far it is."),
            What::BulkPaused => say!("Paused. What is done stays done."),
            What::BulkResumed => say!("It goes on."),
            What::BulkEnded => say!("Ended. What is done stays done; the rest is left as it is."),
            What::BulkUndone => {
                let (back, kept) = (capped(self.n as i64, false), capped(self.m as i64, false));
                say!("{back} back where they were; {kept} had moved on and stay.", back = back, kept = kept)
            }
            What::PasswordNeeded => say!("Nothing was changed: say your password once more to go on."),
            What::PasswordWrong => say!("Nothing was changed: that is not your password."),
            What::BulkRefused => say!("Nothing was changed: the operation has moved on, as shown here."),
            What::Edited => say!("The payload is changed; what was there before stays below."),
            What::WorkerTold => say!("The worker was asked; it hears of it at its next heartbeat."),
            What::NothingChosen => say!("Nothing was changed: choose jobs by their boxes first."),
            What::WorkerGone => say!("Nothing was changed: that worker does not run any more."),
            What::ViewKept => say!("The view is kept."),
            What::ViewForgotten => say!("The view is forgotten."),
            What::Paused => say!("The queue is paused. Jobs keep arriving and wait."),
            What::Resumed => say!("The queue runs again."),
            What::Ran => say!("The schedule's job is in its queue, beside the ticks."),
            What::ScheduleOff => say!("The schedule is paused. What passes meanwhile is not made up for."),
            What::ScheduleOn => say!("The schedule ticks again."),
            What::Limited => say!("The limits are set; every worker keeps them within a few seconds."),
            What::Probed => say!("The test job is in its queue: this page shows what becomes of it."),
            What::Fused => say!("The fuse is set: no worker claims this kind."),
            What::Cleared => say!("The fuse is closed: jobs of this kind run again."),
            What::Resolved => say!("Resolved. If it comes back, it shows as regressed."),
            What::Muted => say!("Muted. It is still counted."),
            What::Known => say!("Marked as known."),
            What::Noted => say!("The note is kept."),
            _ => self.of_business(),
        }
    }

    /// What was done with invoices, orders, people, events.
    fn of_business(self) -> String {
        match self.what {
            What::InvoiceIssued => say!("The invoice has its number; its files are being drawn."),
            What::InvoiceSent => say!("The invoice is on its way to who bought."),
            What::InvoiceDrawn => say!("Its files are being drawn again; those of before stay."),
            What::InvoiceCredited => say!("This credit note takes the invoice back."),
            What::InvoiceRefused => {
                say!("Nothing was changed: the invoice does not allow it as it stands; see what the rules say.")
            }
            What::Replayed => {
                say!("Handled again: {n}. Jobs ask Stripe what it is now.", n = capped(self.n as i64, false))
            }
            What::ReplayRefused => say!("Nothing was changed: say which, and no event of Stripe's other mode."),
            What::TakenIn => say!("{n} events were taken in and are being handled.", n = capped(self.n as i64, false)),
            What::OrderCancelled => say!("The order is cancelled; what was paid goes back."),
            What::RefundAsked => say!("Stripe is asked to give the money back; the client is told when it has."),
            What::OrderRefused => {
                say!("Nothing was changed: the order, or what is left of its payment, does not allow it.")
            }
            _ => self.of_desks(),
        }
    }

    /// What was done with mails, exports and all the rest.
    fn of_desks(self) -> String {
        match self.what {
            What::MailAgain => say!("This is the new mail; it is on its way."),
            What::DataMended => say!("The data is kept and the mail is on its way."),
            What::DataRefused => {
                say!(
                    "Nothing was changed: the template does not render with that, it is no JSON object, or the mail has gone."
                )
            }
            What::MailRefused => say!("Nothing was sent: this address gets no mail, or sending is switched off."),
            What::TestSent => say!("It is on its way to your own address."),
            What::AlarmMailed => say!("The test is on its way to you by mail. There is no webhook."),
            What::AlarmTested => say!("The test is on its way to you by mail, and the webhook took it."),
            What::AlarmUntold => {
                say!(
                    "The test is on its way to you by mail, but the webhook did not take it: the log of the API says why."
                )
            }
            What::Released => say!("{n} held mails are on their way.", n = capped(self.n as i64, false)),
            What::Suppressed => say!("This address gets no mail any more."),
            What::Unsuppressed => {
                say!("This address gets mail again; {n} that had not been sent are on their way.", n = self.n)
            }
            What::AddressRefused => {
                say!("Nothing was changed: give one address and a reason; one that is listed already stays as it is.")
            }
            What::Set => say!("The setting holds from now on, in every process."),
            What::SetRefused => {
                say!("Nothing was changed: somebody else has changed it meanwhile; this is what holds.")
            }
            What::UserChanged => say!("Changed, and in force from the next request on."),
            What::SignedOut => say!("Signed out at once."),
            What::Leaving => say!("Nobody can sign in to the account any more; a job forgets the person."),
            What::UserRefused => say!(
                "Nothing was changed: it stands elsewhere by now, it is more than you may do yourself, or it is about the \
                 last administrator."
            ),
            What::ReasonMissing => say!("Nothing was changed: say why."),
            What::ExportAsked => say!("The export is being made; you will be told by mail when it is ready."),
            What::ExportOpen => say!("Nothing was begun: an export of this kind is being made for you."),
            What::ExportInvalid => say!("Nothing was begun: a filter or a column is not one of that list's."),
            What::ExportCancelled => say!("The export is cancelled."),
            What::ExportRevoked => say!("The file was taken away."),
            What::ExportGone => say!("Nothing was changed: that export had ended already."),
            What::Refused => say!("Nothing was changed: the job has moved on to another state, shown here."),
            _ => String::new(), // a test sees to it that nothing ends here
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_note_says_something() {
        for (what, code) in CODES {
            assert!(!Note::from(*what).text().is_empty(), "{code}");
        }
    }
}
