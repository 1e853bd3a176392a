//! Which jobs: the filter that lists, bulk actions, the command line and the dashboard share. Named parameters and the
//! text of the grammar are two ways to say the same terms.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use validator::Validate;

use super::Sort;
use super::grammar::{self, Field, Is, Sign, Term};
use crate::kernel::Error;
use crate::kernel::Result;

/// Every state, in the order a job passes them.
pub const STATES: [&str; 8] =
    ["scheduled", "blocked", "queued", "running", "retrying", "succeeded", "dead", "cancelled"];

/// So far back may a filter ask, in seconds: a century. More is a mistake, and too much for an interval.
const CENTURY: i64 = 3_155_760_000;

/// Which jobs. Everything is optional and narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct JobFilter {
    /// The filter as text: `state:failed kind:email.send args.order.id:42 attempt>2 age<2h`. A named parameter takes the
    /// place of what the text says of the same field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// One of the states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The kind, `noun.verb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// At least this many attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// Enqueued at least so many seconds ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(range(min = 0, max = CENTURY))]
    pub older: Option<i64>,
    /// Enqueued at most so many seconds ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[validate(range(min = 0, max = CENTURY))]
    pub younger: Option<i64>,
    /// The id of the row the job is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Uuid>,
    /// The fingerprint of the failure that a retrying or dead job last had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The id of its batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<Uuid>,
    /// Whose work it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The concurrency key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What the job is known by begins with it (`*` stands for anything), or its last error holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// The order of a list, the youngest first when absent; where a set is meant, it means nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<Sort>,
}

impl JobFilter {
    /// The same jobs by text alone.
    pub fn of(terms: &[Term]) -> Self {
        let text = grammar::text(terms);
        Self { filter: (!text.is_empty()).then_some(text), ..Self::default() }
    }

    /// 422 for a state that does not exist, an age out of reach or a text that does not parse; an empty field counts as
    /// absent.
    pub fn checked(mut self) -> Result<Self> {
        self.validate()?;
        let (words, names) = (
            [&mut self.filter, &mut self.state, &mut self.kind, &mut self.lane, &mut self.q],
            [&mut self.error, &mut self.tenant, &mut self.key],
        );
        for field in words.into_iter().chain(names) {
            if field.as_deref().is_some_and(|value| value.trim().is_empty()) {
                *field = None;
            }
        }
        if self.state.as_deref().is_some_and(|state| !STATES.contains(&state)) {
            return Err(Error::field("state", "choice", format!("should be one of {}", STATES.join(", "))));
        }
        self.terms()?;
        Ok(self)
    }

    /// The dead among them, when it names neither a state nor a failure: what somebody who says «retry» means.
    pub fn or_dead(mut self) -> Result<Self> {
        if !self.terms()?.iter().any(|term| matches!(term.field, Field::State | Field::Group)) {
            self.state = Some("dead".into());
        }
        Ok(self)
    }

    /// What it asks, named parameters first. 422 with the place of what is wrong in the text.
    pub fn terms(&self) -> Result<Vec<Term>> {
        let word = |field, value: &Option<String>| value.as_ref().map(|value| Term::word(field, value));
        let ids = |field, value: &Option<Uuid>| value.map(|value| Term::new(field, Is::Ids(vec![value])));
        let span = |sign, value: Option<i64>| value.map(|seconds| Term::new(Field::Age, Is::Span(sign, seconds)));
        let attempts = self.attempt.map(|n| Term::new(Field::Attempt, Is::Number(Sign::AtLeast, n.into())));
        let named = [
            word(Field::State, &self.state),
            word(Field::Kind, &self.kind),
            word(Field::Queue, &self.lane),
            attempts,
            span(Sign::AtLeast, self.older),
            span(Sign::AtMost, self.younger),
            ids(Field::Subject, &self.subject),
            word(Field::Group, &self.error),
            ids(Field::Batch, &self.batch),
            word(Field::Tenant, &self.tenant),
            word(Field::Key, &self.key),
            word(Field::Text, &self.q),
        ];
        let mut terms: Vec<Term> = named.into_iter().flatten().collect();
        let said = grammar::parse(self.filter.as_deref().unwrap_or_default())?;
        let replaced = |term: &Term| {
            let again = terms.iter().any(|named| named.field == term.field && term.field != Field::Text);
            again && !term.negated && term.field != Field::Age
        };
        let kept: Vec<Term> = said.into_iter().filter(|term| !replaced(term)).collect();
        terms.extend(kept);
        Ok(terms)
    }
}
