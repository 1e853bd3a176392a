//! What stands under a list: links to its other pages, or what to say when it is empty.

use serde::Serialize;
use shared::kernel::page::{self, Page, PageRequest};

use crate::dashboard::filter;
use crate::dashboard::words::{say, word};

/// What an empty list says.
#[derive(Serialize)]
pub struct Empty {
    /// Its icon.
    pub icon: &'static str,
    /// The news.
    pub title: String,
    /// What it means.
    pub text: &'static str,
    /// What to do.
    pub href: Option<String>,
    /// The words for it.
    pub action: &'static str,
}

/// Links to other pages of a list.
#[derive(Serialize)]
pub struct Pager {
    said: String,
    first: Option<String>,
    next: Option<String>,
}

impl Pager {
    /// None when all is on one page.
    pub fn new<T>(path: &str, query: &str, request: PageRequest, page: &Page<T>) -> Option<Self> {
        if request.after.is_none() && page.next.is_none() {
            return None;
        }
        let more = |cursor: &str| {
            let limit =
                if request.limit == page::DEFAULT_LIMIT { String::new() } else { format!("&limit={}", request.limit) };
            let rest = if query.is_empty() { String::new() } else { format!("{query}&") };
            format!("{path}?{rest}after={cursor}{limit}")
        };
        Some(Self {
            said: said(page.rows.len(), word("newest first")),
            first: request.after.map(|_| filter::with(path, query)),
            next: page.next.as_deref().map(more),
        })
    }

    /// Of a list in this order.
    pub fn ordered(self, rows: usize, order: &str) -> Self {
        Self { said: said(rows, order), ..self }
    }
}

fn said(rows: usize, order: &str) -> String {
    say!("{n} on this page, {order}", n = rows, order = order)
}
