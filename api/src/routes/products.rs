//! What there is to buy: the catalogue for everybody, its keeping for whoever manages products.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::domain::billing::products::{self, Facts, Product, ProductFilter};
use shared::domain::billing::totals::VatCategory;
use shared::domain::identity::fields;
use shared::flows::{catalogue_sync, product_changed};
use shared::kernel::ids::{JobId, ProductId};
use shared::kernel::money::Money;
use shared::kernel::page::Page;
use shared::kernel::patch;
use validator::Validate;

use super::requests::{line, words};
use crate::app::App;
use crate::error::Answer;
use crate::extract::{Nothing, Paging, Path, Post, Query, listed};
use crate::table::{Access, Table};

const MANAGE: Access = Access::Can("products.manage");

/// The catalogue.
pub fn table() -> Table {
    Table::at("/api/v1/products", "products")
        .get("", Access::Public, catalogue)
        .says("What there is to buy, in the order of the catalogue")
        .queries::<Shelf>()
        .paged()
        .gives::<Item>(200)
}

/// Its keeping.
pub fn admin() -> Table {
    Table::at("/api/v1/admin/products", "products")
        .get("", MANAGE, list)
        .says("All products, archived ones too")
        .queries::<ProductFilter>()
        .paged()
        .gives::<Product>(200)
        .post("", MANAGE, create)
        .says("Put a product into the catalogue")
        .takes::<NewProduct>()
        .gives::<Product>(201)
        .patch("/{id}", MANAGE, change)
        .says("Change a product: orders that were placed keep their name, price and rate")
        .takes::<ProductChange>()
        .gives::<Product>(200)
        .delete("/{id}", MANAGE, archive)
        .says("Archive a product: nobody can order it any more")
        .gives_nothing(204)
        .post("/sync", MANAGE, sync)
        .says("Compare the catalogue with Stripe's, and mend what differs; the plan is the job's result")
        .takes::<Comparison>()
        .gives::<Compared>(202)
}

/// Which part of the catalogue.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Shelf {
    /// Of this category.
    category: Option<String>,
}

/// A product as a buyer sees it.
#[derive(Debug, Serialize, JsonSchema)]
struct Item {
    /// Its id.
    id: ProductId,
    /// Its name in addresses.
    slug: String,
    /// What it is called.
    name: String,
    /// What it is.
    description: String,
    /// Net, for one piece.
    unit_price: Money,
    /// In hundredths of a percent: 2000 is 20 %.
    vat_rate_bp: i32,
    /// Why there is VAT or none.
    vat_category: VatCategory,
    /// A word to sort it by.
    category: Option<String>,
    /// Whether there is any left.
    is_available: bool,
}

impl From<Product> for Item {
    fn from(Product { id, facts, .. }: Product) -> Self {
        Self {
            id,
            slug: facts.slug,
            name: facts.name,
            description: facts.description,
            unit_price: facts.unit_price,
            vat_rate_bp: facts.vat_rate_bp,
            vat_category: facts.vat_category,
            category: facts.category,
            is_available: facts.stock_quantity != Some(0),
        }
    }
}

async fn catalogue(State(app): State<App>, Query(shelf): Query<Shelf>, Paging(page): Paging) -> Answer {
    let filter = ProductFilter { category: shelf.category, is_active: Some(true) };
    let mut db = app.db().await?;
    let Page { rows, next } = products::list(&mut db, &filter, page).await?;
    listed(&Page { rows: rows.into_iter().map(Item::from).collect(), next })
}

async fn list(State(app): State<App>, Query(filter): Query<ProductFilter>, Paging(page): Paging) -> Answer {
    let mut db = app.db().await?;
    listed(&products::list(&mut db, &filter, page).await?)
}

/// A product about to be.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewProduct {
    /// Its name in addresses: lower-case letters and digits with single dashes between.
    #[validate(length(min = 1, max = 100))]
    slug: String,
    /// What it is called.
    #[serde(deserialize_with = "fields::trimmed")]
    #[validate(length(max = 200), custom(function = "line"))]
    name: String,
    /// What it is.
    #[validate(length(max = 5000), custom(function = "words"))]
    description: Option<String>,
    /// Net, for one piece, in minor units.
    unit_price: Money,
    /// In hundredths of a percent: 2000 is 20 %; 0 in every category but `S`.
    vat_rate_bp: i32,
    /// `S` at a rate, `Z` at 0 %, `E` exempt, `AE` owed by the buyer, `O` outside its scope.
    #[serde(default)]
    vat_category: VatCategory,
    /// A word to sort it by.
    category: Option<String>,
    /// Pieces that may be ordered; null: as many as anybody wants.
    stock_quantity: Option<i32>,
    /// False: not to be ordered yet.
    #[serde(default = "yes")]
    is_active: bool,
    /// Its place in the catalogue, lowest first.
    #[serde(default)]
    position: i32,
}

