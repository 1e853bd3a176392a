//! What Stripe shall know of a product, and what it is known to have of it.

use sqlx::PgConnection;

use crate::kernel::Error;
use crate::kernel::Result;
use crate::kernel::ids::ProductId;
use crate::kernel::money::{Currency, Money};
use crate::platform::stripe::Price;

/// A product as it is mirrored at Stripe.
#[derive(Clone, Debug)]
pub struct Mirrored {
    /// Its id, there too.
    pub id: ProductId,
    /// Its name in addresses.
    pub slug: String,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Net, for one piece.
    pub unit_price: Money,
    /// False: archived.
    pub is_active: bool,
    /// Grows with every change.
    pub version: i32,
    /// Stripe's id of it, once it is there.
    pub stripe_product_id: Option<String>,
    /// `price_…`, the one on sale.
    pub stripe_price_id: Option<String>,
    /// The version that Stripe was told of.
    pub synced_version: Option<i32>,
}

/// Where a product is at Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The product there.
    pub product: String,
    /// Its price; none: as it was.
    pub price: Option<String>,
}

struct Row {
    id: ProductId,
    slug: String,
    name: String,
    description: String,
    unit_price_cents: i64,
    currency: Currency,
    is_active: bool,
    version: i32,
    stripe_product_id: Option<String>,
    stripe_price_id: Option<String>,
    synced_version: Option<i32>,
}

impl From<Row> for Mirrored {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            slug: row.slug,
            name: row.name,
            description: row.description,
            unit_price: Money::new(row.unit_price_cents, row.currency),
            is_active: row.is_active,
            version: row.version,
            stripe_product_id: row.stripe_product_id,
            stripe_price_id: row.stripe_price_id,
            synced_version: row.synced_version,
        }
    }
}

impl Mirrored {
    /// Of these prices on sale the one that says what the product costs, and those of ours that no longer do. What
    /// people have made at Stripe themselves is theirs to end.
    pub fn sort<'a>(&self, prices: impl IntoIterator<Item = &'a Price>) -> (Option<&'a Price>, Vec<&'a Price>) {
        let known = |price: &Price| self.stripe_price_id.as_deref() == Some(&*price.id);
        let mut ours: Vec<_> = prices.into_iter().filter(|price| price.is_ours() || known(price)).collect();
        ours.sort_by_key(|price| !known(price));
        let right = |price: &&Price| {
            price.unit_amount == Some(self.unit_price.amount)
                && price.currency.eq_ignore_ascii_case(self.unit_price.currency.code())
        };
        let kept = ours.iter().position(right).map(|at| ours.remove(at));
        (kept, ours)
    }
}

/// One product.
pub async fn get(db: &mut PgConnection, id: ProductId) -> Result<Mirrored> {
    let row = sqlx::query_as!(
        Row,
        r#"select id as "id: ProductId", slug, name, description, unit_price_cents, currency as "currency: Currency",
                  is_active, version, stripe_product_id, stripe_price_id, synced_version
           from products where id = $1"#,
        id.0
    );
    row.fetch_optional(db).await?.map(Mirrored::from).ok_or(Error::NotFound("product"))
}

/// All of them, in the order of the catalogue.
pub async fn all(db: &mut PgConnection) -> Result<Vec<Mirrored>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: ProductId", slug, name, description, unit_price_cents, currency as "currency: Currency",
                  is_active, version, stripe_product_id, stripe_price_id, synced_version
           from products order by position, id"#
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(Mirrored::from).collect())
}

/// Stripe knows this version. What was told of a newer one stays; the same one may have been mended.
pub async fn synced(db: &mut PgConnection, id: ProductId, version: i32, place: &Place) -> Result<()> {
    sqlx::query!(
        "update products set stripe_product_id = $3, stripe_price_id = coalesce($4, stripe_price_id), synced_version = $2
         where id = $1 and (synced_version is null or synced_version <= $2)",
        id.0,
        version,
        place.product,
        place.price
    )
    .execute(db)
    .await?;
    Ok(())
}
