//! A cron expression in plain words, English and French: croner's describer, with our French.

use croner::Cron;
use croner::describe::{English, Language};
use serde::Serialize;

/// The same in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Words {
    /// `At 03:00, on Monday.`
    pub en: String,
    /// `À 03:00, le lundi.`
    pub fr: String,
}

impl Words {
    /// Describes an expression.
    pub fn of(cron: &Cron) -> Self {
        let en = cron.describe_lang(English);
        // The describer says "At every 5 minutes".
        let en = en.strip_prefix("At every").map_or(en.clone(), |rest| format!("Every{rest}"));
        // And puts a comma before the last of a list, which French does not.
        Self { en, fr: cron.describe_lang(French).replace(", et ", " et ") }
    }
}

struct French;

/// `minute 17` or `minutes 0 et 30`: a list is several.
fn several(noun: &str, values: &str) -> String {
    let plural = if values.chars().all(|c| c.is_ascii_digit()) { "" } else { "s" };
    format!("{noun}{plural} {values}")
}

/// The article in front: `le lundi`, `les lundi et mardi`.
fn article(phrase: &str) -> String {
    let one = !phrase.contains(" et ") && !phrase.starts_with("jours");
    format!("{} {phrase}", if one { "le" } else { "les" })
}

impl Language for French {
    fn every_minute(&self) -> &'static str {
        "Toutes les minutes"
    }
    fn every_second_phrase(&self) -> &'static str {
        "Toutes les secondes"
    }
    fn every_x_minutes(&self, step: u16) -> String {
        format!("toutes les {step} minutes")
    }
    fn every_x_seconds(&self, step: u16) -> String {
        format!("toutes les {step} secondes")
    }
    fn every_x_hours(&self, step: u16) -> String {
        format!("toutes les {step} heures")
    }
    fn every_minute_of_every_x_hours(&self, step: u16) -> String {
        format!("toutes les minutes, toutes les {step} heures")
    }
    fn at_time(&self, time: &str) -> String {
        format!("à {time}")
    }
    fn at_time_and_every_x_seconds(&self, time: &str, step: u16) -> String {
        format!("à {time}, toutes les {step} secondes")
    }
    fn at_time_at_second(&self, time: &str, second: &str) -> String {
        format!("à {time}, {}", several("seconde", second))
    }
    fn at_phrase(&self, phrase: &str) -> String {
        match phrase {
            p if p.starts_with("toutes") => p.to_owned(),
            p if p.starts_with("minutes") => format!("aux {p}"),
            p => format!("à la {p}"),
        }
    }
    fn on_phrase(&self, phrase: &str) -> String {
        article(phrase)
    }
    fn in_phrase(&self, phrase: &str) -> String {
        if phrase.starts_with("tous") { phrase.to_owned() } else { format!("en {phrase}") }
    }
    fn second_phrase(&self, s: &str) -> String {
        several("seconde", s)
    }
    fn minute_phrase(&self, s: &str) -> String {
        several("minute", s)
    }
    fn minute_past_every_hour_phrase(&self, s: &str) -> String {
        format!("{s} de chaque heure")
    }
    fn hour_phrase(&self, s: &str) -> String {
        several("heure", s)
    }
    fn year_phrase(&self, s: &str) -> String {
        several("année", s)
    }
    fn day_phrase(&self, s: &str) -> String {
        several("jour", s)
    }
    fn the_last_day_of_the_month(&self) -> &'static str {
        "dernier jour du mois"
    }
    fn the_weekday_nearest_day(&self, day: &str) -> String {
        format!("jour ouvré le plus proche du {day}")
    }
    fn the_last_weekday_of_the_month(&self, day: &str) -> String {
        format!("dernier {day} du mois")
    }
    fn the_nth_weekday_of_the_month(&self, n: u8, day: &str) -> String {
        format!("{n}{} {day} du mois", if n == 1 { "er" } else { "e" })
    }
    fn dom_and_dow_if_also(&self, dow: &str) -> String {
        format!("(si c’est aussi un {dow})")
    }
    fn dom_and_dow_if_also_one_of(&self, dow: &str) -> String {
        format!("(si c’est aussi l’un de : {dow})")
    }
    fn list_conjunction_and(&self) -> &'static str {
        "et"
    }
    fn list_conjunction_or(&self) -> &'static str {
        "ou le"
    }
    fn list_conjunction_and_comma(&self) -> &'static str {
        " et"
    }
    fn day_of_week_names(&self) -> [&'static str; 7] {
        ["dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"]
    }
    fn month_names(&self) -> [&'static str; 12] {
        [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ]
    }
    fn every_past_phrase(&self, every: &str, hours: &str) -> String {
        format!("{every}, {hours}")
    }
    fn past_hour_phrase(&self, s: &str) -> String {
        several("heure", s)
    }
    fn every_x_months(&self, step: u16) -> String {
        format!("tous les {step} mois")
    }
    fn every_x_years(&self, step: u16) -> String {
        format!("tous les {step} ans")
    }
}
