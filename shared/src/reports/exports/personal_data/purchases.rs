//! What somebody bought, paid and was invoiced.

use super::field;
use crate::reports::exports::Type::{Bool, Date, Id, Integer, Json, Money, Number, Text, Time};
use crate::reports::exports::{Key, Table};

/// This column of who they were when they bought: the customer of the account, and the guests of its address, as an
/// erasure finds them ([`person`](crate::domain::billing::person)).
macro_rules! customers {
    ($column:literal) => {
        concat!(
            "(select ",
            $column,
            " from customers where user_id = ($1->>'user_id')::uuid or (user_id is null
                and email = (select email from users where id = ($1->>'user_id')::uuid)))"
        )
    };
}

pub(super) static CUSTOMERS: Table = Table {
    name: "customers",
    title: ["Client", "Customer"],
    from: concat!("customers t where t.id in ", customers!("id")),
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("email", Text, "t.email::text"),
        field("locale", Text, "t.locale"),
        field("legal_name", Text, "t.legal_name"),
        field("vat_number", Text, "t.vat_number"),
        field("company_number", Text, "t.company_number"),
        field("address_line1", Text, "t.address_line1"),
        field("address_line2", Text, "t.address_line2"),
        field("postal_code", Text, "t.postal_code"),
        field("city", Text, "t.city"),
        field("country_code", Text, "t.country_code"),
        field("stripe_customer_id", Text, "t.stripe_customer_id"),
        field("created_at", Time, "t.created_at"),
        field("updated_at", Time, "t.updated_at"),
    ],
};

pub(super) static PAYMENT_METHODS: Table = Table {
    name: "payment_methods",
    title: ["Moyens de paiement", "Payment methods"],
    from: concat!("payment_methods t where t.customer_id in ", customers!("id")),
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("type", Text, "t.type"),
        field("brand", Text, "t.brand"),
        field("last4", Text, "t.last4"),
        field("exp_month", Integer, "t.exp_month::bigint"),
        field("exp_year", Integer, "t.exp_year::bigint"),
        field("is_default", Bool, "t.is_default"),
        field("created_at", Time, "t.created_at"),
        field("synced_at", Time, "t.synced_at"),
    ],
};

pub(super) static ORDERS: Table = Table {
    name: "orders",
    title: ["Commandes", "Orders"],
    from: concat!("orders t where t.customer_id in ", customers!("id")),
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("number", Text, "t.number"),
        field("status", Text, "t.status"),
        field("priority", Text, "t.priority"),
        field("title", Text, "t.title"),
        field("description", Text, "t.description"),
        field("client_note", Text, "t.client_note"),
        field("currency", Text, "t.currency::text"),
        field("total_net", Money("t.currency::text"), "t.total_net_cents"),
        field("total_vat", Money("t.currency::text"), "t.total_vat_cents"),
        field("total_gross", Money("t.currency::text"), "t.total_gross_cents"),
        field("due_at", Time, "t.due_at"),
        field("placed_at", Time, "t.placed_at"),
        field("paid_at", Time, "t.paid_at"),
        field("delivered_at", Time, "t.delivered_at"),
        field("completed_at", Time, "t.completed_at"),
        field("expires_at", Time, "t.expires_at"),
        field("created_at", Time, "t.created_at"),
        field("updated_at", Time, "t.updated_at"),
    ],
};

pub(super) static ORDER_LINES: Table = Table {
    name: "order_lines",
    title: ["Lignes de commande", "Order lines"],
    from: concat!("order_lines t join orders o on o.id = t.order_id where o.customer_id in ", customers!("id")),
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("order_id", Id, "t.order_id"),
        field("position", Integer, "t.position::bigint"),
        field("name", Text, "t.name"),
        field("description", Text, "t.description"),
        field("quantity", Number, "t.quantity::text"),
        field("unit_price", Money("o.currency::text"), "t.unit_price_cents"),
        field("vat_rate", Number, "t.vat_rate::text"),
        field("vat_category", Text, "t.vat_category"),
    ],
};

pub(super) static PAYMENTS: Table = Table {
    name: "payments",
    title: ["Paiements", "Payments"],
    from: concat!("payments t join orders o on o.id = t.order_id where o.customer_id in ", customers!("id")),
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("order_id", Id, "t.order_id"),
        field("status", Text, "t.status"),
        field("method", Text, "t.method"),
        field("amount", Money("t.currency::text"), "t.amount_cents"),
        field("refunded", Money("t.currency::text"), "t.refunded_cents"),
        field("currency", Text, "t.currency::text"),
        field("stripe_payment_intent_id", Text, "t.stripe_payment_intent_id"),
        field("failure_code", Text, "t.failure_code"),
        field("succeeded_at", Time, "t.succeeded_at"),
        field("created_at", Time, "t.created_at"),
    ],
};

