//! Two API processes and two workers.

use harness::process::busy;

use super::*;

/// Sends it until it is taken, as Stripe does; how often it was not. The only other answer is 503: nobody had time.
async fn taken(call: reqwest::RequestBuilder) -> u32 {
    let mut refused = 0;
    loop {
        let answer = call.try_clone().expect("a body in memory").send().await.expect("an answer");
        match answer.status().as_u16() {
            200 => return refused,
            503 if refused < 10 => refused += 1,
            status => panic!("{status} after {refused} refusals"),
        }
        tokio::time::sleep(seconds(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_deliveries_at_two_doors_are_one_effect() {
    let _line = Line::of("F38", "an event delivered 50 times at two APIs at once");
    let mut branch = Branch::open(2).await;
    let (order, session) = branch.bought().await;
    branch.add_worker();
    branch.add_worker();
    let body = event("evt_many", "checkout.session.completed", &session);
    let header = sign(SECRET, chrono::Utc::now().timestamp(), &body);
    let mut posts = tokio::task::JoinSet::new();
    for n in 0..50 {
        let call = branch.http.post(format!("{}/webhooks/stripe", branch.doors[n % 2]));
        let call = call.header("stripe-signature", &header).body(body.clone());
        posts.spawn(taken(call));
    }
    let repeated: u32 = posts.join_all().await.iter().sum();
    assert!(repeated == 0 || busy() > 1.0, "{repeated} were refused though there was nothing else to do");
    assert_eq!(branch.count("stripe_events").await, 1);
    assert_eq!(branch.count("stripe_events where deliveries = 50").await, 1);
    assert_eq!(branch.count("jobs where kind = 'stripe.process_event'").await, 1);
    branch.assert_paid_once(&[&order]).await;
    // What else Stripe has to say of it changes nothing.
    branch.fake.tell("deliveries/release", json!({ "parallel": true, "duplicates": 1 })).await;
    assert!(branch.count("stripe_events where deliveries >= 2").await > 2, "each of them came twice");
    branch.assert_paid_once(&[&order]).await;
    assert_eq!(branch.stage.relay.arrived().len(), branch.mails().len(), "no mail came twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_stripe_asks_for_is_kept_by_the_job() {
    let _line = Line::of("F40", "Stripe asks for a wait");
    let mut branch = Branch::open(1).await;
    branch.add_worker();
    let order = branch.paid().await;
    let limit = json!({ "method": "POST", "path": "/v1/refunds", "times": 1, "how": "limit", "retry_after": 90 });
    branch.fake.tell("faults", limit).await;
    let path = format!("/api/v1/admin/orders/{order}/refunds");
    branch.asked(Method::POST, &path, &branch.admin, json!({ "reason": "raté" }), 202).await;
    let waiting =
        "select count(*) from jobs where kind = 'stripe.create_refund' and state = 'retrying' and attempt = 1";
    branch.stage.until(seconds(20), waiting, 1).await;
    let due = "jobs j join job_attempts a on a.job_id = j.id where j.kind = 'stripe.create_refund'
               and j.run_at between a.finished_at + interval '85 seconds' and a.finished_at + interval '95 seconds'";
    assert_eq!(branch.count(due).await, 1, "90 seconds, and not our own wait");
    assert_eq!((branch.calls("POST /v1/refunds").await, branch.at_stripe("refund").await.len()), (1, 0));
    let passed = "update jobs set run_at = now() where kind = 'stripe.create_refund'";
    sqlx::query(passed).execute(&branch.stage.platform.db).await.expect("time passes");
    let refunded = format!("select count(*) from orders where id = '{order}' and status = 'refunded'");
    branch.stage.until(seconds(20), &refunded, 1).await;
    assert_eq!((branch.calls("POST /v1/refunds").await, branch.at_stripe("refund").await.len()), (2, 1));
}
