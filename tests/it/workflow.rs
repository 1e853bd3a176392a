//! What goes beyond one job: batches with a callback, what a run says, effects written down, failures in groups.

use std::time::Duration;

use harness::relay::Mood;
use harness::{Stage, TestApp};
use serde_json::{Value, json};
use shared::platform::jobs::kinds::{Probe, ProbeMode};
use shared::platform::jobs::{NewJob, batches, enqueue_all, groups, ledger, sweep};
use shared::platform::mail::catalogue::{self, Template};
use shared::platform::mail::{self, NewMail, Recipient};
use shared::platform::tx::Tx;

fn probe(mode: ProbeMode, n: u64) -> NewJob {
    NewJob::of(&Probe { mode, n: Some(n), note: None }).expect("a job").max_attempts(1)
}

async fn state(app: &TestApp, id: impl std::fmt::Display) -> String {
    let query = sqlx::AssertSqlSafe(format!("select state from jobs where id = '{id}'"));
    sqlx::query_scalar(query).fetch_one(&app.platform.db).await.expect("the job")
}

#[tokio::test]
async fn every_verdict_is_what_it_says() {
    let app = TestApp::new().await;
    let modes = [
        (ProbeMode::RetryAfter, "retrying", 1, "error"),
        (ProbeMode::Snooze, "scheduled", 0, "snoozed"),
        (ProbeMode::Cancel, "cancelled", 1, "cancelled"),
        (ProbeMode::Dead, "dead", 1, "error"),
        (ProbeMode::Panic, "retrying", 1, "panic"),
        (ProbeMode::Fail, "retrying", 1, "error"),
    ];
    for (mode, state, attempt, outcome) in modes {
        let new = NewJob::of(&Probe { mode, n: Some(90), note: None }).expect("a job");
        let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
        enqueue_all(&mut tx, vec![new]).await.expect("a job");
        tx.commit().await.expect("a commit");
        app.drain().await;
        let row = app
            .sql(
                "select j.state, j.attempt, a.outcome, extract(epoch from j.run_at - a.finished_at)::int as wait
                  from jobs j join job_attempts a on a.job_id = j.id where j.kind = 'debug.probe'",
            )
            .await[0]
            .clone();
        assert_eq!(
            (&row["state"], &row["attempt"], &row["outcome"]),
            (&json!(state), &json!(attempt), &json!(outcome)),
            "{mode:?}"
        );
        if matches!(mode, ProbeMode::RetryAfter | ProbeMode::Snooze) {
            assert_eq!(row["wait"], 90, "{mode:?} waits as long as it asked for");
            app.advance(Duration::from_secs(91)).await;
            app.drain().await;
            assert_eq!(
                app.sql("select state from jobs where kind = 'debug.probe'").await[0]["state"],
                "succeeded",
                "{mode:?}"
            );
        }
        app.execute("delete from jobs").await;
    }
}

#[tokio::test]
async fn a_batch_calls_back_once_when_all_are_final() {
    let app = TestApp::new().await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let jobs =
        vec![probe(ProbeMode::Ok, 0), probe(ProbeMode::Fail, 0), probe(ProbeMode::Ok, 0).after(Duration::from_mins(5))];
    let batch = batches::enqueue(&mut tx, "three", jobs, Some(probe(ProbeMode::Ok, 0))).await.expect("a batch");
    tx.commit().await.expect("a commit");
    let callback = batch.callback.expect("a callback");
    app.drain().await;
    assert_eq!(state(&app, callback).await, "blocked", "one is still to come");
    app.advance(Duration::from_mins(6)).await;
    app.drain().await;
    assert_eq!(state(&app, callback).await, "succeeded");
    let row = app.sql("select succeeded, dead, cancelled, finished_at is not null as finished from batches").await;
    assert_eq!(row, json!([{ "succeeded": 2, "dead": 1, "cancelled": 0, "finished": true }]));
    app.drain().await;
    assert_eq!(
        app.sql("select fence from jobs where batch_id is null and kind = 'debug.probe'").await,
        json!([{ "fence": 1 }])
    );
}

