//! What there is to buy. Owns `products`.
//!
//! A product is never deleted, only archived: orders refer to it. Its version grows with every change its keepers make;
//! orders take from the stock and give back without one.

pub mod mirror;
pub mod plan;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::domain::billing::totals::VatCategory;
use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::ProductId;
use crate::kernel::money::{Currency, Money};
use crate::kernel::page::{Page, PageRequest};

/// The most a piece may cost, in minor units: so many pieces of it as an order may hold still fit.
pub const MAX_PRICE: i64 = 10_000_000_000;

/// What a product is, as its keepers say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Facts {
    /// Its name in addresses: `relecture-1000-mots`.
    pub slug: String,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Net, for one piece.
    pub unit_price: Money,
    /// In hundredths of a percent: 2000 is 20 %.
    pub vat_rate_bp: i32,
    /// Why there is VAT or none.
    pub vat_category: VatCategory,
    /// A word to sort it by.
    pub category: Option<String>,
    /// Pieces that may still be ordered; null: as many as anybody wants.
    pub stock_quantity: Option<i32>,
    /// False: archived, nobody can order it.
    pub is_active: bool,
    /// Its place in the catalogue, lowest first.
    pub position: i32,
}

impl Facts {
    /// 422 for what contradicts itself.
    pub fn checked(self) -> Result<Self> {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if !self.slug.split('-').all(|part| !part.is_empty() && part.chars().all(word)) {
            return Err(Error::field(
                "slug",
                "slug",
                "must be lower-case letters and digits with single dashes between",
            ));
        }
        if !(1..=MAX_PRICE).contains(&self.unit_price.amount) {
            return Err(Error::field("unit_price.amount", "range", format!("must be 1 to {MAX_PRICE}")));
        }
        // ISO gives them no decimals, Stripe two (docs.stripe.com/currencies#special-cases): nobody shall pay a hundredth.
        let step = self.unit_price.currency.step();
        if self.unit_price.amount % step != 0 {
            return Err(Error::field("unit_price.amount", "step", format!("must be a multiple of {step}")));
        }
        if matches!(self.unit_price.currency.code(), "ISK" | "UGX") {
            return Err(Error::field("unit_price.currency", "unsupported", "cannot be paid in"));
        }
        // They depend on where it goes, so an invoice says them, not the catalogue.
        if matches!(self.vat_category, VatCategory::IntraCommunity | VatCategory::Export) {
            return Err(Error::field("vat_category", "choice", "must be S, Z, E, AE or O"));
        }
        if !self.vat_category.allows(self.vat_rate_bp) {
            let text = "must be 1 to 10000 in category S, and 0 in every other";
            return Err(Error::field("vat_rate_bp", "vat_rate", text));
        }
        if self.category.as_ref().is_some_and(|c| c.is_empty() || c.len() > 60 || c.contains(char::is_control)) {
            return Err(Error::field("category", "length", "must have 1 to 60 characters, none of them a control"));
        }
        if self.stock_quantity.is_some_and(|stock| stock < 0) {
            return Err(Error::field("stock_quantity", "range", "must not be negative"));
        }
        Ok(self)
    }
}

/// A product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// What it is.
    #[serde(flatten)]
    pub facts: Facts,
    /// Grows with every change.
    pub version: i32,
    /// Since when there is one.
    pub created_at: DateTime<Utc>,
    /// Last changed.
    pub updated_at: DateTime<Utc>,
}

/// Which products. Everything is optional and narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProductFilter {
    /// Of this category.
    pub category: Option<String>,
    /// Only active or only archived ones.
    pub is_active: Option<bool>,
}

/// The columns of a product, flat.
struct Row {
    id: ProductId,
    slug: String,
    name: String,
    description: String,
    unit_price_cents: i64,
    currency: Currency,
    vat_rate_bp: i32,
    vat_category: VatCategory,
    category: Option<String>,
    stock_quantity: Option<i32>,
    is_active: bool,
    position: i32,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for Product {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            facts: Facts {
                slug: row.slug,
                name: row.name,
                description: row.description,
                unit_price: Money::new(row.unit_price_cents, row.currency),
                vat_rate_bp: row.vat_rate_bp,
                vat_category: row.vat_category,
                category: row.category,
                stock_quantity: row.stock_quantity,
                is_active: row.is_active,
                position: row.position,
            },
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A statement around the columns of a [`Product`].
macro_rules! product {
    ($head:tt $tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            $head + r#" id as "id: ProductId", slug, name, description, unit_price_cents, currency as "currency: Currency",
                        (vat_rate * 100)::int as "vat_rate_bp!", vat_category as "vat_category: VatCategory", category,
                        stock_quantity, is_active, position, version, created_at, updated_at "# + $tail,
            $($argument),*
        )
    };
}

/// Writes a product. 422 when its slug is another's.
pub async fn insert(db: &mut PgConnection, facts: Facts) -> Result<Product> {
    let facts = facts.checked()?;
    let row = product!(
        "insert into products (id, slug, name, description, unit_price_cents, currency, vat_rate, vat_category, category,
                               stock_quantity, is_active, position)
         values ($1, $2, $3, $4, $5, $6, $7::int / 100.0, $8, $9, $10, $11, $12)
         returning" "",
        ProductId::new().0,
        facts.slug,
        facts.name,
        facts.description,
        facts.unit_price.amount,
        facts.unit_price.currency.code(),
        facts.vat_rate_bp,
        facts.vat_category.code(),
        facts.category,
        facts.stock_quantity,
        facts.is_active,
        facts.position
    );
    Ok(row.fetch_one(db).await.map_err(slug_taken)?.into())
}

