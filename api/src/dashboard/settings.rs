//! Settings: what each one is, what it does, and changing it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::kernel::Error;
use shared::platform::settings::{self, Kind, Known};

use crate::acts;
use crate::dashboard::desk::Desk;
use crate::dashboard::forms::{Sent, line};
use crate::dashboard::frame::Place;
use crate::dashboard::note::What;
use crate::error::Answer;
use crate::extract::Path;

/// The page.
const PAGE: &str = "/admin/settings";

#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    known: Known,
    shown: String,
    usual: String,
    changed: bool,
    options: Vec<Value>,
}

impl Row {
    fn of(known: Known) -> Self {
        let words: Vec<&str> = match known.kind {
            Kind::Switch => vec!["true", "false"],
            Kind::Choice => known.choices.clone(),
            Kind::Number => Vec::new(),
        };
        let (shown, usual) = (text(&known.value), text(&known.default));
        let options = words.iter().map(|word| json!({ "value": word, "chosen": *word == shown })).collect();
        Self { changed: known.value != known.default, shown, usual, options, known }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `GET /admin/settings`
pub async fn list(desk: Desk) -> Answer {
    let all = settings::all(&mut *desk.db().await?).await?;
    let rows: Vec<Row> = all.into_iter().map(Row::of).collect();
    desk.page("settings", Place::Settings, "Settings", &json!({ "rows": rows })).await
}

/// What the form says.
#[derive(Deserialize)]
pub struct Change {
    value: String,
    seen: i32,
    reason: Option<String>,
}

/// `POST /admin/settings/{key}`
pub async fn set(desk: Desk, Path(key): Path<String>, Sent(change): Sent<Change>) -> Answer {
    let value = serde_json::from_str(&change.value).unwrap_or_else(|_| Value::from(change.value.clone()));
    let reason = line(change.reason.as_deref());
    let mut tx = desk.begin().await?;
    match acts::set(&mut tx, &key, Some(&value), Some(change.seen), reason.as_deref()).await {
        Ok(_) => {
            tx.commit().await?;
            desk.go(PAGE, What::Set).await
        }
        Err(Error::Conflict { .. }) => desk.go(PAGE, What::SetRefused).await,
        Err(error) => Err(error.into()),
    }
}