pub(super) static REFUNDS: Table = Table {
    name: "refunds",
    title: ["Remboursements", "Refunds"],
    from: concat!(
        "refunds t join payments p on p.id = t.payment_id join orders o on o.id = p.order_id where (o.customer_id in ",
        customers!("id"),
        " or t.requested_by = ($1->>'user_id')::uuid)"
    ),
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("payment_id", Id, "t.payment_id"),
        field("status", Text, "t.status"),
        field("amount", Money("t.currency::text"), "t.amount_cents"),
        field("currency", Text, "t.currency::text"),
        field("reason", Text, "t.reason"),
        field("created_at", Time, "t.created_at"),
        field("updated_at", Time, "t.updated_at"),
    ],
};

pub(super) static DISPUTES: Table = Table {
    name: "disputes",
    title: ["Litiges", "Disputes"],
    from: concat!(
        "disputes t join payments p on p.id = t.payment_id join orders o on o.id = p.order_id where o.customer_id in ",
        customers!("id")
    ),
    key: "t.id",
    by: Key::Text,
    columns: &[
        field("id", Text, "t.id"),
        field("payment_id", Id, "t.payment_id"),
        field("status", Text, "t.status"),
        field("reason", Text, "t.reason"),
        field("amount", Money("t.currency::text"), "t.amount_cents"),
        field("currency", Text, "t.currency::text"),
        field("due_by", Time, "t.due_by"),
        field("created_at", Time, "t.created_at"),
        field("updated_at", Time, "t.updated_at"),
    ],
};

pub(super) static INVOICES: Table = Table {
    name: "invoices",
    title: ["Factures", "Invoices"],
    from: concat!("invoices t where t.status <> 'draft' and t.customer_id in ", customers!("id")),
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("number", Text, "t.number"),
        field("kind", Text, "t.kind"),
        field("status", Text, "t.status"),
        field("order_id", Id, "t.order_id"),
        field("issue_date", Date, "t.issue_date"),
        field("due_date", Date, "t.due_date"),
        field("currency", Text, "t.currency::text"),
        field("total_net", Money("t.currency::text"), "t.total_net_cents"),
        field("total_vat", Money("t.currency::text"), "t.total_vat_cents"),
        field("total_gross", Money("t.currency::text"), "t.total_gross_cents"),
        field("document", Json, "t.document::text"),
        field("pdf_file_id", Id, "t.pdf_file_id"),
        field("sent_at", Time, "t.sent_at"),
        field("paid_at", Time, "t.paid_at"),
        field("issued_at", Time, "t.issued_at"),
    ],
};

pub(super) static INVOICE_LINES: Table = Table {
    name: "invoice_lines",
    title: ["Lignes de facture", "Invoice lines"],
    from: concat!(
        "invoice_lines t join invoices o on o.id = t.invoice_id where o.status <> 'draft' and o.customer_id in ",
        customers!("id")
    ),
    key: "t.id",
    by: Key::Id,
    columns: &[
        field("id", Id, "t.id"),
        field("invoice_id", Id, "t.invoice_id"),
        field("position", Integer, "t.position::bigint"),
        field("name", Text, "t.name"),
        field("description", Text, "t.description"),
        field("quantity", Number, "t.quantity::text"),
        field("unit_price", Number, "t.unit_price::text"),
        field("net", Money("o.currency::text"), "t.net_cents"),
        field("vat_rate", Number, "t.vat_rate::text"),
    ],
};

pub(super) static STRIPE_INVOICES: Table = Table {
    name: "stripe_invoices",
    title: ["Factures chez Stripe", "Invoices at Stripe"],
    from: concat!("stripe_invoices t where t.stripe_customer_id in ", customers!("stripe_customer_id")),
    key: "t.id",
    by: Key::Text,
    columns: &[
        field("id", Text, "t.id"),
        field("subscription_id", Text, "t.subscription_id"),
        field("status", Text, "t.status"),
        field("total", Money("t.currency::text"), "t.total_cents"),
        field("paid", Money("t.currency::text"), "t.paid_cents"),
        field("currency", Text, "t.currency::text"),
        field("period_end", Time, "t.period_end"),
    ],
};

pub(super) static STRIPE_SUBSCRIPTIONS: Table = Table {
    name: "stripe_subscriptions",
    title: ["Abonnements", "Subscriptions"],
    from: concat!("stripe_subscriptions t where t.stripe_customer_id in ", customers!("stripe_customer_id")),
    key: "t.id",
    by: Key::Text,
    columns: &[
        field("id", Text, "t.id"),
        field("status", Text, "t.status"),
        field("period_end", Time, "t.period_end"),
        field("ends_with_period", Bool, "t.ends_with_period"),
    ],
};
