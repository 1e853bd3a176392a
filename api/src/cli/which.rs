//! Which jobs a command is about: the filter of the lists as flags.

use clap::Args;
use shared::platform::jobs::Lane;
use shared::platform::jobs::admin::{JobFilter, STATES};
use uuid::Uuid;

/// Which jobs.
#[derive(Args)]
pub struct Which {
    /// By the grammar: "state:failed kind:email.* args.order.id:42 attempt>2 age<2h -queue:mail"
    #[arg(long)]
    filter: Option<String>,
    /// In this state
    #[arg(long, value_parser = STATES)]
    state: Option<String>,
    /// Of this kind, for example email.send
    #[arg(long)]
    kind: Option<String>,
    /// In this lane
    #[arg(long)]
    lane: Option<Lane>,
    /// Retrying or dead of this failure (a fingerprint: facteur errors ls)
    #[arg(long, value_name = "FINGERPRINT")]
    error: Option<String>,
    /// Of this batch
    #[arg(long, value_name = "ID")]
    batch: Option<Uuid>,
    /// Of this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// Under this concurrency key
    #[arg(long)]
    key: Option<String>,
    /// Known by what begins with this (* stands for anything), or with this in their last error
    #[arg(long)]
    q: Option<String>,
}

impl Which {
    /// The names of its flags.
    pub const FLAGS: [&'static str; 9] = ["filter", "state", "kind", "lane", "error", "batch", "tenant", "key", "q"];

    /// The same for the ledger.
    pub fn filter(self) -> JobFilter {
        JobFilter {
            filter: self.filter,
            state: self.state,
            kind: self.kind,
            lane: self.lane.map(|lane| lane.name().to_owned()),
            error: self.error,
            batch: self.batch,
            tenant: self.tenant,
            key: self.key,
            q: self.q,
            ..JobFilter::default()
        }
    }
}