const fn yes() -> bool {
    true
}

async fn create(post: Post<NewProduct>) -> Answer {
    let new = &post.body;
    let facts = Facts {
        slug: new.slug.clone(),
        name: new.name.clone(),
        description: new.description.clone().unwrap_or_default(),
        unit_price: new.unit_price,
        vat_rate_bp: new.vat_rate_bp,
        vat_category: new.vat_category,
        category: new.category.clone(),
        stock_quantity: new.stock_quantity,
        is_active: new.is_active,
        position: new.position,
    };
    let mut tx = post.begin().await?;
    let product = products::insert(&mut tx, facts).await?;
    product_changed::story(&mut tx, None, &product).await?;
    post.created(tx, &product).await
}

/// What changes; absent stays.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct ProductChange {
    /// Its name in addresses.
    #[validate(length(min = 1, max = 100))]
    slug: Option<String>,
    /// What it is called.
    #[serde(deserialize_with = "fields::trimmed_option")]
    #[validate(length(max = 200), custom(function = "line"))]
    name: Option<String>,
    /// What it is.
    #[validate(length(max = 5000), custom(function = "words"))]
    description: Option<String>,
    /// Net, for one piece, in minor units.
    unit_price: Option<Money>,
    /// In hundredths of a percent.
    vat_rate_bp: Option<i32>,
    /// Why there is VAT or none.
    vat_category: Option<VatCategory>,
    /// A word to sort it by; null: none.
    #[serde(deserialize_with = "patch::said")]
    category: Option<Option<String>>,
    /// Pieces that may still be ordered; null: as many as anybody wants.
    #[serde(deserialize_with = "patch::said")]
    stock_quantity: Option<Option<i32>>,
    /// False archives it, true brings it back.
    is_active: Option<bool>,
    /// Its place in the catalogue.
    position: Option<i32>,
}

impl ProductChange {
    fn apply(&self, facts: Facts) -> Facts {
        Facts {
            slug: self.slug.clone().unwrap_or(facts.slug),
            name: self.name.clone().unwrap_or(facts.name),
            description: self.description.clone().unwrap_or(facts.description),
            unit_price: self.unit_price.unwrap_or(facts.unit_price),
            vat_rate_bp: self.vat_rate_bp.unwrap_or(facts.vat_rate_bp),
            vat_category: self.vat_category.unwrap_or(facts.vat_category),
            category: self.category.clone().unwrap_or(facts.category),
            stock_quantity: self.stock_quantity.unwrap_or(facts.stock_quantity),
            is_active: self.is_active.unwrap_or(facts.is_active),
            position: self.position.unwrap_or(facts.position),
        }
    }
}

async fn change(Path(id): Path<ProductId>, post: Post<ProductChange>) -> Answer {
    let mut tx = post.begin().await?;
    let (before, after) = products::update(&mut tx, id, |facts| post.body.apply(facts)).await?;
    product_changed::story(&mut tx, Some(&before), &after).await?;
    post.ok(tx, &after).await
}

async fn archive(Path(id): Path<ProductId>, post: Post<Nothing>) -> Answer {
    let mut tx = post.begin().await?;
    let (before, after) = products::update(&mut tx, id, |facts| Facts { is_active: false, ..facts }).await?;
    product_changed::story(&mut tx, Some(&before), &after).await?;
    post.done(tx).await
}

/// How the catalogue is compared with Stripe's.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Comparison {
    /// Only tell what would be done.
    dry_run: bool,
    /// Tell of products without a difference too.
    verbose: bool,
}

/// A comparison that was enqueued.
#[derive(Debug, Serialize, JsonSchema)]
struct Compared {
    /// The job; its result is the plan.
    job_id: JobId,
}

async fn sync(post: Post<Comparison>) -> Answer {
    let mut tx = post.begin().await?;
    let job_id = catalogue_sync::request(&mut tx, post.body.dry_run, post.body.verbose).await?;
    post.accepted(tx, Some(format!("/api/v1/jobs/{job_id}")), &Compared { job_id }).await
}
