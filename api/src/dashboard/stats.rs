//! Figures: two charts with their tables, and what is so now. Every figure leads to the list that counts its rows.

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::json;
use shared::kernel::money::Money;
use shared::reports::stats::{self, Figure, Report, Topic};

use crate::dashboard::desk::Desk;
use crate::dashboard::frame::Place;
use crate::dashboard::words::{listed, locale, say, word};
use crate::error::Answer;

/// The chart's size, in the units of its view box.
const WIDTH: i64 = 720;
const HEIGHT: i64 = 160;

/// Lists that have a page here, under the name they have in the API.
const PAGES: [&str; 4] = ["jobs", "invoices", "audit", "users"];

#[derive(Serialize)]
struct Chart {
    title: String,
    width: i64,
    zero: i64,
    bars: Vec<Bar>,
    names: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Bar {
    x: i64,
    y: i64,
    height: i64,
    label: String,
    said: String,
}

#[derive(Serialize)]
struct Row {
    month: String,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    name: String,
    said: String,
    href: Option<String>,
}

/// `GET /admin/stats`
pub async fn show(desk: Desk) -> Answer {
    let mut db = desk.db().await?;
    let revenue = stats::read(&mut db, Topic::Revenue).await?;
    let monthly = stats::read(&mut db, Topic::Monthly).await?;
    let mut tables = Vec::new();
    for topic in [Topic::Orders, Topic::Users, Topic::Jobs, Topic::Audit] {
        let report = stats::read(&mut db, topic).await?;
        let facts: Vec<Cell> = report.figures.iter().map(Cell::of).collect();
        tables.push(json!({ "title": title(topic), "facts": facts }));
    }
    drop(db);
    let mut charts: Vec<Chart> = currencies(&revenue)
        .into_iter()
        .map(|code| {
            Chart::of(say!("Revenue, {code}", code = code), "gross", revenue.figures.iter().filter(|f| has(f, &code)))
        })
        .collect();
    charts.push(Chart::of(say!("Orders and accounts"), "orders", monthly.figures.iter()));
    let view = json!({ "as_of": monthly.as_of, "charts": charts, "tables": tables });
    desk.page("stats", Place::Stats, "Statistics", &view).await
}

fn title(topic: Topic) -> &'static str {
    word(match topic {
        Topic::Monthly => "By month",
        Topic::Revenue => "Revenue",
        Topic::Users => "Accounts",
        Topic::Orders => "Orders",
        Topic::Audit => "Audit entries of the last thirty days",
        Topic::Jobs => "Jobs",
    })
}

fn currencies(report: &Report) -> Vec<String> {
    let mut codes: Vec<String> =
        report.figures.iter().filter_map(|figure| figure.currency.map(|currency| currency.code().to_owned())).collect();
    codes.sort();
    codes.dedup();
    codes
}

fn has(figure: &Figure, code: &str) -> bool {
    figure.currency.is_some_and(|currency| currency.code() == code)
}

impl Cell {
    fn of(figure: &Figure) -> Self {
        let said = figure
            .currency
            .map_or_else(|| figure.value.to_string(), |currency| Money::new(figure.value, currency).said(locale()));
        let page = |list: &String| list.strip_prefix("/api/v1").map(str::to_owned).filter(|page| known(page));
        Self { name: named(&figure.name), said, href: figure.list.as_ref().and_then(page) }
    }
}

/// What a figure counts, in words; `by:value` keeps its value.
fn named(name: &str) -> String {
    let (head, tail) = name.split_once(':').map_or((name, None), |(head, tail)| (head, Some(tail)));
    let head = listed("figures", head).map_or_else(|| head.replace('_', " "), str::to_owned);
    tail.map_or_else(|| head.clone(), |tail| format!("{head} {}", tail.replace(':', " ")))
}

fn known(page: &str) -> bool {
    let name = page.trim_start_matches("/admin/").split('?').next().unwrap_or_default();
    PAGES.contains(&name)
}

impl Chart {
    /// Bars of the figure of this name, and a table of all of them.
    fn of<'a>(title: String, drawn: &str, figures: impl Iterator<Item = &'a Figure>) -> Self {
        let mut months: Vec<(NaiveDate, Vec<&Figure>)> = Vec::new();
        for (figure, month) in figures.filter_map(|figure| Some((figure, figure.month?))) {
            match months.last_mut() {
                Some((last, all)) if *last == month => all.push(figure),
                _ => months.push((month, vec![figure])),
            }
        }
        let values = |all: &[&Figure]| all.iter().find(|figure| figure.name == drawn).map_or(0, |figure| figure.value);
        let most = months.iter().map(|(_, all)| values(all)).max().unwrap_or(0).max(0);
        let least = months.iter().map(|(_, all)| values(all)).min().unwrap_or(0).min(0);
        let span = (most - least).max(1);
        let step = WIDTH / months.len().max(1) as i64;
        let scale =
            |value: i64| i64::try_from(i128::from(value) * i128::from(HEIGHT) / i128::from(span)).unwrap_or(HEIGHT);
        let zero = 10 + scale(most);
        let bar = |(at, (month, all)): (usize, &(NaiveDate, Vec<&Figure>))| {
            let value = values(all);
            let height = scale(value.abs());
            let said = all.iter().find(|figure| figure.name == drawn).map_or_else(String::new, |f| Cell::of(f).said);
            let y = if value < 0 { zero } else { zero - height };
            Bar { x: at as i64 * step + 2, y, height, label: month.format("%Y-%m").to_string(), said }
        };
        let row = |(month, all): &(NaiveDate, Vec<&Figure>)| Row {
            month: month.format("%Y-%m").to_string(),
            cells: all.iter().map(|figure| Cell::of(figure)).collect(),
        };
        Self {
            title,
            width: (step - 4).clamp(2, 60),
            zero,
            bars: months.iter().enumerate().map(bar).collect(),
            names: months.first().map(|(_, all)| all.iter().map(|f| named(&f.name)).collect()).unwrap_or_default(),
            rows: months.iter().rev().map(row).collect(),
        }
    }
}
