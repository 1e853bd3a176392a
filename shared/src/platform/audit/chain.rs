//! The chain: every committed entry gets a place in it, and a link holds the hash of the one before.
//!
//! Business transactions never wait for one another here: they write their row, and the sweeper, one at a time, gives
//! places to what has been committed. An entry is unprotected for that second, and then for ever no longer.

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::kernel::Result;

/// Entries that get their places at once.
const BATCH: i64 = 5000;

/// Where the chain ends. Whoever notes this elsewhere can prove later that nothing before it was exchanged.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Head {
    /// How many links there are.
    pub seq: i64,
    /// The hash of the last one, hexadecimal.
    pub hash: String,
}

/// Digest of an entry: of its id and the digests of its four groups of columns.
pub(super) fn digest(entry: i64, [what, who, whence, why]: [&[u8]; 4]) -> Vec<u8> {
    let sha = Sha256::new().chain_update(entry.to_be_bytes());
    sha.chain_update(what).chain_update(who).chain_update(whence).chain_update(why).finalize().to_vec()
}

/// Hash of a link.
pub(super) fn hash(before: &[u8], seq: i64, entry: i64, digest: &[u8]) -> Vec<u8> {
    let sha = Sha256::new().chain_update(before).chain_update(seq.to_be_bytes());
    sha.chain_update(entry.to_be_bytes()).chain_update(digest).finalize().to_vec()
}

/// Gives committed entries their places, the oldest first. Within a transaction: the head is held until its end.
/// Returns how many.
pub async fn seal(db: &mut PgConnection) -> Result<usize> {
    let head = sqlx::query!("select seq, hash from audit_head for update").fetch_one(&mut *db).await?;
    let entries = sqlx::query!(
        "select l.id, l.digest_what, l.digest_who, l.digest_where, l.digest_why
         from audit_pending p join audit_log l on l.id = p.entry_id order by l.id limit $1",
        BATCH
    )
    .fetch_all(&mut *db)
    .await?;
    if entries.is_empty() {
        return Ok(0);
    }
    let (mut seq, mut last) = (head.seq, head.hash);
    let (mut seqs, mut ids, mut digests, mut hashes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for entry in &entries {
        seq += 1;
        let groups = [&*entry.digest_what, &entry.digest_who, &entry.digest_where, &entry.digest_why];
        let digest = digest(entry.id, groups);
        last = hash(&last, seq, entry.id, &digest);
        seqs.push(seq);
        ids.push(entry.id);
        digests.push(digest);
        hashes.push(last.clone());
    }
    sqlx::query!(
        "insert into audit_chain (seq, entry_id, digest, hash)
         select * from unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[])",
        &seqs,
        &ids,
        &digests,
        &hashes
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("delete from audit_pending where entry_id = any($1)", &ids).execute(&mut *db).await?;
    sqlx::query!("update audit_head set seq = $1, hash = $2", seq, last).execute(db).await?;
    Ok(entries.len())
}

/// Where the chain ends now.
pub async fn head(db: &mut PgConnection) -> Result<Head> {
    let head = sqlx::query!("select seq, hash from audit_head").fetch_one(db).await?;
    Ok(Head { seq: head.seq, hash: hex::encode(head.hash) })
}

/// Entries without a place yet.
pub async fn pending(db: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from audit_pending"#).fetch_one(db).await?)
}
