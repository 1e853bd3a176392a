//! Many files as one ZIP, opened by others than who made it.

use axum::response::Response;
use http_body_util::BodyExt;

use super::*;

/// An archive of these files under these names.
fn zip(app: &TestApp, files: &[(&str, File)]) -> Response {
    let files: Vec<_> = files.iter().map(|(name, file)| Ok(((*name).to_owned(), file.clone()))).collect();
    api::archive::zip(&app.platform.files, "Factures T4 2026 é.zip", futures_util::stream::iter(files))
}

async fn bytes(response: Response) -> Vec<u8> {
    response.into_body().collect().await.expect("a whole archive").to_bytes().to_vec()
}

/// What Python's zipfile reads: `name size mtime` a line. It checks every CRC on the way.
const READ: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    for i in z.infolist():
        assert i.compress_type == zipfile.ZIP_STORED
        print(i.filename, len(z.read(i)), '%d-%02d-%02d %02d:%02d' % i.date_time[:5], sep='|')";

fn run(program: &str, args: &[&str]) -> Option<String> {
    let output = std::process::Command::new(program).args(args).env("PYTHONIOENCODING", "utf-8").output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program}: {said}{}", String::from_utf8_lossy(&output.stderr));
    Some(said)
}

#[tokio::test]
async fn an_archive_is_opened_by_others() {
    let app = TestApp::new().await;
    let (a, b, empty) = (put(&app, "a", letters(200_000)).await, put(&app, "b", "b").await, put(&app, "e", []).await);
    let files = [("FA-1.pdf", a.clone()), ("FA-1.pdf", b.clone()), ("../Avoir n° 2 – 発票.pdf", b), ("empty", empty)];
    let response = zip(&app, &files);
    let header = |name: &str| response.headers()[name].to_str().expect("ASCII").to_owned();
    assert_eq!(header("content-type"), "application/zip");
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"Factures T4 2026 _.zip\"; filename*=UTF-8''Factures%20T4%202026%20%C3%A9.zip"
    );
    let made = bytes(response).await;
    assert!(made == bytes(zip(&app, &files)).await, "the same files make the same bytes");
    let path = std::env::temp_dir().join(format!("facteur-{}.zip", uuid::Uuid::new_v4().simple()));
    std::fs::write(&path, &made).expect("written");
    let path_name = path.to_str().expect("a name").to_owned();
    let time = a.created_at.format("%Y-%m-%d %H:%M");
    match run("python3", &["-c", READ, &path_name]) {
        Some(read) => assert_eq!(
            read.lines().collect::<Vec<_>>(),
            [
                format!("FA-1.pdf|200000|{time}"),
                format!("FA-1 (2).pdf|1|{time}"),
                format!("_Avoir n° 2 – 発票.pdf|1|{time}"),
                format!("empty|0|{time}"),
            ]
        ),
        None => eprintln!("SKIPPED: no python3 here to open the archive"),
    }
    if run("unzip", &["-tq", &path_name]).is_none() {
        eprintln!("SKIPPED: no unzip here to test the archive");
    }
    std::fs::remove_file(path).expect("removed");
}

#[tokio::test]
async fn an_archive_of_nothing_is_an_archive() {
    let app = TestApp::new().await;
    let made = bytes(zip(&app, &[])).await;
    assert_eq!((made.len(), &made[..4]), (22, &b"PK\x05\x06"[..]));
}

#[tokio::test]
async fn an_archive_breaks_off_at_a_file_that_cannot_be_read() {
    let app = TestApp::new().await;
    let (a, b) = (put(&app, "a", letters(200_000)).await, put(&app, "b", letters(100)).await);
    std::fs::write(blob(&app, &b), letters(99)).expect("spoilt");
    let broken = zip(&app, &[("a", a), ("b", b)]).into_body().collect().await;
    assert!(
        broken.is_err_and(|error| error.to_string().contains("corrupt") || format!("{error:?}").contains("corrupt"))
    );
}
