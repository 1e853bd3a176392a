//! Numbers without a gap, whoever fails meanwhile.

use harness::TestApp;
use serde_json::json;
use shared::domain::billing::invoices::numbering;
use shared::platform::Platform;
use shared::platform::tx::Tx;

use super::{issue, sample};

/// Pseudo-random, so that a failure can be repeated.
fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |sides| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % sides
    }
}

/// One issuer: some of its transactions fail after they have drawn a number, some are dropped without a word.
async fn issuer(platform: Platform, seed: u64, tries: usize) -> usize {
    let mut roll = dice(seed);
    let mut kept = 0;
    for _ in 0..tries {
        let mut tx = Tx::begin(&platform).await.expect("a transaction");
        issue(&mut tx, sample()).await;
        match roll(4) {
            0 => tx.rollback().await.expect("a rollback"),
            1 => drop(tx),
            _ => {
                tx.commit().await.expect("a commit");
                kept += 1;
            }
        }
    }
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn numbers_have_no_gap_and_no_double_whoever_fails() {
    let app = TestApp::new().await;
    let issuers = (1..=8).map(|seed| tokio::spawn(issuer(app.platform.clone(), seed, 12)));
    let mut kept = 0;
    for issuer in issuers.collect::<Vec<_>>() {
        kept += issuer.await.expect("an issuer");
    }
    assert!(kept > 20 && kept < 96, "some were kept and some failed: {kept}");
    let found = app.sql("select number, issue_date from invoices order by number").await;
    let year = &found[0]["issue_date"].as_str().expect("a day")[..4];
    let numbers: Vec<_> = found.as_array().expect("rows").iter().map(|row| row["number"].clone()).collect();
    let wanted: Vec<_> = (1..=kept).map(|n| json!(format!("F-{year}-{n:06}"))).collect();
    assert_eq!(numbers, wanted);
    let series = app.sql("select code, last_number from invoice_series").await;
    assert_eq!(series, json!([{ "code": "F", "last_number": kept }]));
}

#[tokio::test]
async fn a_series_has_its_own_count_and_a_number_its_day() {
    let app = TestApp::new().await;
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let today = numbering::today(&mut tx).await.expect("a day");
    let mut drawn = Vec::new();
    for code in ["F", "A", "F"] {
        drawn.push(numbering::draw(&mut tx, code).await.expect("a number"));
    }
    tx.commit().await.expect("a commit");
    let ends: Vec<_> = drawn.iter().map(|one| (&one.number[..1], &one.number[7..])).collect();
    assert_eq!(ends, [("F", "000001"), ("A", "000001"), ("F", "000002")]);
    assert!(drawn.iter().all(|one| one.date >= today), "{drawn:?}");
}
