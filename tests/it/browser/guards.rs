//! What must not happen: two people do the same twice, a session that has ended does anything, a foreign page acts with
//! somebody's session.

use std::time::Duration;

use fantoccini::{Client, Locator};
use harness::TestApp;
use harness::process::eventually;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::hands::{at, fill_in, press, sees, unfold};
use super::{house, sign_in};

async fn text(app: &TestApp, query: &'static str) -> String {
    app.sql(query).await[0]["it"].as_str().unwrap_or_else(|| panic!("nothing for {query}")).to_owned()
}

/// Both look at a page before either acts.
async fn look(pages: [&Client; 2], address: &str) {
    for page in pages {
        page.goto(address).await.expect("the page");
    }
}

/// Both are answered: one by what they did, the other by why not. Which of them acted.
async fn winner(pages: [&Client; 2]) -> usize {
    for page in pages {
        eventually(Duration::from_secs(20), "both are told", || async {
            page.find(Locator::Css("main .flash")).await.is_ok()
        })
        .await;
    }
    let refused = async |page: &Client| page.find(Locator::Css("main .flash.warn")).await.is_ok();
    let refused = [refused(pages[0]).await, refused(pages[1]).await];
    assert!(refused[0] != refused[1], "one of two is told that nothing was changed: {refused:?}");
    usize::from(refused[0])
}

async fn count(app: &TestApp, action: &str) -> i64 {
    let entries = sqlx::query_scalar("select count(*) from audit_log where action = $1").bind(action);
    entries.fetch_one(&app.platform.db).await.expect("the log")
}

