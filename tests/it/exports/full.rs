//! A disk that is full while an export is written.

use std::path::PathBuf;
use std::process::Command;

use harness::TestApp;

use super::{id, orders, wish};

/// A disk of so many bytes, gone with the value; none where nobody may mount one.
struct Disk(PathBuf);

impl Disk {
    fn of(bytes: usize) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("facteur-disk-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&folder).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "facteur"])
            .arg(&folder)
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        std::fs::remove_dir(&folder).expect("an empty folder");
        eprintln!("SKIPPED: nobody may mount a disk here, so none was full");
        None
    }

    fn files(&self) -> Vec<PathBuf> {
        let (mut open, mut found) = (vec![self.0.clone()], Vec::new());
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() { open.push(entry.path()) } else { found.push(entry.path()) }
            }
        }
        found
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_tried_again_then_ends_with_a_sentence_and_leaves_nothing() {
    let Some(disk) = Disk::of(6 * 1024 * 1024) else { return };
    let app = TestApp::with(&[("FILES_URL", &format!("file://{}", disk.0.display()))]).await;
    let chef = app.admin().await;
    // Its parts fit, twice as much does not: the first run fails at the end, and the second goes on from there.
    orders(&app, 12_000).await;
    let asked = chef.post("/api/v1/admin/exports", wish("orders", "csv")).await.status(202).data();
    app.drain().await;
    let job = app.sql("select state, error_code, last_error from jobs where kind = 'export.build'").await[0].clone();
    assert_eq!((job["state"].as_str(), job["error_code"].as_str()), (Some("retrying"), Some("storage")), "{job}");
    let sentence = job["last_error"].as_str().expect("an error");
    assert!(sentence.contains("its disk is full: free some space"), "{sentence}");
    assert!(disk.files().iter().all(|file| !file.to_string_lossy().contains('#')), "{:?}", disk.files());
    for _ in 0..4 {
        app.execute("update jobs set run_at = now() where state = 'retrying'").await;
        app.drain().await;
    }
    let dead = app.sql("select state, attempt from jobs where kind = 'export.build'").await[0].clone();
    assert_eq!(dead, serde_json::json!({ "state": "dead", "attempt": 5 }));
    assert_eq!(disk.files(), Vec::<PathBuf>::new(), "no temporary file is left");
    let row = chef.get(&format!("/api/v1/exports/{}", id(&asked))).await.ok();
    assert_eq!((row["status"].as_str(), row["error"].as_str()), (Some("failed"), Some(sentence)));
    let told = chef.get("/api/v1/notifications").await.ok();
    assert!(told.to_string().contains("n’a pas pu être préparé"), "{told}");
    // Another one is open: the first cannot begin anew beside it.
    chef.post("/api/v1/admin/exports", wish("orders", "csv")).await.status(202);
    app.execute("update jobs set state = 'scheduled', run_at = now() + interval '1 day' where state = 'queued'").await;
    let first = app.sql("select id from jobs where state = 'dead'").await[0]["id"].as_str().expect("an id").to_owned();
    let retry =
        async || chef.post(&format!("/api/v1/admin/jobs/{first}/retry"), serde_json::json!({})).await.status(202);
    retry().await;
    app.drain().await;
    assert_eq!(chef.get(&format!("/api/v1/exports/{}", id(&asked))).await.ok()["status"], "failed");
    // There is space again, and none is open: whoever retries the job gets the file.
    app.execute("delete from exports where status = 'requested'; delete from jobs where state = 'scheduled'").await;
    app.execute("delete from order_lines; delete from orders where total_gross_cents > 12000").await;
    retry().await;
    app.drain().await;
    let row = chef.get(&format!("/api/v1/exports/{}", id(&asked))).await.ok();
    assert_eq!(
        (&row["status"], &row["rows_done"], &row["snapshots"]),
        (&"ready".into(), &100.into(), &1.into()),
        "{row}"
    );
    assert_eq!(row["error"], serde_json::Value::Null);
}
