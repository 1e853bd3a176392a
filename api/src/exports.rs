//! What somebody wants as a file, checked field by field. REST, dashboard and command line come through here.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::domain::billing::invoices::InvoiceFilter;
use shared::domain::billing::orders::OrderFilter;
use shared::domain::exports::{ExportFormat, ExportKind, NewExport};
use shared::domain::identity::directory::UserFilter;
use shared::kernel::ids::UserId;
use shared::kernel::{Error, Result};
use shared::platform::audit::AuditFilter;
use shared::reports::exports::tables;
use validator::Validate;

/// An export about to be asked for.
// Not `Debug`: there may be a password in it.
#[derive(Clone, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Of what.
    pub kind: ExportKind,
    /// As which kind of file.
    pub format: ExportFormat,
    /// Of which rows: an object of the filters that their list takes; absent: of all.
    pub filters: Option<Value>,
    /// Which columns of the first table, in this order; absent: all.
    pub columns: Option<Vec<String>>,
    /// CSV as a French Excel reads it: UTF-8 with BOM, semicolons, decimal commas.
    pub excel: Option<bool>,
    /// The language of headings, `fr` or `en`; absent: one's own.
    pub locale: Option<String>,
    /// Whose personal data.
    pub subject_user_id: Option<UserId>,
    /// One's password, once more, for personal data by a session older than 15 minutes: 403 `reauthentication_required`
    /// without it.
    #[validate(length(max = 1024))]
    pub password: Option<String>,
}

impl Wish {
    /// The wish in order; `locale` is that of who asks. 422 names what is not.
    pub fn checked(self, locale: &str) -> Result<NewExport> {
        let Self { kind, format, subject_user_id: subject, .. } = self;
        let personal = kind == ExportKind::PersonalData;
        if personal && subject.is_none() {
            return Err(Error::field("subject_user_id", "required", "is missing: whose personal data?"));
        }
        if !personal && subject.is_some() {
            return Err(Error::field("subject_user_id", "unexpected", "goes with personal_data alone"));
        }
        if personal && format == ExportFormat::Csv {
            return Err(Error::field("format", "choice", "personal data are many tables: choose zip, json or xlsx"));
        }
        let filters = filters(kind, self.filters.unwrap_or_else(|| json!({})))?;
        let columns = self.columns.unwrap_or_default();
        if let Some(first) = tables(kind.name()).first() {
            first.select(&columns)?;
        }
        let locale = self.locale.unwrap_or_else(|| locale.to_owned());
        if !["fr", "en"].contains(&&*locale) {
            return Err(Error::field("locale", "choice", "should be fr or en"));
        }
        Ok(NewExport { kind, format, filters, columns, excel: self.excel.unwrap_or_default(), locale, subject })
    }
}

/// A filter's value as lists take it in their addresses: text, but for yes and no.
pub fn typed(value: String) -> Value {
    match &*value {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => Value::String(value),
    }
}

/// The filters as the list of the same rows takes them: what it refuses is refused here.
fn filters(kind: ExportKind, given: Value) -> Result<Value> {
    match kind {
        ExportKind::Orders => like::<OrderFilter>(given),
        ExportKind::Invoices => like::<InvoiceFilter>(given),
        ExportKind::Users => like::<UserFilter>(given),
        ExportKind::AuditLog => like::<AuditFilter>(given),
        ExportKind::Report | ExportKind::PersonalData => like::<None>(given),
    }
}

/// No filter at all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct None {}

fn like<F: DeserializeOwned>(given: Value) -> Result<Value> {
    match serde_path_to_error::deserialize::<_, F>(&given) {
        Ok(_) => Ok(given),
        Err(error) => {
            let (path, inner) = (error.path().to_string(), error.inner().to_string());
            let path = if path == "." { "filters".to_owned() } else { format!("filters.{path}") };
            Err(Error::field(&path, "filter", inner))
        }
    }
}
