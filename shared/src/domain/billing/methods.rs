//! Cards and accounts that people keep with Stripe, mirrored. Owns `payment_methods`.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{CustomerId, PaymentMethodId, UserId};
use crate::platform::stripe::{Customer, PaymentMethod};

/// What somebody can pay with.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Method {
    /// Its id.
    pub id: PaymentMethodId,
    /// `card`, `sepa_debit` …
    #[serde(rename = "type")]
    pub kind: String,
    /// `visa` …
    pub brand: Option<String>,
    /// Four digits.
    pub last4: Option<String>,
    /// 1 to 12.
    pub exp_month: Option<i32>,
    /// Four digits.
    pub exp_year: Option<i32>,
    /// Taken unless something else is said.
    pub is_default: bool,
    /// When it was kept.
    pub created_at: DateTime<Utc>,
    /// `pm_…`
    #[serde(skip)]
    pub stripe_id: String,
    /// `cus_…`
    #[serde(skip)]
    pub stripe_customer: Option<String>,
}

/// Somebody's, the default first. Not paged: there are a handful.
pub async fn of_user(db: &mut PgConnection, user: UserId) -> Result<Vec<Method>> {
    let rows = sqlx::query_as!(
        Method,
        r#"select m.id as "id: _", m.type as kind, brand, last4, exp_month, exp_year, is_default, m.created_at,
                  stripe_payment_method_id as stripe_id, c.stripe_customer_id as stripe_customer
           from payment_methods m join customers c on c.id = m.customer_id
           where c.user_id = $1 order by is_default desc, m.id desc limit 100"#,
        user.0
    );
    Ok(rows.fetch_all(db).await?)
}

/// One of somebody's, or 404.
pub async fn get(db: &mut PgConnection, user: UserId, id: PaymentMethodId) -> Result<Method> {
    let all = of_user(db, user).await?;
    all.into_iter().find(|method| method.id == id).ok_or(Error::NotFound("payment method"))
}

/// Follows what Stripe says of one; it goes when nobody keeps it any more. False: nobody here has it.
pub async fn follow(db: &mut PgConnection, said: &PaymentMethod) -> Result<bool> {
    let Some(customer) = said.customer.as_deref() else { return forget(db, &said.id).await };
    let card = said.card.as_ref();
    let last4 = card.and_then(|card| card.last4.clone()).or(said.sepa_debit.as_ref().and_then(|a| a.last4.clone()));
    let kept = sqlx::query!(
        "insert into payment_methods (id, customer_id, stripe_payment_method_id, type, brand, last4, exp_month, exp_year)
         select $1, c.id, $2, $3, $4, $5, $6, $7 from customers c where c.stripe_customer_id = $8
         on conflict (stripe_payment_method_id) do update set
             brand = excluded.brand, last4 = excluded.last4, exp_month = excluded.exp_month,
             exp_year = excluded.exp_year, synced_at = now()",
        PaymentMethodId::new().0,
        said.id,
        said.kind,
        card.and_then(|card| card.brand.as_deref()),
        last4,
        card.and_then(|card| card.exp_month),
        card.and_then(|card| card.exp_year),
        customer
    );
    Ok(kept.execute(db).await?.rows_affected() == 1)
}

/// Nobody keeps it any more. False: nobody here did.
pub async fn forget(db: &mut PgConnection, stripe_id: &str) -> Result<bool> {
    let gone = sqlx::query!("delete from payment_methods where stripe_payment_method_id = $1", stripe_id);
    Ok(gone.execute(db).await?.rows_affected() == 1)
}

/// Makes this the default of its customer.
pub async fn prefer(db: &mut PgConnection, method: &Method) -> Result<()> {
    one_default(db, method.stripe_customer.as_deref(), Some(&method.stripe_id)).await?;
    Ok(())
}

/// A customer keeps nothing any more.
pub async fn forget_all(db: &mut PgConnection, customer: CustomerId) -> Result<()> {
    sqlx::query!("delete from payment_methods where customer_id = $1", customer.0).execute(db).await?;
    Ok(())
}

/// Follows what Stripe says of a customer: what is taken by default. A customer that is gone keeps nothing. False: nobody
/// here is that customer.
pub async fn set_default(db: &mut PgConnection, said: &Customer) -> Result<bool> {
    if said.deleted {
        sqlx::query!(
            "delete from payment_methods m using customers c where c.id = m.customer_id and c.stripe_customer_id = $1",
            said.id
        )
        .execute(db)
        .await?;
        return Ok(true);
    }
    one_default(db, Some(&said.id), said.default_method()).await
}

async fn one_default(db: &mut PgConnection, customer: Option<&str>, method: Option<&str>) -> Result<bool> {
    // The old default first: there is never more than one.
    let known = sqlx::query!(
        r#"with customer as (select id from customers where stripe_customer_id = $1),
             old as (update payment_methods set is_default = false
                     where customer_id = (select id from customer) and is_default
                       and stripe_payment_method_id is distinct from $2)
           select exists (select from customer) as "known!""#,
        customer,
        method
    );
    let known = known.fetch_one(&mut *db).await?.known;
    sqlx::query!(
        "update payment_methods m set is_default = true from customers c
         where c.id = m.customer_id and c.stripe_customer_id = $1 and stripe_payment_method_id = $2 and not is_default",
        customer,
        method
    )
    .execute(db)
    .await?;
    Ok(known)
}
