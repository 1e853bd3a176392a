//! Reading invoices. A draft is for administrators: no other scope sees one.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::document::{Invoice, Kind};
use super::{FormerFiles, InvoiceFilter, InvoiceLine, InvoiceRow, InvoiceStatus, PdfStatus, Problem, Scope};
use crate::domain::billing::totals::VatCategory;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::decimal::{Quantity, UnitPrice};
use crate::kernel::ids::{CustomerId, FileId, InvoiceId, OrderId, PaymentId, RefundId, UserId};
use crate::kernel::money::{Currency, Money};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::secret;

/// The columns of an invoice, flat.
pub(super) struct Row {
    pub(super) id: InvoiceId,
    pub(super) number: Option<String>,
    pub(super) kind: Kind,
    pub(super) status: InvoiceStatus,
    pub(super) order_id: Option<OrderId>,
    pub(super) payment_id: Option<PaymentId>,
    pub(super) customer_id: Option<CustomerId>,
    pub(super) credit_of_id: Option<InvoiceId>,
    pub(super) refund_id: Option<RefundId>,
    pub(super) issue_date: NaiveDate,
    pub(super) due_date: Option<NaiveDate>,
    pub(super) currency: Currency,
    pub(super) total_net_cents: i64,
    pub(super) total_vat_cents: i64,
    pub(super) total_gross_cents: i64,
    pub(super) paid_cents: i64,
    pub(super) due_cents: i64,
    pub(super) document: Json<Invoice>,
    pub(super) problems: Json<Vec<Problem>>,
    pub(super) revision: i32,
    pub(super) pdf_status: PdfStatus,
    pub(super) pdf_error: Option<String>,
    pub(super) pdf_file_id: Option<FileId>,
    pub(super) xml_file_id: Option<FileId>,
    pub(super) png_file_id: Option<FileId>,
    pub(super) rendered_with: Option<String>,
    pub(super) former_files: Json<Vec<FormerFiles>>,
    pub(super) sent_at: Option<DateTime<Utc>>,
    pub(super) paid_at: Option<DateTime<Utc>>,
    pub(super) issued_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
}

impl From<Row> for InvoiceRow {
    fn from(row: Row) -> Self {
        let money = |amount| Money::new(amount, row.currency);
        Self {
            id: row.id,
            number: row.number,
            kind: row.kind,
            status: row.status,
            order_id: row.order_id,
            payment_id: row.payment_id,
            customer_id: row.customer_id,
            credit_of_id: row.credit_of_id,
            refund_id: row.refund_id,
            issue_date: row.issue_date,
            due_date: row.due_date,
            total_net: money(row.total_net_cents),
            total_vat: money(row.total_vat_cents),
            total_gross: money(row.total_gross_cents),
            paid: money(row.paid_cents),
            due: money(row.due_cents),
            document: row.document.0,
            problems: row.problems.0,
            revision: row.revision,
            pdf_status: row.pdf_status,
            pdf_error: row.pdf_error,
            pdf_file_id: row.pdf_file_id,
            xml_file_id: row.xml_file_id,
            png_file_id: row.png_file_id,
            rendered_with: row.rendered_with,
            former_files: row.former_files.0,
            sent_at: row.sent_at,
            paid_at: row.paid_at,
            issued_at: row.issued_at,
            created_at: row.created_at,
        }
    }
}

/// A statement around the columns of an [`InvoiceRow`].
macro_rules! invoice {
    ($head:tt $tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            crate::domain::billing::invoices::read::Row,
            $head + r#" id as "id: _", number, kind as "kind: _", status as "status: _", order_id as "order_id: _",
                        payment_id as "payment_id: _", customer_id as "customer_id: _", credit_of_id as "credit_of_id: _",
                        refund_id as "refund_id: _", issue_date, due_date, currency as "currency: _", total_net_cents,
                        total_vat_cents, total_gross_cents, paid_cents, due_cents, document as "document: _",
                        problems as "problems: _", revision, pdf_status as "pdf_status: _", pdf_error,
                        pdf_file_id as "pdf_file_id: _", xml_file_id as "xml_file_id: _", png_file_id as "png_file_id: _",
                        rendered_with, former_files as "former_files: _", sent_at, paid_at,
                        issued_at, created_at "# + $tail,
            $($argument),*
        )
    };
}
pub(super) use invoice;

