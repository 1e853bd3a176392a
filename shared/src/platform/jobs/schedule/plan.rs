//! When a schedule ticks: a cron expression of five fields in a time zone.
//!
//! Where clocks change, a tick at a fixed time of the day comes exactly once: one that falls into the lost hour comes
//! at its end, one in the doubled hour comes the first time. Expressions with steps or lists follow the clock on the wall.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds};
use croner::{Cron, Direction};

use super::Words;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::error::FieldError;

/// A cron expression in its zone.
pub struct Plan {
    cron: Cron,
    zone: Tz,
}

impl Plan {
    /// Reads both. 422 names what does not fit: `cron`, `zone`.
    pub fn read(cron: &str, zone: &str) -> Result<Self> {
        let parsed = CronParser::builder().seconds(Seconds::Disallowed).build().parse(cron);
        let parsed = parsed.map_err(|error| FieldError::new("cron", "cron", format!("`{cron}`: {error}")));
        let place = zone.parse::<Tz>();
        let place = place.map_err(|_| FieldError::new("zone", "zone", format!("there is no time zone `{zone}`")));
        match (parsed, place) {
            (Ok(cron), Ok(zone)) => Self { cron, zone }.checked(),
            (cron, zone) => Err(Error::Invalid(cron.err().into_iter().chain(zone.err()).collect())),
        }
    }

    /// The 30th of February is a date that parses.
    fn checked(self) -> Result<Self> {
        match self.next(DateTime::UNIX_EPOCH) {
            Some(_) => Ok(self),
            None => Err(Error::field("cron", "never", "never comes")),
        }
    }

    /// The first tick after this time.
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.cron.find_next_occurrence(&after.with_timezone(&self.zone), false).ok()?;
        Some(next.with_timezone(&Utc))
    }

    /// The first `n` ticks after this time.
    pub fn upcoming(&self, after: DateTime<Utc>, n: usize) -> Vec<DateTime<Utc>> {
        std::iter::successors(self.next(after), |tick| self.next(*tick)).take(n).collect()
    }

    /// The last `most` ticks from `since` to `now`, both included, oldest first.
    pub fn newest(&self, since: DateTime<Utc>, now: DateTime<Utc>, most: usize) -> Vec<DateTime<Utc>> {
        let back = self.cron.iter_from(now.with_timezone(&self.zone), Direction::Backward);
        let mut ticks: Vec<_> =
            back.map(|tick| tick.with_timezone(&Utc)).take_while(|tick| *tick >= since).take(most).collect();
        ticks.reverse();
        ticks
    }

    /// In plain words.
    pub fn words(&self) -> Words {
        Words::of(&self.cron)
    }
}
