//! Readers who take their time: the API holds nothing for them but a few buffers.

use std::time::Duration;

use harness::Stage;
use shared::kernel::ids::UserId;
use shared::platform::files::{self, Disposition, FileKind, NewFile};
use shared::platform::tx::Tx;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const SIZE: usize = 40 * 1024 * 1024;
const READERS: usize = 20;

/// The path of an export of so many bytes.
async fn large(stage: &Stage) -> String {
    let (user, export) = (UserId::new(), uuid::Uuid::now_v7());
    let mut tx = Tx::begin(&stage.platform).await.expect("a transaction");
    let new = NewFile {
        kind: FileKind::Export,
        name: "orders.csv",
        content_type: "text/csv",
        bytes: vec![b'7'; SIZE].into(),
        user: Some(user),
        keep: Some(Duration::from_hours(1)),
    };
    let file = files::put(&mut tx, new).await.expect("stored");
    sqlx::query("insert into users (id, email, role, status) values ($1, 'chef@example.org', 'admin', 'active')")
        .bind(user.0)
        .execute(&mut *tx)
        .await
        .expect("an administrator");
    let ready = "insert into exports (id, kind, format, locale, requested_by, job_id, status, file_id, expires_at)
                 values ($1, 'orders', 'csv', 'fr', $2, $1, 'ready', $3, now() + interval '1 hour')";
    sqlx::query(ready).bind(export).bind(user.0).bind(file.id.0).execute(&mut *tx).await.expect("an export");
    tx.commit().await.expect("a commit");
    format!("/api/v1/exports/{export}/file?{}", files::signed_query(&stage.platform, file.id, Disposition::Attachment))
}

/// Asks, and reads the first bytes of the answer.
async fn reader(address: &str, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut stream = socket.connect(address.parse().expect("an address")).await.expect("connected");
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("asked");
    let mut first = [0; 16];
    stream.read_exact(&mut first).await.expect("an answer");
    assert!(first.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&first));
    stream
}

fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process of ours");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").trim().parse::<usize>().expect("a number") * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_readers_at_16_bytes_a_second_do_not_grow_the_api() {
    let stage = Stage::new(&[]).await;
    let path = large(&stage).await;
    let (api, base) = stage.api().await;
    let (pid, address) = (api.id().expect("a process"), base.trim_start_matches("http://").to_owned());
    drop(reader(&address, &path).await); // one that goes away, and whatever a first answer costs
    let before = resident(pid);
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(reader(&address, &path).await);
    }
    for _ in 0..5 {
        for reader in &mut readers {
            reader.read_exact(&mut [0; 16]).await.expect("it goes on");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let grown = resident(pid).saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "{READERS} readers of {SIZE} bytes cost {grown}");
    drop(readers);
    let whole = reqwest::get(format!("{base}{path}")).await.expect("an answer").bytes().await.expect("all of it");
    assert_eq!(whole.len(), SIZE, "who comes afterwards gets all");
}
