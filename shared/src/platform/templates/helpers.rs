//! The words templates may use besides Handlebars' own: pure functions of one argument and the locale.
//!
//! Each returns a value and leaves the escaping to the registry it runs in, so a helper cannot open a hole, and each
//! works inside `{{#if (…)}}` and as a partial's argument too. `locale` and `now` come from the root of the context;
//! the wall clock is never read. A missing argument is an error, a null one renders as a dash.
//! `eq`, `ne`, `gt`, `and`, `or`, `not` and `len` are Handlebars' own and need nothing here.

use std::time::Duration;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use handlebars::Context;
use handlebars::Handlebars;
use handlebars::Helper;
use handlebars::HelperDef;
use handlebars::RenderContext;
use handlebars::RenderError;
use handlebars::RenderErrorReason;
use handlebars::ScopedJson;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::kernel::money::Money;
use crate::kernel::text;

const NOTHING: &str = "–";
const REFUSED: &str = "#";

/// Makes the house's helpers known to a registry.
pub(super) fn register(registry: &mut Handlebars<'static>) {
    for word in [
        Word("date", date),
        Word("day", day),
        Word("days", days),
        Word("ago", ago),
        Word("duration", duration),
        Word("number", number),
        Word("money", money),
        Word("safe_url", safe_url),
        Word("json", json),
        Word("lines", lines),
    ] {
        registry.register_helper(word.0, Box::new(word));
    }
}

type Said = Result<Json, RenderErrorReason>;

/// A helper's name and what it says.
struct Word(&'static str, fn(&Json, &Scene<'_>) -> Said);

/// What a helper may know besides its argument.
struct Scene<'a> {
    root: &'a Json,
}

impl HelperDef for Word {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let Self(name, say) = *self;
        let argument = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex(name, 0))?;
        if argument.is_value_missing() {
            return Err(RenderError::strict_error(argument.relative_path()));
        }
        let scene = Scene { root: context.data() };
        Ok(ScopedJson::Derived(say(argument.value(), &scene)?))
    }
}

impl Scene<'_> {
    fn is_english(&self) -> bool {
        self.root.get("locale").and_then(Json::as_str) == Some("en")
    }

    fn now(&self) -> Option<DateTime<Utc>> {
        instant(self.root.get("now")?).ok()
    }
}

/// `date`: "21 novembre 2026 à 14:05 UTC", "21 November 2026, 14:05 UTC".
fn date(argument: &Json, scene: &Scene<'_>) -> Said {
    if argument.is_null() {
        return Ok(Json::from(NOTHING));
    }
    let at = instant(argument)?;
    let day = text::day(at.date_naive(), if scene.is_english() { "en" } else { "fr" });
    let comma = if scene.is_english() { "," } else { " à" };
    Ok(Json::from(format!("{day}{comma} {} UTC", at.format("%H:%M"))))
}

/// `day`: a date, `2026-11-21`, as "21 novembre 2026", "21 November 2026".
fn day(argument: &Json, scene: &Scene<'_>) -> Said {
    if argument.is_null() {
        return Ok(Json::from(NOTHING));
    }
    let day = NaiveDate::deserialize(argument).map_err(|error| RenderErrorReason::NestedError(Box::new(error)))?;
    Ok(Json::from(text::day(day, if scene.is_english() { "en" } else { "fr" })))
}

/// `days`: a number of them: "15 jours", "15 days".
fn days(argument: &Json, scene: &Scene<'_>) -> Said {
    let n = argument.as_i64().ok_or(RenderErrorReason::InvalidParamType("a number of days"))?;
    let unit = match (scene.is_english(), n) {
        (true, 1) => "day",
        (true, _) => "days",
        (false, 0 | 1) => "jour",
        (false, _) => "jours",
    };
    Ok(Json::from(format!("{n} {unit}")))
}

/// `ago`: "3 min ago", "il y a 3 min"; the date itself after thirty days, or when the context has no `now`.
fn ago(argument: &Json, scene: &Scene<'_>) -> Said {
    if argument.is_null() {
        return Ok(Json::from(NOTHING));
    }
    let Some(now) = scene.now() else {
        return date(argument, scene);
    };
    let english = scene.is_english();
    let passed = (now - instant(argument)?).num_seconds();
    let (amount, unit) = match passed.unsigned_abs() {
        0..3 => return Ok(Json::from(if english { "just now" } else { "à l’instant" })),
        seconds @ 3..60 => (seconds, "s"),
        seconds @ 60..3_600 => (seconds / 60, "min"),
        seconds @ 3_600..172_800 => (seconds / 3_600, "h"),
        seconds @ 172_800..2_592_000 => (seconds / 86_400, if english { "d" } else { "j" }),
        _ => return date(argument, scene),
    };
    Ok(Json::from(match (english, passed > 0) {
        (true, true) => format!("{amount} {unit} ago"),
        (true, false) => format!("in {amount} {unit}"),
        (false, true) => format!("il y a {amount} {unit}"),
        (false, false) => format!("dans {amount} {unit}"),
    }))
}

