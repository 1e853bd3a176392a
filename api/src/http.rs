//! How we listen: an accept loop of our own, because nobody may hold a connection by doing nothing.
//!
//! | who                                       | is closed after                                            |
//! |-------------------------------------------|------------------------------------------------------------|
//! | connects and sends nothing                | [`FIRST_BYTE`]                                             |
//! | sends its headers slowly, or only some    | [`HEAD`]                                                   |
//! | keeps a connection alive and asks nothing | [`HEAD`]: hyper counts from the end of the last answer     |
//! | sends its body slowly                     | 20 s: `app.rs` answers 503, hyper closes on what is unread |
//! | does not read its answer                  | 30 s without one byte taken (`impatient.rs`)               |
//!
//! HTTP/1.1 only: HTTP/2 and TLS are the proxy's. At the connection cap we stop accepting until one is free; who
//! comes then waits in the kernel's backlog.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::Service;

mod impatient;
use impatient::Impatient;

/// The first byte comes this soon. With [`HEAD`] it stays below the ten seconds we promise.
const FIRST_BYTE: Duration = Duration::from_secs(4);
/// A request's head comes this soon, the first one and every later one of the connection.
const HEAD: Duration = Duration::from_secs(5);
/// What was begun when we were told to stop has this long to end.
const DRAIN: Duration = Duration::from_secs(10);
/// A head is at most this long (431), and we hold no more than this of an answer that is not read.
const BUFFER: usize = 64 * 1024;
/// Callers the kernel keeps waiting for our `accept`. With the usual 128, a thousand at once are partly turned away
/// without hearing of it.
const BACKLOG: u32 = 4096;

/// Opens the socket to serve on.
pub async fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in lookup_host((host, port)).await? {
        match open(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers on this socket with at most so many connections open, until `stop`; then finishes what was begun.
pub async fn serve(listener: TcpListener, router: Router, most: usize, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(most));
    let (open, closing) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.expect("nobody closes this semaphore");
            (place, listener.accept().await)
        };
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next() => report(ended),
            (place, accepted) = next => match accepted {
                Ok((stream, peer)) => {
                    let (router, closing) = (router.clone(), closing.clone());
                    connections.spawn(async move {
                        let _place = (place, Counted::new());
                        connection(stream, peer, router, closing).await;
                    });
                }
                Err(error) => give_way(&error).await,
            },
        }
    }
    drop((listener, open)); // no new connections; those we have hear of it
    let ended = timeout(DRAIN, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if ended.await.is_err() {
        tracing::warn!(connections = connections.len(), "cut off: not finished {} s after the signal", DRAIN.as_secs());
    }
}

/// An accept that failed: the caller's mishap is none of ours, but without file handles a loop would only burn.
async fn give_way(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "cannot accept connections");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection panicked");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, mut closing: watch::Receiver<()>) {
    let _ = stream.set_nodelay(true);
    let mut byte = [0];
    let first = tokio::select! {
        first = timeout(FIRST_BYTE, stream.peek(&mut byte)) => first,
        _ = closing.changed() => return,
    };
    if !matches!(first, Ok(Ok(1))) {
        return;
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(Impatient::new(stream)), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// A connection in the gauge, as long as it lives.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!("facteur_http_connections").increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("facteur_http_connections").decrement(1.0);
    }
}
