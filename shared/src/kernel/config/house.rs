//! `INVOICE_HOUSE`: what the house that invoices says of itself, a TOML file. `templates/invoice/house.toml` is the sample
//! and explains every line; it is used where no file is named.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::Deserialize;

use crate::kernel::decimal::EuroRate;
use crate::kernel::money::Currency;
use crate::kernel::registered;
use crate::kernel::words;

/// The sample, embedded.
const SAMPLE: &str = include_str!("../../../../templates/invoice/house.toml");
/// From this day on there must be a wording for everything.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2020, 1, 1).expect("a day");

words! {
    /// How the house is taxed.
    Regime {
        /// It charges VAT.
        Normal = "normal",
        /// It charges none, being small.
        Franchise = "franchise",
    }

    /// What the house sells.
    Nature {
        /// Goods.
        Goods = "goods",
        /// Services.
        Services = "services",
        /// Both.
        Mixed = "mixed",
    }

    /// What a wording is for.
    WordingKey {
        /// Late payment (note PMD).
        Penalties = "penalties",
        /// The recovery fee (note PMT).
        Recovery = "recovery",
        /// Discount for early payment (note AAB).
        Discount = "discount",
        /// The three above, for a consumer.
        Consumer = "consumer",
        /// Why a small company charges no VAT.
        Franchise = "franchise",
        /// Why something is exempt.
        Exempt = "exempt",
        /// The buyer owes the VAT.
        ReverseCharge = "reverse_charge",
        /// Goods to a business elsewhere in the European Union.
        IntraCommunity = "intra_community",
        /// Goods that leave the European Union.
        Export = "export",
        /// Outside the scope of VAT.
        OutOfScope = "out_of_scope",
        /// VAT is owed when the invoice is issued.
        VatOnDebits = "vat_on_debits",
        /// When it is to be paid.
        Terms = "terms",
        /// It was paid up front.
        Prepaid = "prepaid",
        /// It was paid back.
        Refunded = "refunded",
        /// It is taken off what is to be paid.
        Offset = "offset",
    }
}

impl WordingKey {
    /// Every one.
    pub const ALL: [Self; 15] = [
        Self::Penalties,
        Self::Recovery,
        Self::Discount,
        Self::Consumer,
        Self::Franchise,
        Self::Exempt,
        Self::ReverseCharge,
        Self::IntraCommunity,
        Self::Export,
        Self::OutOfScope,
        Self::VatOnDebits,
        Self::Terms,
        Self::Prepaid,
        Self::Refunded,
        Self::Offset,
    ];
}

/// The house that invoices.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct House {
    /// Whether this is the sample, whose invoices are nobody's.
    #[serde(default)]
    pub sample: bool,
    /// How it is taxed.
    pub regime: Regime,
    /// Whether it owes VAT when it invoices, not when it is paid.
    pub vat_on_debits: bool,
    /// What it sells.
    pub nature: Nature,
    /// Days until an invoice that is not paid up front is due.
    pub terms_days: u16,
    /// Days within which a refund reaches the buyer.
    pub refund_days: u16,
    /// `#rrggbb`
    pub accent: String,
    /// A PNG or SVG file; relative to the house's file.
    #[serde(default)]
    pub logo: Option<PathBuf>,
    /// The beginnings of numbers.
    pub series: Series,
    /// Who sells.
    pub seller: HouseSeller,
    /// Words, by key and day.
    #[serde(rename = "wording")]
    wordings: Vec<Wording>,
    /// What foreign currencies are worth.
    #[serde(default, rename = "rate")]
    rates: Vec<Rate>,
}

/// The beginnings of numbers: one to eight letters and digits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Of invoices.
    pub invoice: String,
    /// Of credit notes.
    pub credit_note: String,
}

