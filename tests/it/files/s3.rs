//! moto, somebody else's imitation of S3: what we write there is there, and what it says we understand.
//!
//! `./dev test` names a Python that has it in FACTEUR_MOTO; where it cannot be had, the test says so and passes.

use harness::process::{eventually, free_port};
use shared::platform::files::Disposition;
use tokio::process::{Child, Command};

use super::*;
use crate::exports;

/// moto wants to be told who asks, and believes it.
const WHO: &str = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x";

/// A running moto with the bucket `factures`; it ends with the value.
struct Foreign {
    url: String,
    http: reqwest::Client,
    _server: Child,
}

impl Foreign {
    async fn start(python: &str) -> Self {
        let port = free_port().to_string();
        let mut server = Command::new(python);
        server.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port]).kill_on_drop(true);
        server.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let _server = server.spawn().expect("moto starts");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let foreign = Self { url: format!("http://127.0.0.1:{port}"), http, _server };
        eventually(Duration::from_secs(30), "moto has a bucket", || async {
            foreign
                .http
                .put(foreign.at(""))
                .header("authorization", WHO)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        foreign
    }

    fn at(&self, key: &str) -> String {
        format!("{}/factures/{key}", self.url)
    }

    /// The bytes under a key, asked for without any client of ours.
    async fn read(&self, key: &str) -> Option<Vec<u8>> {
        let answer = self.http.get(self.at(key)).header("authorization", WHO).send().await.expect("an answer");
        if answer.status() == 404 {
            return None;
        }
        Some(answer.error_for_status().expect("the object").bytes().await.expect("its bytes").to_vec())
    }

    async fn app(&self, url: &str) -> TestApp {
        let changes = [
            ("FILES_URL", url),
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ];
        TestApp::with(&changes).await
    }
}

fn key(file: &File) -> String {
    format!("a/b/{}/{}", &file.sha256[..2], &file.sha256[2..])
}

#[tokio::test(flavor = "multi_thread")]
async fn files_lie_in_a_bucket_of_somebody_else() {
    let Ok(python) = std::env::var("FACTEUR_MOTO") else {
        eprintln!("SKIPPED: moto is not on this machine, no foreign S3 was spoken with");
        return;
    };
    let foreign = Foreign::start(&python).await;
    let app = foreign.app("s3://factures/a/b").await;
    let file = put(&app, "FA-1.pdf", letters(300_000)).await;
    put(&app, "again.pdf", letters(300_000)).await;
    assert_eq!(foreign.read(&key(&file)).await, Some(letters(300_000)));
    assert!(files::read(&app.platform.files, &file).await.expect("its bytes") == letters(300_000));
    let url = files::signed_url(&app.platform, file.id, Disposition::Attachment);
    let path = url.strip_prefix("http://api.test").expect("ours");
    let part = app.anonymous().header("range", "bytes=100000-100009").get(path).await.status(206);
    assert_eq!(part.text.as_bytes(), &letters(100_010)[100_000..]);
    assert!(app.anonymous().get(path).await.status(200).text.as_bytes() == letters(300_000));
    assert_eq!(app.platform.files.check().await, Ok("lie in s3://factures/a/b".to_owned()));

    let empty = put(&app, "empty", []).await;
    assert_eq!(files::read(&app.platform.files, &empty).await.expect("nothing").len(), 0);
    let mut spoilt = letters(300_000);
    spoilt[0] ^= 1;
    let put = foreign.http.put(foreign.at(&key(&file))).header("authorization", WHO).body(spoilt);
    put.send().await.and_then(reqwest::Response::error_for_status).expect("spoilt");
    let corrupt = files::read(&app.platform.files, &file).await.expect_err("corrupt");
    assert!(matches!(corrupt, FileError::Corrupt { .. }), "{corrupt}");
    app.execute("delete from files").await;
    assert_eq!(sweep(&app).await, 0, "too young");
    app.advance(DAY).await;
    assert_eq!(sweep(&app).await, 2);
    assert_eq!(foreign.read(&key(&file)).await, None);
    let gone = files::read(&app.platform.files, &file).await.expect_err("missing");
    assert!(matches!(gone, FileError::Missing { .. }), "{gone}");

    let nowhere = foreign.app("s3://nowhere").await.platform.files.check().await.expect_err("no bucket");
    assert!(nowhere.starts_with("cannot write to s3://nowhere: there is no such place"), "{nowhere}");
    drop(foreign);
    let began = std::time::Instant::now();
    let away = app.platform.files.check().await.expect_err("away");
    assert!(away.contains("s3://factures/a/b") && began.elapsed() < Duration::from_secs(25), "{away}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_made_of_parts_in_a_bucket_and_fetched_from_there() {
    let Ok(python) = std::env::var("FACTEUR_MOTO") else {
        eprintln!("SKIPPED: moto is not on this machine, no export was made in a foreign S3");
        return;
    };
    let foreign = Foreign::start(&python).await;
    let app = foreign.app("s3://factures/x").await;
    let admin = app.admin().await;
    exports::orders(&app, 40_000).await;
    let export = exports::made(&app, &admin, exports::wish("orders", "csv")).await;
    let size = export["size"].as_u64().expect("a size");
    assert!(size > 10 * 1024 * 1024, "of more than two pieces: {size}");
    let whole = exports::fetched(&admin, &export).await;
    assert_eq!((whole.bytes.len() as u64, whole.text.matches("\r\n").count()), (size, 40_001));
    let path = format!("/api/v1/exports/{}/file", exports::id(&export));
    let end = format!("bytes={}-", size - 10);
    let part = admin.clone().header("range", &end).get(&path).await.status(206);
    assert_eq!(part.bytes, whole.bytes[whole.bytes.len() - 10..]);
    let left = foreign.http.get(format!("{}/factures?prefix=x/spool", foreign.url)).header("authorization", WHO);
    let left = left.send().await.expect("an answer").text().await.expect("a list");
    assert!(left.contains("ListBucketResult") && !left.contains("<Key>"), "nothing is left of its making: {left}");
}
