//! Where the stores and binaries are: `./dev test` says so in the environment.

use std::path::PathBuf;

/// A variable that `./dev test` sets.
pub fn needed(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests by `./dev test`"))
}

/// One of our binaries.
pub fn binary(name: &str) -> PathBuf {
    let path = PathBuf::from(needed("FACTEUR_BIN_DIR")).join(name);
    assert!(path.exists(), "{} does not exist: build it with `cargo build`", path.display());
    path
}

/// The environment of a process on this database, in a Redis namespace of its own.
pub fn base(database_url: &str) -> Vec<(String, String)> {
    let pairs = [
        ("APP_ENV", "test".to_owned()),
        ("DATABASE_URL", database_url.to_owned()),
        ("REDIS_URL", needed("TEST_REDIS_URL")),
        ("NAMESPACE", format!("t{}", uuid::Uuid::new_v4().simple())),
        ("JWT_SECRET", "a secret that only the tests of this house know".to_owned()),
        ("PUBLIC_URL", "http://api.test".to_owned()),
        ("FRONTEND_URL", "http://www.test".to_owned()),
        ("ADMIN_EMAIL", "admin@facteur.example".to_owned()),
        ("MAIL_FROM_EMAIL", "bonjour@facteur.example".to_owned()),
        ("SMTP_ENABLED", "true".to_owned()),
        ("ARGON2_MEMORY_KIB", "64".to_owned()),
        ("RATE_LIMIT_FORMS", "1000/1h".to_owned()),
        ("RATE_LIMIT_API", "100000/15m".to_owned()),
        ("LOG_FORMAT", "json".to_owned()),
        ("PORT", "0".to_owned()),
        ("FILES_URL", format!("file://{}", files(database_url).display())),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Where the files of this database lie; a test that stores none never makes it.
pub fn files(database_url: &str) -> PathBuf {
    let name: String =
        shared::kernel::secret::sha256(database_url).iter().take(8).map(|b| format!("{b:02x}")).collect();
    std::env::temp_dir().join(format!("facteur-files-{name}"))
}

/// Looks a name up; a later pair wins.
pub fn lookup(env: &[(String, String)], name: &str) -> Option<String> {
    env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}
