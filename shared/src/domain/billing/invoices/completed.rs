//! What somebody wrote becomes an invoice: the house says what they left out.

use chrono::{Days, NaiveDate};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::document::{Invoice, LineAllowance, Locale};
use super::party::Buyer;
use super::{draft, french, sums};
use crate::domain::billing::totals::VatCategory;
use crate::kernel::config::{House, WordingKey};
use crate::kernel::decimal::{Quantity, UnitPrice};
use crate::kernel::error::FieldError;
use crate::kernel::money::Currency;
use crate::kernel::{Error, Result};

/// The invoice that somebody wrote, with what the house says where they are silent: who sells, the day, the language, the
/// terms, the mentions of the law, how it is paid (by transfer to the house), and of a line its place, its net sum and why
/// it bears no VAT. 422 with the field, under `document`, for what cannot be read.
pub fn of(house: &House, said: Value, today: NaiveDate) -> Result<Invoice> {
    let Value::Object(mut said) = said else { return Err(Error::field("document", "type", "must be an object")) };
    let first = json!({ "kind": "invoice", "issue_date": today, "currency": "EUR", "locale": "fr", "seller": draft::seller(house) });
    fill(&mut said, first);
    let locale = if said["locale"] == "en" { Locale::En } else { Locale::Fr };
    let paid = said.get("payment").and_then(|payment| payment["paid"].as_i64()).is_some_and(|paid| paid > 0);
    let frame = format!("{}{}", draft::letter(house.nature), if paid { '2' } else { '1' });
    let (iban, bic) = (&house.seller.iban, &house.seller.bic);
    let transfer = json!({ "means": "transfer", "iban": iban, "bic": bic });
    fill(&mut said, json!({ "billing_frame": frame, "vat_on_debits": house.vat_on_debits, "payment": transfer }));
    if !paid {
        let terms = house.wording(WordingKey::Terms, locale.name(), today);
        let terms = terms.replace("{days}", &house.terms_days.to_string());
        fill(
            &mut said,
            json!({ "due_date": today.checked_add_days(Days::new(house.terms_days.into())), "terms": terms }),
        );
    }
    if let Some(Value::Object(buyer)) = said.get_mut("buyer") {
        reach(buyer);
    }
    if let Some(buyer) = get::<Buyer>(&said, "buyer") {
        fill(&mut said, json!({ "notes": draft::notes(house, &buyer, locale, today) }));
    }
    let currency = get::<Currency>(&said, "currency").unwrap_or(Currency::EUR);
    for (n, line) in said.get_mut("lines").and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
        if let Value::Object(line) = line {
            complete(line, n, currency);
            let category = get::<VatCategory>(line, "vat_category").unwrap_or_default();
            fill(line, json!({ "exemption": draft::exemption(house, locale, today, category) }));
        }
    }
    let mut invoice = read(Value::Object(said))?;
    if let (None, Some((rate, day))) = (&invoice.vat_in_euro, house.euro_rate(invoice.currency, today)) {
        invoice.vat_in_euro = invoice.vat_in_euro_at(rate, day);
    }
    Ok(invoice)
}

/// Where the buyer receives it (BT-49): in the French directory by the SIREN, else by mail.
fn reach(buyer: &mut Map<String, Value>) {
    let said = |name| get::<String>(buyer, name).filter(|text| !text.is_empty());
    let address = match (said("siren"), said("email")) {
        (Some(siren), _) => json!({ "scheme": french::DIRECTORY, "id": siren }),
        (None, Some(email)) => json!({ "scheme": draft::MAIL, "id": email }),
        (None, None) => return,
    };
    fill(buyer, json!({ "electronic_address": address }));
}

/// A line's place, and its net sum where that can be computed.
fn complete(line: &mut Map<String, Value>, n: usize, currency: Currency) {
    fill(line, json!({ "position": n + 1, "vat_category": VatCategory::default() }));
    let (Some(quantity), Some(price)) = (get::<Quantity>(line, "quantity"), get::<UnitPrice>(line, "unit_price"))
    else {
        return;
    };
    let less = get::<LineAllowance>(line, "allowance").map_or(0, |allowance| allowance.amount);
    if let Some(net) = sums::line_net(quantity, price, currency) {
        fill(line, json!({ "net": net.saturating_sub(less) }));
    }
}

/// Puts what is absent.
fn fill(said: &mut Map<String, Value>, defaults: Value) {
    if let Value::Object(defaults) = defaults {
        for (name, value) in defaults {
            said.entry(name).or_insert(value);
        }
    }
}

fn get<T: DeserializeOwned>(said: &Map<String, Value>, name: &str) -> Option<T> {
    serde_json::from_value(said.get(name)?.clone()).ok()
}

fn read(said: Value) -> Result<Invoice> {
    serde_path_to_error::deserialize(said).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => "document".to_owned(),
            path => format!("document.{path}"),
        };
        Error::Invalid(vec![FieldError::new(path, "type", error.inner().to_string())])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 21).expect("a day")
    }

    fn written() -> Value {
        json!({
            "buyer": { "kind": "consumer", "name": "Hélène Martin",
                       "address": { "line1": "3 rue du Port", "postal_code": "29000", "city": "Quimper", "country": "FR" } },
            "lines": [{ "name": "Relecture", "quantity": "2", "unit_price": "12.345", "vat_rate_bp": 2000 }],
        })
    }

    #[test]
    fn the_house_says_what_is_left_out() {
        let house = House::sample();
        let invoice = of(&house, written(), day()).expect("an invoice");
        assert_eq!((invoice.lines[0].position, invoice.lines[0].net), (1, 2_469));
        assert_eq!((invoice.seller.name, invoice.payment.iban), (house.seller.name.clone(), house.seller.iban.clone()));
        assert_eq!(invoice.due_date, day().checked_add_days(Days::new(house.terms_days.into())));
        assert!(invoice.notes.iter().any(|note| note.code.as_deref() == Some("PMD")), "{:?}", invoice.notes);
    }

    #[test]
    fn what_is_said_stays_and_what_cannot_be_read_is_named() {
        let mut said = written();
        said["lines"][0]["net"] = json!(1);
        said["terms"] = json!("à réception");
        let invoice = of(&House::sample(), said.clone(), day()).expect("an invoice, if a wrong one");
        assert_eq!((invoice.lines[0].net, invoice.terms.as_deref()), (1, Some("à réception")));
        said["lines"][0]["quantity"] = json!(2.5);
        let error = of(&House::sample(), said, day()).expect_err("a float is no quantity");
        assert!(
            matches!(&error, Error::Invalid(fields) if fields[0].path == "document.lines[0].quantity"),
            "{error:?}"
        );
    }
}
