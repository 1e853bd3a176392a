//! Numbers that registers and banks give, and their check digits. Each function takes the number without spaces.

/// The postal service's SIREN: its offices have SIRETs of another rule (INSEE, since 1987).
const LA_POSTE: &str = "356000000";

/// The signs of the new keys of VAT numbers, by their value: no I, no O.
const KEY_SIGNS: &str = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Whether it is a SIREN: nine digits, the last of them by Luhn's formula (ISO/IEC 7812).
pub fn is_siren(number: &str) -> bool {
    has_digits(number, 9) && luhn(number)
}

/// Whether it is a SIRET: a SIREN and five digits, the whole by Luhn's formula; an office of La Poste's has digits that
/// add up to a multiple of five instead.
pub fn is_siret(number: &str) -> bool {
    if !has_digits(number, 14) || !is_siren(&number[..9]) {
        return false;
    }
    luhn(number) || (number.starts_with(LA_POSTE) && digits(number).sum::<u32>() % 5 == 0)
}

/// Whether it is a VAT number in form: the two capitals of a country (`EL` for Greece, `XI` for Northern Ireland) and 2
/// to 13 letters and digits. A French one has its key checked too, in the old and in the new form, and its SIREN.
pub fn is_vat_number(number: &str) -> bool {
    let capital = |byte: &u8| byte.is_ascii_uppercase();
    let rest = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let bytes = number.as_bytes();
    if !(4..=15).contains(&bytes.len()) || !bytes[..2].iter().all(capital) || !bytes[2..].iter().all(rest) {
        return false;
    }
    number.strip_prefix("FR").is_none_or(|rest| rest.len() == 11 && is_french_key(&rest[..2], &rest[2..]))
}

/// BOFiP TVA-DECLA-20-10-20: two digits, the rest of the SIREN followed by 12 by 97; or two signs of which one is a
/// letter (all but I and O), by eleven. Monaco's numbers have a SIREN that begins with 000 and is no French one.
fn is_french_key(key: &str, siren: &str) -> bool {
    if !has_digits(siren, 9) || !(luhn(siren) || siren.starts_with("000")) {
        return false;
    }
    let number: u64 = siren.parse().unwrap_or_default();
    if let Ok(key) = key.parse::<u64>() {
        return modulo(digits(siren).chain([1, 2]), 97) == key;
    }
    let places: Vec<u64> = key.chars().filter_map(|sign| KEY_SIGNS.find(sign)).map(|place| place as u64).collect();
    let &[first, second] = places.as_slice() else { return false };
    let check = if first < 10 { (first * 24 + second).checked_sub(10) } else { (first * 34 + second).checked_sub(100) };
    check.is_some_and(|check| (number + 1 + check / 11) % 11 == check % 11)
}

/// The VAT number of a French company.
pub fn french_vat_number(siren: &str) -> Option<String> {
    is_siren(siren).then(|| format!("FR{:02}{siren}", modulo(digits(siren).chain([1, 2]), 97)))
}

/// Whether it is an IBAN: two capitals, two digits, up to 30 letters and digits, by 97 (ISO 13616, ISO/IEC 7064).
pub fn is_iban(number: &str) -> bool {
    let bytes = number.as_bytes();
    let form = (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes[4..].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let length = !number.starts_with("FR") || bytes.len() == 27;
    form && length && modulo(number[4..].chars().chain(number[..4].chars()).flat_map(value), 97) == 1
}

/// Whether it is a BIC: four letters, a country, two signs, and perhaps three for a branch (ISO 9362).
pub fn is_bic(number: &str) -> bool {
    let bytes = number.as_bytes();
    matches!(bytes.len(), 8 | 11)
        && bytes[..6].iter().all(u8::is_ascii_uppercase)
        && bytes[6..].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn has_digits(number: &str, count: usize) -> bool {
    number.len() == count && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn digits(number: &str) -> impl DoubleEndedIterator<Item = u32> + '_ {
    number.chars().filter_map(|digit| digit.to_digit(10))
}

fn luhn(number: &str) -> bool {
    let weigh = |(place, digit): (usize, u32)| match (place % 2, digit * 2) {
        (0, _) => digit,
        (_, double) => double / 10 + double % 10,
    };
    digits(number).rev().enumerate().map(weigh).sum::<u32>() % 10 == 0
}

/// The digits of a sign: a letter has two, from `A` = 10.
fn value(sign: char) -> Vec<u32> {
    match sign.to_digit(36).unwrap_or_default() {
        one @ 0..10 => vec![one],
        two => vec![two / 10, two % 10],
    }
}

fn modulo(digits: impl Iterator<Item = u32>, by: u64) -> u64 {
    digits.fold(0, |rest, digit| (rest * 10 + u64::from(digit)) % by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_siren_has_its_check_digit() {
        for good in ["732829320", "356000000", "552100554", "000000000"] {
            assert!(is_siren(good), "{good}");
        }
        for bad in ["732829321", "73282932", "7328293200", "73282932A", "", "٧٣٢٨٢٩٣٢٠"] {
            assert!(!is_siren(bad), "{bad}");
        }
    }

    #[test]
    fn a_siret_begins_with_a_siren_and_the_post_has_a_rule_of_its_own() {
        // Of La Poste's: its seat (Luhn), and an office whose digits add up to a multiple of five.
        for good in ["73282932000074", "35600000000048", "35600000049837"] {
            assert!(is_siret(good), "{good}");
        }
        assert!(!luhn("35600000049837"));
        for bad in ["73282932000075", "35600000049838", "7328293200007", "73282932100074", "732829320000 4"] {
            assert!(!is_siret(bad), "{bad}");
        }
    }

    #[test]
    fn a_french_vat_number_has_its_key() {
        for good in ["FR44732829320", "FR83404833048", "FRK7399859412", "FR4Z123456782", "DE136695976", "ESA12345674"] {
            assert!(is_vat_number(good), "{good}");
        }
        for bad in
            ["FR45732829320", "FR4473282932", "FRIO732829320", "FRK8399859412", "fr44732829320", "F", "DE 1", "123456"]
        {
            assert!(!is_vat_number(bad), "{bad}");
        }
        assert_eq!(french_vat_number("732829320").as_deref(), Some("FR44732829320"));
        assert_eq!(french_vat_number("732829321"), None);
    }

    #[test]
    fn an_account_has_its_check_digits() {
        for good in ["FR7630006000011234567890189", "DE89370400440532013000", "BE68539007547034", "NO9386011117947"] {
            assert!(is_iban(good), "{good}");
        }
        for bad in ["FR7630006000011234567890188", "FR763000600001123456789018", "FR76 3000 6000", "DE8937040044", ""] {
            assert!(!is_iban(bad), "{bad}");
        }
        assert!(is_bic("AGRIFRPP") && is_bic("DEUTDEFF500") && !is_bic("AGRIFRP") && !is_bic("AGR1FRPP"));
    }
}
