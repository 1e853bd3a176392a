//! Stored files: what is put is there, once, whole, and as long as a row names it.

mod archive;
mod attached;
mod s3;
mod serving;

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::TestApp;
use serde_json::json;
use shared::kernel::Error;
use shared::platform::files::{self, File, FileError, FileKind, NewFile, Swept};
use shared::platform::jobs::enqueue;
use shared::platform::jobs::kinds::{PurgeExpired, SweepFiles};
use shared::platform::tx::Tx;

const DAY: Duration = Duration::from_hours(25);

fn new(name: &str, bytes: Vec<u8>) -> NewFile<'_> {
    let kind = FileKind::Invoice;
    NewFile { kind, name, content_type: "application/pdf", bytes: bytes.into(), user: None, keep: None }
}

/// Stores a file and commits.
async fn put(app: &TestApp, name: &str, bytes: impl Into<Vec<u8>>) -> File {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let file = files::put(&mut tx, new(name, bytes.into())).await.expect("stored");
    tx.commit().await.expect("a commit");
    file
}

/// Letters without a pattern that a wrong offset could hide in.
fn letters(n: usize) -> Vec<u8> {
    (0..n as u64).map(|i| b'a' + (i.wrapping_mul(2_654_435_761) >> 7) as u8 % 26).collect()
}

/// Every file below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

fn stored(app: &TestApp) -> Vec<PathBuf> {
    below(&harness::env::files(app.database_url()))
}

fn blob(app: &TestApp, file: &File) -> PathBuf {
    app.platform.files.in_the_folder(&file.sha256).expect("a folder")
}

