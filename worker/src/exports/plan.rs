//! What an export reads, in which order, and into which entries of its file.

use shared::domain::exports::{Export, ExportFormat, ExportKind};
use shared::kernel::{Error, Result};
use shared::reports::exports::{Selection, Table, tables};

use crate::sheets::Sheet;
use crate::sheets::csv::Csv;
use crate::sheets::json::Json;
use crate::sheets::workbook;
use crate::sheets::xlsx::Xlsx;

/// One table to be read.
pub struct Step {
    /// Its columns and statements.
    pub read: Selection,
    /// The entry it goes into; steps in a row may share one.
    pub entry: String,
    /// For people.
    pub title: String,
    /// What stands before its first row, beside what the writer puts there.
    pub open: String,
    /// What stands after its last row.
    pub close: String,
    writer: Writer,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    Csv { excel: bool },
    Json,
    Xlsx,
}

/// The steps of an export. 422 for a column that its first table does not have.
pub fn of(export: &Export) -> Result<Vec<Step>> {
    let tables = tables(export.kind.name());
    let first = tables.first().ok_or_else(|| Error::internal("a kind without a table"))?;
    let chosen = |table: &'static Table| {
        if table.name == first.name { table.select(&export.columns) } else { table.select(&[]) }
    };
    let step = |table: &'static Table, entry: String, writer| -> Result<Step> {
        let title = table.title[usize::from(export.locale == "en")].to_owned();
        Ok(Step { read: chosen(table)?, entry, title, open: String::new(), close: String::new(), writer })
    };
    let csv = Writer::Csv { excel: export.excel };
    let personal = export.kind == ExportKind::PersonalData;
    match export.format {
        ExportFormat::Csv => Ok(vec![step(first, String::new(), csv)?]),
        ExportFormat::Json if personal => object(&tables, String::new(), &step),
        ExportFormat::Json => {
            let step = step(first, String::new(), Writer::Json)?;
            Ok(vec![Step { open: "[\n".into(), close: "\n]\n".into(), ..step }])
        }
        ExportFormat::Xlsx => tables.iter().map(|table| step(table, String::new(), Writer::Xlsx)).collect(),
        ExportFormat::Zip => {
            let mut steps = if personal { object(&tables, "data.json".into(), &step)? } else { Vec::new() };
            for table in tables {
                steps.push(step(table, format!("{}.csv", table.name), csv)?);
            }
            Ok(steps)
        }
    }
}

/// Every table as a member of one object.
fn object(
    tables: &[&'static Table],
    entry: String,
    step: &impl Fn(&'static Table, String, Writer) -> Result<Step>,
) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for (nth, table) in tables.iter().enumerate() {
        let before = if nth == 0 { "{\n" } else { ",\n" };
        let after = if nth + 1 == tables.len() { "\n]\n}\n" } else { "\n]" };
        let step = step(table, entry.clone(), Writer::Json)?;
        steps.push(Step { open: format!("{before}\"{}\": [\n", table.name), close: after.into(), ..step });
    }
    Ok(steps)
}

impl Step {
    /// A writer for its rows. `fresh`: none of them is written yet.
    pub fn sheet(&self, fresh: bool) -> Sheet {
        match self.writer {
            Writer::Csv { excel } => Sheet::Csv(Csv::new(excel)),
            Writer::Json => Sheet::Json(Json::new(&self.read, fresh)),
            Writer::Xlsx => Sheet::Xlsx(Xlsx),
        }
    }

    /// Whether an entry has room for so many rows and no more.
    pub fn is_full(&self, rows: i64) -> bool {
        self.writer == Writer::Xlsx && rows + 1 >= crate::sheets::xlsx::MOST_ROWS
    }

    /// The name and the title of its nth entry, when `before` entries stand before it.
    pub fn named(&self, before: usize, nth: usize) -> (String, String) {
        if self.writer == Writer::Xlsx {
            (workbook::sheet(before + 1), workbook::title(&self.title, nth))
        } else {
            (self.entry.clone(), self.title.clone())
        }
    }

    /// Whether it goes on in the entry of the step before.
    pub fn shares(&self, before: Option<&Self>) -> bool {
        self.writer == Writer::Json && before.is_some_and(|before| before.entry == self.entry)
    }
}
