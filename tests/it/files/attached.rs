//! Files attached to mails: byte by byte at the relay, and told when they cannot be.

use harness::relay::{Arrived, Relay};
use mail_parser::{MessageParser, MimeHeaders};
use serde_json::Value;
use shared::kernel::ids::FileId;
use shared::platform::mail::{self, NewMail, Recipient, catalogue};
use shared::platform::templates::Templates;
use worker::smtp::{Enclosure, Letter, Smtp};

use super::*;
use crate::dashboard::operator;

async fn stage() -> (Relay, TestApp) {
    let relay = Relay::start().await;
    let env = relay.env();
    let changes: Vec<(&str, &str)> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let app = TestApp::with(&changes).await;
    (relay, app)
}

async fn queue(app: &TestApp, key: &str, attachments: Vec<FileId>) -> shared::kernel::Result<()> {
    let template = &catalogue::VISITOR_CONTACT;
    let to = Recipient { address: "claire@example.org".into(), name: None, locale: "fr".into(), user: None };
    let vars = Templates::sample(template.name).expect("a sample");
    let new = NewMail { template, to, vars, dedupe_key: key.into(), subject: None, reply_to: None, attachments };
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    mail::queue(&mut tx, new).await?;
    tx.commit().await
}

fn to_claire(relay: &Relay) -> Vec<Arrived> {
    relay.arrived().into_iter().filter(|mail| mail.to == "claire@example.org").collect()
}

async fn email(app: &TestApp) -> Value {
    let rows = app.sql(
        "select id, status, smtp_reply, message_bytes from emails where to_address = 'claire@example.org' order by id desc",
    );
    rows.await[0].clone()
}

/// Bytes that transfers like to change: every value, bare line ends, dots alone on a line, no end of line at the end.
fn difficult() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    bytes.extend_from_slice(b"\n.\n\r\n..\r\r\nFrom x\n.");
    bytes
}

#[tokio::test]
async fn an_attachment_arrives_byte_by_byte() {
    let (relay, app) = stage().await;
    let xml = "<a>\n  <b>é</b>\r\n.\n</a>\n";
    let mut tx = Tx::begin(&app.platform).await.expect("a transaction");
    let invoice = files::put(&mut tx, new("Facture n° FA-2026-0001 – été.pdf", difficult())).await.expect("stored");
    let new_xml = NewFile { content_type: "application/xml", ..new("factur-x.xml", xml.into()) };
    let second = files::put(&mut tx, new_xml).await.expect("stored");
    tx.commit().await.expect("a commit");
    queue(&app, "one", vec![invoice.id, second.id]).await.expect("queued");
    assert_eq!(app.drain().await, 1);
    let arrived = to_claire(&relay).remove(0);
    let message = MessageParser::default().parse(arrived.source.as_bytes()).expect("a message");
    assert!(message.body_text(0).is_some_and(|text| text.contains("vélin")), "the text is still its body");
    let parts: Vec<_> = message.attachments().collect();
    let names: Vec<_> = parts.iter().map(|part| part.attachment_name().expect("a name")).collect();
    assert_eq!(names, ["Facture n° FA-2026-0001 – été.pdf", "factur-x.xml"]);
    assert_eq!(parts[0].content_type().map(|kind| (kind.ctype(), kind.subtype())), Some(("application", Some("pdf"))));
    assert!(parts[0].contents() == difficult(), "{} bytes", parts[0].contents().len());
    assert_eq!(parts[1].contents(), xml.as_bytes());
    let sent = email(&app).await;
    let bytes = sent["message_bytes"].as_u64().expect("its size") as usize;
    assert!(sent["status"] == "sent" && bytes.abs_diff(arrived.source.len()) <= 2, "{sent} {}", arrived.source.len());
}

#[tokio::test]
async fn a_mail_whose_attachment_is_lost_is_a_persons_to_mend() {
    let (relay, app) = stage().await;
    type Spoil = fn(&TestApp, &File);
    let ways: [(&str, Spoil); 2] = [
        ("corrupt", |app, file| std::fs::write(blob(app, file), letters(50)).expect("spoilt")),
        ("missing", |app, file| std::fs::remove_file(blob(app, file)).expect("removed")),
    ];
    for (word, spoil) in ways {
        let file = put(&app, "FA-1.pdf", letters(50 + word.len() * 7)).await;
        queue(&app, word, vec![file.id]).await.expect("queued");
        spoil(&app, &file);
        app.drain().await;
        let mail = email(&app).await;
        let said = mail["smtp_reply"].as_str().unwrap_or_default().to_owned();
        assert!(mail["status"] == "failed" && said.contains("FA-1.pdf") && said.contains(word), "{mail}");
    }
    let file = put(&app, "gone.pdf", letters(9)).await;
    queue(&app, "gone", vec![file.id]).await.expect("queued");
    app.execute("delete from files").await;
    app.drain().await;
    assert!(email(&app).await["smtp_reply"].as_str().is_some_and(|said| said.contains("was deleted, or has expired")));
    let jobs = app
        .sql("select distinct state, error_code, attempt from jobs where kind = 'email.send' and state <> 'succeeded'");
    assert_eq!(jobs.await, json!([{ "state": "dead", "error_code": "attachment", "attempt": 1 }]));
    assert!(to_claire(&relay).is_empty());
}

