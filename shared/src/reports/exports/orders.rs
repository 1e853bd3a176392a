//! Orders and their lines, narrowed as their list is. A cart is no order yet.

use super::Type::{Date, Id, Integer, Money, Number, Text, Time};
use super::{Column, Key, Table, column};

/// Every filter of the list (`OrderFilter`), over orders `o`.
macro_rules! matching {
    () => {
        "o.status <> 'cart' and ($1->>'status' is null or o.status = $1->>'status')
         and ($1->>'priority' is null or o.priority = $1->>'priority')
         and ($1->>'assignee_id' is null or o.assignee_id = ($1->>'assignee_id')::uuid)
         and ($1->>'customer_id' is null or o.customer_id = ($1->>'customer_id')::uuid)
         and ($1->>'number' is null or o.number = $1->>'number')
         and ($1->>'placed_since' is null or o.placed_at >= ($1->>'placed_since')::timestamptz)
         and ($1->>'placed_before' is null or o.placed_at < ($1->>'placed_before')::timestamptz)"
    };
}

/// The orders.
pub static ORDERS: Table = Table {
    name: "orders",
    title: ["Commandes", "Orders"],
    from: concat!("orders o join customers c on c.id = o.customer_id where ", matching!()),
    key: "o.id",
    by: Key::Id,
    columns: &COLUMNS,
};

static COLUMNS: [Column; 23] = [
    column("id", Id, "o.id", "Identifiant", "Id"),
    column("number", Text, "o.number", "Numéro", "Number"),
    column("status", Text, "o.status", "Statut", "Status"),
    column("priority", Text, "o.priority", "Priorité", "Priority"),
    column("title", Text, "o.title", "Titre", "Title"),
    column("description", Text, "o.description", "Description", "Description"),
    column("customer_id", Id, "o.customer_id", "Identifiant client", "Customer id"),
    column("customer_name", Text, "c.legal_name", "Client", "Customer"),
    column("customer_email", Text, "c.email::text", "Courriel", "E-mail"),
    column("currency", Text, "o.currency::text", "Devise", "Currency"),
    column("total_net", Money("o.currency::text"), "o.total_net_cents", "Total HT", "Net"),
    column("total_vat", Money("o.currency::text"), "o.total_vat_cents", "TVA", "VAT"),
    column("total_gross", Money("o.currency::text"), "o.total_gross_cents", "Total TTC", "Gross"),
    column("client_note", Text, "o.client_note", "Note du client", "Client's note"),
    column("worker_note", Text, "o.worker_note", "Note interne", "Internal note"),
    column("assignee_id", Id, "o.assignee_id", "Chargé de la commande", "Assignee"),
    column("due_at", Time, "o.due_at", "Échéance", "Due"),
    column("placed_at", Time, "o.placed_at", "Passée le", "Placed"),
    column("paid_at", Time, "o.paid_at", "Payée le", "Paid"),
    column("delivered_at", Time, "o.delivered_at", "Livrée le", "Delivered"),
    column("completed_at", Time, "o.completed_at", "Terminée le", "Completed"),
    column("created_at", Time, "o.created_at", "Créée le", "Created"),
    column("version", Integer, "o.version::bigint", "Version", "Version"),
];

/// Their lines.
pub static LINES: Table = Table {
    name: "order_lines",
    title: ["Lignes", "Lines"],
    from: concat!("order_lines l join orders o on o.id = l.order_id where ", matching!()),
    key: "l.id",
    by: Key::Id,
    columns: &LINE_COLUMNS,
};

static LINE_COLUMNS: [Column; 11] = [
    column("order_id", Id, "l.order_id", "Identifiant commande", "Order id"),
    column("order_number", Text, "o.number", "Commande", "Order"),
    column("position", Integer, "l.position::bigint", "Ligne", "Line"),
    column("product_id", Id, "l.product_id", "Identifiant produit", "Product id"),
    column("name", Text, "l.name", "Désignation", "Name"),
    column("description", Text, "l.description", "Description", "Description"),
    column("quantity", Number, "l.quantity::text", "Quantité", "Quantity"),
    column("currency", Text, "o.currency::text", "Devise", "Currency"),
    column("unit_price", Money("o.currency::text"), "l.unit_price_cents", "Prix unitaire HT", "Unit price"),
    column("vat_rate", Number, "l.vat_rate::text", "Taux de TVA (%)", "VAT rate (%)"),
    column("placed_on", Date, "(o.placed_at at time zone 'Europe/Paris')::date", "Passée le", "Placed on"),
];
