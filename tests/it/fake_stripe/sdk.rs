//! Stripe's own Python library as a foreign reader: it calls the fake, and its declared types judge every answer.
//!
//! Without `python3` and the package `stripe` (or with another folder for it in PYTHONPATH) the test says so and passes.

use tokio::process::Command;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn stripes_own_library_reads_every_answer() {
    // Elsewhere: here, Python would take our folder `stripe` for the package.
    let elsewhere = std::env::temp_dir();
    let known = Command::new("python3").args(["-c", "import stripe"]).current_dir(&elsewhere).output().await;
    if !known.is_ok_and(|known| known.status.success()) {
        eprintln!("SKIPPED: python3 with the package `stripe` is not here, Stripe's own library did not read the fake");
        return;
    }
    let shop = Shop::open().await;
    shapes::live(&shop).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/it/fake_stripe/sdk.py");
    let run = Command::new("python3")
        .arg(script)
        .current_dir(elsewhere)
        .args([&*shop.fake.url, KEY, API_VERSION])
        .output()
        .await
        .expect("python3 runs");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    eprintln!("{said}");
}