#[tokio::test]
async fn a_store_that_is_away_is_waited_for() {
    let (relay, app) = stage().await;
    let file = put(&app, "FA-1.pdf", letters(5000)).await;
    queue(&app, "one", vec![file.id]).await.expect("queued");
    // A disk that is not mounted: its folder is not there, or there is nothing in it.
    let here = harness::env::files(app.database_url());
    let away = here.with_extension("away");
    std::fs::rename(&here, &away).expect("moved");
    for _ in 0..2 {
        app.drain().await;
        let job = app.sql("select state, error_code, last_error from jobs where kind = 'email.send'").await[0].clone();
        assert_eq!((&job["state"], &job["error_code"]), (&json!("retrying"), &json!("storage")));
        assert!(job["last_error"].as_str().is_some_and(|said| said.contains("is its disk mounted?")), "{job}");
        app.advance(Duration::from_mins(5)).await;
        let _ = std::fs::create_dir(&here);
    }
    std::fs::remove_dir(&here).expect("an empty folder");
    std::fs::rename(&away, &here).expect("moved back");
    app.drain().await;
    assert_eq!((to_claire(&relay).len(), &email(&app).await["status"]), (1, &json!("sent")));
}

#[tokio::test]
async fn a_mail_that_can_never_be_sent_is_not_queued() {
    let app = TestApp::new().await;
    let file = put(&app, "large", vec![b' '; 6 * 1024 * 1024]).await;
    let refused = queue(&app, "two", vec![file.id, file.id]).await.expect_err("too large");
    assert!(matches!(refused, Error::Conflict { code: "attachments_too_large", .. }), "{refused}");
    let unknown = queue(&app, "three", vec![FileId::new()]).await.expect_err("no such file");
    assert!(matches!(unknown, Error::NotFound("file")), "{unknown}");
    assert_eq!(app.sql("select count(*) as n from emails").await[0]["n"], 0);
}

#[tokio::test]
async fn the_dashboard_and_the_api_show_what_is_attached() {
    let app = TestApp::new().await;
    let api = app.admin().await;
    let (file, other) = (put(&app, "FA-1.pdf", letters(5000)).await, put(&app, "FA-2.pdf", letters(6000)).await);
    queue(&app, "one", vec![file.id]).await.expect("queued");
    app.drain().await;
    let mail = email(&app).await;
    let page = format!("/admin/emails/{}", mail["id"].as_str().expect("an id"));
    let chef = operator(&app, "chef").await;
    let shown = chef.get(&page).await.status(200);
    let link = format!("{page}/attachments/{}", file.id);
    assert!(shown.text.contains(&link) && shown.text.contains("FA-1.pdf") && shown.text.contains("5.0 KB"));
    let read = chef.get(&link).await.status(200);
    assert!(read.text.as_bytes() == letters(5000));
    assert_eq!(chef.header("range", "bytes=0-3").get(&link).await.status(206).text.as_bytes(), &letters(4));
    chef.get(&format!("{page}/attachments/{}", other.id)).await.status(404);
    app.anonymous().get(&link).await.status(303);
    let told = api.get(&page.replace("/admin/", "/api/v1/admin/")).await.ok();
    assert_eq!((&told["files"][0]["name"], &told["attachments"]), (&json!("FA-1.pdf"), &json!([file.id])));
    let url = told["files"][0]["url"].as_str().expect("an address");
    let read = app.anonymous().get(url.strip_prefix("http://api.test").expect("ours")).await.status(200);
    assert!(read.text.as_bytes() == letters(5000));
    app.execute("delete from files").await;
    assert!(chef.get(&page).await.status(200).text.contains("deleted, or expired"));
}

#[tokio::test]
async fn the_development_mailbox_shows_what_is_attached() {
    let folder = std::env::temp_dir().join(format!("facteur-mails-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&folder).expect("a folder");
    let name = folder.display().to_string();
    let app = TestApp::with(&[("APP_ENV", "development"), ("MAIL_FOLDER", &name)]).await;
    app.admin().await;
    let letter = Letter {
        id: uuid::Uuid::now_v7().to_string(),
        from: ("bonjour@facteur.example".into(), "Facteur".into()),
        to: ("claire@example.org".into(), None),
        reply_to: None,
        message_id: "<1@facteur.example>".into(),
        subject: "Votre facture".into(),
        text: "Bonjour".into(),
        html: "<p>Bonjour</p>".into(),
        attachments: vec![Enclosure {
            name: "Facture é.pdf".into(),
            content_type: "application/pdf".into(),
            bytes: letters(5000).into(),
        }],
    };
    let page = format!("/admin/mailbox/{}.eml", letter.id);
    Smtp::Folder(folder.clone()).send(letter).await.expect("written");
    let chef = operator(&app, "chef").await;
    let shown = chef.get(&page).await.status(200);
    let link = format!("{page}/attachments/0");
    assert!(
        shown.text.contains(&link) && shown.text.contains("Facture é.pdf") && shown.text.contains("application/pdf")
    );
    let read = chef.get(&link).await.status(200);
    assert!(read.text.as_bytes() == letters(5000));
    assert_eq!(read.header("content-type"), Some("application/pdf"));
    chef.get(&format!("{page}/attachments/1")).await.status(404);
    std::fs::remove_dir_all(folder).expect("removed");
}
