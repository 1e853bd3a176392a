//! `facteur doctor`: tests every connection and setting.

use shared::kernel::config::Config;
use shared::platform::Platform;
use shared::platform::doctor::{Verdict, examine, mail};

use super::exit::{CONFIG, Failure, UNAVAILABLE};
use super::say;

/// Prints one line for each check; fails when one of them did.
pub async fn run() -> Result<(), Failure> {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(problems) => {
            problems.0.iter().for_each(|problem| say(format_args!("FAIL  settings      {problem}")));
            return Err(Failure::new(CONFIG, "correct the settings first; the rest was not looked at"));
        }
    };
    let platform = match Platform::new(config.clone()) {
        Ok(platform) => platform,
        Err(error) => return Err(Failure::new(CONFIG, error.to_string())),
    };
    let mut checks = examine(&platform).await;
    checks.push(mail(&config.mail).await);
    checks.iter().for_each(say);
    let failed = checks.iter().filter(|check| check.failed()).count();
    let wrong = checks.iter().any(|check| check.verdict == Verdict::Wrong);
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new(if wrong { CONFIG } else { UNAVAILABLE }, "1 check failed")),
        n => Err(Failure::new(if wrong { CONFIG } else { UNAVAILABLE }, format!("{n} checks failed"))),
    }
}
