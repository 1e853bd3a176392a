//! Live pages: what a stream of the dashboard tells and when it ends, and that ten open tabs cost the database what one
//! does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use harness::TestApp;
use harness::events::{Event, Events};
use harness::process::eventually;
use tokio::net::TcpListener;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::dashboard::{cookie, form_token, post};

/// A change is told within this.
const TOLD: Duration = Duration::from_secs(6);

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
    let _counting = tracing::subscriber::set_default(tracing_subscriber::registry().with(statements.clone()));
    let mut app = TestApp::new().await;
    app.admin().await;
    let (base, chef) = (served(&app).await, cookie(&app, "chef").await);
    let cost = async |tabs: usize| {
        let mut open = join_all((0..tabs).map(|_| tab(&base, &chef))).await;
        let before = statements.0.load(Ordering::Relaxed);
        for n in 0..4 {
            app.execute(&dead(n)).await;
            let pages = open.iter_mut().map(async |events| {
                let (_, tick) = news(events).await;
                fetch(&base, &chef, &tick).await
            });
            assert!(join_all(pages).await.iter().all(|page| page.contains("letter 0")));
        }
        statements.0.load(Ordering::Relaxed) - before
    };
    let (one, ten) = (cost(1).await, cost(10).await);
    assert!(one > 20, "the counter counts: {one}");
    // A reading more may fall between two changes; a reading or a page per tab would be ten times as much.
    assert!(ten < one * 2, "one tab asked {one} times, ten asked {ten} times");
    app.leave_jobs();
}

#[tokio::test]
async fn a_stream_tells_what_changed_and_what_was_missed() {
    let mut app = TestApp::new().await;
    app.admin().await;
    let (base, chef) = (served(&app).await, cookie(&app, "chef").await);
    let mut events = tab(&base, &chef).await;
    app.execute(&dead(7)).await;
    let (id, tick) = news(&mut events).await;
    assert!(fetch(&base, &chef, &tick).await.contains("letter 7"), "a page is not older than the news");
    // Who acts sees it at once, in every tab.
    let browser = app.anonymous().header("sec-fetch-site", "same-origin").header("cookie", &chef);
    let token = form_token(&browser.get("/admin/queues").await.status(200));
    post(&browser, "/admin/queues/email/pause", &[("token", &token)]).await.status(303);
    assert_ne!(news(&mut events).await.0, id);
    drop(events);
    let url = format!("{base}/admin/events");
    let again = async |last: &str| {
        let mut events = Events::of(Events::ask_with(&url, ("cookie", &chef), Some(last)).await);
        match events.next(TOLD).await {
            Event::Told(name, Some(id), _) => (name, id),
            other => panic!("{other:?}"),
        }
    };
    let (name, now) = again(&id).await;
    assert_eq!(name, "news", "something was missed");
    eventually(TOLD, "nothing was missed", || async { again(&now).await.0 == "beat" || again("0").await.1 != now })
        .await;
    app.leave_jobs();
}

#[tokio::test]
async fn a_stream_is_for_those_who_may_look_and_ends_with_their_session() {
    let app = TestApp::new().await;
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
    assert!(!tabs[0].rest(TOLD).await.iter().any(|event| matches!(event, Event::Beat)));
    app.platform.realtime.close();
    kept.rest(Duration::from_secs(2)).await;
}
