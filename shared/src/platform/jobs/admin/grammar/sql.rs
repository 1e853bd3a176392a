//! Terms as SQL. Every value a person wrote is a bound parameter; only names of ours and states, which are checked,
//! stand in the text, so that the planner sees which partial index fits.

use serde_json::{Value, json};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::field::SEVERAL;
use super::{Field, Is, Sign, Term, Word};
use crate::kernel::text;

/// The states by the partial indexes that hold them: an *or* over these lets the planner join the indexes of each.
const GROUPS: [&str; 6] = [
    "state = 'succeeded'",
    "state in ('retrying', 'dead', 'cancelled')",
    "state = 'scheduled'",
    "state = 'queued'",
    "state = 'running'",
    "state = 'blocked'",
];

/// A process whose clock is wrong writes ids of another time; so many seconds of it do not hide its jobs.
const SLACK: i64 = 3 * 3600;

/// A filter about to be asked.
pub(in crate::platform::jobs) struct Question<'a>(pub &'a [Term]);

impl Question<'_> {
    /// Every row there is.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// A value in the payload or a text is asked for, whose frequency the planner cannot guess.
    pub fn looks_inside(&self) -> bool {
        self.0.iter().any(|term| matches!(term.field, Field::Args(_) | Field::Text) && !term.negated)
    }

    /// An id or the like is asked for: few rows, and an index that leads to them.
    pub fn is_narrow(&self) -> bool {
        let narrow = [Field::Id, Field::Subject, Field::Batch, Field::Group, Field::Parent, Field::Bulk];
        self.0.iter().any(|term| !term.negated && narrow.contains(&term.field))
    }

    /// ` and …` for every term, over the table or alias `jobs`.
    pub fn push(&self, q: &mut QueryBuilder<Postgres>) {
        let any_state = !self.0.iter().any(|term| term.field == Field::State && !term.negated);
        for term in self.0 {
            let indexed = matches!(term.field, Field::Args(_) | Field::Kind | Field::Text) && !term.negated;
            if any_state && indexed {
                // Every arm is one state's index with one value: an *or* inside the arms would hide the index.
                let parts = parts(term);
                for (n, (group, part)) in GROUPS.iter().flat_map(|g| parts.iter().map(move |p| (g, p))).enumerate() {
                    q.push(if n == 0 { " and ((" } else { " or (" }).push(group).push(" and ");
                    part.push(q);
                    q.push(")");
                }
                if let (Field::Text, Is::Words(words)) = (&term.field, &term.is) {
                    q.push(" or (");
                    failed_with(q, words);
                    q.push(")");
                }
                q.push(")");
                continue;
            }
            q.push(if term.negated { " and not coalesce(" } else { " and (" });
            condition(q, term);
            q.push(if term.negated { ", false)" } else { ")" });
        }
    }
}

fn condition(q: &mut QueryBuilder<Postgres>, term: &Term) {
    match (&term.field, &term.is) {
        (Field::State, Is::Words(words)) => states(q, words),
        (Field::Args(_), _) => {
            for (n, part) in parts(term).iter().enumerate() {
                q.push(if n == 0 { "" } else { " or " });
                part.push(q);
            }
        }
        (Field::Text, Is::Words(words)) => {
            for part in parts(term) {
                part.push(q);
                q.push(" or ");
            }
            failed_with(q, words);
        }
        (Field::About, Is::Words(words)) => either(q, words, |q, word| contains(q, "key_argument", word)),
        (Field::Error, Is::Words(words)) => {
            q.push("last_error is not null and (");
            either(q, words, |q, word| {
                contains(q, "last_error", word);
                q.push(" or ");
                contains(q, "error_code", word);
            });
            q.push(")");
        }
        (Field::Version, Is::Words(words)) => either(q, words, |q, word| {
            same(q, "ran_version", word);
            q.push(" or ");
            same(q, "enqueued_version", word);
        }),
        (Field::Group, Is::Words(words)) => {
            q.push("state in ('retrying', 'dead') and (");
            either(q, words, |q, word| same(q, "fingerprint", word));
            q.push(")");
        }
        (field, Is::Words(words)) => either(q, words, |q, word| same(q, column(field), word)),
        (Field::Bulk, Is::Ids(ids)) => {
            q.push("id in (select job_id from bulk_items where outcome = 'done' and operation_id = any(")
                .push_bind(ids.clone())
                .push("))");
        }
        (field, Is::Ids(ids)) => ids_of(q, column(field), ids),
        (field, Is::Number(sign, n)) => {
            q.push(column(field)).push(sign.text()).push_bind(*n);
        }
        (Field::Took, Is::Span(sign, seconds)) => {
            q.push("finished_at - started_at ").push(sign.text()).push_bind(*seconds).push(" * interval '1 second'");
        }
        (_, Is::Span(sign, seconds)) => older(q, *sign, *seconds),
    }
}