/// `duration`: milliseconds as "340 ms", "1.2 s" ("1,2 s"), "2 min 3 s", "1 h 5 min", "2 d 3 h" ("2 j 3 h").
fn duration(argument: &Json, scene: &Scene<'_>) -> Said {
    let milliseconds = match argument {
        Json::Null => return Ok(Json::from(NOTHING)),
        Json::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        _ => None,
    }
    .ok_or(RenderErrorReason::InvalidParamType("a number of milliseconds"))?;
    let seconds = milliseconds / 1_000;
    let (mark, day) = if scene.is_english() { ('.', 'd') } else { (',', 'j') };
    Ok(Json::from(match seconds {
        0 => format!("{milliseconds} ms"),
        1..60 => format!("{seconds}{mark}{} s", milliseconds % 1_000 / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} {day} {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }))
}

/// Milliseconds measured with a fraction; a clock that stepped back counts as none.
fn whole(milliseconds: f64) -> Option<u64> {
    let span = Duration::try_from_secs_f64(milliseconds.max(0.0) / 1_000.0).ok()?;
    u64::try_from(span.as_millis()).ok()
}

/// `number`: thousands kept apart, by a narrow no-break space in French and a comma in English.
fn number(argument: &Json, scene: &Scene<'_>) -> Said {
    let digits = match argument {
        Json::Null => return Ok(Json::from(NOTHING)),
        Json::Number(number) => number.to_string(),
        _ => return Err(RenderErrorReason::InvalidParamType("a number")),
    };
    let (space, mark) = if scene.is_english() { (',', ".") } else { ('\u{202f}', ",") };
    let (sign, digits) = digits.strip_prefix('-').map_or(("", &*digits), |rest| ("−", rest));
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let mut grouped = format!("{sign}{}", text::grouped(whole, space));
    if !rest.is_empty() {
        grouped.push_str(mark);
        grouped.push_str(rest);
    }
    Ok(Json::from(grouped))
}

/// `money`: `{amount, currency}` as "1 234,50 €", "€1,234.50".
fn money(argument: &Json, scene: &Scene<'_>) -> Said {
    if argument.is_null() {
        return Ok(Json::from(NOTHING));
    }
    let money = Money::deserialize(argument).map_err(|_| RenderErrorReason::InvalidParamType("an amount of money"))?;
    Ok(Json::from(money.said(if scene.is_english() { "en" } else { "fr" })))
}

/// `safe_url`: the address when it is http, https, mailto or a path of ours; `#` for everything else.
fn safe_url(argument: &Json, _: &Scene<'_>) -> Said {
    let address = match argument {
        Json::Null => REFUSED,
        Json::String(address) => address,
        _ => return Err(RenderErrorReason::InvalidParamType("an address")),
    };
    Ok(Json::from(if is_safe(address) { address } else { REFUSED }))
}

/// Browsers drop tabs and line breaks and read `\` as `/`: `/\evil.example` would leave the site.
fn is_safe(address: &str) -> bool {
    if address.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return false;
    }
    let begins = |scheme: &str| {
        let head = address.get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme)) && address.len() > scheme.len()
    };
    let path = address.starts_with('/') && !address.starts_with("//");
    path || begins("https://") || begins("http://") || begins("mailto:")
}

/// `json`: any value, indented.
fn json(argument: &Json, _: &Scene<'_>) -> Said {
    Ok(Json::from(serde_json::to_string_pretty(argument)?))
}

/// `lines`: a text as a list of its lines, for `{{#each (lines text)}}`: mail programs do not honour `white-space`.
fn lines(argument: &Json, _: &Scene<'_>) -> Said {
    let text = match argument {
        Json::Null => "",
        Json::String(text) => text.trim_end(),
        _ => return Err(RenderErrorReason::InvalidParamType("a text")),
    };
    Ok(text.lines().map(Json::from).collect())
}

fn instant(value: &Json) -> Result<DateTime<Utc>, RenderErrorReason> {
    value
        .as_str()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .map(|at| at.to_utc())
        .ok_or(RenderErrorReason::InvalidParamType("an RFC 3339 time"))
}
