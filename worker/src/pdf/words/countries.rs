//! Names of countries on addresses abroad: Europe and those that write to a French house most. Others are their code.

use super::says::Says;

/// ISO 3166 code, French and English.
const NAMES: &[(&str, &str, &str)] = &[
    ("AT", "Autriche", "Austria"),
    ("BE", "Belgique", "Belgium"),
    ("BG", "Bulgarie", "Bulgaria"),
    ("CA", "Canada", "Canada"),
    ("CH", "Suisse", "Switzerland"),
    ("CI", "Côte d’Ivoire", "Côte d’Ivoire"),
    ("CM", "Cameroun", "Cameroon"),
    ("CN", "Chine", "China"),
    ("CY", "Chypre", "Cyprus"),
    ("CZ", "Tchéquie", "Czechia"),
    ("DE", "Allemagne", "Germany"),
    ("DK", "Danemark", "Denmark"),
    ("DZ", "Algérie", "Algeria"),
    ("EE", "Estonie", "Estonia"),
    ("ES", "Espagne", "Spain"),
    ("FI", "Finlande", "Finland"),
    ("FR", "France", "France"),
    ("GB", "Royaume-Uni", "United Kingdom"),
    ("GR", "Grèce", "Greece"),
    ("HR", "Croatie", "Croatia"),
    ("HU", "Hongrie", "Hungary"),
    ("IE", "Irlande", "Ireland"),
    ("IT", "Italie", "Italy"),
    ("JP", "Japon", "Japan"),
    ("LT", "Lituanie", "Lithuania"),
    ("LU", "Luxembourg", "Luxembourg"),
    ("LV", "Lettonie", "Latvia"),
    ("MA", "Maroc", "Morocco"),
    ("MC", "Monaco", "Monaco"),
    ("MT", "Malte", "Malta"),
    ("NL", "Pays-Bas", "Netherlands"),
    ("NO", "Norvège", "Norway"),
    ("PL", "Pologne", "Poland"),
    ("PT", "Portugal", "Portugal"),
    ("RO", "Roumanie", "Romania"),
    ("SE", "Suède", "Sweden"),
    ("SI", "Slovénie", "Slovenia"),
    ("SK", "Slovaquie", "Slovakia"),
    ("SN", "Sénégal", "Senegal"),
    ("TN", "Tunisie", "Tunisia"),
    ("US", "États-Unis", "United States"),
];

/// What a country is called.
pub fn name(says: &Says, code: &str) -> String {
    let known = NAMES.iter().find(|(known, ..)| *known == code);
    known.map_or_else(|| code.to_owned(), |(_, fr, en)| says.of(fr, en).to_owned())
}
