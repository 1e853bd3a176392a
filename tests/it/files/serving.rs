//! Files over HTTP: whole, in part, not again, and only by an address that we signed.

use axum::http::Method;
use harness::{Reply, TestApp};
use shared::platform::files::{Disposition, File, signed_url, signed_url_for};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// The address without the host.
fn path(app: &TestApp, file: &File) -> String {
    let url = signed_url(&app.platform, file.id, Disposition::Attachment);
    url.strip_prefix("http://api.test").expect("our own address").to_owned()
}

async fn get(app: &TestApp, file: &File, headers: &[(&str, &str)]) -> Reply {
    let client = headers.iter().fold(app.anonymous(), |client, (name, value)| client.header(name, value));
    client.get(&path(app, file)).await
}

#[tokio::test]
async fn a_file_comes_with_its_name_its_type_and_its_hash() {
    let app = TestApp::new().await;
    let file = put(&app, "Facture n° 7.pdf", letters(200_000)).await;
    let reply = get(&app, &file, &[]).await.status(200);
    assert!(reply.text.as_bytes() == letters(200_000));
    let tag = format!("\"{}\"", file.sha256);
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("content-length", "200000"),
        (
            "content-disposition",
            "attachment; filename=\"Facture n_ 7.pdf\"; filename*=UTF-8''Facture%20n%C2%B0%207.pdf",
        ),
        ("etag", &tag),
        ("accept-ranges", "bytes"),
        ("cache-control", "private, no-cache"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    let head = app.anonymous().raw(Method::HEAD, &path(&app, &file), Vec::new()).await.status(200);
    assert_eq!((head.text.as_str(), head.header("content-length")), ("", Some("200000")));
    assert_eq!((head.header("etag"), head.header("accept-ranges")), (Some(tag.as_str()), Some("bytes")));
}

#[tokio::test]
async fn a_file_is_sent_in_part_and_not_again() {
    let app = TestApp::new().await;
    let file = put(&app, "a.pdf", letters(150_000)).await;
    let all = letters(150_000);
    for (range, from, to) in
        [("bytes=0-0", 0, 1), ("bytes=70000-", 70_000, 150_000), ("bytes=-7", 149_993, 150_000), ("bytes=5-9", 5, 10)]
    {
        let part = get(&app, &file, &[("range", range)]).await.status(206);
        assert!(part.text.as_bytes() == &all[from..to], "{range}");
        assert_eq!(part.header("content-range"), Some(format!("bytes {from}-{}/150000", to - 1).as_str()));
        assert_eq!(part.header("content-length"), Some((to - from).to_string().as_str()));
    }
    let outside = get(&app, &file, &[("range", "bytes=150000-")]).await.status(416);
    assert_eq!(
        (outside.header("content-range"), outside.code().as_str()),
        (Some("bytes */150000"), "range_not_satisfiable")
    );
    for range in ["bytes=0-1,4-5", "lines=1-2", "bytes=9-5"] {
        assert_eq!(get(&app, &file, &[("range", range)]).await.status(200).text.len(), 150_000, "{range}");
    }
    let tag = format!("\"{}\"", file.sha256);
    let (app, file) = (&app, &file);
    let since = |tag: String| async move { get(app, file, &[("range", "bytes=1-2"), ("if-range", &tag)]).await.status };
    assert_eq!(since(tag.clone()).await, 206);
    assert_eq!(since(format!("W/{tag}")).await, 200, "If-Range compares strongly");
    assert_eq!(since("\"another\"".into()).await, 200);
    assert_eq!(since("Sat, 21 Nov 2026 00:00:00 GMT".into()).await, 200);
    let known = get(app, file, &[("if-none-match", &format!("\"x\", W/{tag}")), ("range", "bytes=1-2")]).await;
    assert_eq!((known.status.as_u16(), known.header("etag"), known.text.as_str()), (304, Some(tag.as_str()), ""));
    get(app, file, &[("if-none-match", "\"x\"")]).await.status(200);
}

#[tokio::test]
async fn only_what_is_harmless_is_shown_in_a_browser() {
    let app = TestApp::new().await;
    for (content_type, how) in
        [("application/pdf", "inline"), ("text/html", "attachment"), ("image/svg+xml", "attachment")]
    {
        let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
        let new = NewFile { content_type, ..new("x", letters(10)) };
        let file = files::put(&mut tx, new).await.expect("stored");
        tx.commit().await.expect("a commit");
        let url = signed_url(&app.platform, file.id, Disposition::Inline);
        let reply = app.anonymous().get(url.strip_prefix("http://api.test").expect("ours")).await.status(200);
        let said = reply.header("content-disposition").expect("a disposition");
        assert!(said.starts_with(how), "{content_type}: {said}");
        assert_eq!(reply.header("content-type"), Some(content_type));
    }
}

#[tokio::test]
async fn an_address_with_another_byte_leads_nowhere() {
    let app = TestApp::new().await;
    let file = put(&app, "a.pdf", letters(10)).await;
    let right = path(&app, &file);
    app.anonymous().get(&right).await.status(200);
    let nothing = app.anonymous().get("/api/v1/files/x/content").await.status(404).json();
    let same = |mut answer: serde_json::Value| {
        answer["request_id"] = serde_json::Value::Null;
        answer
    };
    for at in "/api/v1/files/".len()..right.len() {
        let mut wrong = right.clone().into_bytes();
        wrong[at] = match wrong[at] {
            b'a'..=b'f' => wrong[at].to_ascii_uppercase(), // the same digit, spelt otherwise
            b'0' => b'1',
            _ => b'0',
        };
        let wrong = String::from_utf8(wrong).expect("ASCII");
        let reply = app.anonymous().get(&wrong).await.status(404);
        if wrong.contains("/content?") {
            assert_eq!(same(reply.json()), same(nothing.clone()), "{wrong}");
        }
    }
    for more in ["&expires=99999999999", "&disposition=inline", "&signature=x"] {
        app.anonymous().get(&format!("{right}{more}")).await.status(404);
    }
    for fewer in [right.split('?').next().expect("a path"), right.rsplit_once('&').expect("a query").0] {
        app.anonymous().get(fewer).await.status(404);
    }
}

#[tokio::test]
async fn an_address_is_for_one_file_and_for_a_while() {
    let app = TestApp::new().await;
    let (one, two) = (put(&app, "1.pdf", letters(10)).await, put(&app, "2.pdf", letters(10)).await);
    let right = path(&app, &one);
    app.anonymous().get(&right.replace(&one.id.to_string(), &two.id.to_string())).await.status(404);
    app.anonymous().get(&right.replace("attachment", "inline")).await.status(404);
    let short = signed_url_for(&app.platform, one.id, Disposition::Inline, Duration::from_mins(2));
    let short = short.strip_prefix("http://api.test").expect("ours").to_owned();
    app.platform.clock.advance(Duration::from_secs(119));
    app.anonymous().get(&short).await.status(200);
    app.platform.clock.advance(Duration::from_secs(1));
    app.anonymous().get(&short).await.status(404);
    app.anonymous().get(&right).await.status(200);
    app.platform.clock.advance(Duration::from_mins(13));
    app.anonymous().get(&right).await.status(404);
    let other = TestApp::with(&[("JWT_SECRET", "another secret of at least thirty-two bytes")]).await;
    assert_ne!(path(&other, &one).split("signature").last(), path(&app, &one).split("signature").last());
    app.execute("delete from files").await;
    app.anonymous().get(&path(&app, &two)).await.status(404);
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_and_no_file() {
    let app = TestApp::new().await;
    let file = put(&app, "a.pdf", letters(1000)).await;
    std::fs::remove_file(blob(&app, &file)).expect("removed");
    assert_eq!(get(&app, &file, &[]).await.status(500).code(), "internal");
    let app = TestApp::with(&[("FILES_URL", "file:///proc/version/files")]).await;
    app.execute(&format!(
        "insert into files (id, kind, sha256, size, content_type, name) values ('{}', 'invoice', '{}', 1000, 'application/pdf', 'a')",
        file.id, file.sha256
    ))
    .await;
    let away = get(&app, &file, &[]).await.status(503);
    assert_eq!((away.code().as_str(), away.header("retry-after")), ("storage", Some("30")));
    assert!(!away.text.contains("/proc"), "what the operator must know is not sent: {}", away.text);
}

/// The API on a socket.
async fn serve(app: &TestApp) -> std::net::SocketAddr {
    let listener = api::http::listen("127.0.0.1", 0).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(api::http::serve(listener, app.router.clone(), 100, std::future::pending()));
    address
}

/// Asks for a file and reads the first bytes of the answer alone.
async fn begin(address: std::net::SocketAddr, path: &str) -> (tokio::net::TcpStream, Vec<u8>) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(8192).expect("a small buffer");
    let mut stream = socket.connect(address).await.expect("connected");
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
        .await
        .expect("asked");
    let mut first = vec![0; 1024];
    stream.read_exact(&mut first).await.expect("the beginning of an answer");
    (stream, first)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_hold_no_connection_of_the_database() {
    let app = TestApp::with(&[("DATABASE_MAX_CONNECTIONS", "2")]).await;
    let size = 12 * 1024 * 1024;
    let file = put(&app, "large.pdf", letters(size)).await;
    let (address, path) = (serve(&app).await, path(&app, &file));
    let mut readers = Vec::new();
    for _ in 0..20 {
        readers.push(begin(address, &path).await);
    }
    assert!(readers.iter().all(|(_, first)| first.starts_with(b"HTTP/1.1 200 ")));
    let (one, two) = (app.platform.db.acquire().await, app.platform.db.acquire().await);
    assert!(one.is_ok() && two.is_ok(), "both connections are free while twenty answers are on their way");
    drop((one, two));
    app.anonymous().get("/health/ready").await.status(200);
    let (mut reader, mut answer) = readers.pop().expect("a reader");
    drop(readers);
    reader.read_to_end(&mut answer).await.expect("the rest");
    let body = answer.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
    assert!(answer[body..] == letters(size), "{} bytes", answer.len() - body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_file_never_ends_like_a_whole_one() {
    let app = TestApp::new().await;
    let file = put(&app, "a.pdf", letters(300_000)).await;
    let mut spoilt = letters(300_000);
    spoilt[5] ^= 1;
    std::fs::write(blob(&app, &file), spoilt).expect("spoilt");
    let (mut reader, mut answer) = begin(serve(&app).await, &path(&app, &file)).await;
    let _ = reader.read_to_end(&mut answer).await;
    let body = answer.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
    assert!(answer[..body].starts_with(b"HTTP/1.1 200 ") && answer.len() - body < 300_000, "{}", answer.len() - body);
}