#[tokio::test]
async fn an_open_batch_waits_for_its_seal() {
    let app = TestApp::new().await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let (id, callback) = batches::open(&mut tx, "open", Some(probe(ProbeMode::Ok, 0))).await.expect("a batch");
    batches::add(&mut tx, id, vec![probe(ProbeMode::Ok, 0)]).await.expect("a job");
    tx.commit().await.expect("a commit");
    app.drain().await;
    let callback = callback.expect("a callback");
    assert_eq!(state(&app, callback).await, "blocked");
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    batches::add(&mut tx, id, vec![probe(ProbeMode::Ok, 0)]).await.expect("another job");
    batches::seal(&mut tx, id).await.expect("sealed");
    tx.commit().await.expect("a commit");
    app.drain().await;
    assert_eq!(state(&app, callback).await, "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_along_while_a_job_runs() {
    let stage = Stage::new(&[("LANES", "default:1")]).await;
    let mut tx = Tx::begin(&stage.platform).await.expect("a transaction");
    enqueue_all(&mut tx, vec![probe(ProbeMode::Sleep, 5000)]).await.expect("a job");
    tx.commit().await.expect("a commit");
    let _worker = stage.worker();
    let reads = "select count(*) from jobs where state = 'running' and log like 'waiting 5000 ms%'
                 and (progress->>'done')::int between 1 and 99 and (progress->>'total')::int = 100";
    stage.until(Duration::from_secs(20), reads, 1).await;
    let kept =
        "select count(*) from jobs where state = 'succeeded' and log like 'waiting%' and progress->>'done' = '100'
                and result->>'waited_ms' = '5000'";
    stage.until(Duration::from_secs(20), kept, 1).await;
}

#[tokio::test]
async fn failures_of_one_sort_are_one_group_and_come_back_as_regressed() {
    let app = TestApp::new().await;
    let seen = |message: &str| groups::Seen {
        fingerprint: groups::fingerprint("email.send", "smtp_temporary", message),
        kind: "email.send".into(),
        code: "smtp_temporary".into(),
        message: message.into(),
        job: shared::kernel::ids::JobId::new(),
    };
    let mut db = app.platform.db.acquire().await.expect("a connection");
    let some = [
        seen("451 4.3.0 greylisted for 312 s, p1@example.org"),
        seen("451 4.3.0 greylisted for 9 s, other@example.net"),
    ];
    assert!(groups::record(&mut db, &some).await.expect("recorded").is_empty());
    groups::record(&mut db, &[seen("421 too many connections")]).await.expect("recorded");
    let groups = app.sql("select message, count, state from error_groups order by count desc").await;
    let first = "451 # greylisted for # s, <address>";
    assert_eq!(groups[0], json!({ "message": first, "count": 2, "state": "new" }));
    assert_eq!(groups.as_array().map(Vec::len), Some(2));
    app.execute("update error_groups set state = 'resolved' where count = 2").await;
    let back = groups::record(&mut db, &some[..1]).await.expect("recorded");
    assert_eq!(back.len(), 1, "it had been resolved");
    assert!(groups::record(&mut db, &some[..1]).await.expect("recorded").is_empty(), "told once");
    assert_eq!(app.sql("select state from error_groups where count = 4").await[0]["state"], "regressed");
}

#[tokio::test]
async fn ids_in_a_message_do_not_make_a_group() {
    let of = |id: &str| format!("order {id} of batch 12 failed: no row `email` in \"emails\"");
    let (a, b) = ("019a9f42-7d30-7e81-b6c4-0a1f5e93d2c8", "018f0000-0000-7000-8000-00000000beef");
    assert_eq!(groups::fingerprint("k", "c", &of(a)), groups::fingerprint("k", "c", &of(b)));
    assert_ne!(groups::fingerprint("k", "c", "500 no"), groups::fingerprint("k", "c", "404 no"), "a status is kept");
    assert_ne!(groups::fingerprint("k", "c", "no"), groups::fingerprint("other", "c", "no"));
}

async fn mail(app: &TestApp, template: &'static Template) {
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let vars = shared::platform::templates::Templates::sample(template.name).expect("every mail has a sample");
    let to = Recipient { address: "p@example.org".into(), name: None, locale: "fr".into(), user: None };
    let new = NewMail {
        template,
        to,
        vars,
        dedupe_key: "one".into(),
        subject: None,
        reply_to: None,
        attachments: Vec::new(),
    };
    mail::queue(&mut tx, new).await.expect("a mail").expect("its key is new");
    tx.commit().await.expect("a commit");
}

#[tokio::test]
async fn a_mail_that_the_relay_took_is_not_sent_again_by_whoever_runs_the_job_next() {
    let app = TestApp::new().await;
    mail(&app, &catalogue::VISITOR_CONTACT).await;
    // A worker wrote down the relay's words and died before it could settle.
    app.execute(
        "insert into job_effects (job_id, name, fence, worker_id, done_at, reply)
         select id, 'smtp', 1, 'the dead', now(), '250 2.0.0 taken' from jobs where kind = 'email.send'",
    )
    .await;
    app.drain().await;
    assert!(app.mails().is_empty(), "nothing is sent again");
    let row = app.sql("select status, smtp_reply from emails").await;
    assert_eq!(row, json!([{ "status": "sent", "smtp_reply": "250 2.0.0 taken" }]));
}

#[tokio::test]
async fn the_relays_words_are_kept_as_the_effect() {
    let app = TestApp::new().await;
    mail(&app, &catalogue::VISITOR_CONTACT).await;
    app.drain().await;
    assert_eq!(app.mails().len(), 1);
    let row = app.sql("select name, fence, reply, done_at is not null as done from job_effects").await;
    assert_eq!(row, json!([{ "name": "smtp", "fence": 1, "reply": "250 kept in memory", "done": true }]));
}

#[tokio::test]
async fn a_mail_that_must_not_come_twice_is_left_to_a_person() {
    let app = TestApp::new().await;
    mail(&app, &catalogue::ACTIVATION_WELCOME).await;
    // An earlier run was killed between the hand-over and its note.
    app.execute(
        "insert into job_effects (job_id, name, fence, worker_id) select id, 'smtp', 1, 'the dead' from jobs where kind = 'email.send'",
    )
    .await;
    app.drain().await;
    assert_eq!(
        app.sql("select status from emails where template = 'activation-welcome'").await[0]["status"],
        "uncertain"
    );
    assert_eq!(
        app.sql("select state, error_code from jobs where kind = 'email.send' order by id").await[0],
        json!({ "state": "dead", "error_code": "uncertain" })
    );
    let told: Vec<String> = app.mails().into_iter().map(|mail| mail.subject).collect();
    assert!(
        !told.is_empty() && told.iter().all(|subject| !subject.contains("Bienvenue")),
        "only the alarm goes out: {told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_repeated_or_left_to_a_person_as_the_mail_says() {
    let stage = Stage::new(&[("MAIL_RETRY_BASE_SECONDS", "1")]).await;
    stage.relay.be(Mood::AnswerLost);
    let mut tx = Tx::begin(&stage.platform).await.expect("a transaction");
    let template = &catalogue::ACTIVATION_WELCOME;
    let vars = shared::platform::templates::Templates::sample(template.name).expect("every mail has a sample");
    let to = Recipient { address: "once@example.org".into(), name: None, locale: "fr".into(), user: None };
    let new = NewMail {
        template,
        to,
        vars,
        dedupe_key: "one".into(),
        subject: None,
        reply_to: None,
        attachments: Vec::new(),
    };
    mail::queue(&mut tx, new).await.expect("a mail").expect("its key is new");
    tx.commit().await.expect("a commit");
    let _worker = stage.worker();
    let uncertain = "select count(*) from emails where status = 'uncertain' and template = 'activation-welcome'";
    stage.until(Duration::from_secs(15), uncertain, 1).await;
    stage.relay.be(Mood::Accept);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let copies = stage.relay.arrived().iter().filter(|mail| mail.to == "once@example.org").count();
    assert_eq!(copies, 1, "never twice");
}

#[tokio::test]
async fn a_result_that_comes_too_late_is_refused_where_people_see_it() {
    let mut app = TestApp::new().await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    enqueue_all(&mut tx, vec![probe(ProbeMode::Ok, 0)]).await.expect("a job");
    tx.commit().await.expect("a commit");
    let kinds = worker::jobs::registry().kinds();
    let job = ledger::claim_next(&app.platform.db, "zombie", "default", &kinds, 1).await.expect("a claim").remove(0);
    app.execute("update jobs set lease_until = now() - interval '1 second'").await;
    let mut db = app.platform.db.acquire().await.expect("a connection");
    sweep::lost(&mut db).await.expect("lost");
    ledger::late(&mut db, &[(job.id, job.fence)], "a success").await.expect("noted");
    let error: Value = app.sql("select error from job_attempts").await[0]["error"].clone();
    let error = error.as_str().expect("text");
    assert!(error.ends_with("it came back with a success: refused"), "{error}");
    app.leave_jobs();
}
