//! Live pages: what a stream of the dashboard tells and when it ends, and that ten open tabs cost the database what one
//! does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use harness::TestApp;
use harness::events::{Event, Events};
use harness::process::eventually;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, sleep_until};
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::dashboard::{cookie, form_token, post};

/// A change is told within this.
const TOLD: Duration = Duration::from_secs(6);
/// Nobody listens any more, and the reading has ended.
const UNREAD: Duration = Duration::from_secs(3);
/// What tabs cost is measured over so many rounds, so long each: several readings.
const ROUNDS: u32 = 4;
const ROUND: Duration = Duration::from_secs(3);

/// The application behind a socket, for streams have no end in a test's client.
async fn served(app: &TestApp) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let (router, closing) = (app.router.clone(), app.platform.realtime.closing());
    tokio::spawn(api::http::serve(listener, router, 100, async move {
        let mut closing = closing;
        let _ = closing.wait_for(|closing| *closing).await;
    }));
    base
}

async fn tab(base: &str, cookie: &str) -> Events {
    let mut events = Events::of(Events::ask_with(&format!("{base}/admin/events"), ("cookie", cookie), None).await);
    let first = events.next(TOLD).await;
    assert!(matches!(&first, Event::Told(name, Some(_), _) if name == "hello"), "{first:?}");
    events
}

/// The next news of a tab: what it names, and what it fetches because of it.
async fn news(events: &mut Events) -> (String, String) {
    loop {
        match events.next(TOLD).await {
            Event::Told(name, Some(id), data) if name == "news" => {
                return (id.clone(), format!("{id}.{}", data["tick"]));
            }
            Event::End => panic!("the stream has ended"),
            _ => {}
        }
    }
}

async fn fetch(base: &str, cookie: &str, news: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let page = http.get(format!("{base}/admin/jobs?state=dead")).header("cookie", cookie).header("x-renew", news);
    let page = page.send().await.expect("an answer");
    assert_eq!(page.status(), 200);
    page.text().await.expect("a page")
}

fn dead(n: usize) -> String {
    format!(
        "insert into jobs (id, kind, lane, state, rank, attempt, max_attempts, timeout_ms, payload, key_argument, last_error, finished_at)
         values (gen_random_uuid(), 'debug.probe', 'default', 'dead', 0, 3, 3, 1000, '{{}}', 'letter {n}', 'no', now())"
    )
}

