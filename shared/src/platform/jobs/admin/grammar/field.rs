//! The fields of the filter grammar: their names, what they take, and what they say of themselves.

use std::fmt;

/// What a term is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// The state, or a word for several.
    State,
    /// The kind.
    Kind,
    /// The lane.
    Queue,
    /// Whose work it is.
    Tenant,
    /// The concurrency key.
    Key,
    /// What an operator knows it by.
    About,
    /// The text or the code of the last failure.
    Error,
    /// The fingerprint of the failure that a retrying or dead job last had.
    Group,
    /// Which version enqueued it or ran it last.
    Version,
    /// Who holds or held it.
    Worker,
    /// Its batch.
    Batch,
    /// The row it is about.
    Subject,
    /// The job itself.
    Id,
    /// What enqueued it.
    Parent,
    /// Who asked for it.
    By,
    /// The bulk operation that changed it.
    Bulk,
    /// Runs so far that count.
    Attempt,
    /// Its priority.
    Priority,
    /// Time since it was enqueued.
    Age,
    /// What its last run took.
    Took,
    /// A value in its payload, by the way there.
    Args(Vec<String>),
    /// What it is known by begins with it, or its last failure holds it.
    Text,
}

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Words,
    Ids,
    Number,
    Span,
}

/// Name, field, shape, and a line for people.
pub(super) const FIELDS: [(&str, Field, Shape, &str); 20] = [
    ("state", Field::State, Shape::Words, "dead, running …; failed, waiting, ended are several"),
    ("kind", Field::Kind, Shape::Words, "email.send, email.*"),
    ("queue", Field::Queue, Shape::Words, "where it waits"),
    ("error", Field::Error, Shape::Words, "text or code of the last failure; SMTP* begins with it"),
    ("about", Field::About, Shape::Words, "what it is known by"),
    ("age", Field::Age, Shape::Span, "age<2h, age>7d: time since it was enqueued"),
    ("attempt", Field::Attempt, Shape::Number, "attempt>2"),
    ("tenant", Field::Tenant, Shape::Words, "whose work it is"),
    ("version", Field::Version, Shape::Words, "enqueued or last run by this version"),
    ("took", Field::Took, Shape::Span, "took>30s: how long its last run was"),
    ("group", Field::Group, Shape::Words, "fingerprint of a group of failures"),
    ("key", Field::Key, Shape::Words, "concurrency key"),
    ("worker", Field::Worker, Shape::Words, "who holds or held it"),
    ("priority", Field::Priority, Shape::Number, "priority<0 runs sooner"),
    ("batch", Field::Batch, Shape::Ids, "id of its batch"),
    ("subject", Field::Subject, Shape::Ids, "id of the row it is about"),
    ("bulk", Field::Bulk, Shape::Ids, "id of the bulk operation that changed it"),
    ("parent", Field::Parent, Shape::Ids, "id of the job that enqueued it"),
    ("by", Field::By, Shape::Ids, "id of who asked for it"),
    ("id", Field::Id, Shape::Ids, "id of the job"),
];

/// The field of this name and what it takes; `lane` is another word for `queue`.
pub(super) fn named(name: &str) -> Option<(Field, Shape)> {
    if let Some(path) = name.strip_prefix("args.") {
        let steps: Vec<String> = path.split('.').map(str::to_owned).collect();
        return steps.iter().all(|step| !step.is_empty()).then_some((Field::Args(steps), Shape::Words));
    }
    let name = if name == "lane" { "queue" } else { name };
    let found = FIELDS.iter().find(|(known, ..)| *known == name)?;
    Some((found.1.clone(), found.2))
}

/// Words for several states.
pub(super) const SEVERAL: [(&str, &[&str]); 3] = [
    ("failed", &["retrying", "dead"]),
    ("waiting", &["scheduled", "blocked", "queued", "retrying"]),
    ("ended", &["succeeded", "dead", "cancelled"]),
];

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Args(path) => write!(f, "args.{}", path.join(".")),
            Self::Text => Ok(()),
            field => f.write_str(FIELDS.iter().find(|(_, known, ..)| known == field).map_or("", |(name, ..)| name)),
        }
    }
}
