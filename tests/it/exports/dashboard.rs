//! The page of exports: asked for by a form, shown, fetched, taken away.

use harness::TestApp;

use super::orders;
use crate::dashboard::{form_token, operator, post};

#[tokio::test]
async fn an_operator_asks_for_an_export_fetches_it_and_takes_it_away() {
    let app = TestApp::new().await;
    app.admin().await;
    orders(&app, 200).await;
    let chef = operator(&app, "chef").await;
    let page = chef.get("/admin/exports").await.status(200);
    assert!(page.text.contains("No exports yet."), "{}", page.text);
    let token = form_token(&page);
    let ask = async |filters: &str| {
        let fields =
            [("kind", "orders"), ("format", "csv"), ("filters", filters), ("columns", "number"), ("token", &token)];
        post(&chef, "/admin/exports", &fields).await.status(303)
    };
    ask("colour=blue").await;
    assert_eq!(app.sql("select count(*) as n from exports").await[0]["n"], 0);
    ask("status=cancelled").await;
    let waiting = chef.get("/admin/exports").await.status(200);
    assert!(waiting.text.contains("Waiting") && waiting.text.contains("status&#x3D;cancelled"), "{}", waiting.text);
    app.drain().await;
    let ready = chef.get("/admin/exports?status=ready").await.status(200);
    let id = app.sql("select id from exports").await[0]["id"].as_str().expect("an id").to_owned();
    let file = format!("/admin/exports/{id}/file");
    assert!(ready.text.contains(&file), "{}", ready.text);
    assert_eq!(chef.get(&file).await.status(200).text, "Numéro\r\nC-100\r\nC-200\r\n");
    app.person("autre", "admin").await;
    let other = operator(&app, "autre").await;
    other.get(&file).await.status(404);
    let seen = other.get("/admin/exports").await.status(200);
    assert!(!seen.text.contains(&file) && seen.text.contains("chef@example.org"), "who asked alone fetches it");
    post(&chef, &format!("/admin/exports/{id}/drop"), &[("token", &token)]).await.status(303);
    chef.get(&file).await.status(404);
}
