//! What a failure means and what to do about it, by its code: so that whoever meets one for the first time can mend it.

use serde::Serialize;

use crate::dashboard::words::{key, word};

/// Words for one code.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// Its code in the ledger.
    #[serde(skip)]
    code: &'static str,
    /// What happened, in everyday words.
    means: &'static str,
    /// What to do, most likely first.
    todo: &'static str,
    /// A page where that is done, and what its link says; empty: here.
    href: &'static str,
    link: &'static str,
}

const fn on(code: &'static str, means: &'static str, todo: &'static str) -> Advice {
    Advice { code, means, todo, href: "", link: "" }
}

const fn at(advice: Advice, href: &'static str, link: &'static str) -> Advice {
    Advice { href, link, ..advice }
}

static ALL: &[Advice] = &[
    at(
        on(
            "smtp_login",
            key(
                "The mail relay refused the user name or the password of the worker that tried. No mail was handed over.",
            ),
            key(
                "A worker reads SMTP_USER and SMTP_PASS when it starts. Where others send, stop the one that cannot: its mails go \
             out from the others. Where none can, correct the password in the workers' environment and start them again. \
             Then retry all; what is left alone is tried again by itself for some days.",
            ),
        ),
        "/admin/workers",
        key("See the workers"),
    ),
    on(
        "smtp_temporary",
        key("The mail relay said: not now."),
        key(
            "Nothing, at first: it is tried again, less and less often. When it lasts for hours, ask whoever runs the relay.",
        ),
    ),
    on(
        "smtp_unknown",
        key("The mail relay could not be reached, or broke off; whether it has the mail is not known."),
        key("Look whether the relay and the network are there. The mail is tried again under the same Message-ID."),
    ),
    at(
        on(
            "template",
            key("The mail's template could not be filled in: what it prints is not in the mail's data."),
            key(
                "Open the job and from there its mail: the page says what is missing and lets you add it. When many fail alike, the \
             template itself is to be mended, with the next version.",
            ),
        ),
        "/admin/templates",
        key("See the templates"),
    ),
    on(
        "attachment",
        key("A file that belongs to the mail is gone, spoilt, or too large."),
        key("Make the file again where it came from (an invoice: draw it again), then send the mail again."),
    ),
    on(
        "payload",
        key("What the job carries does not fit its kind."),
        key("Open the job and choose Edit: the page checks the payload before it is tried again."),
    ),
    on(
        "timeout",
        key("A run took longer than its kind allows and was ended."),
        key("Look at the log of the attempt for where it stood still. It is tried again by itself."),
    ),
    on(
        "panic",
        key("The program came upon something that its authors thought impossible."),
        key("Send them the error and the attempt's log; a later version may mend it. Then retry."),
    ),
    on(
        "poison",
        key("Processes died while they ran it, several times: it is kept away from them."),
        key("Look at the attempts. Edit it, or retry it alone once the cause is gone."),
    ),
    on(
        "uncertain",
        key("It was cut off between an effect outside and our note of it: nobody knows whether it happened."),
        key("Ask the other side whether it has happened. Retry only if it has not."),
    ),
    on(
        "upstream",
        key("Somebody else's service did not answer as it should."),
        key("Nothing, at first: it is tried again. When it lasts, look at that service's own page of news."),
    ),
    on(
        "upstream_refused",
        key("Somebody else's service understood the request and refused it."),
        key("Read its answer in the error. Trying again without a change will be refused again."),
    ),
    on(
        "unavailable",
        key("One of our own stores could not be reached for a moment."),
        key("Nothing, at first: it is tried again. When it lasts, look at PostgreSQL and the file store."),
    ),
    on(
        "storage",
        key("The file store did not do what it was asked."),
        key("Look whether FILES_URL can be reached, has room, and may be written. Then retry all."),
    ),
    on(
        "database",
        key("PostgreSQL refused a statement."),
        key("Send the error to the authors; it is tried again by itself."),
    ),
];

/// What to say about a code; none for one that says all itself.
pub fn about(code: &str) -> Option<Advice> {
    let found = ALL.iter().find(|advice| advice.code == code)?;
    let (means, todo, link) = (word(found.means), word(found.todo), word(found.link));
    Some(Advice { means, todo, link, ..*found })
}
