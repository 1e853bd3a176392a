//! Invoices, credit notes and their lines, narrowed as their list is.

use super::Type::{Date, Id, Integer, Money, Number, Text, Time};
use super::{Column, Key, Table, column};

/// Every filter of the list (`InvoiceFilter`), over invoices `i`.
macro_rules! matching {
    () => {
        "($1->>'status' is null or i.status = $1->>'status') and ($1->>'kind' is null or i.kind = $1->>'kind')
         and ($1->>'pdf_status' is null or i.pdf_status = $1->>'pdf_status')
         and ($1->>'order_id' is null or i.order_id = ($1->>'order_id')::uuid)
         and ($1->>'customer_id' is null or i.customer_id = ($1->>'customer_id')::uuid)
         and ($1->>'number' is null or i.number = $1->>'number')
         and ($1->>'from' is null or i.issue_date >= ($1->>'from')::date)
         and ($1->>'to' is null or i.issue_date <= ($1->>'to')::date)
         and ($1->>'currency' is null or i.currency = $1->>'currency')
         and ($1->>'issued' is null or (i.status <> 'draft') = ($1->>'issued')::boolean)
         and ($1->>'credit' is null or (i.kind = 'credit_note') = ($1->>'credit')::boolean)"
    };
}
pub(super) use matching;

/// The invoices.
pub static INVOICES: Table = Table {
    name: "invoices",
    title: ["Factures", "Invoices"],
    from: concat!("invoices i where ", matching!()),
    key: "i.id",
    by: Key::Id,
    columns: &COLUMNS,
};

static COLUMNS: [Column; 21] = [
    column("id", Id, "i.id", "Identifiant", "Id"),
    column("number", Text, "i.number", "Numéro", "Number"),
    column("kind", Text, "i.kind", "Nature", "Kind"),
    column("status", Text, "i.status", "Statut", "Status"),
    column("order_id", Id, "i.order_id", "Identifiant commande", "Order id"),
    column("order_number", Text, "i.document->>'order_ref'", "Commande", "Order"),
    column("customer_id", Id, "i.customer_id", "Identifiant client", "Customer id"),
    column("buyer", Text, "i.document->'buyer'->>'name'", "Acheteur", "Buyer"),
    column("credit_of_id", Id, "i.credit_of_id", "Avoir de", "Credits"),
    column("issue_date", Date, "i.issue_date", "Date d’émission", "Issued on"),
    column("due_date", Date, "i.due_date", "Date d’échéance", "Due on"),
    column("currency", Text, "i.currency::text", "Devise", "Currency"),
    column("total_net", Money("i.currency::text"), "i.total_net_cents", "Total HT", "Net"),
    column("total_vat", Money("i.currency::text"), "i.total_vat_cents", "TVA", "VAT"),
    column("total_gross", Money("i.currency::text"), "i.total_gross_cents", "Total TTC", "Gross"),
    column("paid", Money("i.currency::text"), "i.paid_cents", "Payé à l’émission", "Paid when issued"),
    column("due", Money("i.currency::text"), "i.due_cents", "À payer à l’émission", "Due when issued"),
    column("pdf_status", Text, "i.pdf_status", "Fichiers", "Files"),
    column("sent_at", Time, "i.sent_at", "Envoyée le", "Sent"),
    column("paid_at", Time, "i.paid_at", "Payée le", "Paid"),
    column("issued_at", Time, "i.issued_at", "Émise le", "Issued"),
];

/// Their lines.
pub static LINES: Table = Table {
    name: "invoice_lines",
    title: ["Lignes", "Lines"],
    from: concat!("invoice_lines l join invoices i on i.id = l.invoice_id where ", matching!()),
    key: "l.id",
    by: Key::Id,
    columns: &LINE_COLUMNS,
};

static LINE_COLUMNS: [Column; 12] = [
    column("invoice_id", Id, "l.invoice_id", "Identifiant facture", "Invoice id"),
    column("invoice_number", Text, "i.number", "Facture", "Invoice"),
    column("position", Integer, "l.position::bigint", "Ligne", "Line"),
    column("name", Text, "l.name", "Désignation", "Name"),
    column("description", Text, "l.description", "Description", "Description"),
    column("quantity", Number, "l.quantity::text", "Quantité", "Quantity"),
    column("unit_code", Text, "l.unit_code", "Unité", "Unit"),
    column("unit_price", Number, "l.unit_price::text", "Prix unitaire HT", "Unit price"),
    column("currency", Text, "i.currency::text", "Devise", "Currency"),
    column("net", Money("i.currency::text"), "l.net_cents", "Total HT", "Net"),
    column("vat_rate", Number, "l.vat_rate::text", "Taux de TVA (%)", "VAT rate (%)"),
    column("vat_category", Text, "l.vat_category", "Catégorie de TVA", "VAT category"),
];