#[tokio::test]
async fn the_same_bytes_are_stored_once() {
    let app = TestApp::new().await;
    let one = put(&app, "one.pdf", letters(100_000)).await;
    let two = put(&app, "two.pdf", letters(100_000)).await;
    let other = put(&app, "other.pdf", letters(100_001)).await;
    assert_eq!((&one.sha256, one.size), (&two.sha256, 100_000));
    assert_eq!(stored(&app).len(), 2);
    assert_eq!(files::read(&app.platform.files, &two).await.expect("its bytes"), letters(100_000));
    let mut db = app.platform.db.acquire().await.expect("a connection");
    let found = files::find_many(&mut db, &[other.id, one.id]).await.expect("files");
    assert_eq!(found.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["other.pdf", "one.pdf"]);
    assert_eq!(files::get(&mut db, two.id).await.expect("a file").created_at, two.created_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_store_the_same_at_once() {
    let app = TestApp::new().await;
    let puts: Vec<_> = (0..8).map(|_| put(&app, "x.pdf", letters(300_000))).collect();
    let files = futures_util::future::join_all(puts).await;
    assert_eq!(stored(&app), [blob(&app, &files[0])], "one, and nothing half written");
    assert_eq!(app.sql("select count(*) as n from files").await[0]["n"], 8);
    assert_eq!(files::read(&app.platform.files, &files[7]).await.expect("its bytes").len(), 300_000);
}

#[tokio::test]
async fn bytes_that_are_not_what_was_stored_are_not_given_out() {
    let app = TestApp::new().await;
    let file = put(&app, "a.pdf", letters(200_000)).await;
    let mut bytes = letters(200_000);
    bytes[199_999] ^= 1;
    std::fs::write(blob(&app, &file), &bytes).expect("spoilt");
    let spoilt = files::read(&app.platform.files, &file).await.expect_err("corrupt");
    assert!(matches!(&spoilt, FileError::Corrupt { why, .. } if why.contains("SHA-256")), "{spoilt}");
    std::fs::write(blob(&app, &file), &bytes[..100_000]).expect("cut");
    let cut = files::read(&app.platform.files, &file).await.expect_err("corrupt");
    assert!(cut.to_string().contains("100000 bytes instead of 200000"), "{cut}");
    std::fs::remove_file(blob(&app, &file)).expect("removed");
    let gone = files::read(&app.platform.files, &file).await.expect_err("missing");
    assert!(matches!(gone, FileError::Missing { .. }), "{gone}");
    // Whoever can make the bytes anew mends the file.
    put(&app, "a.pdf", letters(200_000)).await;
    assert_eq!(files::read(&app.platform.files, &file).await.expect("mended").len(), 200_000);
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let app = TestApp::new().await;
    let file = put(&app, "empty.txt", []).await;
    assert_eq!((file.size, files::read(&app.platform.files, &file).await.expect("nothing").len()), (0, 0));
}

#[tokio::test]
async fn what_cannot_be_a_name_or_a_type_is_refused() {
    let app = TestApp::new().await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    for name in ["", "a/b.pdf", "a\r\nb.pdf", &"x".repeat(201)] {
        let refused = files::put(&mut tx, new(name, letters(1))).await.expect_err(name);
        assert!(matches!(&refused, Error::Invalid(fields) if fields[0].path == "name"), "{refused}");
    }
    for content_type in ["pdf", "text/", "text/html\r\nx: y", "/x"] {
        let refused = files::put(&mut tx, NewFile { content_type, ..new("a", letters(1)) }).await;
        assert!(matches!(&refused, Err(Error::Invalid(fields)) if fields[0].path == "content_type"), "{refused:?}");
    }
    assert!(stored(&app).is_empty());
}

async fn sweep(app: &TestApp) -> u64 {
    files::sweep(&app.platform, || true).await.expect("swept").blobs
}

#[tokio::test]
async fn bytes_without_a_row_go_a_day_later_and_no_others() {
    let app = TestApp::new().await;
    let (kept, deleted, twice) = (put(&app, "k", "k").await, put(&app, "d", "d").await, put(&app, "t", "t").await);
    put(&app, "t again", "t").await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    files::put(&mut tx, new("never", b"never committed".to_vec())).await.expect("stored");
    tx.rollback().await.expect("rolled back");
    let mut db = app.platform.db.acquire().await.expect("a connection");
    for file in [&deleted, &twice] {
        assert!(files::delete(&mut db, file.id).await.expect("deleted"));
    }
    let foreign = harness::env::files(app.database_url()).join("README");
    std::fs::write(&foreign, "not ours").expect("written");
    std::fs::write(format!("{}#1", blob(&app, &kept).display()), "half").expect("written");
    assert_eq!((sweep(&app).await, stored(&app).len()), (0, 6), "too young");
    app.advance(DAY).await;
    let swept = files::sweep(&app.platform, || true).await.expect("swept");
    assert_eq!(swept, Swept { blobs: 2, bytes: 16, halves: 1 });
    let mut left = stored(&app);
    left.sort();
    let mut wanted = [blob(&app, &kept), blob(&app, &twice), foreign];
    wanted.sort();
    assert_eq!(left, wanted);
}

#[tokio::test]
async fn bytes_whose_row_is_on_its_way_are_not_swept() {
    let app = TestApp::new().await;
    put(&app, "old", "the same").await;
    app.execute("delete from files").await;
    app.advance(DAY).await; // by the clock the bytes are old now
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let file = files::put(&mut tx, new("again", b"the same".to_vec())).await.expect("stored");
    assert_eq!(sweep(&app).await, 0);
    tx.commit().await.expect("a commit");
    assert_eq!(sweep(&app).await, 0);
    assert_eq!(files::read(&app.platform.files, &file).await.expect("its bytes"), "the same");
}

#[tokio::test]
async fn a_file_with_a_term_is_gone_after_it() {
    let app = TestApp::new().await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let keep = Some(Duration::from_hours(1));
    let file = files::put(&mut tx, NewFile { keep, ..new("export.csv", letters(9)) }).await.expect("stored");
    tx.commit().await.expect("a commit");
    let work = async || {
        let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
        enqueue(&mut tx, &PurgeExpired {}).await.expect("enqueued");
        enqueue(&mut tx, &SweepFiles {}).await.expect("enqueued");
        tx.commit().await.expect("a commit");
        app.drain().await;
        let failed = app.sql("select kind, state, last_error from jobs where state <> 'succeeded'").await;
        assert_eq!(failed, json!([]));
        (app.sql("select count(*) as n from files").await[0]["n"].as_i64(), stored(&app).len())
    };
    assert_eq!(work().await, (Some(1), 1));
    app.advance(Duration::from_hours(2)).await;
    let mut db = app.platform.db.acquire().await.expect("a connection");
    assert!(files::find(&mut db, file.id).await.expect("no error").is_none(), "gone before it is deleted");
    assert_eq!(work().await, (Some(0), 1));
    app.advance(DAY).await;
    assert_eq!(work().await, (Some(0), 0));
}

/// A file system of 1 MiB. It goes with the value.
struct Small(PathBuf);

impl Small {
    fn new() -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("facteur-small-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&folder).expect("a folder");
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&folder).stderr(std::process::Stdio::null());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        std::fs::remove_dir(&folder).expect("an empty folder");
        None
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[tokio::test]
async fn a_full_disk_is_told_as_such_and_leaves_nothing_behind() {
    let Some(small) = Small::new() else {
        eprintln!("SKIPPED: this user may not mount a small file system, no disk was filled");
        return;
    };
    let url = format!("file://{}/files", small.0.display());
    let app = TestApp::with(&[("FILES_URL", &url)]).await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let full = files::put(&mut tx, new("big.pdf", letters(2_000_000))).await.expect_err("full");
    let wanted = format!("cannot write to {}/files: its disk is full", small.0.display());
    assert!(matches!(&full, Error::Storage(text) if text.starts_with(&wanted)), "{full}");
    assert!(below(&small.0).is_empty(), "{:?}", below(&small.0));
    tx.rollback().await.expect("rolled back");
    put(&app, "small.pdf", letters(1000)).await;
    assert_eq!(app.sql("select name from files").await, json!([{ "name": "small.pdf" }]));
    let before = below(&small.0);
    assert!(app.platform.files.check().await.is_ok_and(|said| said.contains("lie in the folder")));
    assert_eq!((below(&small.0), before.len()), (before, 1), "a doctor leaves nothing behind");
}

#[tokio::test]
async fn a_doctor_tells_a_store_that_cannot_be_written() {
    let app = TestApp::with(&[("FILES_URL", "file:///proc/facteur/files")]).await;
    let said = app.platform.files.check().await.expect_err("nobody writes there");
    assert!(said.contains("/proc/facteur/files") && said.contains("FILES_URL"), "{said}");
}
