//! The command line, as an operator uses it: answers, exit codes, sentences.

use std::process::Output;
use std::time::Duration;

use harness::{Stage, env};
use serde_json::Value;

pub async fn run(stage: &Stage, binary: &str, args: &[&str]) -> Output {
    let command =
        tokio::process::Command::new(env::binary(binary)).args(args).env_clear().envs(stage.env.clone()).output();
    tokio::time::timeout(Duration::from_secs(20), command).await.expect("it ends").expect("it starts")
}

pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_probes_lists_reads_and_retries_jobs() {
    let stage = Stage::new(&[]).await;
    let probed = run(&stage, "facteur", &["jobs", "probe", "fail"]).await;
    assert!(probed.status.success(), "{}", said(&probed));
    sqlx::query("update jobs set max_attempts = 1").execute(&stage.platform.db).await.expect("one attempt is enough");
    let _worker = stage.worker();
    stage.until(Duration::from_secs(20), "select count(*) from jobs where state = 'dead'", 1).await;

    let listed = run(&stage, "facteur", &["jobs", "ls", "--state", "dead", "--json"]).await;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let id: String = sqlx::query_scalar("select id::text from jobs where state = 'dead'")
        .fetch_one(&stage.platform.db)
        .await
        .expect("the dead job");
    assert!(listed.contains(&id), "the list names it: {listed}");
    let shown = run(&stage, "facteur", &["jobs", "show", &id]).await;
    assert!(said(&shown).contains("the probe was told to fail"), "{}", said(&shown));

    sqlx::query("update jobs set payload = '{\"mode\":\"ok\"}' where state = 'dead'")
        .execute(&stage.platform.db)
        .await
        .expect("the cause is mended");
    let retried = run(&stage, "facteur", &["jobs", "retry", &id]).await;
    assert!(retried.status.success(), "{}", said(&retried));
    let done = format!("select count(*) from jobs where id = '{id}' and state = 'succeeded'");
    stage.until(Duration::from_secs(10), &done, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_tells_what_is_well_and_what_is_not() {
    let mut stage = Stage::new(&[]).await;
    for binary in ["facteur", "facteur-worker"] {
        let well = run(&stage, binary, &["doctor"]).await;
        assert!(well.status.success(), "{binary}: {}", said(&well));
        assert!(said(&well).contains("PostgreSQL"), "{binary}: {}", said(&well));
    }
    stage.env.push(("REDIS_URL".into(), "redis://127.0.0.1:1".into()));
    for binary in ["facteur", "facteur-worker"] {
        let ill = run(&stage, binary, &["doctor"]).await;
        assert_eq!(ill.status.code(), Some(69), "{binary}: {}", said(&ill));
        assert!(said(&ill).contains("FAIL"), "{binary}: {}", said(&ill));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_word_is_64_and_help_teaches() {
    let stage = Stage::new(&[]).await;
    for (binary, teaches) in [("facteur", "facteur jobs"), ("facteur-worker", "LANES=")] {
        assert_eq!(run(&stage, binary, &["nonsense"]).await.status.code(), Some(64));
        let help = run(&stage, binary, &["--help"]).await;
        assert!(help.status.success() && said(&help).contains(teaches), "{}", said(&help));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_document_is_printed_as_json() {
    let stage = Stage::new(&[]).await;
    let printed = run(&stage, "facteur", &["openapi"]).await;
    let document: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
    assert!(document["paths"]["/api/v1/requests"]["post"].is_object());
}

#[tokio::test]
async fn an_invoice_is_drawn_and_judged_as_a_file() {
    let run = async |args: &[&str]| {
        let command =
            tokio::process::Command::new(env::binary("facteur")).arg("invoice").args(args).env_clear().output();
        tokio::time::timeout(Duration::from_secs(60), command).await.expect("it ends").expect("it starts")
    };
    let folder = std::env::temp_dir().join(format!("facteur-test-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&folder).expect("a folder");
    let path = |name: &str| folder.join(name).display().to_string();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../templates/invoice/sample.json");
    let (pdf, again) = (path("a.pdf"), path("b.pdf"));
    for out in [&pdf, &again] {
        let drawn = run(&["render", sample, "-o", out]).await;
        assert!(drawn.status.success(), "{}", said(&drawn));
    }
    assert!(std::fs::read(&pdf).expect("a file") == std::fs::read(&again).expect("another"), "the same bytes");
    let judged = run(&["validate", &pdf]).await;
    assert_eq!(judged.status.code(), Some(0), "{}", said(&judged));
    assert!(said(&judged).contains("F-2026-000042") && said(&judged).contains("no finding"), "{}", said(&judged));

    let wrong = std::fs::read_to_string(sample).expect("the sample").replace("\"net\": 50000", "\"net\": 50001");
    std::fs::write(path("wrong.json"), wrong).expect("a file");
    let judged = run(&["validate", &path("wrong.json"), "--json"]).await;
    assert_eq!(judged.status.code(), Some(1), "{}", said(&judged));
    let told: Value = serde_json::from_slice(&judged.stdout).expect("JSON");
    assert_eq!((&told["valid"], &told["findings"][0]["path"]), (&Value::Bool(false), &Value::from("lines[0].net")));
    assert_eq!(run(&["render", &path("wrong.json")]).await.status.code(), Some(1), "it is not drawn");
    std::fs::write(path("no.pdf"), "%PDF-1.7 of nothing").expect("a file");
    assert_eq!(run(&["validate", &path("no.pdf")]).await.status.code(), Some(65));
    assert_eq!(run(&["validate", &path("absent.pdf")]).await.status.code(), Some(66));
    std::fs::remove_dir_all(&folder).expect("the folder goes");
}
