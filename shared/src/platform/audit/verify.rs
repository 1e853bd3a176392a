//! Reads the log and its chain again, and names what does not fit: the row and the group of its columns.
//!
//! Digests are computed here a second time, from the columns, independently of the database's function. Whoever can write
//! everything, functions included, could write a whole new chain: against that, note the head elsewhere now and then
//! ([`Anchor`]). Works while entries are written: all is read in one snapshot.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::chain::{Head, digest, hash};
use crate::kernel::Result;
use crate::kernel::secret::sha256;
use crate::kernel::words;

/// Links read at once.
const BATCH: i64 = 2000;
/// Findings that are told; beyond them something is wrong with all of it.
const MOST: usize = 100;

words! {
    /// What does not fit.
    Part {
        /// The time, the action, its severity, target, details, request or outcome.
        What = "what",
        /// The actor or their role.
        Who = "who",
        /// The mail address, the address, the agent, or the salt they are hashed with.
        Where = "where",
        /// The reason, or the salt it is hashed with.
        Why = "why",
        /// A digest of an entry.
        Digest = "digest",
        /// An entry as a whole: missing, or beside the chain.
        Entry = "entry",
        /// A link of the chain: missing or changed.
        Link = "link",
        /// What a purge says it took.
        Purge = "purge",
        /// The end of the chain.
        Head = "head",
    }
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The entry it is about.
    pub entry: Option<i64>,
    /// The link.
    pub link: Option<i64>,
    /// What of it.
    pub part: Part,
    /// A sentence.
    pub said: String,
}

/// A head that was noted earlier.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// Its place.
    pub seq: i64,
    /// Its hash, hexadecimal.
    pub hash: String,
}

/// What came out.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Verdict {
    /// Whether everything fits.
    pub intact: bool,
    /// Links that were read.
    pub links: i64,
    /// Entries whose columns were read.
    pub entries: i64,
    /// Entries without a place yet: written within the last second.
    pub pending: i64,
    /// Entries that the retention took.
    pub purged: i64,
    /// Entries whose traces of a person were erased.
    pub erased: i64,
    /// Where the chain ends.
    pub head: Head,
    /// What does not fit, 100 at most.
    pub findings: Vec<Finding>,
}

struct Link {
    seq: i64,
    entry_id: i64,
    digest: Vec<u8>,
    hash: Vec<u8>,
    purged_by: Option<i64>,
    row: Option<i64>,
    micros: Option<i64>,
    action: Option<String>,
    severity: Option<String>,
    target_type: Option<String>,
    target_id: Option<String>,
    details: Option<String>,
    request_id: Option<String>,
    outcome: Option<String>,
    actor_id: Option<String>,
    actor_role: Option<String>,
    salt: Option<Vec<u8>>,
    salt_why: Option<Vec<u8>>,
    reason: Option<String>,
    actor_email: Option<String>,
    ip_address: Option<String>,
    user_agent: Option<String>,
    digest_what: Option<Vec<u8>>,
    digest_who: Option<Vec<u8>>,
    digest_where: Option<Vec<u8>>,
    digest_why: Option<Vec<u8>>,
}

/// Reads everything. Within a transaction of its own: it becomes a snapshot that only reads.
pub async fn verify(db: &mut PgConnection, anchor: Option<&Anchor>) -> Result<Verdict> {
    read(db, anchor, None).await
}

/// Reads the newest `links` and compares no purges: what a page can wait for.
pub async fn verify_newest(db: &mut PgConnection, links: i64) -> Result<Verdict> {
    read(db, None, Some(links)).await
}

async fn read(db: &mut PgConnection, anchor: Option<&Anchor>, newest: Option<i64>) -> Result<Verdict> {
    sqlx::query!("set transaction isolation level repeatable read, read only").execute(&mut *db).await?;
    let head = sqlx::query!("select seq, hash from audit_head").fetch_one(&mut *db).await?;
    let from = newest.map_or(0, |links| (head.seq - links).max(0));
    let last = match from {
        0 => vec![0; 32],
        from => sqlx::query_scalar!("select hash from audit_chain where seq = $1", from)
            .fetch_optional(&mut *db)
            .await?
            .unwrap_or_default(),
    };
    let mut reader = Reader { seq: from, last: vec![last], anchor, ..Reader::default() };
    loop {
        let links = links(db, reader.seq).await?;
        if links.is_empty() {
            break;
        }
        for link in &links {
            reader.link(link);
        }
    }
    if reader.seq != head.seq || !reader.last.contains(&head.hash) {
        let said = format!("the chain ends at link {}, its head says {}", reader.seq, head.seq);
        reader.find(None, Some(head.seq), Part::Head, said);
    }
    if let Some(anchor) = anchor.filter(|_| !reader.anchored) {
        let said = format!("the chain is not the one whose link {} you noted", anchor.seq);
        reader.find(None, Some(anchor.seq), Part::Head, said);
    }
    if newest.is_none() {
        purges(db, &mut reader).await?;
    }
    beside(db, &mut reader, from).await?;
    let head = Head { seq: head.seq, hash: hex::encode(head.hash) };
    let pending = super::pending(db).await?;
    let Reader { links, entries, purged, erased, mut findings, .. } = reader;
    let intact = findings.is_empty();
    findings.truncate(MOST);
    Ok(Verdict { intact, links, entries, pending, purged, erased, head, findings })
}

