//! EN 16931-1: an invoice in the words of the European norm, and what its rules say of it. The one door to `en16931`,
//! whose author is one person: whatever it says is turned into our own words here.
//!
//! Its 227 rules are those of CEN's schematron. They do not look at check digits or at the arithmetic of a line
//! ([`super::checks`] does), and let VAT be wrong by less than one euro. That crate is an implementation of the EN 16931-1
//! semantic data model; © CEN, used under the 2018 CEN–EC licence agreement.

mod map;
mod paths;

pub use map::invoice;

use std::borrow::Cow;

use en16931::validation::validate;

use super::document::Invoice;
use crate::kernel::error::FieldError;

/// What the norm's rules find wrong, with the rule as the code (`BR-CO-25`) and the field of ours. Empty: nothing. None:
/// its amounts do not fit into the norm's, which have two decimals.
pub fn findings(invoice: &Invoice) -> Option<Vec<FieldError>> {
    let theirs = map::invoice(invoice)?;
    let report = validate(&theirs);
    let found = report.fatal().map(|finding| {
        let detail = finding.detail.as_ref().map(|d| format!(" (expected {}, found {})", d.expected, d.actual));
        FieldError {
            path: paths::ours(invoice, &finding.path),
            code: Cow::Owned(finding.rule.clone()),
            message: format!("{}{}", finding.message, detail.unwrap_or_default()),
        }
    });
    Some(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rules_of_the_norm_run() {
        let invoice = crate::domain::billing::invoices::document::tests::sample();
        let report = validate(&map::invoice(&invoice).expect("fits"));
        assert_eq!((report.rules_checked(), report.findings()), (227, [].as_slice()));
    }
}