/// Counts what is asked of the database by this thread's runtime.
#[derive(Clone, Default)]
struct Statements(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn ten_tabs_cost_the_database_what_one_does() {
    let statements = Statements::default();
    // With one dispatcher alone, tracing asks the thread that meets a statement first, which may be another test's, and
    // remembers that nobody listens; with two it asks both.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _counting = tracing::subscriber::set_default(tracing_subscriber::registry().with(statements.clone()));
    let mut app = TestApp::new().await;
    app.admin().await;
    let (base, chef) = (served(&app).await, cookie(&app, "chef").await);
    // Statements a second while as much happens, for the same time or, on a slow machine, longer.
    let cost = async |tabs: usize| {
        let mut open = Vec::new();
        for _ in 0..tabs {
            open.push(tab(&base, &chef).await);
        }
        let before = statements.0.load(Ordering::Relaxed);
        let begun = Instant::now();
        for n in 1..=ROUNDS {
            app.execute(&dead(0)).await;
            let pages = open.iter_mut().map(async |events| {
                let (_, tick) = news(events).await;
                fetch(&base, &chef, &tick).await
            });
            assert!(join_all(pages).await.iter().all(|page| page.contains("letter 0")));
            sleep_until(begun + ROUND * n).await;
        }
        (statements.0.load(Ordering::Relaxed) - before) as f64 / begun.elapsed().as_secs_f64()
    };
    let (one, ten) = (cost(1).await, cost(10).await);
    assert!(one > 1.0, "the counter counts: {one}");
    // One reading more may fall into the same time.
    let most = one * 1.25 + 1.0;
    assert!(ten <= most, "one tab asked {one} times a second, ten asked {ten} times, which is more than {most}");
    app.leave_jobs();
}

#[tokio::test]
async fn a_stream_tells_what_changed_and_what_was_missed() {
    let mut app = TestApp::new().await;
    app.admin().await;
    let (base, chef) = (served(&app).await, cookie(&app, "chef").await);
    let mut events = tab(&base, &chef).await;
    app.execute(&dead(7)).await;
    let (_, tick) = news(&mut events).await;
    assert!(fetch(&base, &chef, &tick).await.contains("letter 7"), "a page is not older than the news");
    // Who acts sees it at once, in every tab: not at the next reading, which is two seconds after the last news.
    let browser = app.anonymous().header("sec-fetch-site", "same-origin").header("cookie", &chef);
    let token = form_token(&browser.get("/admin/queues").await.status(200));
    let mut soonest = TOLD;
    for verb in ["pause", "resume", "pause", "resume"] {
        let begun = Instant::now();
        post(&browser, &format!("/admin/queues/email/{verb}"), &[("token", &token)]).await.status(303);
        news(&mut events).await;
        soonest = soonest.min(begun.elapsed());
    }
    assert!(soonest < Duration::from_secs(1), "the soonest news took {soonest:?}");

    let url = format!("{base}/admin/events");
    let again = async |last: &str| {
        let mut events = Events::of(Events::ask_with(&url, ("cookie", &chef), Some(last)).await);
        match events.next(TOLD).await {
            Event::Told(name, Some(id), _) => (name, id),
            other => panic!("{other:?}"),
        }
    };
    app.execute(&dead(8)).await;
    let (last, _) = news(&mut events).await;
    drop(events);
    let seen = Mutex::new(last);
    eventually(TOLD, "nothing was missed", || async {
        let last = seen.lock().expect("no panic").clone();
        let (name, now) = again(&last).await;
        *seen.lock().expect("no panic") = now;
        name == "beat"
    })
    .await;
    // Long after the last one has left, nobody is told what was known then.
    sleep(UNREAD).await;
    app.execute(&dead(9)).await;
    let last = seen.lock().expect("no panic").clone();
    assert_eq!(again(&last).await.0, "news", "something was missed");
    app.leave_jobs();
}

#[tokio::test]
async fn strangers_do_not_take_the_room_of_renewals() {
    let mut app = TestApp::new().await;
    app.admin().await;
    let (base, chef) = (served(&app).await, cookie(&app, "chef").await);
    // More than are kept.
    let strangers = (0..600).map(async |n| {
        let stranger = app.anonymous().header("x-renew", &n.to_string()).header("cookie", "facteur=guessed");
        stranger.get(if n % 2 == 0 { "/admin/login" } else { "/admin/jobs" }).await
    });
    join_all(strangers).await;
    let first = fetch(&base, &chef, "the same news").await;
    app.execute(&dead(1)).await;
    assert!(fetch(&base, &chef, "the same news").await == first, "it was made once");
    assert!(fetch(&base, &chef, "other news").await.contains("letter 1"));
    app.leave_jobs();
}

#[tokio::test]
async fn a_stream_is_for_those_who_may_look_and_ends_with_their_session() {
    let mut app = TestApp::new().await;
    app.admin().await;
    app.execute("insert into roles (code, label, permissions) values ('clerk', 'Clerk', '{requests.manage}')").await;
    app.person("clara", "clerk").await;
    let (base, chef, clara) = (served(&app).await, cookie(&app, "chef").await, cookie(&app, "clara").await);
    let url = format!("{base}/admin/events");
    assert_eq!(Events::ask_with(&url, ("cookie", ""), None).await.status(), 303);
    assert_eq!(Events::ask_with(&url, ("cookie", &clara), None).await.status(), 403);
    let mut tabs = Vec::new();
    for _ in 0..16 {
        tabs.push(tab(&base, &chef).await);
    }
    let refused = Events::ask_with(&url, ("cookie", &chef), None).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    let other = cookie(&app, "chef").await;
    let mut kept = tab(&base, &other).await;
    tabs.truncate(1);
    eventually(TOLD, "a place is free again", || async {
        Events::ask_with(&url, ("cookie", &chef), None).await.status() == 200
    })
    .await;
    app.execute("update sessions set revoked_at = now() where id = (select id from sessions where kind = 'dashboard' and user_id = (select id from users where email = 'chef@example.org') order by id limit 1)").await;
    tabs[0].rest(TOLD).await;
    app.execute(&dead(1)).await;
    news(&mut kept).await;
    app.platform.realtime.close();
    kept.rest(Duration::from_secs(2)).await;
    app.leave_jobs();
}
