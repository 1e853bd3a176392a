//! The shapes of objects, from Stripe's public fixtures (fixtures/README.md), and money as people read it.

use serde_json::Value;

/// Kinds, the prefixes of their ids, their shapes.
const SHAPES: [(&str, &str, &str); 16] = [
    ("charge", "ch", include_str!("fixtures/charge.json")),
    ("checkout.session", "cs_test", include_str!("fixtures/checkout.session.json")),
    ("customer", "cus", include_str!("fixtures/customer.json")),
    ("dispute", "dp", include_str!("fixtures/dispute.json")),
    ("event", "evt", include_str!("fixtures/event.json")),
    ("invoice", "in", include_str!("fixtures/invoice.json")),
    ("invoice_payment", "inpay", include_str!("fixtures/invoice_payment.json")),
    ("item", "li", include_str!("fixtures/item.json")),
    ("line_item", "il", include_str!("fixtures/line_item.json")),
    ("payment_intent", "pi", include_str!("fixtures/payment_intent.json")),
    ("payment_method", "pm", include_str!("fixtures/payment_method.json")),
    ("price", "price", include_str!("fixtures/price.json")),
    ("product", "prod", include_str!("fixtures/product.json")),
    ("refund", "re", include_str!("fixtures/refund.json")),
    ("subscription", "sub", include_str!("fixtures/subscription.json")),
    ("subscription_item", "si", include_str!("fixtures/subscription_item.json")),
];

/// An empty object of a kind.
pub fn shape(kind: &str) -> Value {
    let (_, _, text) = SHAPES.iter().find(|(name, ..)| *name == kind).expect("a kind we have a shape of");
    serde_json::from_str(text).expect("a fixture is JSON")
}

/// A new id: `re_…`.
pub fn new_id(kind: &str) -> String {
    let prefix = SHAPES.iter().find(|(name, ..)| *name == kind).map_or(kind, |(_, prefix, _)| *prefix);
    let random = uuid::Uuid::new_v4().simple().to_string();
    match kind {
        "checkout.session" => format!("{prefix}_a1{random}{}", &random[..24]),
        _ => format!("{prefix}_{}", &random[..24]),
    }
}

/// Sets the fields of `patch`, each as a whole.
pub fn set(object: &mut Value, patch: Value) {
    if let Value::Object(fields) = patch {
        for (key, value) in fields {
            object[key] = value;
        }
    }
}

/// How many digits of a currency's amount stand behind the point.
/// Source: <https://docs.stripe.com/currencies> (zero-decimal and three-decimal currencies).
pub fn decimals(currency: &str) -> usize {
    match currency {
        "bif" | "clp" | "djf" | "gnf" | "jpy" | "kmf" | "krw" | "mga" | "pyg" | "rwf" | "vnd" | "vuv" | "xaf"
        | "xof" | "xpf" => 0,
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 3,
        _ => 2,
    }
}

/// Minor units as people read them: `12,34 EUR` with a comma, `1234 JPY`.
pub fn readable(amount: i64, currency: &str, point: char) -> String {
    let decimals = decimals(currency);
    let digits = format!("{:0width$}", amount.unsigned_abs(), width = decimals + 1);
    let (whole, rest) = digits.split_at(digits.len() - decimals);
    let sign = if amount < 0 { "-" } else { "" };
    let rest = if rest.is_empty() { String::new() } else { format!("{point}{rest}") };
    format!("{sign}{whole}{rest} {}", currency.to_uppercase())
}