/// The parameters of a scope: the account, the hash of a token, whether drafts are seen.
fn bounds(scope: &Scope) -> (Option<uuid::Uuid>, Option<Vec<u8>>, bool) {
    match scope {
        Scope::Mine(user) => (Some(user.0), None, false),
        Scope::Token(token) => (None, Some(secret::sha256(token)), false),
        Scope::All => (None, None, true),
    }
}

/// One invoice within the scope, or 404.
pub async fn get(db: &mut PgConnection, scope: &Scope, id: InvoiceId) -> Result<InvoiceRow> {
    let (user, token, drafts) = bounds(scope);
    let row = invoice!(
        "select" "from invoices
         where id = $1 and ($4 or status <> 'draft')
           and ($2::uuid is null or customer_id = (select c.id from customers c where c.user_id = $2))
           and ($3::bytea is null or exists (select from orders o where o.id = order_id and o.token_hash = $3))",
        id.0,
        user,
        token,
        drafts
    );
    row.fetch_optional(db).await?.map(InvoiceRow::from).ok_or(Error::NotFound("invoice"))
}

/// One invoice, held until the transaction ends. Whoever holds an order or a payment too takes those first.
pub async fn lock(db: &mut PgConnection, id: InvoiceId) -> Result<InvoiceRow> {
    let row = invoice!("select" "from invoices where id = $1 for no key update", id.0);
    row.fetch_optional(db).await?.map(InvoiceRow::from).ok_or(Error::NotFound("invoice"))
}

/// The invoices and credit notes of an order, drafts included, oldest first.
pub async fn of_order(db: &mut PgConnection, order: OrderId) -> Result<Vec<InvoiceRow>> {
    let rows = invoice!("select" "from invoices where order_id = $1 order by id", order.0);
    Ok(rows.fetch_all(db).await?.into_iter().map(InvoiceRow::from).collect())
}

/// The credit notes of an invoice, drafts included, oldest first.
pub async fn credits_of(db: &mut PgConnection, invoice: InvoiceId) -> Result<Vec<InvoiceRow>> {
    let rows = invoice!("select" "from invoices where credit_of_id = $1 order by id", invoice.0);
    Ok(rows.fetch_all(db).await?.into_iter().map(InvoiceRow::from).collect())
}

/// The credit note of a refund.
pub async fn of_refund(db: &mut PgConnection, refund: RefundId) -> Result<Option<InvoiceRow>> {
    let row = invoice!("select" "from invoices where refund_id = $1", refund.0);
    Ok(row.fetch_optional(db).await?.map(InvoiceRow::from))
}

/// Invoices that were to be paid from one day to another, both included, and are not; oldest first.
pub async fn overdue(db: &mut PgConnection, from: NaiveDate, to: NaiveDate) -> Result<Vec<InvoiceId>> {
    let rows = sqlx::query_scalar!(
        r#"select id as "id: InvoiceId" from invoices
           where status = 'issued' and kind <> 'credit_note' and due_cents > 0 and due_date between $1 and $2
           order by due_date, id"#,
        from,
        to
    );
    Ok(rows.fetch_all(db).await?)
}

