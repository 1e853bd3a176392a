//! What outlives a start of the fake.

use harness::stripe::Settings;

use super::*;

async fn shop(settings: &Settings) -> Shop {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let fake = FakeStripe::at(0, settings.clone()).await.expect("a free port");
    Shop { fake, http: http.build().expect("a client") }
}

#[tokio::test]
async fn customers_answers_and_open_pages_outlive_a_start_but_not_the_clock() {
    let path = std::env::temp_dir().join(format!("fake-stripe-{}.json", uuid::Uuid::new_v4().simple()));
    let settings = Settings { kept: Some(path.clone()), ..Settings::default() };
    let before = shop(&settings).await;
    let new = |shop: &Shop| {
        let call = shop.call(Method::POST, "/v1/customers").header("idempotency-key", "once");
        call.form(&[("email", "claire@example.org")]).send()
    };
    let (_, customer) = read(new(&before).await.expect("an answer")).await;
    let session = before.session("1200", "eur").await;
    before.fake.tell("advance", json!({ "seconds": 3600 })).await;
    let Shop { fake, .. } = before;
    fake.serve_until(async {}).await.expect("it is kept");

    let after = shop(&settings).await;
    let (_, again) = read(new(&after).await.expect("an answer")).await;
    assert_eq!(again["id"], customer["id"], "the same key, the same answer");
    let session = after.get(&format!("/v1/checkout/sessions/{}", session["id"].as_str().expect("an id"))).await;
    let page = session["url"].as_str().expect("a page");
    assert!(page.starts_with(&after.fake.url), "the page moved to the new port: {page}");
    assert_eq!(after.http.get(page).send().await.expect("a page").status(), StatusCode::OK);
    let now = after.fake.tell("advance", json!({ "seconds": 0 })).await["now"].as_i64().expect("a time");
    assert!((chrono::Utc::now().timestamp() - now).abs() < 60, "the clock is right");
    std::fs::remove_file(path).expect("the file");
}
