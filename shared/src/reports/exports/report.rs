//! Figures by month (in Paris): what was invoiced, what was ordered, who came.
//!
//! They are counted from the rows themselves at the moment of the snapshot, so they agree with every list.

use super::Type::{Integer, Money, Text};
use super::{Column, Key, Table, column};

/// What was invoiced and taken back.
pub static REVENUE: Table = Table {
    name: "revenue",
    title: ["Facturation", "Revenue"],
    from: "(select to_char(issue_date, 'YYYY-MM') as month, currency::text as currency,
                   count(*) filter (where kind <> 'credit_note') as invoices,
                   count(*) filter (where kind = 'credit_note') as credit_notes,
                   coalesce(sum(total_net_cents) filter (where kind <> 'credit_note'), 0)::bigint as net,
                   coalesce(sum(total_vat_cents) filter (where kind <> 'credit_note'), 0)::bigint as vat,
                   coalesce(sum(total_gross_cents) filter (where kind <> 'credit_note'), 0)::bigint as gross,
                   coalesce(sum(total_gross_cents) filter (where kind = 'credit_note'), 0)::bigint as credited
            from invoices where status <> 'draft' group by 1, 2) r where $1::jsonb is not null",
    key: "r.month || ' ' || r.currency",
    by: Key::Text,
    columns: &REVENUE_COLUMNS,
};

static REVENUE_COLUMNS: [Column; 8] = [
    column("month", Text, "r.month", "Mois", "Month"),
    column("currency", Text, "r.currency", "Devise", "Currency"),
    column("invoices", Integer, "r.invoices", "Factures", "Invoices"),
    column("credit_notes", Integer, "r.credit_notes", "Avoirs", "Credit notes"),
    column("net", Money("r.currency"), "r.net", "Facturé HT", "Invoiced net"),
    column("vat", Money("r.currency"), "r.vat", "TVA", "VAT"),
    column("gross", Money("r.currency"), "r.gross", "Facturé TTC", "Invoiced gross"),
    column("credited", Money("r.currency"), "r.credited", "Avoirs TTC", "Credited gross"),
];

/// What was ordered, by where it stands now.
pub static ORDERS: Table = Table {
    name: "orders_by_month",
    title: ["Commandes par mois", "Orders by month"],
    from: "(select to_char(placed_at at time zone 'Europe/Paris', 'YYYY-MM') as month, status,
                   currency::text as currency, count(*) as orders, sum(total_gross_cents)::bigint as gross
            from orders where status <> 'cart' group by 1, 2, 3) r where $1::jsonb is not null",
    key: "r.month || ' ' || r.status || ' ' || r.currency",
    by: Key::Text,
    columns: &ORDER_COLUMNS,
};

static ORDER_COLUMNS: [Column; 5] = [
    column("month", Text, "r.month", "Mois", "Month"),
    column("status", Text, "r.status", "Statut", "Status"),
    column("currency", Text, "r.currency", "Devise", "Currency"),
    column("orders", Integer, "r.orders", "Commandes", "Orders"),
    column("gross", Money("r.currency"), "r.gross", "Total TTC", "Gross"),
];

/// Who came, by role.
pub static USERS: Table = Table {
    name: "users_by_month",
    title: ["Comptes par mois", "Accounts by month"],
    from: "(select to_char(created_at at time zone 'Europe/Paris', 'YYYY-MM') as month, role, count(*) as accounts
            from users group by 1, 2) r where $1::jsonb is not null",
    key: "r.month || ' ' || r.role",
    by: Key::Text,
    columns: &USER_COLUMNS,
};

static USER_COLUMNS: [Column; 3] = [
    column("month", Text, "r.month", "Mois", "Month"),
    column("role", Text, "r.role", "Rôle", "Role"),
    column("accounts", Integer, "r.accounts", "Comptes créés", "New accounts"),
];
