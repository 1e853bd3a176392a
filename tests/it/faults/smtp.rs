//! A mail server on its bad days.

use std::collections::HashMap;

use harness::World;
use harness::relay::Mood;
use shared::platform::jobs::kinds::ProbeMode;

use super::{rest, seconds};

const RETRIED: &str = "select count(*) from job_attempts where outcome <> 'ok'";

/// The relay's mood for so long, while people write; then it accepts again.
async fn bad_days(world: &mut World, mood: Mood, days: u64) {
    world.stage.relay.be(mood);
    world.queue_mails(20).await;
    rest(days).await;
    assert!(world.stage.count(RETRIED).await > 0, "{mood:?} is felt");
    world.stage.relay.be(Mood::Accept);
    world.recovers(seconds(20)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "40 s, in ./dev faults"]
async fn f30_temporary_refusals_are_retried_without_a_storm() {
    let changes = [("MAIL_RETRY_BASE_SECONDS", "5")];
    let mut world = World::new("F30", "SMTP 451 for 8 s, then 421 for 8 s", &changes).await;
    world.open(1, 3).await;
    bad_days(&mut world, Mood::Later, 8).await;
    bad_days(&mut world, Mood::Busy, 8).await;
    assert_eq!(world.stage.count("select count(*) from jobs where state = 'dead'").await, 0, "none is given up");
    let tries = "select coalesce(ceil(avg(n)), 0)::bigint from
                 (select count(*) as n from job_attempts where outcome <> 'ok' group by job_id) as t";
    assert!(world.stage.count(tries).await <= 4, "four tries in the hold on the average at most");
    world.judge(seconds(60), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_greylisting_is_passed_at_the_second_try() {
    let mut world = World::new("F31", "SMTP greylisting", &[]).await;
    world.stage.relay.be(Mood::Greylist);
    world.open(1, 5).await;
    world.queue_mails(50).await;
    world.judge(seconds(30), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f32_a_permanent_refusal_is_final_at_once() {
    let mut world = World::new("F32", "SMTP 550 for every fourth", &[]).await;
    world.workers.push(world.stage.worker());
    world.stage.relay.be_for_every(4, Mood::Never);
    world.queue_mails(100).await;
    world.stage.until(seconds(20), "select count(*) from emails where status in ('sent', 'bounced')", 100).await;
    let bounced = "select count(*) from emails where status = 'bounced'";
    assert_eq!(world.stage.count(bounced).await as usize, world.stage.relay.refused().len());
    assert_eq!(world.stage.relay.offered(), 100, "nobody is asked twice");
    world.judge(seconds(10), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "40 s, in ./dev faults"]
async fn f33_silence_does_not_keep_the_slots() {
    let mut world = World::new("F33", "SMTP silent at greeting, EHLO, final dot", &[]).await;
    world.open(1, 3).await;
    for mood in [Mood::Silent, Mood::SilentAtHello, Mood::SilentAtDot] {
        // The relay's time-out is 2 s on this stage.
        bad_days(&mut world, mood, 5).await;
    }
    let blamed = "select count(*) from job_attempts where outcome = 'timeout'";
    assert_eq!(world.stage.count(blamed).await, 0, "the send's own time-out ends it, not the job's");
    world.judge(seconds(40), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "40 s, in ./dev faults"]
async fn f34_a_slow_relay_delays_mails_alone() {
    let mut world = World::new("F34", "SMTP 4 s a mail", &[("SMTP_TIMEOUT_SECONDS", "10")]).await;
    world.open(1, 1).await;
    world.stage.relay.be(Mood::Slow(4000));
    world.queue_mails(24).await;
    rest(1).await;
    world.probes(300, ProbeMode::Sleep, 10).await;
    let done = "select count(*) from jobs where kind = 'debug.probe' and state = 'succeeded'";
    world.stage.until(seconds(10), done, 300).await;
    let waiting = "select count(*) from emails where status in ('queued', 'sending')";
    assert!(world.stage.count(waiting).await > 0, "the mails still stand in line");
    world.judge(seconds(60), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "15 s, in ./dev faults"]
async fn f35_a_connection_dropped_in_the_middle_of_a_mail_is_no_mail() {
    let mut world = World::new("F35", "SMTP drops every third mail mid-DATA", &[]).await;
    world.open(1, 5).await;
    world.stage.relay.be_for_every(3, Mood::DropInData);
    world.queue_mails(50).await;
    rest(4).await;
    assert!(world.stage.count(RETRIED).await > 0, "some are dropped");
    world.stage.relay.be(Mood::Accept);
    world.recovers(seconds(10)).await;
    world.judge(seconds(30), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f36_a_lost_answer_repeats_a_mail_once_under_its_message_id() {
    let mut world = World::new("F36", "SMTP keeps the mail, its answer is lost, once each", &[]).await;
    world.workers.push(world.stage.worker());
    world.stage.relay.be(Mood::AnswerLostOnce);
    world.queue_mails(30).await;
    world.stage.until(seconds(30), "select count(*) from emails where status = 'sent'", 30).await;
    let mut copies: HashMap<String, usize> = HashMap::new();
    world.stage.relay.arrived().into_iter().for_each(|mail| *copies.entry(mail.message_id).or_default() += 1);
    assert_eq!(copies.len(), 30, "always the same Message-ID");
    assert!(copies.values().all(|n| *n == 2), "the cut is unknown, so each is sent again, once");
    world.judge(seconds(10), 30).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "15 s, in ./dev faults"]
async fn f37_a_pooled_connection_closed_while_idle_is_not_noticed() {
    let mut world = World::new("F37", "SMTP closes idle connections", &[]).await;
    world.workers.push(world.stage.worker());
    world.stage.relay.be(Mood::CloseIdle(500));
    for sent in 1..=4 {
        world.queue_mails(10).await;
        world.stage.until(seconds(20), "select count(*) from emails where status = 'sent'", sent * 10).await;
        rest(2).await;
    }
    let felt = "select count(*) from jobs where error_code like 'smtp%'";
    assert_eq!(world.stage.count(felt).await, 0, "no attempt is lost to a closed connection");
    world.judge(seconds(10), 0).await;
}
