//! What may stand next in a filter: names of fields from the grammar, values from descriptors, then from data.

use serde::Serialize;
use sqlx::PgConnection;

use super::field::{FIELDS, SEVERAL};
use crate::kernel::Result;
use crate::platform::jobs::admin::STATES;
use crate::platform::jobs::{Lane, kinds};

/// One term that may be added.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Suggestion {
    /// The term, or its beginning.
    pub term: String,
    /// What it means.
    pub says: String,
}

/// How many jobs are looked at for values that only the data knows.
const WINDOW: i64 = 2000;
/// Values of one field.
const FEW: i64 = 12;

/// Everything that may be added: closed sets in full, then tenants, versions and arguments of the newest jobs.
pub async fn suggestions(db: &mut PgConnection) -> Result<Vec<Suggestion>> {
    let term =
        |field: &str, value: &str, says: &str| Suggestion { term: format!("{field}:{value}"), says: says.into() };
    let mut all: Vec<Suggestion> = SEVERAL.iter().map(|(name, of)| term("state", name, &of.join(" or "))).collect();
    all.extend(STATES.iter().map(|state| term("state", state, "")));
    all.extend(kinds::ALL.iter().map(|kind| term("kind", kind.name, "")));
    all.extend(Lane::ALL.iter().map(|lane| term("queue", lane.name(), "")));
    all.extend(
        ["age<1h", "age<1d", "age>7d", "attempt>2", "took>30s"]
            .map(|t| Suggestion { term: t.into(), says: String::new() }),
    );
    let found = sqlx::query!(
        r#"with newest as (select tenant, ran_version, error_code, payload from jobs order by id desc limit $1),
                said as (
                    select 'tenant' as field, tenant as value from newest where tenant is not null
                    union all select 'version', ran_version from newest where ran_version is not null
                    union all select 'error', error_code from newest where error_code is not null
                    union all select 'args.' || key, '' from newest, jsonb_object_keys(
                              case when jsonb_typeof(payload) = 'object' then payload else '{}' end) as key),
                ranked as (select field, value, row_number() over (partition by field order by count(*) desc, value) as nth
                           from said group by field, value)
           select field as "field!", value as "value!" from ranked where nth <= $2 order by field, nth"#,
        WINDOW,
        FEW
    )
    .fetch_all(db)
    .await?;
    all.extend(
        found
            .into_iter()
            .filter(|row| !row.value.contains(char::is_whitespace))
            .map(|row| term(&row.field, &row.value, "")),
    );
    all.extend(FIELDS.iter().map(|(name, _, _, says)| Suggestion { term: format!("{name}:"), says: (*says).into() }));
    Ok(all)
}
