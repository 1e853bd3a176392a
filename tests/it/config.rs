//! The configuration: everything that is wrong is told at once, with the name of the variable.

use std::time::Duration;

use shared::kernel::config::{Config, FilePlace, Problems, TicketSource};
use shared::platform::jobs::Lane;

/// A house that is not the sample, as production wants it once payments are on.
const HOUSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/house.toml");

const COMPLETE: [(&str, &str); 10] = [
    ("APP_ENV", "production"),
    ("DATABASE_URL", "postgres://u:p@localhost/x"),
    ("PUBLIC_URL", "https://api.example.org/"),
    ("FRONTEND_URL", "https://www.example.org/, https://other.example.org"),
    ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
    ("SMTP_HOST", "relay.example.org"),
    ("MAIL_FROM_EMAIL", "bonjour@example.org"),
    ("ADMIN_EMAIL", "admin@example.org"),
    ("INVOICE_HOUSE", HOUSE),
    ("FILES_URL", "file:///srv/facteur/files"),
];

fn read(changes: &[(&str, &str)]) -> Result<Config, Problems> {
    let find = |name: &str| {
        changes.iter().chain(&COMPLETE).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    Config::read(find)
}

fn problems(changes: &[(&str, &str)]) -> Vec<String> {
    read(changes).expect_err("it should have been refused").0
}

#[test]
fn a_complete_configuration_is_read() {
    let config = read(&[]).expect("complete");
    assert_eq!(config.http.public_url, "https://api.example.org");
    assert_eq!(config.http.frontend_urls, ["https://www.example.org", "https://other.example.org"]);
    assert_eq!(config.frontend_url(), "https://www.example.org");
    assert_eq!(config.tickets, TicketSource::Postgres);
    assert_eq!(config.mail.smtp.map(|smtp| smtp.port), Some(587));
    assert_eq!(read(&[("REDIS_URL", "redis://r")]).expect("complete").tickets, TicketSource::Redis);
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let Problems(problems) = Config::read(|_| None).expect_err("nothing is set");
    let mut names: Vec<&str> = problems.iter().map(|problem| problem.split(' ').next().unwrap_or_default()).collect();
    names.sort_unstable();
    let needed = [
        "ADMIN_EMAIL",
        "DATABASE_URL",
        "FILES_URL",
        "FRONTEND_URL",
        "JWT_SECRET",
        "MAIL_FROM_EMAIL",
        "PUBLIC_URL",
        "SMTP_HOST",
    ];
    assert_eq!(names, needed);
    assert!(problems.iter().all(|problem| problem.contains("is missing: ")), "{problems:?}");
    let shown = Problems(problems).to_string();
    assert!(needed.iter().all(|name| shown.contains(name)));
}

#[test]
fn an_empty_value_is_a_missing_one() {
    assert!(problems(&[("DATABASE_URL", "  ")])[0].starts_with("DATABASE_URL is missing"));
}

#[test]
fn a_value_we_cannot_read_is_named_and_never_guessed() {
    let bad = [
        ("APP_ENV", "prod"),
        ("PORT", "http"),
        ("PORT", "70000"),
        ("DATABASE_MAX_CONNECTIONS", "-1"),
        ("TICKETS", "kafka"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("RATE_LIMIT_API", "1000"),
        ("RATE_LIMIT_AUTH", "0/1h"),
        ("RATE_LIMIT_FORMS", "5/0s"),
        ("JWT_ACCESS_EXPIRES_IN", "15"),
        ("JWT_EXPIRES_IN", "a week"),
        ("ACCOUNT_ACTIVATION", "maybe"),
        ("SMTP_ENABLED", "yes"),
        ("SMTP_SECURE", "ssl"),
        ("SMTP_PORT", "x"),
        ("MAIL_MAX_ATTEMPTS", "many"),
        ("MAIL_RETRY_HOURS", "9999999999999999999"),
        ("ARGON2_MEMORY_KIB", "7"),
        ("SHUTDOWN_GRACE_SECONDS", "x"),
        ("LOG_FORMAT", "xml"),
        ("METRICS_PORT", "x"),
        ("JWT_SECRET", "too short"),
        ("STRIPE_WEBHOOK_SECRET", "hunter2"),
        ("STRIPE_API_BASE", "http://api.stripe.com"),
        ("FILES_URL", "/srv/files"),
        ("FILES_URL", "file://srv/files"),
        ("FILES_URL", "s3://"),
        ("FILES_URL", "ftp://x/y"),
        ("FILE_URL_TTL", "0s"),
        ("FILE_URL_TTL", "8d"),
    ];
    for (name, value) in bad {
        let found = problems(&[(name, value)]);
        assert!(found.len() == 1 && found[0].starts_with(&format!("{name} ")), "{name}={value}: {found:?}");
    }
    assert_eq!(problems(&[("PORT", "x"), ("LOG_FORMAT", "y"), ("APP_ENV", "z")]).len(), 3);
}

#[test]
fn a_problem_with_a_secret_does_not_show_it() {
    assert!(!problems(&[("JWT_SECRET", "hunter2")])[0].contains("hunter2"));
    let secrets =
        [("SMTP_PASS", "hunter2"), ("STRIPE_SECRET_KEY", "sk_hunter2"), ("STRIPE_WEBHOOK_SECRET", "whsec_hunter2")];
    let debug = format!("{:?}", read(&secrets).expect("complete"));
    assert!(!debug.contains("hunter2") && !debug.contains("0123456789abcdef") && !debug.contains("u:p@"), "{debug}");
}

#[test]
fn a_key_of_stripe_comes_with_the_secrets_of_its_webhook() {
    let with = |name, value| [("STRIPE_SECRET_KEY", "sk_test_x"), ("STRIPE_WEBHOOK_SECRET", "whsec_a"), (name, value)];
    let read = |name, value| {
        let mut changes = with(name, value);
        changes.reverse();
        read(&changes)
    };
    let stripe = read("PORT", "1").expect("complete").stripe;
    assert!(stripe.key.is_some() && stripe.api_base == "https://api.stripe.com");
    for key in ["rk_live_x", "sk_live_x"] {
        assert!(read("STRIPE_SECRET_KEY", key).is_ok(), "{key}");
    }
    for key in ["pk_test_x", "sk_", "whsec_x", "sk_test_ x", "sk_test_\u{e9}"] {
        let problems = read("STRIPE_SECRET_KEY", key).expect_err(key).0;
        assert!(problems.len() == 1 && !problems[0].contains("test_"), "{problems:?}");
    }
    let count = |secrets| read("STRIPE_WEBHOOK_SECRET", secrets).map(|config| config.stripe.webhook_secrets.len()).ok();
    assert_eq!((count("whsec_a"), count("whsec_a, whsec_b,whsec_c,whsec_d")), (Some(1), Some(4)));
    for secrets in
        ["", "whsec_", "whsec_a,", ",", "whsec_a,b", "whsec_a,,whsec_b", "whsec_a,whsec_b,whsec_c,whsec_d,whsec_e"]
    {
        assert_eq!(count(secrets), None, "{secrets}");
    }
    for base in
        ["https://x.example", "http://127.0.0.1:12111/", "http://localhost:1", "http://[::1]:1", "http://127.9.9.9"]
    {
        assert!(read("STRIPE_API_BASE", base).is_ok(), "{base}");
    }
    let foreign = ["http://x.example", "http://127.0.0.1@x.example", "http://localhost.x.example", "http://10.0.0.1"];
    for base in foreign.into_iter().chain(["https://x.example/v1", "https://", "api.stripe.com", "ftp://127.0.0.1"]) {
        assert!(read("STRIPE_API_BASE", base).is_err(), "{base}");
    }
}

#[test]
fn production_invoices_in_nobody_elses_name() {
    let paid = [("STRIPE_SECRET_KEY", "sk_live_x"), ("STRIPE_WEBHOOK_SECRET", "whsec_a")];
    let with = |house: &str, env: &str, payments: bool| {
        let paid = if payments { paid.as_slice() } else { &[] };
        let (house, env) = (("INVOICE_HOUSE", house), ("APP_ENV", env));
        read(&[&[house, env, ("MAIL_FOLDER", "x")], paid].concat()).map(|config| config.house.sample).map_err(|e| e.0)
    };
    assert_eq!(with(HOUSE, "production", true), Ok(false));
    assert_eq!((with("", "production", false), with("", "development", true)), (Ok(true), Ok(true)));
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../templates/invoice/house.toml");
    for (house, part) in [("", "INVOICE_HOUSE is missing"), (sample, "INVOICE_HOUSE still says `sample = true`")] {
        let problems = with(house, "production", true).expect_err("the sample");
        assert!(problems.len() == 1 && problems[0].starts_with(part), "{problems:?}");
    }
    for (house, part) in [("/nowhere.toml", "cannot read /nowhere.toml"), (file!(), "INVOICE_HOUSE")] {
        assert!(with(house, "development", false).expect_err(house)[0].contains(part));
    }
}

#[test]
fn production_needs_a_relay_or_the_word_that_mail_is_held() {
    assert!(problems(&[("SMTP_HOST", "")])[0].starts_with("SMTP_HOST "));
    assert!(read(&[("SMTP_HOST", ""), ("SMTP_ENABLED", "false")]).is_ok());
    let folder = read(&[("MAIL_FOLDER", "/tmp/mails")]).expect("complete").mail.folder;
    assert_eq!(folder, None, "production writes no mail into a folder");
    let development = [("APP_ENV", "development"), ("SMTP_HOST", "")];
    assert!(problems(&development)[0].starts_with("MAIL_FOLDER "));
}

#[test]
fn an_access_token_never_works_longer_than_a_quarter_of_an_hour() {
    let ttl = |value: &str| read(&[("JWT_ACCESS_EXPIRES_IN", value)]).expect("complete").auth.access_ttl;
    assert_eq!(ttl("5m"), Duration::from_secs(300));
    assert_eq!(ttl("12h"), Duration::from_secs(900));
}

#[test]
fn a_huge_duration_is_refused_and_not_a_crash() {
    for value in ["99999999999999999999d", "18446744073709551615d"] {
        assert!(problems(&[("JWT_EXPIRES_IN", value)])[0].starts_with("JWT_EXPIRES_IN "), "{value}");
    }
}

#[test]
fn files_lie_in_a_folder_or_in_a_bucket() {
    let place = |changes: &[(&str, &str)]| read(changes).map(|config| config.files.place);
    let folder = |url| matches!(place(&[("FILES_URL", url)]), Ok(FilePlace::Folder(path)) if path.is_absolute());
    assert!(folder("file:///srv/facteur/files") && folder("file:///with a space"));
    assert!(matches!(place(&[("APP_ENV", "development"), ("FILES_URL", "")]), Ok(FilePlace::Folder(_))));
    let s3 = [("FILES_URL", "s3://invoices/a/b/"), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "hunter2")];
    let Ok(FilePlace::S3 { bucket, prefix, options }) = place(&s3) else { panic!("no bucket") };
    assert_eq!((bucket.as_str(), prefix.as_str(), options.len()), ("invoices", "a/b", 2));
    assert!(!format!("{options:?}").contains("hunter2"));
    assert!(problems(&s3[..2])[0].starts_with("AWS_SECRET_ACCESS_KEY "));
    let at = |url, clear| place(&[&s3[..], &[("AWS_ENDPOINT_URL", url), ("AWS_ALLOW_HTTP", clear)]].concat()).is_ok();
    assert!(at("https://s3.example", "") && at("http://127.0.0.1:9000", "") && at("http://minio:9000", "true"));
    assert!(!at("http://minio:9000", "") && !at("minio:9000", "true"));
}

fn lanes(text: &str) -> Result<Vec<(Lane, usize)>, String> {
    worker::lanes::parse(text)
}

#[test]
fn lanes_are_named_with_their_slots() {
    assert_eq!(lanes("email:3, default"), Ok(vec![(Lane::Email, 3), (Lane::Default, Lane::Default.slots())]));
    let all = lanes("*").expect("all lanes");
    assert_eq!(all.iter().map(|(lane, _)| *lane).collect::<Vec<_>>(), Lane::ALL);
    let rest = lanes("exports:1,*").expect("all lanes");
    assert_eq!((rest.len(), rest[0]), (Lane::ALL.len(), (Lane::Exports, 1)));
}

#[test]
fn a_worker_does_not_start_with_lanes_that_make_no_sense() {
    for (text, part) in [
        ("mail", "there is no lane `mail`"),
        ("email:0", "LANES"),
        ("email:x", "LANES"),
        ("email,email", "twice"),
        ("", "LANES"),
    ] {
        let error = lanes(text).expect_err(text);
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn worker_queues_is_another_name_for_lanes() {
    assert_eq!(read(&[("WORKER_QUEUES", "all")]).expect("complete").worker.lanes, "*");
    assert_eq!(read(&[("WORKER_QUEUES", "email"), ("LANES", "default")]).expect("complete").worker.lanes, "default");
    assert_eq!(read(&[]).expect("complete").worker.lanes, "*");
}

#[test]
fn every_variable_is_explained_in_the_example() {
    let example = include_str!("../../.env.example");
    let asked = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let find = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        COMPLETE.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    Config::read(find).expect("complete");
    let asked = asked.into_inner();
    assert!(asked.len() > 40, "the reader asks for its variables: {asked:?}");
    let missing: Vec<_> = asked.iter().filter(|name| !example.contains(name.as_str())).collect();
    assert!(missing.is_empty(), ".env.example does not explain {missing:?}");
}
