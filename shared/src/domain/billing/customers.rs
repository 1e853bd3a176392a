//! Who buys: names and addresses for orders and invoices. Owns `customers`.
//!
//! An account has one customer. A guest is a customer of their own with every order, even where the address has an
//! account: what a stranger types must neither change nor show what somebody's account holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use validator::Validate;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::{CustomerId, UserId};
use crate::platform::mail;

/// Who buys.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// The account; none for a guest.
    pub user_id: Option<UserId>,
    /// Where mails about orders go.
    pub email: String,
    /// `fr` or `en`.
    pub locale: String,
    /// Where invoices go.
    #[serde(flatten)]
    pub billing: Billing,
    /// `cus_…`, once something was paid.
    #[serde(skip)]
    pub stripe_customer_id: Option<String>,
}

/// Names and address as an invoice wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Billing {
    /// Of the company, or first and last name (also when it is empty).
    #[validate(length(max = 200))]
    pub legal_name: String,
    /// Intra-Community VAT number.
    #[validate(length(max = 20))]
    pub vat_number: Option<String>,
    /// SIREN or SIRET.
    #[validate(length(max = 20))]
    pub company_number: Option<String>,
    /// Street.
    #[validate(length(max = 200))]
    pub address_line1: String,
    /// Building, floor.
    #[validate(length(max = 200))]
    pub address_line2: String,
    /// Postal code.
    #[validate(length(max = 20))]
    pub postal_code: String,
    /// Town.
    #[validate(length(max = 100))]
    pub city: String,
    /// ISO 3166: two capitals. `FR` when empty.
    #[validate(length(max = 2))]
    pub country_code: String,
}

impl Billing {
    /// Without spaces around, with this name and France where nothing was said. 422 for what no invoice could carry,
    /// under `billing`.
    pub fn checked(&self, name: &str) -> Result<Self> {
        let text = |text: &str| text.trim().to_owned();
        let some = |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
        let or = |said: &str, default: &str| text(if said.trim().is_empty() { default } else { said });
        let clean = Self {
            legal_name: or(&self.legal_name, name),
            vat_number: some(&self.vat_number),
            company_number: some(&self.company_number),
            address_line1: text(&self.address_line1),
            address_line2: text(&self.address_line2),
            postal_code: text(&self.postal_code),
            city: text(&self.city),
            country_code: or(&self.country_code, "FR"),
        };
        let lines = [&clean.legal_name, &clean.address_line1, &clean.address_line2, &clean.postal_code, &clean.city];
        let numbers = [&clean.vat_number, &clean.company_number].into_iter().flatten();
        if lines.into_iter().chain(numbers.clone()).any(|line| line.contains(char::is_control)) {
            return Err(Error::field("billing", "characters", "must not contain control characters"));
        }
        if clean.country_code.len() != 2 || !clean.country_code.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(Error::field("billing.country_code", "country", "must be two capitals, as in ISO 3166"));
        }
        if numbers.into_iter().any(|number| !number.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ')) {
            return Err(Error::field("billing", "number", "numbers have letters, digits and spaces"));
        }
        Ok(clean)
    }
}

/// A statement around the columns of a [`Customer`].
macro_rules! customer {
    ($db:expr, $head:tt $tail:tt $(, $argument:expr)* $(,)?) => {{
        let row = sqlx::query!(
            $head + r#" id, user_id, email::text as "email!", locale, legal_name, vat_number, company_number,
                        address_line1, address_line2, postal_code, city, country_code, stripe_customer_id "# + $tail,
            $($argument),*
        );
        row.fetch_optional($db).await?.map(|row| Customer {
            id: row.id.into(),
            user_id: row.user_id.map(UserId),
            email: row.email,
            locale: row.locale,
            billing: Billing {
                legal_name: row.legal_name,
                vat_number: row.vat_number,
                company_number: row.company_number,
                address_line1: row.address_line1,
                address_line2: row.address_line2,
                postal_code: row.postal_code,
                city: row.city,
                country_code: row.country_code,
            },
            stripe_customer_id: row.stripe_customer_id,
        })
    }};
}

/// One customer, or 404.
pub async fn get(db: &mut PgConnection, id: CustomerId) -> Result<Customer> {
    customer!(db, "select" "from customers where id = $1", id.0).ok_or(Error::NotFound("customer"))
}

/// The customer of an account.
pub async fn of_user(db: &mut PgConnection, user: UserId) -> Result<Option<Customer>> {
    Ok(customer!(db, "select" "from customers where user_id = $1", user.0))
}

/// Writes a customer; that of an account which has one is changed instead.
pub async fn put(
    db: &mut PgConnection,
    user: Option<UserId>,
    email: &str,
    locale: &str,
    billing: &Billing,
) -> Result<Customer> {
    let written = customer!(
        db,
        "insert into customers (id, user_id, email, locale, legal_name, vat_number, company_number, address_line1,
                                address_line2, postal_code, city, country_code)
         values ($1, $2, $3::text::citext, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (user_id) do update set
             email = excluded.email, locale = excluded.locale, legal_name = excluded.legal_name,
             vat_number = excluded.vat_number, company_number = excluded.company_number,
             address_line1 = excluded.address_line1, address_line2 = excluded.address_line2,
             postal_code = excluded.postal_code, city = excluded.city, country_code = excluded.country_code,
             updated_at = now()
         returning" "",
        CustomerId::new().0,
        user.map(|user| user.0),
        email,
        locale,
        billing.legal_name,
        billing.vat_number,
        billing.company_number,
        billing.address_line1,
        billing.address_line2,
        billing.postal_code,
        billing.city,
        billing.country_code
    );
    written.ok_or_else(|| Error::internal("an upsert gave no row"))
}

/// Stripe knows this customer under that name now, unless it has got another one than `before` meanwhile.
pub async fn known_to_stripe(
    db: &mut PgConnection,
    id: CustomerId,
    before: Option<&str>,
    stripe_id: &str,
) -> Result<()> {
    sqlx::query!(
        "update customers set stripe_customer_id = $3, updated_at = now()
         where id = $1 and stripe_customer_id is not distinct from $2",
        id.0,
        before,
        stripe_id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Empties customers: their rows stay for the orders that refer to them, under an address at which nobody is.
pub async fn forget(db: &mut PgConnection, customers: &[CustomerId]) -> Result<()> {
    let ids: Vec<_> = customers.iter().map(|customer| customer.0).collect();
    sqlx::query!(
        "update customers set email = $2::text::citext, locale = 'fr', legal_name = '', vat_number = null, company_number = null,
                address_line1 = '', address_line2 = '', postal_code = '', city = '', country_code = 'FR',
                stripe_customer_id = null, updated_at = now()
         where id = any($1)",
        &ids,
        mail::NOBODY
    )
    .execute(db)
    .await?;
    Ok(())
}
