//! Passwords: argon2id, four at a time, never on a thread that answers requests.
//!
//! A hash costs 30 ms of a core and 19 MiB; without a bound, logins would be a lever to stop the house. Imported
//! bcrypt hashes are verified and replaced at the next login. An unknown account costs the same as a known one.
//! No transaction is held while a hash waits for its turn.

use std::time::Duration;

use argon2::Algorithm;
use argon2::Argon2;
use argon2::Params;
use argon2::PasswordHasher;
use argon2::PasswordVerifier;
use argon2::Version;
use argon2::password_hash::phc;
use sqlx::PgConnection;
use tokio::sync::Semaphore;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::config::Config;
use crate::platform::settings;

/// Hashes at once in this process.
static PERMITS: Semaphore = Semaphore::const_new(4);
/// Longer than this nobody waits for a turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// No setting makes passwords shorter.
const FLOOR: u64 = 8;
/// The longest password, in bytes.
const LONGEST: usize = 128;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A password's hash in PHC form: what may be stored.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// As stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another password.
    Wrong,
    /// The password.
    Right,
    /// The password, kept in a form we no longer make: bcrypt, or other costs.
    RightButStale,
}

/// Refuses (422 on `password`) one that is short, over-long or one of the person's own names.
pub async fn check(db: &mut PgConnection, password: &str, personal: &[&str]) -> Result<()> {
    let least = settings::PASSWORD_MIN.get::<u64>(db).await?.max(FLOOR);
    let refused = |code, message: String| Err(Error::field("password", code, message));
    if (password.chars().count() as u64) < least {
        return refused("length", format!("must have at least {least} characters"));
    }
    if password.len() > LONGEST {
        return refused("length", format!("must have at most {LONGEST} bytes"));
    }
    if is_personal(password, personal) {
        return refused("personal", "must not be your address or your name".into());
    }
    Ok(())
}

fn is_personal(password: &str, personal: &[&str]) -> bool {
    let password = password.trim().to_lowercase();
    let full = personal.iter().skip(1).copied().collect::<Vec<_>>().join(" ");
    let names = personal.iter().copied().chain([full.as_str()]);
    let mut words = names.flat_map(|name| [name, name.split('@').next().unwrap_or(name)]);
    words.any(|word| !word.is_empty() && word.to_lowercase() == password)
}

/// Hashes a password.
pub async fn hash(config: &Config, password: &str) -> Result<PasswordHash> {
    let argon2 = argon2(config)?;
    let password = password.to_owned();
    let made = in_turn(move || {
        let hash: Result<phc::PasswordHash, _> = argon2.hash_password(password.as_bytes());
        hash.map(|hash| hash.to_string())
    });
    made.await?.map(PasswordHash).map_err(Error::internal)
}

/// Compares a password with a stored hash. Without one it takes as long, and is wrong.
pub async fn verify(config: &Config, stored: Option<&str>, password: &str) -> Result<Verdict> {
    let Some(stored) = stored else {
        hash(config, password).await?;
        return Ok(Verdict::Wrong);
    };
    let (argon2, stored, password) = (argon2(config)?, stored.to_owned(), password.to_owned());
    in_turn(move || {
        if is_bcrypt(&stored) {
            let right = bcrypt::verify(&password, &stored).unwrap_or(false);
            return if right { Verdict::RightButStale } else { Verdict::Wrong };
        }
        let Ok(parsed) = phc::PasswordHash::new(&stored) else {
            tracing::warn!("a stored password hash is in no form we know");
            return Verdict::Wrong;
        };
        match argon2.verify_password(password.as_bytes(), &parsed) {
            Ok(()) if is_current(&argon2, &parsed) => Verdict::Right,
            Ok(()) => Verdict::RightButStale,
            Err(_) => Verdict::Wrong,
        }
    })
    .await
}

fn argon2(config: &Config) -> Result<Argon2<'static>> {
    let params = Params::new(config.auth.argon2_memory_kib, PASSES, LANES, None).map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn is_current(argon2: &Argon2<'_>, stored: &phc::PasswordHash) -> bool {
    let ours = argon2.params();
    stored.algorithm == argon2::ARGON2ID_IDENT
        && Params::try_from(stored).is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) == (ours.m_cost(), ours.t_cost(), ours.p_cost())
        })
}

fn is_bcrypt(stored: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| stored.starts_with(prefix))
}

/// Runs it on a blocking thread when its turn comes; the turn ends with the work, even when the caller has gone.
async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let crowded = || Error::Unavailable { what: "password hashing", retry_after: PATIENCE };
    let turn = tokio::time::timeout(PATIENCE, PERMITS.acquire()).await.map_err(|_| crowded())?;
    let turn = turn.expect("nobody closes the semaphore");
    let run = move || {
        let result = work();
        drop(turn);
        result
    };
    tokio::task::spawn_blocking(run).await.map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_are_no_passwords() {
        let personal = ["Helene.Martin@example.org", "Hélène", "Martin"];
        for bad in ["helene.martin@EXAMPLE.org", "helene.martin", "hélène", "hélène martin", " Martin "] {
            assert!(is_personal(bad, &personal), "{bad}");
        }
        assert!(!is_personal("un mot de passe", &personal));
        assert!(!is_personal("", &["", "", ""]));
    }
}
