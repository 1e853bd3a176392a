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
    checks.extend(payments(config));
    checks.push(invoices(config));
    checks.extend(url("PUBLIC_URL", &config.http.public_url, config.env));
    checks.extend(config.http.frontend_urls.iter().filter_map(|origin| url("FRONTEND_URL", origin, config.env)));
    if !checks.iter().any(Check::doubtful) {
        checks.push(Check::ok("settings", "complete"));
    }
    checks
}

/// Whether money is what it seems: a test key takes none in production, a live key takes real money elsewhere.
fn payments(config: &Config) -> Vec<Check> {
    const NAME: &str = "STRIPE_SECRET_KEY";
    let production = config.env == Env::Production;
    let Some(key) = &config.stripe.key else {
        let off = Check::warn(NAME, "is not set: payments are off");
        return if production { vec![off] } else { Vec::new() };
    };
    let mode = key.expose_secret().split('_').nth(1).unwrap_or_default();
    let mut checks = Vec::new();
    checks.extend(match mode {
        "live" if !production => Some(Check::wrong(NAME, "is a live key outside production: it moves real money")),
        "test" if production => Some(Check::warn(NAME, "is a test key in production: nobody is really charged")),
        "live" | "test" => None,
        _ => Some(Check::warn(NAME, "says neither live nor test: is it a Stripe key?")),
    });
    if production && config.stripe.api_base != "https://api.stripe.com" {
        let text = format!("is {}: the secret key goes there with every call", config.stripe.api_base);
        checks.push(Check::warn("STRIPE_API_BASE", text));
    }
    checks
}

/// Who invoices. The start itself refuses the sample where it would reach real buyers.
fn invoices(config: &Config) -> Check {
    const NAME: &str = "INVOICE_HOUSE";
    let house = &config.house;
    match (house.sample, config.env) {
        (false, _) => Check::ok(NAME, format!("{}, SIREN {}", house.seller.name, house.seller.siren)),
        (true, Env::Production) => {
            let text = "is the sample, who is nobody: copy templates/invoice/house.toml and say who you are";
            Check::warn(NAME, text)
        }
        (true, _) => Check::ok(NAME, "the sample, who is nobody: good for development"),
    }
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

    #[test]
    fn a_key_moves_the_money_it_should() {
        let verdict = |env: &str, key: &str, base: &str| {
            let get = |name: &str| {
                Some(match name {
                    "APP_ENV" => env.to_owned(),
                    "STRIPE_SECRET_KEY" => key.to_owned(),
                    "STRIPE_WEBHOOK_SECRET" => "whsec_x".to_owned(),
                    "STRIPE_API_BASE" => base.to_owned(),
                    "INVOICE_HOUSE" => concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/house.toml").to_owned(),
                    "JWT_SECRET" => "0123456789abcdef0123456789abcdef".to_owned(),
                    "MAIL_FOLDER" | "SMTP_HOST" | "MAIL_FROM_EMAIL" | "ADMIN_EMAIL" => "x".to_owned(),
                    "FILES_URL" => "file:///x".to_owned(),
                    "DATABASE_URL" | "PUBLIC_URL" | "FRONTEND_URL" => "https://x.example".to_owned(),
                    _ => return None,
                })
            };
            let config = Config::read(get).expect("complete");
            payments(&config).into_iter().map(|check| check.verdict).collect::<Vec<_>>()
        };
        assert_eq!(verdict("production", "rk_live_x", ""), []);
        assert_eq!(verdict("production", "sk_test_x", ""), [Verdict::Warn]);
        assert_eq!(verdict("production", "sk_live_x", "https://x.example"), [Verdict::Warn]);
        assert_eq!(verdict("production", "", ""), [Verdict::Warn]);
        assert_eq!(verdict("development", "sk_live_x", ""), [Verdict::Wrong]);
        assert_eq!(verdict("development", "sk_test_x", "http://127.0.0.1:1"), []);
        assert_eq!(verdict("development", "sk_x", ""), [Verdict::Warn]);
        assert_eq!(verdict("development", "", ""), []);
    }
}
