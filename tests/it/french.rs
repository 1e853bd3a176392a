//! The dashboard in French and English, light and dark: nothing is left in the other language, and what was chosen
//! stays chosen.

mod sources;

use std::collections::{BTreeMap, BTreeSet};

use harness::people::PASSWORD;
use harness::{Client, TestApp};
use serde_json::json;
use shared::platform::audit;
use shared::platform::templates::{Templates, french};

use crate::dashboard::{self, ENGLISH, cookies, form_token, post};
use crate::requests;

/// Tables whose keys are names that others give: what they are compared with stands elsewhere, or nowhere.
const NAMES: [&str; 3] = ["actions", "figures", "filter"];

/// Every text that is asked for, by the table it is asked of.
fn asked() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut asked: BTreeMap<&str, BTreeSet<String>> = sources::texts();
    for (page, source) in Templates::pages() {
        asked.entry(page).or_default().extend(french::texts(source));
    }
    asked
}

/// `{{…}}` and `{name}`, sorted.
fn values(text: &str) -> Vec<&str> {
    let mut values = sources::matches(r"\{\{.*?\}\}|\{\w+\}", text);
    values.sort_unstable();
    values
}

#[test]
fn every_text_has_its_french_and_no_french_is_left_over() {
    let catalogue = french::catalogue();
    let mut asked = asked();
    let known = |table: &str, text: &str| catalogue.get(table).is_some_and(|table| table.contains_key(text));
    let mut missing = BTreeSet::new();
    for (table, texts) in &asked {
        let table = if ["feminine", "script"].contains(table) { table } else { french::EVERYWHERE };
        missing
            .extend(texts.iter().filter(|text| !known(table, text)).map(|text| format!("[{table}] {text:?} = \"\"")));
    }
    assert!(missing.is_empty(), "templates/admin/fr.toml lacks:\n{}", Vec::from_iter(missing).join("\n"));

    let everywhere: BTreeSet<String> = asked.values().flatten().cloned().collect();
    asked.insert(french::EVERYWHERE, everywhere.clone());
    asked.insert("plural", everywhere);
    let left: Vec<_> = catalogue
        .iter()
        .filter(|(table, _)| !NAMES.contains(&table.as_str()))
        .flat_map(|(table, texts)| texts.keys().map(move |text| (table.as_str(), text)))
        .filter(|(table, text)| !asked.get(table).is_some_and(|texts| texts.contains(*text)))
        .collect();
    assert!(left.is_empty(), "templates/admin/fr.toml says what nobody asks for: {left:#?}");

    let actions: BTreeSet<&str> = audit::ACTIONS.iter().map(|action| action.name).collect();
    let french: BTreeSet<&str> = catalogue["actions"].keys().map(String::as_str).collect();
    assert_eq!(actions, french, "actions that are audited, and those that have their French");
}

#[test]
fn the_french_is_well_set_and_keeps_every_value() {
    for (table, texts) in french::catalogue() {
        for (english, french) in texts {
            let said = format!("[{table}] {french}");
            assert!(!french.trim().is_empty(), "{table}: {english}");
            assert_eq!(values(english), values(french), "{said}");
            let plain = sources::without(r"\{\{.*?\}\}|\{\w+\}|&\w+;", french);
            assert!(
                NAMES.contains(&table.as_str()) || !plain.contains(['<', '>', '"', '\'']) || plain == *english,
                "{said}"
            );
            assert!(!["« ", " »", " ;", " !", " ?", "..."].iter().any(|bad| plain.contains(bad)), "{said}");
            assert!(!plain.contains(" :") && !plain.contains("'"), "{said}");
        }
    }
}

/// Somebody who has signed in and chosen nothing, or this.
async fn operator(app: &TestApp, choice: &str) -> Client {
    let session = cookies(&dashboard::login(app, "chef@example.org", PASSWORD, "/admin").await.status(303))[0].clone();
    dashboard::browser(app).header("cookie", &format!("{session}; {choice}"))
}

/// The addresses of a page's links.
fn links(page: &str) -> Vec<String> {
    let all = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let ours = all.filter(|to| to.starts_with("/admin") && !to.contains("/assets/") && !to.contains('#'));
    ours.filter(|to| !["pdf", "xml", "file", ".html", ".png", "attachments"].iter().any(|file| to.contains(file)))
        .map(|to| to.replace("&#x3D;", "=").replace("&amp;", "&"))
        .collect()
}

/// Numbers and ids are one: a page is looked at once, whatever it is about.
fn shape(address: &str) -> String {
    let path = address.split('?').next().unwrap_or_default();
    sources::without(r"[0-9a-f-]{12,}|\d+", path)
}