async fn links(db: &mut PgConnection, after: i64) -> Result<Vec<Link>> {
    let links = sqlx::query_as!(
        Link,
        r#"select c.seq, c.entry_id, c.digest, c.hash, c.purged_by, l.id as "row?",
                  (extract(epoch from l.occurred_at) * 1000000)::bigint as micros, l.action as "action?",
                  l.severity as "severity?", l.target_type, l.target_id, (l.details - 'reason')::text as details,
                  l.request_id::text as request_id, l.outcome as "outcome?", l.actor_id::text as actor_id, l.actor_role,
                  l.salt, l.salt_why, (l.details->'reason')::text as reason, l.actor_email, l.ip_address::text as ip_address, l.user_agent,
                  l.digest_what as "digest_what?", l.digest_who as "digest_who?", l.digest_where as "digest_where?",
                  l.digest_why as "digest_why?"
           from audit_chain c left join audit_log l on l.id = c.entry_id where c.seq > $1 order by c.seq limit $2"#,
        after,
        BATCH
    );
    Ok(links.fetch_all(db).await?)
}

#[derive(Default)]
struct Reader<'a> {
    /// The last link seen.
    seq: i64,
    /// What the hash of that link may be: as it stands, and as it should be.
    last: Vec<Vec<u8>>,
    anchor: Option<&'a Anchor>,
    anchored: bool,
    links: i64,
    entries: i64,
    purged: i64,
    erased: i64,
    /// By purge: how many rows it took, and the digest of their ids.
    purges: BTreeMap<i64, (i64, Sha256)>,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn find(&mut self, entry: Option<i64>, link: Option<i64>, part: Part, said: impl Into<String>) {
        if self.findings.len() <= MOST {
            self.findings.push(Finding { entry, link, part, said: said.into() });
        }
    }

    fn link(&mut self, link: &Link) {
        self.links += 1;
        if link.seq != self.seq + 1 {
            let said = format!("links {} to {} are missing", self.seq + 1, link.seq - 1);
            self.find(None, Some(self.seq + 1), Part::Link, said);
        }
        let fits = |before: &Vec<u8>, digest: &[u8]| hash(before, link.seq, link.entry_id, digest) == link.hash;
        let row = link.row.map(|id| Groups::of(id, link));
        let own = row.as_ref().map(|row| row.digest(link.entry_id));
        let mut true_digest = link.digest.clone();
        if !self.last.iter().any(|before| fits(before, &link.digest)) && link.seq == self.seq + 1 {
            if let Some(own) = own.filter(|own| self.last.iter().any(|before| fits(before, own))) {
                true_digest = own;
            }
            let said = format!("link {} (entry {}) was changed or moved", link.seq, link.entry_id);
            self.find(Some(link.entry_id), Some(link.seq), Part::Link, said);
        }
        let should =
            self.last.iter().map(|before| hash(before, link.seq, link.entry_id, &true_digest)).collect::<Vec<_>>();
        if self.anchor.is_some_and(|anchor| anchor.seq == link.seq && anchor.hash == hex::encode(&link.hash)) {
            self.anchored = true;
        }
        self.seq = link.seq;
        self.last = std::iter::once(link.hash.clone()).chain(should.into_iter().take(1)).collect();
        match row {
            Some(row) => self.row(link, &row, &true_digest),
            None => self.gone(link),
        }
    }

    /// A row that is there.
    fn row(&mut self, link: &Link, row: &Groups, digest: &[u8]) {
        self.entries += 1;
        self.erased += i64::from(row.erased);
        let id = link.entry_id;
        if let Some(purge) = link.purged_by {
            let said = format!("entry {id} is there, and its link says that purge {purge} took it");
            self.find(Some(id), Some(link.seq), Part::Link, said);
        }
        let wrong = row.wrong(link);
        let action = link.action.as_deref().unwrap_or_default();
        if row.digest(id) == digest {
            for part in wrong {
                let said = format!("entry {id} ({action}): its digest of «{}» was changed", part.name());
                self.find(Some(id), Some(link.seq), Part::Digest, said);
            }
        } else if wrong.is_empty() {
            let said = format!("entry {id} ({action}) was changed, and its digests with it");
            self.find(Some(id), Some(link.seq), Part::Digest, said);
        } else {
            for part in wrong {
                let said = format!("entry {id} ({action}): «{}» was changed", part.name());
                self.find(Some(id), Some(link.seq), part, said);
            }
        }
    }

    /// A row that is not.
    fn gone(&mut self, link: &Link) {
        let Some(purge) = link.purged_by else {
            let said = format!("entry {} was deleted", link.entry_id);
            return self.find(Some(link.entry_id), Some(link.seq), Part::Entry, said);
        };
        self.purged += 1;
        let (rows, ids) = self.purges.entry(purge).or_default();
        *rows += 1;
        ids.update(link.entry_id.to_be_bytes());
    }
}

