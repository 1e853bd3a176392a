//! The page of a checkout session: plain HTML without scripts, French or English, on which it is paid, refused or left.

use axum::extract::{Form, Path, State as Part};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;

use super::Shared;
use super::payments::{self, Act};
use super::shapes::readable;
use super::state::{self, State, integer, text};

/// A page's words.
struct Words {
    lang: &'static str,
    point: char,
    title: &'static str,
    banner: &'static str,
    lines: &'static str,
    heads: [&'static str; 3],
    total: &'static str,
    email: &'static str,
    choose: &'static str,
    /// Action and label.
    buttons: [(&'static str, &'static str); 5],
    leave: &'static str,
    bank: &'static str,
    bank_buttons: [(&'static str, &'static str); 2],
    refused: &'static str,
    invalid: &'static str,
    complete: &'static str,
    expired: &'static str,
    receipt: &'static str,
}

const FRENCH: Words = Words {
    lang: "fr",
    point: ',',
    title: "Paiement",
    banner: "Faux Stripe : aucun argent ne circule.",
    lines: "Votre commande",
    heads: ["Article", "Quantité", "Montant"],
    total: "Total",
    email: "Adresse e-mail",
    choose: "Moyen de paiement",
    buttons: [
        ("card", "Payer par carte"),
        ("card_declined", "Carte refusée"),
        ("card_3ds", "Carte avec authentification 3-D Secure"),
        ("sepa_debit", "Prélèvement SEPA, payé plus tard"),
        ("sepa_debit_fails", "Prélèvement SEPA, rejeté plus tard"),
    ],
    leave: "Annuler et revenir au site",
    bank: "Votre banque demande une confirmation",
    bank_buttons: [("3ds_succeed", "Confirmer le paiement"), ("3ds_fail", "Échouer à l’authentification")],
    refused: "Le paiement a été refusé. Choisissez un autre moyen de paiement.",
    invalid: "Saisissez une adresse e-mail et choisissez un moyen de paiement.",
    complete: "Cette commande a déjà été payée ou son paiement est en cours.",
    expired: "Cette page de paiement a expiré.",
    receipt: "Reçu",
};

const ENGLISH: Words = Words {
    lang: "en",
    point: '.',
    title: "Payment",
    banner: "Fake Stripe: no money moves.",
    lines: "Your order",
    heads: ["Item", "Quantity", "Amount"],
    total: "Total",
    email: "E-mail address",
    choose: "Payment method",
    buttons: [
        ("card", "Pay by card"),
        ("card_declined", "Card that is declined"),
        ("card_3ds", "Card with 3-D Secure authentication"),
        ("sepa_debit", "SEPA debit, paid later"),
        ("sepa_debit_fails", "SEPA debit, returned later"),
    ],
    leave: "Cancel and go back",
    bank: "Your bank asks for a confirmation",
    bank_buttons: [("3ds_succeed", "Confirm the payment"), ("3ds_fail", "Fail the authentication")],
    refused: "The payment was refused. Choose another payment method.",
    invalid: "Give an e-mail address and choose a payment method.",
    complete: "This order is paid already, or its payment is on its way.",
    expired: "This payment page has expired.",
    receipt: "Receipt",
};

const STYLE: &str = "body{font:1.05rem/1.5 system-ui,sans-serif;max-width:38rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;\
background:#fff}table{width:100%;border-collapse:collapse;margin:1rem 0}caption{text-align:left;font-weight:600}\
th,td{text-align:left;padding:.4rem 0;border-bottom:1px solid #767676}th:last-child,td:last-child{text-align:right}\
button{font:inherit;display:block;width:100%;margin:.5rem 0;padding:.7rem;border:1px solid #1a1a1a;border-radius:.3rem;\
background:#fff;color:#1a1a1a;cursor:pointer}button:first-of-type{background:#1f3d7a;color:#fff}\
:focus-visible{outline:3px solid #b35900;outline-offset:2px}input{font:inherit;width:100%;padding:.6rem;box-sizing:border-box}\
fieldset{border:0;padding:0;margin:1rem 0}legend{font-weight:600}.note{padding:.6rem;border:1px solid #767676}";

/// What the form sends.
#[derive(Deserialize)]
pub struct Sent {
    action: String,
    email: Option<String>,
}

/// GET /c/pay/{session}
pub async fn show(Part(shared): Part<Shared>, Path(session): Path<String>, headers: HeaderMap) -> Response {
    let state = shared.lock();
    match state.get("checkout.session", &session, "session") {
        Ok(session) => render(&state, &session, &headers, false),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// POST /c/pay/{session}: one of the buttons.
pub async fn act(
    Part(shared): Part<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Response {
    let mut state = shared.lock();
    let Ok(session) = state.get("checkout.session", &id, "session") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if sent.action == "leave" {
        return leave(&session, "cancel_url");
    }
    let email = sent.email.as_deref().map(str::trim).filter(|email| email.contains('@'));
    let Some(act) = Act::named(&sent.action) else { return render(&state, &session, &headers, true) };
    match payments::act(&mut state, &id, act, email) {
        Ok(session) if session["status"] == "complete" => leave(&session, "success_url"),
        Ok(_) => Redirect::to(&format!("/c/pay/{id}")).into_response(),
        Err(_) => render(&state, &session, &headers, true),
    }
}

/// Back to the shop, which learns the session's id where it asked for it.
fn leave(session: &Value, field: &str) -> Response {
    match text(session, field) {
        url if url.is_empty() => Redirect::to(&format!("/c/pay/{}", state::id(session))).into_response(),
        url => Redirect::to(&url.replace("{CHECKOUT_SESSION_ID}", &state::id(session))).into_response(),
    }
}

fn words(locale: &str, headers: &HeaderMap) -> &'static Words {
    let asked = headers.get("accept-language").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let locale = if locale.is_empty() || locale == "auto" { asked } else { locale };
    if locale.starts_with("en") { &ENGLISH } else { &FRENCH }
}

fn render(state: &State, session: &Value, headers: &HeaderMap, invalid: bool) -> Response {
    let words = words(&text(session, "locale"), headers);
    let intent = state.find(&text(session, "payment_intent")).cloned().unwrap_or_default();
    let note = |text: &str| format!("<p class=\"note\" role=\"alert\">{text}</p>\n");
    let (status, body) = match &*text(session, "status") {
        "complete" => (StatusCode::OK, note(words.complete)),
        "expired" => (StatusCode::OK, note(words.expired)),
        _ if intent["status"] == "requires_action" => (
            StatusCode::OK,
            format!("<form method=\"post\">\n<h2>{}</h2>\n{}</form>\n", words.bank, buttons(&words.bank_buttons)),
        ),
        _ => {
            let why = match (invalid, intent["last_payment_error"].is_null()) {
                (true, _) => note(words.invalid),
                (_, false) => note(words.refused),
                _ => String::new(),
            };
            let status = if invalid { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
            (status, why + &form(session, words))
        }
    };
    let body = lines(state, session, words) + &body;
    (status, [("cache-control", "no-store")], Html(document(words, words.title, &body))).into_response()
}

fn document(words: &Words, title: &str, body: &str) -> String {
    let Words { lang, banner, .. } = words;
    format!(
        "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<p>{banner}</p>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn lines(state: &State, session: &Value, words: &Words) -> String {
    let currency = text(session, "currency");
    let money = |amount: i64| escape(&readable(amount, &currency, words.point));
    let row = |line: &Value| {
        let (name, quantity) = (escape(&text(line, "description")), integer(line, "quantity"));
        format!("<tr><td>{name}</td><td>{quantity}</td><td>{}</td></tr>\n", money(integer(line, "amount_total")))
    };
    let rows: String = state.lines.get(&state::id(session)).into_iter().flatten().map(row).collect();
    let [item, quantity, amount] = words.heads;
    format!(
        "<table>\n<caption>{}</caption>\n<thead><tr><th scope=\"col\">{item}</th><th scope=\"col\">{quantity}</th>\
         <th scope=\"col\">{amount}</th></tr></thead>\n<tbody>\n{rows}</tbody>\n<tfoot><tr><th scope=\"row\" colspan=\"2\">{}</th>\
         <td>{}</td></tr></tfoot>\n</table>\n",
        words.lines,
        words.total,
        money(integer(session, "amount_total"))
    )
}

fn form(session: &Value, words: &Words) -> String {
    let types = session["payment_method_types"].as_array().into_iter().flatten();
    let types: Vec<&str> = types.filter_map(Value::as_str).collect();
    let offered = |(action, _): &&(&str, &str)| types.iter().any(|kind| action.starts_with(kind));
    let offered: Vec<(&str, &str)> = words.buttons.iter().filter(offered).copied().collect();
    let email = escape(&text(&session["customer_details"], "email"));
    format!(
        "<form method=\"post\">\n<p><label for=\"email\">{}</label><br>\n\
         <input id=\"email\" name=\"email\" type=\"email\" autocomplete=\"email\" required value=\"{email}\"></p>\n\
         <fieldset>\n<legend>{}</legend>\n{}</fieldset>\n\
         <button name=\"action\" value=\"leave\" formnovalidate>{}</button>\n</form>\n",
        words.email,
        words.choose,
        buttons(&offered),
        words.leave
    )
}

fn buttons(named: &[(&str, &str)]) -> String {
    named
        .iter()
        .map(|(action, label)| format!("<button name=\"action\" value=\"{action}\">{label}</button>\n"))
        .collect()
}

/// GET /receipts/{charge}
pub async fn receipt(Part(shared): Part<Shared>, Path(charge): Path<String>, headers: HeaderMap) -> Response {
    let state = shared.lock();
    let Ok(charge) = state.get("charge", &charge, "id") else { return StatusCode::NOT_FOUND.into_response() };
    let words = words("", &headers);
    let amount = readable(integer(&charge, "amount"), &text(&charge, "currency"), words.point);
    let body = format!("<p>{} : {}</p>\n", escape(&state::id(&charge)), escape(&amount));
    Html(document(words, words.receipt, &body)).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