/// Older means earlier.
fn older(q: &mut QueryBuilder<Postgres>, sign: Sign, seconds: i64) {
    let turned = match sign {
        Sign::Less => ">",
        Sign::AtMost => ">=",
        Sign::More => "<",
        Sign::AtLeast => "<=",
        Sign::Same => "=",
    };
    q.push("created_at ").push(turned).push(" now() - ").push_bind(seconds).push(" * interval '1 second'");
    // An id begins with its time: the walk along the ids starts, or ends, near there.
    let slack = if turned.starts_with('<') { SLACK } else { -SLACK };
    if sign != Sign::Same {
        q.push(" and id ").push(&turned[..1]);
        q.push(" (lpad(to_hex(greatest((extract(epoch from now()) - ").push_bind(seconds - slack);
        q.push(") * 1000, 0)::bigint), 12, '0') || repeat('0', 20))::uuid");
    }
}

const fn column(field: &Field) -> &'static str {
    match field {
        Field::Kind => "kind",
        Field::Queue => "lane",
        Field::Tenant => "tenant",
        Field::Key => "concurrency_key",
        Field::Worker => "worker_id",
        Field::Batch => "batch_id",
        Field::Subject => "subject_id",
        Field::Parent => "parent_id",
        Field::By => "created_by",
        Field::Attempt => "attempt",
        Field::Priority => "priority",
        Field::State => "state",
        _ => "id",
    }
}

/// Names of ours, never what somebody wrote: unknown ones were refused when the filter was read.
fn states(q: &mut QueryBuilder<Postgres>, words: &[Word]) {
    let named = |word: &Word| {
        let several = SEVERAL.iter().find(|(name, _)| *name == word.text).map(|(_, states)| states.to_vec());
        let one = || crate::platform::jobs::admin::STATES.into_iter().find(|state| *state == word.text);
        several.unwrap_or_else(|| one().into_iter().collect())
    };
    let mut all: Vec<&str> = words.iter().flat_map(named).collect();
    all.sort_unstable();
    all.dedup();
    q.push("state in ('").push(all.join("', '")).push("')");
}

fn either(q: &mut QueryBuilder<Postgres>, words: &[Word], mut one: impl FnMut(&mut QueryBuilder<Postgres>, &Word)) {
    for (n, word) in words.iter().enumerate() {
        q.push(if n == 0 { "(" } else { " or (" });
        one(q, word);
        q.push(")");
    }
}

fn same(q: &mut QueryBuilder<Postgres>, column: &str, word: &Word) {
    if word.is_open() {
        q.push(column).push(" like ").push_bind(pattern(word));
    } else {
        q.push(column).push(" = ").push_bind(word.text.clone());
    }
}

fn contains(q: &mut QueryBuilder<Postgres>, column: &str, word: &Word) {
    let wanted = if word.is_open() { pattern(word) } else { text::like(&word.text) };
    q.push(column).push(" ilike ").push_bind(wanted);
}

/// The half of a text that failures answer.
fn failed_with(q: &mut QueryBuilder<Postgres>, words: &[Word]) {
    q.push("last_error is not null and (");
    either(q, words, |q, word| contains(q, "last_error", word));
    q.push(")");
}

/// `SMTP*` → `SMTP%`; what LIKE would take for its own is escaped.
fn pattern(word: &Word) -> String {
    word.text.split('*').map(|part| text::like(part).trim_matches('%').to_owned()).collect::<Vec<_>>().join("%")
}

fn ids_of(q: &mut QueryBuilder<Postgres>, column: &str, ids: &[Uuid]) {
    q.push(column).push(" = any(").push_bind(ids.to_vec()).push(")");
}

/// One value of a term that an index may answer.
enum Part {
    Holds(Value),
    Looks(Vec<String>, String),
    Is(&'static str, Word),
    Begins(String),
}

impl Part {
    fn push(&self, q: &mut QueryBuilder<Postgres>) {
        match self {
            Self::Holds(value) => {
                q.push("payload @> ").push_bind(value.clone());
            }
            Self::Looks(path, like) => {
                q.push("payload #>> ").push_bind(path.clone()).push(" like ").push_bind(like.clone());
            }
            Self::Is(column, word) => same(q, column, word),
            Self::Begins(like) => {
                q.push("lower(key_argument) like ").push_bind(like.clone());
            }
        }
    }
}

/// `args.order.id:42` holds for the number and for the text; containment is what the index of payloads answers.
fn parts(term: &Term) -> Vec<Part> {
    let (Is::Words(words), field) = (&term.is, &term.field) else { return Vec::new() };
    if *field == Field::Text {
        let begin = |word: &Word| pattern(word).to_lowercase() + if word.is_open() { "" } else { "%" };
        return words.iter().map(|word| Part::Begins(begin(word))).collect();
    }
    let Field::Args(path) = field else {
        return words.iter().map(|word| Part::Is(column(field), word.clone())).collect();
    };
    let nested = |leaf: Value| path.iter().rev().fold(leaf, |inner, step| json!({ step: inner }));
    let mut parts = Vec::new();
    for word in words {
        if word.is_open() {
            parts.push(Part::Looks(path.clone(), pattern(word)));
            continue;
        }
        parts.push(Part::Holds(nested(Value::from(word.text.as_str()))));
        let other = serde_json::from_str::<Value>(&word.text).ok().filter(|_| !word.quoted);
        let other = other.filter(|leaf| leaf.is_number() || leaf.is_boolean() || leaf.is_null());
        parts.extend(other.map(|leaf| Part::Holds(nested(leaf))));
    }
    parts
}