#[tokio::test]
async fn every_page_is_french_for_who_reads_french() {
    let mut app = TestApp::new().await;
    let api = app.admin().await;
    api.post("/api/v1/admin/jobs/probe", json!({ "mode": "fail" })).await.status(202);
    app.execute("update jobs set max_attempts = 1").await;
    app.drain().await;
    api.post("/api/v1/admin/jobs/probe", json!({ "mode": "ok" })).await.status(202);
    app.anonymous().post("/api/v1/requests", requests::form()).await.created();
    let chef = operator(&app, "").await;
    let token = form_token(&chef.get("/admin/jobs").await.status(200));
    let fields = [("token", &*token), ("action", "cancel"), ("filter", "state:queued"), ("scope", "all")];
    let frozen = post(&chef, "/admin/bulk/preview", &fields).await.status(303);
    let preview = frozen.header("location").expect("the page of the draft").to_owned();
    // Some words are both, such as “Files”.
    let also_french: BTreeSet<&str> =
        french::catalogue().values().flat_map(BTreeMap::values).map(String::as_str).collect();
    let (mut open, mut seen) = (vec!["/admin".to_owned(), preview], BTreeSet::new());
    while let Some(address) = open.pop() {
        if !seen.insert(shape(&address)) {
            continue;
        }
        let page = chef.get(&address).await;
        assert!(page.text.contains("<html lang=\"fr\""), "{address} {}", page.status);
        let english: Vec<_> = french::texts(&page.text)
            .into_iter()
            .filter(|run| french::said("", run).is_some_and(|french| french != run) && !also_french.contains(&**run))
            .collect();
        assert!(english.is_empty(), "{address} says in English: {english:?}");
        open.extend(links(&page.text));
    }
    assert!(seen.len() > 30, "{seen:?}");
    app.leave_jobs();
}

#[tokio::test]
async fn language_and_theme_are_chosen_by_a_form_and_stay() {
    let app = TestApp::new().await;
    app.admin().await;
    let chef = operator(&app, "").await;
    let page = chef.get("/admin/jobs?state=dead").await.status(200);
    assert!(page.text.contains("<html lang=\"fr\">") && page.text.contains("Jobs morts"));
    let choice = |token: &str, back: &str| {
        [("token", token), ("back", back), ("language", "en"), ("theme", "dark")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
    };
    let send = |fields: [(String, String); 4]| {
        let chef = chef.clone();
        async move {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
            post(&chef, "/admin/look", &fields).await
        }
    };
    send(choice("guessed", "/admin")).await.status(403);
    let token = form_token(&page);
    let away = send(choice(&token, "https://evil.test/admin")).await.status(303);
    assert_eq!(away.header("location"), Some("/admin"));
    let chosen = send(choice(&token, "/admin/jobs?state=dead")).await.status(303);
    assert_eq!(chosen.header("location"), Some("/admin/jobs?state=dead"));
    let kept = cookies(&chosen).join("; ");
    assert!(kept.contains(ENGLISH) && kept.contains("__Host-facteur-theme=dark"), "{kept}");

    let chef = operator(&app, &kept).await;
    let page = chef.get("/admin/queues").await.status(200);
    assert!(page.text.contains("<html lang=\"en\" data-theme=\"dark\">") && page.text.contains("Queues"));
    let left = post(&chef, "/admin/logout", &[("token", &form_token(&page))]).await.status(303);
    assert!(!cookies(&left).join(" ").contains("theme"), "signing out is no reason to forget a choice");
    let french = app.anonymous().header("accept-language", "fr").header("cookie", &kept);
    let door = french.get("/admin/login?left=1").await.status(200);
    assert!(door.text.contains("<html lang=\"en\" data-theme=\"dark\">") && door.text.contains("You are signed out."));
}

#[tokio::test]
async fn without_a_choice_the_account_says_the_language_and_before_it_the_browser() {
    let app = TestApp::new().await;
    app.admin().await;
    let door = |language: &'static str| {
        let guest = app.anonymous().header("accept-language", language);
        async move { guest.get("/admin/login").await.status(200).text }
    };
    assert!(door("en-GB,en;q=0.9,fr;q=0.5").await.contains("<html lang=\"en\">"));
    assert!(door("de").await.contains("<html lang=\"fr\">"));
    let forged = "__Host-facteur-language=\"><script>; __Host-facteur-theme=neon";
    let page = operator(&app, forged).await.get("/admin").await.status(200);
    assert!(page.text.contains("<html lang=\"fr\">"), "the account's own language, and no theme of that name");
    app.execute("update users set locale = 'en'").await;
    let page = operator(&app, forged).await.get("/admin/nowhere").await.status(404);
    assert!(page.text.contains("<html lang=\"en\">") && page.text.contains("There is nothing here"));
}
