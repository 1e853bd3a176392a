//! Who sells and who buys, as they were on the day of the invoice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::words;

words! {
    /// Who buys, for the law.
    BuyerKind {
        /// A company or another taxable person.
        Business = "business",
        /// Somebody for themselves.
        Consumer = "consumer",
    }
}

/// Who sells (BG-4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seller {
    /// The company, or the person followed by `EI` (BT-27).
    pub name: String,
    /// What it is called in its trade (BT-28).
    #[serde(default)]
    pub trading_name: Option<String>,
    /// `SAS`, `SARL`, `EI` …
    #[serde(default)]
    pub legal_form: Option<String>,
    /// As it is said: `10 000 €`.
    #[serde(default)]
    pub capital: Option<String>,
    /// Nine digits (BT-30, scheme 0002).
    #[serde(default)]
    pub siren: Option<String>,
    /// Fourteen digits (BT-29, scheme 0009), beginning with the SIREN.
    #[serde(default)]
    pub siret: Option<String>,
    /// The register: `RCS Paris`, or `RNE`.
    #[serde(default)]
    pub rcs: Option<String>,
    /// Intra-Community VAT number (BT-31).
    #[serde(default)]
    pub vat_number: Option<String>,
    /// The tax number of a seller without a VAT number (BT-32, scheme FC): its SIREN.
    #[serde(default)]
    pub tax_number: Option<String>,
    /// Where it is (BG-5).
    pub address: Address,
    /// Where it receives electronic documents (BT-34).
    #[serde(default)]
    pub electronic_address: Option<ElectronicAddress>,
    /// Where to write (BT-43).
    #[serde(default)]
    pub email: Option<String>,
    /// Where to call (BT-42).
    #[serde(default)]
    pub phone: Option<String>,
}

/// Who buys (BG-7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Buyer {
    /// Who it is, for the law.
    pub kind: BuyerKind,
    /// The company or the person (BT-44).
    pub name: String,
    /// Nine digits (BT-47, scheme 0002); a French business has one.
    #[serde(default)]
    pub siren: Option<String>,
    /// Fourteen digits (BT-46, scheme 0009), beginning with the SIREN.
    #[serde(default)]
    pub siret: Option<String>,
    /// The number of a company elsewhere (BT-47 without scheme).
    #[serde(default)]
    pub registration: Option<String>,
    /// Intra-Community VAT number (BT-48).
    #[serde(default)]
    pub vat_number: Option<String>,
    /// Where it is (BG-8).
    pub address: Address,
    /// Where it receives electronic documents (BT-49).
    #[serde(default)]
    pub electronic_address: Option<ElectronicAddress>,
    /// Where to write (BT-58).
    #[serde(default)]
    pub email: Option<String>,
}

/// Where somebody is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Street.
    #[serde(default)]
    pub line1: String,
    /// Building, floor.
    #[serde(default)]
    pub line2: String,
    /// Postal code.
    #[serde(default)]
    pub postal_code: String,
    /// Town.
    #[serde(default)]
    pub city: String,
    /// ISO 3166: two capitals.
    pub country: String,
}

/// Where somebody receives electronic documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ElectronicAddress {
    /// A code of the EAS list: `0225` in the French directory.
    pub scheme: String,
    /// The address: a SIREN, or one with an underscore and more behind it.
    pub id: String,
}