async fn pressed(page: &Client, form: &str) {
    let button = format!("//main//form[@action='{form}']//button");
    page.find(Locator::XPath(&button)).await.expect("a button").click().await.expect("pressed");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_at_once_one_acts_and_the_other_is_told() {
    let shop = house::open().await;
    let Some((_one, first)) = house::visitor(&shop, false).await else { return };
    let Some((_two, second)) = house::visitor(&shop, false).await else { return };
    let (both, base, app) = ([&first, &second], shop.base(), &shop.app);

    let job = text(app, "select id::text as it from jobs where state = 'dead' and kind = 'email.send' limit 1").await;
    look(both, &format!("{base}/admin/jobs/{job}")).await;
    for page in both {
        pressed(page, &format!("/admin/jobs/{job}/retry")).await;
    }
    winner(both).await;
    assert_eq!(count(app, "JOB_RETRIED").await, 1);

    let wish = json!({ "action": "cancel", "params": {}, "filter": { "filter": "state:scheduled kind:debug.probe" } });
    let bulk = shop.admin().post("/api/v1/admin/bulk", wish).await.created();
    let bulk = format!("/admin/bulk/{}", bulk["id"].as_str().expect("an id"));
    let begun = count(app, "BULK_STARTED").await;
    look(both, &format!("{base}{bulk}")).await;
    for page in both {
        pressed(page, &format!("{bulk}/start")).await;
    }
    winner(both).await;
    assert_eq!(count(app, "BULK_STARTED").await, begun + 1);
    app.drain().await;
    let cancelled = "select count(*) as n from jobs where state = 'cancelled' and kind = 'debug.probe'";
    assert_eq!(app.sql(cancelled).await[0]["n"], 2, "the one that was, and the one that was meant");

    look(both, &format!("{base}/admin/settings")).await;
    let form = "//main//form[@action='/admin/settings/audit.retention_days']";
    for (page, days) in both.into_iter().zip(["400", "500"]) {
        page.find(Locator::XPath(&format!("{form}/ancestor::details/summary")))
            .await
            .expect("folded")
            .click()
            .await
            .expect("open");
        let value = page.find(Locator::XPath(&format!("{form}//*[@name='value']"))).await.expect("a field");
        value.clear().await.expect("emptied");
        value.send_keys(days).await.expect("typed");
    }
    for page in both {
        pressed(page, "/admin/settings/audit.retention_days").await;
    }
    let winner = winner(both).await;
    let kept = app.sql("select value #>> '{}' as it from settings where key = 'audit.retention_days'").await;
    assert_eq!(kept[0]["it"], ["400", "500"][winner]);
    for page in [first, second] {
        page.close().await.expect("closed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_does_nothing_and_leads_back() {
    let shop = house::open().await;
    let Some((_driver, page)) = house::visitor(&shop, false).await else { return };
    let (base, app) = (shop.base(), &shop.app);
    let paused = "select count(*) as n from lanes where name = 'email' and paused_at is not null";
    let pause = async || {
        unfold_form(&page, "/admin/queues/email/pause").await;
        fill_in(&page, "form[action='/admin/queues/email/pause'] [name=reason]", "the relay moves").await;
    };
    page.goto(&format!("{base}/admin/queues")).await.expect("the queues");
    pause().await;
    app.execute("update sessions set revoked_at = now()").await;
    pressed(&page, "/admin/queues/email/pause").await;
    at(&page, "/admin/login").await;
    sees(&page, "nothing was changed").await;
    assert_eq!(app.sql(paused).await[0]["n"], 0, "nothing was done");
    sign_in(&page).await;
    at(&page, "/admin/queues").await;
    assert_eq!(app.sql(paused).await[0]["n"], 0, "nor by coming back");
    pause().await;
    pressed(&page, "/admin/queues/email/pause").await;
    sees(&page, "the relay moves").await;
    assert_eq!(app.sql(paused).await[0]["n"], 1);

    // From a page that only a form leads to, back to the form.
    page.goto(&format!("{base}/admin/jobs?state=dead")).await.expect("the dead");
    press(&page, "Preview all").await;
    sees(&page, "Reason").await;
    let preview = page.current_url().await.expect("an address");
    app.execute("update sessions set revoked_at = now()").await;
    press(&page, "Retry").await;
    at(&page, "/admin/login").await;
    sign_in(&page).await;
    at(&page, preview.path()).await;
    page.close().await.expect("closed");
}

async fn unfold_form(page: &Client, action: &str) {
    let summary = format!("//main//form[@action='{action}']/ancestor::details/summary");
    page.find(Locator::XPath(&summary)).await.expect("folded up").click().await.expect("unfolded");
}

/// A page of somebody else's, at any path, whose form goes to us; its port.
async fn foreign(target: String, token: String) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _ = socket.read(&mut asked).await;
            let body = format!(
                "<main><form method=post action='{target}'><input type=hidden name=token value='{token}'>\
                 <input type=hidden name=reason value=evil><button>Win a prize</button></form></main>"
            );
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = socket.write_all((head + &body).as_bytes()).await;
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_cannot_act_even_with_a_token() {
    let shop = house::open().await;
    let Some((_driver, page)) = house::visitor(&shop, false).await else { return };
    let (base, app) = (shop.base(), &shop.app);
    page.goto(&format!("{base}/admin/queues")).await.expect("the queues");
    let token = page.find(Locator::Css("main input[name=token]")).await.expect("a form").attr("value").await;
    let token = token.expect("an attribute").expect("a token");
    let port = foreign(format!("{base}/admin/queues/email/pause"), token).await;
    // Of the same site (another port): the browser sends the cookie, and says where the form comes from.
    page.goto(&format!("http://127.0.0.1:{port}/")).await.expect("the foreign page");
    press(&page, "Win a prize").await;
    sees(&page, "This form was refused").await;
    // Of another site: the browser keeps the cookie to itself.
    page.goto(&format!("http://localhost:{port}/")).await.expect("the foreign page");
    press(&page, "Win a prize").await;
    eventually(Duration::from_secs(20), "an answer of ours", || async {
        page.current_url().await.is_ok_and(|url| url.as_str().starts_with(base))
    })
    .await;
    assert_eq!(
        app.sql("select count(*) as n from lanes where name = 'email' and paused_at is not null").await[0]["n"],
        0
    );
    // The session is none the worse for it.
    page.goto(&format!("{base}/admin/queues")).await.expect("the queues");
    unfold(&page, "Pause").await;
    page.close().await.expect("closed");
}
