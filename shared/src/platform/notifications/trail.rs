//! What a stream has shown of somebody's notifications, so that it shows each once, whatever order they commit in.
//!
//! Ids grow with the time they were made, commits do not: a row may appear below rows that were shown before. So a
//! trail looks back [`OVERLAP`] and remembers what it has shown of that time.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::inbox::{Notification, Reader, seen};
use crate::kernel::Result;
use crate::kernel::ids::NotificationId;

/// Rows per look.
pub const PAGE: i64 = 50;
/// Milliseconds between the making of an id and its commit, clocks of several machines included. What takes longer is
/// not shown by streams that are ahead of it; lists have it.
const OVERLAP: u64 = 10_000;
/// Ids remembered at most: in a flood a trail looks back less far.
const REMEMBERED: usize = 1000;

/// Where a stream is.
#[derive(Debug)]
pub struct Trail {
    /// Everything up to this id is past.
    floor: Uuid,
    /// Shown, above the floor.
    shown: BTreeSet<Uuid>,
}

impl Trail {
    /// Everything there is counts as shown.
    pub async fn from_now(db: &mut PgConnection, reader: Reader) -> Result<Self> {
        let mut trail = Self { floor: first_of(now().saturating_sub(OVERLAP)), shown: BTreeSet::new() };
        while trail.next(db, reader).await?.len() as i64 == PAGE {}
        Ok(trail)
    }

    /// Everything up to this notification was shown elsewhere, except perhaps rows that committed after it: what was made
    /// within [`OVERLAP`] before it comes (again). None: it is no id of ours.
    pub fn after(last: NotificationId) -> Option<Self> {
        Some(Self { floor: first_of(made_at(last.0)?.saturating_sub(OVERLAP)), shown: [last.0].into() })
    }

    /// The next rows, oldest first, at most [`PAGE`]: as many say that there are more.
    pub async fn next(&mut self, db: &mut PgConnection, reader: Reader) -> Result<Vec<Notification>> {
        let shown: Vec<Uuid> = self.shown.iter().copied().collect();
        let rows = seen!("and n.id > $3 and n.id <> all($4) order by n.id limit $5", reader, self.floor, &shown, PAGE);
        let rows = rows.fetch_all(db).await?;
        self.walk(rows.iter().map(|row| row.id.0), now());
        Ok(rows)
    }

    /// These were shown; `now` in milliseconds.
    fn walk(&mut self, rows: impl ExactSizeIterator<Item = Uuid>, now: u64) {
        let full = rows.len() as i64 == PAGE;
        let mut last = self.floor;
        for id in rows {
            last = id;
            self.shown.insert(id);
        }
        let settled = first_of(now.saturating_sub(OVERLAP));
        self.floor = self.floor.max(if full { settled.min(last) } else { settled });
        self.shown = self.shown.split_off(&self.floor);
        while self.shown.len() > REMEMBERED {
            self.floor = self.shown.pop_first().unwrap_or(self.floor);
        }
    }
}

/// The smallest id of this millisecond.
fn first_of(millisecond: u64) -> Uuid {
    Uuid::from_u128(u128::from(millisecond) << 80)
}

/// The millisecond in which an id was made; none for ids that do not say.
fn made_at(id: Uuid) -> Option<u64> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Some(seconds * 1000 + u64::from(nanos / 1_000_000))
}

/// By the clock that makes ids.
fn now() -> u64 {
    made_at(Uuid::now_v7()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(millisecond: u64) -> Uuid {
        Uuid::from_u128(first_of(millisecond).as_u128() | 0x7000_8000_0000_0000_0000 | 1)
    }

    fn trail() -> Trail {
        Trail { floor: first_of(0), shown: BTreeSet::new() }
    }

    #[test]
    fn what_commits_late_is_above_the_floor_and_what_was_shown_is_remembered() {
        let mut trail = trail();
        trail.walk([id(100_000), id(100_500)].into_iter(), 101_000);
        assert!(id(99_000) > trail.floor, "made two seconds ago, and not here yet");
        assert!(trail.shown.contains(&id(100_000)) && trail.shown.contains(&id(100_500)));
        trail.walk([].into_iter(), 110_200);
        assert_eq!(trail.floor, first_of(100_200));
        assert_eq!(trail.shown, [id(100_500)].into(), "what is below the floor need not be remembered");
    }

    #[test]
    fn a_full_page_of_old_rows_moves_the_floor_to_its_end_and_no_further() {
        let mut trail = trail();
        let ids: Vec<Uuid> = (1..=PAGE as u64).map(id).collect();
        trail.walk(ids.into_iter(), 1_000_000);
        assert_eq!(trail.floor, id(PAGE as u64));
    }

    #[test]
    fn a_flood_is_not_remembered_without_bound() {
        let mut trail = trail();
        for _ in 0..100 {
            let ids: Vec<Uuid> = (0..PAGE).map(|_| Uuid::now_v7()).collect();
            trail.walk(ids.into_iter(), now());
        }
        assert_eq!(trail.shown.len(), REMEMBERED);
        assert!(trail.shown.iter().all(|shown| *shown > trail.floor));
    }

    #[test]
    fn a_trail_begins_only_at_an_id_that_tells_its_time() {
        assert!(Trail::after(NotificationId(Uuid::new_v4())).is_none());
        let last = NotificationId::new();
        let trail = Trail::after(last).expect("an id of ours");
        assert!(trail.floor < last.0 && trail.shown.contains(&last.0));
    }
}
