//! The columns of the list of jobs: chosen in the URL, kept by saved views.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::platform::jobs::admin::Sort;

use crate::dashboard::order::{self, Heading};

use crate::dashboard::words::{key, word};

/// What may be shown beside state and kind: name, heading, whether it is when nothing is chosen.
const KNOWN: [(&str, &str, bool); 10] = [
    ("about", key("Argument"), true),
    ("queue", key("Queue"), true),
    ("attempts", key("Attempts"), true),
    ("age", key("Age"), true),
    ("next", key("Next / took"), true),
    ("error", key("Error"), true),
    ("tenant", key("Tenant"), false),
    ("code", key("Error code"), false),
    ("due", key("Due"), false),
    ("id", key("Id"), false),
];

/// Which are shown.
#[derive(Clone, Debug, Serialize)]
pub struct Columns {
    all: Vec<Column>,
    chosen: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Column {
    name: &'static str,
    heading: &'static str,
    shown: bool,
    right: bool,
    sort: Option<Heading>,
}

impl Columns {
    /// `about,age,error`; names that are not known are passed over.
    pub fn read(text: Option<&str>) -> Self {
        let wanted: Option<Vec<&str>> = text.map(|text| text.split(',').map(str::trim).collect());
        let shown = |name, usual| wanted.as_ref().map_or(usual, |wanted| wanted.contains(&name));
        let all = KNOWN.map(|(name, heading, usual)| Column {
            name,
            heading: word(heading),
            shown: shown(name, usual),
            right: name == "attempts",
            sort: None,
        });
        Self { all: all.to_vec(), chosen: wanted.is_some() }
    }

    /// Of the dead: when they died and are deleted says more than how long their last run took.
    pub fn of_the_dead(mut self) -> Self {
        let usual = !self.chosen;
        self.all.iter_mut().filter(|column| usual && column.name == "next").for_each(|column| column.shown = false);
        self
    }

    /// With the headings that change the order; `link` makes the address of the list in one.
    pub fn sorted(mut self, now: Sort, link: impl Fn(&Self, Sort) -> String) -> Self {
        let headings: Vec<_> =
            self.all.iter().map(|column| order::heading(column.name, now, |sort| link(&self, sort))).collect();
        for (column, heading) in self.all.iter_mut().zip(headings) {
            column.sort = heading;
        }
        self
    }

    /// Name by name, for the rows.
    pub fn shown(&self) -> BTreeMap<&'static str, bool> {
        self.all.iter().map(|column| (column.name, column.shown)).collect()
    }

    /// The query with the choice, where one was made.
    pub fn with(&self, query: &str) -> String {
        if !self.chosen {
            return query.to_owned();
        }
        let names: Vec<&str> = self.all.iter().filter(|column| column.shown).map(|column| column.name).collect();
        let chosen = format!("columns={}", names.join("%2C"));
        if query.is_empty() { chosen } else { format!("{query}&{chosen}") }
    }
}