/// Whose account it is for.
pub async fn owner(db: &mut PgConnection, invoice: &InvoiceRow) -> Result<Option<UserId>> {
    let Some(customer) = invoice.customer_id else { return Ok(None) };
    let row = sqlx::query_scalar!(r#"select user_id as "user: UserId" from customers where id = $1"#, customer.0);
    Ok(row.fetch_optional(db).await?.flatten())
}

/// The PDFs of what was issued from one day to another, both included, by their numbers.
pub async fn pdfs(db: &mut PgConnection, from: NaiveDate, to: NaiveDate) -> Result<Vec<FileId>> {
    let rows = sqlx::query_scalar!(
        r#"select pdf_file_id as "file!: FileId" from invoices
           where issue_date between $1 and $2 and status <> 'draft' and pdf_file_id is not null order by number"#,
        from,
        to
    );
    Ok(rows.fetch_all(db).await?)
}

/// Invoices within the scope that match, newest first.
pub async fn list(
    db: &mut PgConnection,
    scope: &Scope,
    filter: &InvoiceFilter,
    page: PageRequest,
) -> Result<Page<InvoiceRow>> {
    let (user, token, drafts) = bounds(scope);
    let rows = invoice!(
        "select" "from invoices
         where ($3 or status <> 'draft')
           and ($1::uuid is null or customer_id = (select c.id from customers c where c.user_id = $1))
           and ($2::bytea is null or exists (select from orders o where o.id = order_id and o.token_hash = $2))
           and ($4::text is null or status = $4) and ($5::text is null or kind = $5)
           and ($6::text is null or pdf_status = $6) and ($7::uuid is null or order_id = $7)
           and ($8::uuid is null or customer_id = $8) and ($9::text is null or number = $9)
           and ($10::date is null or issue_date >= $10) and ($11::date is null or issue_date <= $11)
           and ($12::uuid is null or id < $12) and ($14::text is null or currency = $14)
           and ($15::boolean is null or (status <> 'draft') = $15)
           and ($16::boolean is null or (kind = 'credit_note') = $16)
         order by id desc limit $13",
        user,
        token,
        drafts,
        filter.status.map(InvoiceStatus::name),
        filter.kind.map(Kind::name),
        filter.pdf_status.map(PdfStatus::name),
        filter.order_id.map(|order| order.0),
        filter.customer_id.map(|customer| customer.0),
        filter.number,
        filter.from,
        filter.to,
        page.after,
        page.limit + 1,
        filter.currency.map(Currency::code),
        filter.issued,
        filter.credit
    );
    let rows = rows.fetch_all(db).await?.into_iter().map(InvoiceRow::from).collect();
    Ok(Page::cut(rows, page, |invoice: &InvoiceRow| invoice.id.0))
}

/// The lines of an invoice as their rows have them, first to last.
pub async fn lines(db: &mut PgConnection, invoice: &InvoiceRow) -> Result<Vec<InvoiceLine>> {
    let rows = sqlx::query!(
        r#"select position, name, description, quantity::text as "quantity!", unit_code, unit_price::text as "unit_price!",
                  net_cents, (vat_rate * 100)::int as "vat_rate_bp!", vat_category as "vat_category: VatCategory"
           from invoice_lines where invoice_id = $1 order by position"#,
        invoice.id.0
    );
    let number = || Error::internal("a line has a number that is none of ours");
    let rows = rows.fetch_all(db).await?.into_iter().map(|row| {
        Ok(InvoiceLine {
            position: row.position,
            name: row.name,
            description: row.description,
            quantity: Quantity::parse(&row.quantity).ok_or_else(number)?,
            unit_code: row.unit_code,
            unit_price: UnitPrice::parse(&row.unit_price).ok_or_else(number)?,
            net: Money::new(row.net_cents, invoice.total_net.currency),
            vat_rate_bp: row.vat_rate_bp,
            vat_category: row.vat_category,
        })
    });
    rows.collect()
}

/// What of these customers' invoices must be kept: how many are issued, the last day on which the law wants the newest of
/// them (ten years from the close of its year: Code de commerce, L123-22), and how many drafts are still to be issued.
pub async fn kept(db: &mut PgConnection, customers: &[CustomerId]) -> Result<(i64, Option<NaiveDate>, i64)> {
    let ids: Vec<_> = customers.iter().map(|customer| customer.0).collect();
    let row = sqlx::query!(
        r#"select count(*) filter (where status <> 'draft') as "issued!", count(*) filter (where status = 'draft') as "drafts!",
                  max(make_date(extract(year from issue_date)::int + 10, 12, 31)) filter (where status <> 'draft') as until
           from invoices where customer_id = any($1)"#,
        &ids
    );
    let row = row.fetch_one(db).await?;
    Ok((row.issued, row.until, row.drafts))
}
