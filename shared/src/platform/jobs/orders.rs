//! Standing orders of the administrators, as every worker hears of them with its heartbeat.

use sqlx::PgConnection;

use crate::kernel::Result;

/// What holds now.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// Lanes that are paused.
    pub paused: Vec<String>,
    /// Lanes with a limit on concurrency or rate over all processes.
    pub limited: Vec<String>,
    /// Kinds behind a blown fuse.
    pub fused: Vec<String>,
}

/// Reads them.
pub async fn read(db: &mut PgConnection) -> Result<Orders> {
    let row = sqlx::query!(
        r#"select
            array(select name from lanes where paused_at is not null and coalesce(paused_until, 'infinity') > now()) as "paused!",
            array(select name from lanes where concurrency is not null or rate is not null) as "limited!",
            array(select kind from job_kinds where fuse <> 'closed' and coalesce(fuse_until, 'infinity') > now()) as "fused!""#
    )
    .fetch_one(db)
    .await?;
    Ok(Orders { paused: row.paused, limited: row.limited, fused: row.fused })
}
