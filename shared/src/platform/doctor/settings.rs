//! Settings that are complete and still not wise.

use std::collections::HashSet;

use secrecy::ExposeSecret;

use super::Check;
use crate::kernel::config::Config;
use crate::kernel::config::Env;

/// One line when all is well, and one for each doubt. The start itself refuses what is missing.
pub fn settings(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    let secret = config.auth.jwt_secret.expose_secret();
    if secret.bytes().collect::<HashSet<_>>().len() < 8 {
        checks.push(Check::wrong("JWT_SECRET", "can be guessed: use `openssl rand -hex 32`"));
    }
    let token = config.telemetry.metrics_token.as_ref();
    if token.is_some_and(|token| token.expose_secret().len() < 16) {
        checks.push(Check::warn("METRICS_TOKEN", "is short: use at least 16 random characters"));
    }
    checks.extend(url("PUBLIC_URL", &config.http.public_url, config.env));
    checks.extend(config.http.frontend_urls.iter().filter_map(|origin| url("FRONTEND_URL", origin, config.env)));
    if checks.is_empty() {
        checks.push(Check::ok("settings", "complete"));
    }
    checks
}

/// What is wrong with an address of ours, if anything: an origin, without a path, with https where it counts.
fn url(name: &'static str, address: &str, env: Env) -> Option<Check> {
    let Some((scheme @ ("http" | "https"), host)) = address.split_once("://") else {
        return Some(Check::wrong(name, format!("`{address}` does not begin with http:// or https://")));
    };
    if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
        let text = format!("`{address}` should be scheme, host and port alone, like https://www.example.org");
        return Some(Check::wrong(name, text));
    }
    if scheme == "http" && env == Env::Production {
        let text = format!("`{address}` is not https: cookies and tokens travel in the clear");
        return Some(Check::warn(name, text));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::doctor::Verdict;

    #[test]
    fn addresses_are_origins() {
        let verdict = |address, env| url("PUBLIC_URL", address, env).map(|check| check.verdict);
        assert_eq!(verdict("https://api.example.org", Env::Production), None);
        assert_eq!(verdict("http://127.0.0.1:3000", Env::Development), None);
        assert_eq!(verdict("http://api.example.org", Env::Production), Some(Verdict::Warn));
        assert_eq!(verdict("https://example.org/app", Env::Production), Some(Verdict::Wrong));
        assert_eq!(verdict("api.example.org", Env::Development), Some(Verdict::Wrong));
    }
}
