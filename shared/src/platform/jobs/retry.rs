//! Retry policies: exponential backoff with full jitter (AWS Architecture Blog, 2015): the wait before attempt
//! n + 1 is uniform between zero and min(cap, base × factor^(n-1)), never under a second.

use std::time::Duration;

use crate::kernel::config::Config;

/// How often and how soon a failed job runs again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// The policy's name, for people.
    pub name: &'static str,
    /// Runs that count.
    pub max_attempts: u32,
    /// Ceiling of the first wait.
    pub base: Duration,
    /// Growth of the ceiling per attempt.
    pub factor: u32,
    /// The ceiling stops growing here.
    pub cap: Duration,
    /// Even with all attempts used, a job younger than this is tried again.
    pub patience: Duration,
}

impl Retry {
    const fn new(name: &'static str, max_attempts: u32, base: u64, factor: u32, cap: u64) -> Self {
        Self {
            name,
            max_attempts,
            base: Duration::from_secs(base),
            factor,
            cap: Duration::from_secs(cap),
            patience: Duration::ZERO,
        }
    }

    /// Mail: our relay's bad days last longer than anybody expects.
    pub const MAIL: Self = Self { patience: Duration::from_hours(72), ..Self::new("mail", 15, 15, 2, 3600) };
    /// Stripe: an outage of days must not lose a payment.
    pub const STRIPE: Self = Self { patience: Duration::from_hours(72), ..Self::new("stripe", 20, 10, 2, 3600) };
    /// Effects on our own tables.
    pub const STANDARD: Self = Self::new("effect", 10, 5, 2, 3600);
    /// Documents: what fails is the store or the disk; it mends within the hour or a person must look.
    pub const PDF: Self = Self::new("pdf", 8, 5, 3, 1800);
    /// Exports: what fails is the store or the disk; whoever waits for one hears within two hours.
    pub const EXPORT: Self = Self::new("export", 5, 60, 4, 7200);
    /// Periodic sweeps: the next tick repeats the work.
    pub const SWEEP: Self = Self::new("sweep", 3, 30, 2, 300);
    /// Probes: short, so that one can watch.
    pub const PROBE: Self = Self::new("probe", 3, 2, 2, 10);

    /// The policy with what the configuration changes.
    #[must_use]
    pub fn configured(self, config: &Config) -> Self {
        if self.name != Self::MAIL.name {
            return self;
        }
        let mail = &config.mail;
        Self { max_attempts: mail.max_attempts, base: mail.retry_base, patience: mail.patience, ..self }
    }

    /// The longest wait after this attempt (1 = the first).
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let growth = self.factor.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base.checked_mul(growth).map_or(self.cap, |wait| wait.min(self.cap))
    }

    /// The wait after this attempt; `dice` is uniform in 0..1.
    pub fn wait(&self, attempt: u32, dice: f64) -> Duration {
        self.ceiling(attempt).mul_f64(dice.clamp(0.0, 1.0)).max(Duration::from_secs(1))
    }

    /// Whether a failed attempt was the last one.
    pub fn exhausted(&self, attempt: u32, max_attempts: u32, age: Duration) -> bool {
        attempt >= max_attempts && age >= self.patience
    }
}