/// Who sells.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HouseSeller {
    /// The company, or the person followed by `EI`.
    pub name: String,
    /// What it is called in its trade.
    #[serde(default)]
    pub trading_name: Option<String>,
    /// `SAS`, `SARL` …
    #[serde(default)]
    pub legal_form: Option<String>,
    /// `10 000 €`
    #[serde(default)]
    pub capital: Option<String>,
    /// Nine digits.
    pub siren: String,
    /// Fourteen digits.
    #[serde(default)]
    pub siret: Option<String>,
    /// The register.
    #[serde(default)]
    pub rcs: Option<String>,
    /// Intra-Community VAT number; needed but under the regime franchise.
    #[serde(default)]
    pub vat_number: Option<String>,
    /// Street.
    pub line1: String,
    /// Building, floor.
    #[serde(default)]
    pub line2: String,
    /// Postal code.
    pub postal_code: String,
    /// Town.
    pub city: String,
    /// Where to write.
    #[serde(default)]
    pub email: Option<String>,
    /// Where to call.
    #[serde(default)]
    pub phone: Option<String>,
    /// For transfers.
    #[serde(default)]
    pub iban: Option<String>,
    /// For transfers.
    #[serde(default)]
    pub bic: Option<String>,
    /// In the French directory; the SIREN when absent.
    #[serde(default)]
    pub electronic_address: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wording {
    key: WordingKey,
    from: NaiveDate,
    fr: String,
    en: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rate {
    currency: Currency,
    date: NaiveDate,
    euro: EuroRate,
}

impl House {
    /// The sample.
    pub fn sample() -> Self {
        Self::parse(SAMPLE).expect("the embedded sample is complete")
    }

    /// Reads the file of a house. What is wrong with it, one sentence each.
    pub fn read(path: &Path) -> Result<Self, Vec<String>> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            vec![format!("cannot read {}: {error}; name a file like templates/invoice/house.toml", path.display())]
        })?;
        let mut house = Self::parse(&text)?;
        house.logo = house.logo.map(|logo| path.parent().unwrap_or(path).join(logo));
        match house.logo.as_ref().filter(|logo| !logo.is_file()) {
            Some(logo) => Err(vec![format!("names the logo {}, which is no file", logo.display())]),
            None => Ok(house),
        }
    }

    fn parse(text: &str) -> Result<Self, Vec<String>> {
        let house: Self = toml::from_str(text).map_err(|error| vec![format!("is not as it should be: {error}")])?;
        let wrong = house.wrong();
        if wrong.is_empty() { Ok(house) } else { Err(wrong) }
    }

    /// What to say on that day, in French or English (`en`).
    pub fn wording(&self, key: WordingKey, locale: &str, day: NaiveDate) -> &str {
        let of_key = |wording: &&Wording| wording.key == key;
        let current = self.wordings.iter().filter(of_key).filter(|w| w.from <= day).max_by_key(|w| w.from);
        let first = || self.wordings.iter().filter(of_key).min_by_key(|wording| wording.from);
        let found = current.or_else(first).expect("a house without a wording is refused at the start");
        if locale == "en" { &found.en } else { &found.fr }
    }

    /// What a unit of this currency was worth in euros, and on which day that was told: the latest not after this day.
    pub fn euro_rate(&self, currency: Currency, day: NaiveDate) -> Option<(EuroRate, NaiveDate)> {
        let known = self.rates.iter().filter(|rate| rate.currency == currency && rate.date <= day);
        known.max_by_key(|rate| rate.date).map(|rate| (rate.euro, rate.date))
    }

    fn wrong(&self) -> Vec<String> {
        let seller = &self.seller;
        let is_prefix = |text: &str| (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_colour = self
            .accent
            .strip_prefix('#')
            .is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let siret = |siret: &String| registered::is_siret(siret) && siret.starts_with(&seller.siren);
        let vat = |number: &String| registered::is_vat_number(number) && number.ends_with(&seller.siren);
        let directory = |id: &String| id.starts_with(&seller.siren) && id.len() <= 125;
        let taxed = self.regime == Regime::Normal;
        let checks = [
            (!seller.name.trim().is_empty(), "seller.name is empty"),
            (registered::is_siren(&seller.siren), "seller.siren is no SIREN: nine digits, the last a check digit"),
            (seller.siret.as_ref().is_none_or(siret), "seller.siret is no SIRET of that SIREN"),
            (
                seller.vat_number.as_ref().is_none_or(vat),
                "seller.vat_number is not that of the SIREN, or its key is wrong",
            ),
            (
                !taxed || seller.vat_number.is_some(),
                "seller.vat_number is missing, which only the regime franchise allows",
            ),
            (
                ![&seller.line1, &seller.postal_code, &seller.city].iter().any(|line| line.trim().is_empty()),
                "seller has no whole address: line1, postal_code, city",
            ),
            (seller.iban.as_deref().is_none_or(registered::is_iban), "seller.iban is no IBAN, or has spaces"),
            (seller.bic.as_deref().is_none_or(registered::is_bic), "seller.bic is no BIC"),
            (
                seller.electronic_address.as_ref().is_none_or(directory),
                "seller.electronic_address does not begin with the SIREN",
            ),
            (
                is_prefix(&self.series.invoice) && is_prefix(&self.series.credit_note),
                "series are 1 to 8 letters or digits",
            ),
            (self.series.invoice != self.series.credit_note, "series must differ between invoices and credit notes"),
            (is_colour, "accent is no colour like #1f4e79"),
            (self.rates.iter().all(|rate| rate.euro.0 > 0), "a rate is not more than zero"),
        ];
        let wrong = checks.into_iter().filter(|(right, _)| !right).map(|(_, what)| what.to_owned());
        wrong.chain(self.unsaid()).collect()
    }

    /// Keys without words from the first day on, and words that are empty.
    fn unsaid(&self) -> impl Iterator<Item = String> + '_ {
        let known = |key| self.wordings.iter().any(|wording| wording.key == key && wording.from <= FIRST_DAY);
        let missing = WordingKey::ALL.into_iter().filter(move |key| !known(*key));
        let missing = missing.map(|key| format!("wording `{}` is missing, from {FIRST_DAY} or before", key.name()));
        let empty = self.wordings.iter().filter(|wording| wording.fr.trim().is_empty() || wording.en.trim().is_empty());
        missing.chain(empty.map(|wording| format!("wording `{}` has no words", wording.key.name())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    #[test]
    fn words_change_with_the_law() {
        let house = House::sample();
        let said = |on| house.wording(WordingKey::Franchise, "fr", day(on)).to_owned();
        assert!(said("2026-08-31").contains("293 B") && said("2026-09-01").contains("L. 223-3"));
        assert!(said("1999-01-01").contains("293 B"));
        assert_eq!(house.wording(WordingKey::ReverseCharge, "en", day("2026-11-21")), "Reverse charge");
    }

    #[test]
    fn a_rate_is_the_latest_that_was_known() {
        let rate =
            |date: &str, euro: &str| format!("[[rate]]\ncurrency = \"USD\"\ndate = \"{date}\"\neuro = \"{euro}\"\n");
        let house = House::parse(&format!("{SAMPLE}{}{}", rate("2026-11-01", "0.9"), rate("2026-10-01", "0.8")));
        let house = house.expect("complete");
        let usd = Currency::from_code("USD").expect("a currency");
        let at = |on| house.euro_rate(usd, day(on)).map(|(rate, _)| rate.to_string());
        assert_eq!(
            (at("2026-11-21"), at("2026-10-31"), at("2026-09-30")),
            (Some("0.9".into()), Some("0.8".into()), None)
        );
    }

    #[test]
    fn a_house_that_contradicts_itself_is_refused_with_a_sentence() {
        for (from, to, part) in [
            ("siren = \"123456782\"", "siren = \"123456783\"", "seller.siren"),
            ("siret = \"12345678200010\"", "siret = \"73282932000074\"", "seller.siret"),
            ("vat_number = \"FR11123456782\"", "vat_number = \"FR12123456782\"", "seller.vat_number"),
            ("vat_number = \"FR11123456782\"", "", "seller.vat_number is missing"),
            ("city = \"Paris\"", "city = \" \"", "address"),
            ("iban = \"FR7630006000011234567890189\"", "iban = \"FR76 3000\"", "seller.iban"),
            ("credit_note = \"A\"", "credit_note = \"F\"", "series must differ"),
            ("invoice = \"F\"", "invoice = \"F-\"", "series are"),
            ("accent = \"#1f4e79\"", "accent = \"blue\"", "accent"),
            ("key = \"exempt\"", "key = \"export\"", "wording `exempt` is missing"),
            ("fr = \"Autoliquidation\"", "fr = \"\"", "wording `reverse_charge` has no words"),
            ("terms_days = 30", "terms_days = -1", "terms_days"),
            ("terms_days = 30", "terms_days = 30\ncolour = 1", "colour"),
            ("regime = \"normal\"", "regime = \"other\"", "franchise"),
        ] {
            assert!(SAMPLE.contains(from), "{from}");
            let wrong = House::parse(&SAMPLE.replacen(from, to, 1)).expect_err(to);
            assert!(wrong.join("; ").contains(part), "{to}: {wrong:?}");
        }
        assert!(House::read(Path::new("/nowhere/house.toml")).expect_err("no file")[0].contains("/nowhere/house.toml"));
    }
}
