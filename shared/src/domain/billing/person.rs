//! Everything that somebody has bought, to be found again by whoever must forget them. Reading only.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::kernel::Result;
use crate::kernel::ids::{CustomerId, FileId, OrderId, UserId};

/// What one person, or the guests of one address, left here.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// The customer of the account, and the guests of the address.
    pub customers: Vec<CustomerId>,
    /// Their orders.
    pub orders: Vec<OrderId>,
    /// Everything that jobs, mails and notifications can be about: customers, orders, payments, refunds, invoices.
    pub subjects: Vec<Uuid>,
    /// Summaries of their orders.
    pub files: Vec<FileId>,
    /// Names and addresses.
    pub words: Vec<String>,
    /// How Stripe calls them, their payments and pages.
    pub stripe: Vec<String>,
    /// Their customers at Stripe.
    pub stripe_customers: Vec<String>,
}

/// What there is.
pub async fn traces(db: &mut PgConnection, user: Option<UserId>, address: Option<&str>) -> Result<Traces> {
    let customers = sqlx::query!(
        r#"select id as "id: CustomerId", email::text as "email!", legal_name, address_line1, stripe_customer_id
           from customers where user_id = $1 or (email = $2::text::citext and user_id is null)"#,
        user.map(|user| user.0),
        address
    )
    .fetch_all(&mut *db)
    .await?;
    let ids: Vec<Uuid> = customers.iter().map(|customer| customer.id.0).collect();
    let orders = sqlx::query!(
        r#"select id as "id: OrderId", summary_file_id as "file: FileId" from orders where customer_id = any($1)"#,
        &ids
    )
    .fetch_all(&mut *db)
    .await?;
    let about = sqlx::query!(
        r#"with p as (select p.id, stripe_session_id, stripe_payment_intent_id
                      from payments p join orders o on o.id = p.order_id where o.customer_id = any($1))
           select id as "id!", array_remove(array[stripe_session_id, stripe_payment_intent_id], null) as "stripe!" from p
           union all select r.id, '{}' from refunds r join p on p.id = r.payment_id
           union all select i.id, '{}' from invoices i where i.customer_id = any($1)"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    let mut found = Traces::default();
    for row in &about {
        found.subjects.push(row.id);
        found.stripe.extend(row.stripe.iter().cloned());
    }
    for order in orders {
        found.subjects.push(order.id.0);
        found.orders.push(order.id);
        found.files.extend(order.file);
    }
    for customer in customers {
        found.subjects.push(customer.id.0);
        found.customers.push(customer.id);
        found.words.extend([customer.email, customer.legal_name, customer.address_line1]);
        found.stripe_customers.extend(customer.stripe_customer_id);
    }
    found.stripe.extend(found.stripe_customers.iter().cloned());
    Ok(found)
}
