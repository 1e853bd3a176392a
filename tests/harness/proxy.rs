//! A TCP proxy in front of a store, whose mode changes while connections are open: the network's faults.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Bytes pass.
    Pass,
    /// Nobody listens, and what was open is closed.
    Refuse,
    /// Half-open: connections are accepted and carry nothing. What was frozen once carries nothing ever after, as
    /// behind a firewall that forgot it; later connections are sound.
    Freeze,
    /// Every chunk is this many milliseconds late.
    Slow(u64),
}

#[derive(Clone, Copy)]
struct State {
    mode: Mode,
    /// Connections of an earlier era are to be closed.
    era: usize,
}

/// The proxy.
pub struct Proxy {
    /// Its port on loopback.
    pub port: u16,
    state: watch::Sender<State>,
    commits: Arc<AtomicUsize>,
}

impl Proxy {
    /// Listens in front of a server on loopback.
    pub async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (state, seen) = watch::channel(State { mode: Mode::Pass, era: 0 });
        let commits = Arc::new(AtomicUsize::new(0));
        tokio::spawn(listen(listener, server, seen, commits.clone()));
        Self { port, state, commits }
    }

    /// From now on.
    pub fn be(&self, mode: Mode) {
        self.state.send_modify(|state| {
            state.mode = mode;
            state.era += usize::from(mode == Mode::Refuse);
        });
    }

    /// Closes what is open, once.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.era += 1);
    }

    /// The next so many COMMITs reach the server, their answers do not come back: the connection is closed instead.
    pub fn lose_commits(&self, n: usize) {
        self.commits.store(n, Ordering::SeqCst);
    }

    /// COMMITs whose answers are still to be lost.
    pub fn commits_to_lose(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }

    /// This address with the server's port exchanged for the proxy's.
    pub fn instead_of(&self, url: &str, server: u16) -> String {
        url.replace(&format!(":{server}"), &format!(":{}", self.port))
    }
}

async fn listen(first: TcpListener, server: u16, mut seen: watch::Receiver<State>, commits: Arc<AtomicUsize>) {
    let port = first.local_addr().expect("an address").port();
    let mut listener = Some(first);
    loop {
        let refusing = seen.borrow_and_update().mode == Mode::Refuse;
        if refusing {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(("127.0.0.1", port)).await.ok();
        }
        tokio::select! {
            changed = seen.changed() => if changed.is_err() { return },
            accepted = accept(listener.as_ref()) => if let Some(client) = accepted {
                tokio::spawn(connect(client, server, seen.clone(), commits.clone()));
            },
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(client, _)| client),
        None => {
            // Refusing; a port that could not be bound again is tried again.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn connect(client: TcpStream, server: u16, seen: watch::Receiver<State>, commits: Arc<AtomicUsize>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let lost = Arc::new(AtomicUsize::new(0));
    let there = Pump { seen: seen.clone(), commits: Some(commits), lost: lost.clone() };
    let back = Pump { seen, commits: None, lost };
    tokio::select! {
        () = there.run(from_client, to_server) => {}
        () = back.run(from_server, to_client) => {}
    }
}

/// One direction of a connection.
struct Pump {
    seen: watch::Receiver<State>,
    /// Towards the server: COMMITs whose answers are still to be lost.
    commits: Option<Arc<AtomicUsize>>,
    /// Above zero: the answer to a COMMIT, which names it again, is lost.
    lost: Arc<AtomicUsize>,
}

impl Pump {
    async fn run(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let era = self.seen.borrow().era;
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let read = tokio::select! {
                read = from.read(&mut chunk) => read,
                ended = self.frozen_or_over(era) => {
                    if ended { return }
                    freeze(&mut self.seen, era).await;
                    return;
                }
            };
            let Ok(n @ 1..) = read else { return };
            let mode = self.seen.borrow().mode;
            if let Mode::Slow(ms) = mode {
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
            if mode == Mode::Freeze {
                freeze(&mut self.seen, era).await;
                return;
            }
            let commit = chunk[..n].windows(6).any(|word| word == b"COMMIT");
            if self.commits.is_none() && commit && self.lost.load(Ordering::SeqCst) > 0 {
                return; // the server has committed, and nobody will know
            }
            if to.write_all(&chunk[..n]).await.is_err() {
                return;
            }
            if let Some(commits) = &self.commits
                && commit
                && commits.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
            {
                self.lost.store(1, Ordering::SeqCst);
            }
        }
    }

    /// True: the connection is to be closed; false: it freezes.
    async fn frozen_or_over(&mut self, era: usize) -> bool {
        let state = self.seen.wait_for(|state| state.era != era || state.mode == Mode::Freeze).await;
        state.map_or(true, |state| state.era != era)
    }
}

/// Holds the connection open and carries nothing, until it is cut.
async fn freeze(seen: &mut watch::Receiver<State>, era: usize) {
    let _ = seen.wait_for(|state| state.era != era).await;
}