/// The digests of a row's groups of columns, made from the columns.
struct Groups {
    what: Vec<u8>,
    who: Vec<u8>,
    whence: Vec<u8>,
    why: Vec<u8>,
    erased: bool,
}

impl Groups {
    fn of(id: i64, link: &Link) -> Self {
        let (id, micros) = (Some(id.to_string()), link.micros.map(|micros| micros.to_string()));
        let salt = link.salt.as_ref().map(hex::encode);
        let text = |field: &'_ Option<String>| field.clone();
        let what = [
            id.clone(),
            micros,
            text(&link.action),
            text(&link.severity),
            text(&link.target_type),
            text(&link.target_id),
            text(&link.details),
            text(&link.request_id),
            text(&link.outcome),
        ];
        let personal = [text(&link.actor_email), text(&link.ip_address), text(&link.user_agent)];
        // Nothing is left to hash: the digest made while it was there counts.
        let erased = salt.is_none() && personal.iter().all(Option::is_none);
        let [email, address, agent] = personal;
        let whence = match &link.digest_where {
            Some(kept) if erased => kept.clone(),
            _ => sha256(fields(&[id.clone(), salt, email, address, agent])),
        };
        let why = match &link.digest_why {
            Some(kept) if link.salt_why.is_none() && link.reason.is_none() => kept.clone(),
            _ => sha256(fields(&[id.clone(), link.salt_why.as_ref().map(hex::encode), text(&link.reason)])),
        };
        let who = sha256(fields(&[id, text(&link.actor_id), text(&link.actor_role)]));
        Self { what: sha256(fields(&what)), who, whence, why, erased }
    }

    fn digest(&self, entry: i64) -> Vec<u8> {
        digest(entry, [&self.what, &self.who, &self.whence, &self.why])
    }

    /// The groups that are not what their digests say.
    fn wrong(&self, link: &Link) -> Vec<Part> {
        let groups = [
            (Part::What, &self.what, &link.digest_what),
            (Part::Who, &self.who, &link.digest_who),
            (Part::Where, &self.whence, &link.digest_where),
            (Part::Why, &self.why, &link.digest_why),
        ];
        let wrong = groups.into_iter().filter(|(_, made, kept)| kept.as_ref() != Some(*made));
        wrong.map(|(part, ..)| part).collect()
    }
}

/// As `audit_fields` of the database: each field with its length in bytes, a dash for nothing.
fn fields(fields: &[Option<String>]) -> String {
    let one = |field: &Option<String>| field.as_ref().map_or_else(|| "-".into(), |f| format!("{}:{f}", f.len()));
    fields.iter().map(one).collect()
}

/// Whether each purge took what its entry says, no more and no less.
async fn purges(db: &mut PgConnection, reader: &mut Reader<'_>) -> Result<()> {
    let said = sqlx::query!(
        r#"select id, coalesce((details->>'rows')::bigint, 0) as "rows!", coalesce(details->>'digest', '') as "digest!"
           from audit_log where action = 'AUDIT_PURGED'"#
    );
    let mut said: BTreeMap<i64, (i64, String)> =
        said.fetch_all(db).await?.into_iter().map(|row| (row.id, (row.rows, row.digest))).collect();
    for (purge, (rows, ids)) in std::mem::take(&mut reader.purges) {
        let told = said.remove(&purge);
        if told.as_ref() != Some(&(rows, hex::encode(ids.finalize()))) {
            let told = told.map_or(0, |(rows, _)| rows);
            let said = format!("{rows} entries are said to be gone by purge {purge}, which took {told} or others");
            reader.find(Some(purge), None, Part::Purge, said);
        }
    }
    for (purge, (rows, _)) in said.into_iter().filter(|(_, (rows, _))| *rows > 0) {
        let said = format!("purge {purge} took {rows} entries, and no link says so");
        reader.find(Some(purge), None, Part::Purge, said);
    }
    Ok(())
}

/// Entries without a link that do not wait for one, and waiting ones that are gone.
async fn beside(db: &mut PgConnection, reader: &mut Reader<'_>, from: i64) -> Result<()> {
    let inserted = sqlx::query_scalar!(
        "select id from audit_log l where id > coalesce((select entry_id from audit_chain where seq = $1), 0)
           and not exists (select from audit_chain c where c.entry_id = l.id)
           and not exists (select from audit_pending p where p.entry_id = l.id) order by id limit 100",
        from
    );
    for id in inserted.fetch_all(&mut *db).await? {
        reader.find(Some(id), None, Part::Entry, format!("entry {id} was written beside the chain"));
    }
    let lost = sqlx::query_scalar!(
        "select entry_id from audit_pending p where not exists (select from audit_log l where l.id = p.entry_id)
         order by 1 limit 100"
    );
    for id in lost.fetch_all(db).await? {
        reader.find(Some(id), None, Part::Entry, format!("entry {id} was deleted before it had its place"));
    }
    Ok(())
}
