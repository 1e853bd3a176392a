//! A PostgreSQL cluster of a test's own, to be stopped, starved and filled up. `dev` says where its programs are.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use shared::platform::MIGRATOR;
use sqlx::{Connection, PgConnection};

use crate::env;
use crate::process::{self, eventually};

/// A cluster that is stopped and removed with this value.
pub struct Postgres {
    /// Its port on loopback.
    pub port: u16,
    folder: PathBuf,
    password: String,
    settings: Vec<String>,
    server: Option<Child>,
}

impl Postgres {
    /// A migrated, empty database in a fresh cluster with these settings (`max_connections=20`).
    pub async fn start(settings: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("facteur-pg-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&folder).expect("a folder");
        Self::start_in(folder, None, settings).await
    }

    /// The same with its tables in this folder, and its log of transactions elsewhere: what fills up are the tables.
    pub async fn start_in(folder: PathBuf, wal: Option<&Path>, settings: &[&str]) -> Self {
        let password = uuid::Uuid::new_v4().simple().to_string();
        let (data, secret) = (folder.join("data"), folder.join("password"));
        std::fs::create_dir(&data).expect("a folder");
        std::fs::write(&secret, &password).expect("a password");
        for path in [Some(folder.as_path()), Some(&data), Some(&secret), wal].into_iter().flatten() {
            give(path);
        }
        let mut init = program("initdb");
        init.args(["--no-sync", "-U", "facteur", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256"]);
        init.arg("-D").arg(&data).arg(format!("--pwfile={}", secret.display()));
        if let Some(wal) = wal {
            init.arg(format!("--waldir={}", wal.display()));
        }
        let made = init.output().expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut cluster = Self { port: process::free_port(), folder, password, settings, server: None };
        cluster.begin().await;
        let mut db = cluster.connect().await.expect("a fresh cluster");
        MIGRATOR.run(&mut db).await.expect("the migrations run");
        cluster
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("postgres://facteur:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// A connection outside every pool.
    pub async fn connect(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect(&self.url()).await
    }

    /// Stops at once and uncleanly, as a crash does.
    pub fn stop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let _ = Command::new("kill").arg("-QUIT").arg(server.id().to_string()).status();
        let _ = server.wait();
    }

    /// Starts it, and waits until it answers.
    pub async fn begin(&mut self) {
        let mut server = program("postgres");
        server.arg("-D").arg(self.folder.join("data")).args(["-c", &format!("port={}", self.port)]);
        server.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "timezone=UTC"]);
        for setting in &self.settings {
            server.args(["-c", setting]);
        }
        self.server = Some(server.spawn().expect("postgres runs"));
        eventually(Duration::from_secs(30), "PostgreSQL answers", || async { self.connect().await.is_ok() }).await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(self.folder.join("data"));
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// One of PostgreSQL's programs; it refuses to run as root, so root gives it to the packages' user.
fn program(name: &str) -> Command {
    let path = PathBuf::from(env::needed("FACTEUR_POSTGRES_BIN")).join(name);
    let mut command = match user() {
        None => Command::new(path),
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups").arg(path);
            command
        }
    };
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    if name == "postgres" {
        command.stderr(Stdio::null());
    }
    command
}

fn give(path: &Path) {
    if let Some((user, group)) = user() {
        chown(path, Some(user), Some(group)).expect("a folder is given away");
    }
    if path.is_dir() {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).expect("a closed folder");
    }
}

/// Whom PostgreSQL runs as, when we are root.
fn user() -> Option<(u32, u32)> {
    let id = |args: &[&str]| {
        let said = Command::new("id").args(args).output().ok().filter(|said| said.status.success())?;
        String::from_utf8(said.stdout).ok()?.trim().parse::<u32>().ok()
    };
    (id(&["-u"]) == Some(0)).then(|| {
        let name = if id(&["-u", "postgres"]).is_some() { "postgres" } else { "nobody" };
        (id(&["-u", name]).expect("a user"), id(&["-g", name]).expect("a group"))
    })
}
