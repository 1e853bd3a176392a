//! `facteur user …` by a real process: an account from its making to its end.

use harness::Stage;

use crate::commands::{run, said};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_makes_finds_promotes_suspends_and_forgets() {
    let stage = Stage::new(&[]).await;
    let user = async |args: &[&str]| {
        let output = run(&stage, "facteur", &[&["user"], args].concat()).await;
        (output.status.code(), said(&output))
    };
    let does = async |args: &[&str], words: &str| {
        let (code, said) = user(args).await;
        assert!(code == Some(0) && said.contains(words), "{args:?}: {said}");
    };
    let refuses = async |args: &[&str], words: &str| {
        let (code, said) = user(args).await;
        assert!(code == Some(65) && said.contains(words), "{args:?}: {said}");
    };
    const ADA: &str = "ada@example.org";
    const LEA: &str = "lea@example.org";
    does(&["add", "--email", ADA, "--role", "admin", "--first-name", "Ada"], "password").await;
    does(&["add", "--email", LEA, "--role", "user", "--first-name", "Léa"], "password").await;
    refuses(&["add", "--email", LEA, "--role", "user"], LEA).await;
    does(&["ls", "--q", "Léa"], LEA).await;
    assert!(!user(&["ls", "--q", "Léa"]).await.1.contains(ADA));
    does(&["show", LEA], "role       user").await;
    does(&["role", LEA, "moderator", "--reason", "elle aide"], "has the role moderator").await;
    refuses(&["role", LEA, "queen"], "role").await;
    let session = "insert into sessions (id, user_id, kind, expires_at)
                   select gen_random_uuid(), id, 'api', now() + interval '1 day' from users where email = 'lea@example.org'";
    sqlx::raw_sql(session).execute(&stage.platform.db).await.expect("a session");
    does(&["show", LEA], "sessions   1").await;
    does(&["sign-out", LEA], "signed out of 1 sessions").await;
    does(&["suspend", LEA, "--reason", "en congé"], "is suspended").await;
    does(&["ls", "--json"], "\"status\": \"suspended\"").await;
    does(&["open", LEA, "--reason", "de retour"], "is open again").await;
    refuses(&["suspend", ADA, "--reason", "seule"], "last active administrator").await;
    refuses(&["show", "nobody@example.org"], "has no account").await;
    does(&["forget", LEA, "--yes"], "will be forgotten by").await;
    does(&["erasures"], "under way").await;
    does(&["show", LEA], "days left").await;
    does(&["keep", LEA], "is kept").await;
    does(&["erasures", "--all"], "called off").await;
    let audited = "select count(distinct action) from audit_log where target_type = 'user' and actor_id is null";
    assert!(stage.count(audited).await >= 5, "each of them is in the audit log");
}