/// Changes a product: gives what it was and what it is. Nothing is written when both are the same. 422 as above.
pub async fn update(
    db: &mut PgConnection,
    id: ProductId,
    change: impl FnOnce(Facts) -> Facts,
) -> Result<(Product, Product)> {
    let row = product!("select" "from products where id = $1 for no key update", id.0).fetch_optional(&mut *db).await?;
    let before = Product::from(row.ok_or(Error::NotFound("product"))?);
    let facts = change(before.facts.clone()).checked()?;
    if facts == before.facts {
        return Ok((before.clone(), before));
    }
    let row = product!(
        "update products set slug = $2, name = $3, description = $4, unit_price_cents = $5, currency = $6,
                             vat_rate = $7::int / 100.0, vat_category = $8, category = $9, stock_quantity = $10,
                             is_active = $11, position = $12, version = version + 1, updated_at = now()
         where id = $1
         returning" "",
        id.0,
        facts.slug,
        facts.name,
        facts.description,
        facts.unit_price.amount,
        facts.unit_price.currency.code(),
        facts.vat_rate_bp,
        facts.vat_category.code(),
        facts.category,
        facts.stock_quantity,
        facts.is_active,
        facts.position
    );
    Ok((before, row.fetch_one(db).await.map_err(slug_taken)?.into()))
}

fn slug_taken(error: sqlx::Error) -> Error {
    let error = Error::from(error);
    if error.on_constraint("products_slug_key") {
        return Error::field("slug", "taken", "is another product's");
    }
    error
}

/// The product of this slug.
pub async fn find_by_slug(db: &mut PgConnection, slug: &str) -> Result<Option<Product>> {
    let row = product!("select" "from products where slug = $1", slug);
    Ok(row.fetch_optional(db).await?.map(Product::from))
}

/// The active ones among these.
pub async fn active(db: &mut PgConnection, ids: &[ProductId]) -> Result<Vec<Product>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let rows = product!("select" "from products where id = any($1) and is_active", &ids);
    Ok(rows.fetch_all(db).await?.into_iter().map(Product::from).collect())
}

/// Products that match, in the order of the catalogue.
pub async fn list(db: &mut PgConnection, filter: &ProductFilter, page: PageRequest) -> Result<Page<Product>> {
    let rows = product!(
        "select" "from products
         where ($1::text is null or category = $1) and ($2::bool is null or is_active = $2)
           and ($3::uuid is null or (position, id) > (select c.position, c.id from products c where c.id = $3))
         order by position, id limit $4",
        filter.category,
        filter.is_active,
        page.after,
        page.limit + 1
    );
    let rows = rows.fetch_all(db).await?.into_iter().map(Product::from).collect();
    Ok(Page::cut(rows, page, |product: &Product| product.id.0))
}

/// Takes pieces out of a limited stock. False: there are not enough, and nothing was taken. To be called in the order
/// of ids: two orders that want the same two products must not wait for each other.
pub async fn take(db: &mut PgConnection, id: ProductId, pieces: i32) -> Result<bool> {
    let taken = sqlx::query!(
        "update products set stock_quantity = stock_quantity - $2, updated_at = now()
         where id = $1 and stock_quantity >= $2",
        id.0,
        pieces
    );
    Ok(taken.execute(db).await?.rows_affected() == 1)
}

/// The same where the stock may be unlimited: None then.
pub async fn take_if_limited(db: &mut PgConnection, id: ProductId, pieces: i32) -> Result<Option<bool>> {
    let limited = sqlx::query_scalar!(
        r#"select stock_quantity is not null as "limited!" from products where id = $1 for no key update"#,
        id.0
    );
    match limited.fetch_optional(&mut *db).await? {
        Some(true) => Ok(Some(take(db, id, pieces).await?)),
        _ => Ok(None),
    }
}

/// Gives pieces back to a stock; nothing to do where it is unlimited meanwhile. In the order of ids, as [`take`].
pub async fn give_back(db: &mut PgConnection, id: ProductId, pieces: i32) -> Result<()> {
    sqlx::query!(
        "update products set stock_quantity = stock_quantity + $2, updated_at = now()
         where id = $1 and stock_quantity is not null",
        id.0,
        pieces
    )
    .execute(db)
    .await?;
    Ok(())
}
