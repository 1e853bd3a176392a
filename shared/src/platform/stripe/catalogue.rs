//! Products and prices at Stripe. A product has the id we chose; a price never changes, another amount is another one.

use std::collections::HashMap;

use stripe_client_core::StripeRequest;
use stripe_product::price::{CreatePrice, ListPrice, UpdatePrice};
use stripe_product::product::{CreateProduct, ListProduct, UpdateProduct};

use super::{Created, Once, Page, Price, Product, Result, Stripe};

const PRODUCT: &str = "GET /products/:id";
const PRODUCTS: &str = "GET /products";
const CREATE_PRODUCT: &str = "POST /products";
const UPDATE_PRODUCT: &str = "POST /products/:id";
const PRICES: &str = "GET /prices";
const CREATE_PRICE: &str = "POST /prices";
const UPDATE_PRICE: &str = "POST /prices/:id";

/// A product as Stripe shall know it.
#[derive(Clone, Debug)]
pub struct NewProduct<'a> {
    /// Our product, and Stripe's id of it.
    pub id: &'a str,
    /// Counts the changes; the same one is the same call.
    pub version: i32,
    /// What buyers read.
    pub name: &'a str,
    /// What they read below it.
    pub description: Option<&'a str>,
    /// On sale.
    pub active: bool,
}

/// A price to be made.
#[derive(Clone, Debug)]
pub struct NewPrice<'a> {
    /// Stripe's product.
    pub product: &'a str,
    /// The product's version with this price.
    pub version: i32,
    /// Minor units.
    pub unit_amount: i64,
    /// ISO 4217.
    pub currency: &'a str,
}

impl Created for Product {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Created for Price {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Stripe {
    /// Makes a product, once.
    pub async fn create_product(&self, new: &NewProduct<'_>) -> Result<Product> {
        let mut request = CreateProduct::new(new.name).id(new.id).active(new.active);
        if let Some(text) = new.description {
            request = request.description(text);
        }
        let subject = format!("{}:v{}", new.id, new.version);
        let once = Once { purpose: "product", subject: &subject, endpoint: CREATE_PRODUCT, request: request.build() };
        self.create(once, |_| self.product(new.id)).await
    }

    /// Changes a product to what it is with us.
    pub async fn update_product(&self, new: &NewProduct<'_>) -> Result<Product> {
        super::one(UPDATE_PRODUCT, "products", new.id)?;
        let request = UpdateProduct::new(new.id).name(new.name).active(new.active);
        // Empty text takes the old one away.
        let request = request.description(new.description.unwrap_or_default());
        self.post(UPDATE_PRODUCT, request.build()).await
    }

    /// A product as it is now.
    pub async fn product(&self, id: &str) -> Result<Option<Product>> {
        self.find(PRODUCT, super::one(PRODUCT, "products", id)?).await
    }

    /// All products, 100 at a time, those behind the product `after`.
    pub async fn products(&self, after: Option<&str>) -> Result<Page<Product>> {
        let mut list = ListProduct::new().limit(100);
        if let Some(after) = after {
            list = list.starting_after(after);
        }
        self.get(PRODUCTS, list.build()).await
    }

    /// Makes a price, once for each version of a product.
    pub async fn create_price(&self, new: &NewPrice<'_>) -> Result<Price> {
        let subject = format!("{}:v{}", new.product, new.version);
        let request = CreatePrice::new(super::currency(new.currency))
            .product(new.product)
            .unit_amount(new.unit_amount)
            .metadata(HashMap::from([("version".to_owned(), new.version.to_string())]))
            .build();
        let once = Once { purpose: "price", subject: &subject, endpoint: CREATE_PRICE, request };
        self.create(once, |id| self.price_made(id, new)).await
    }

    async fn price_made(&self, id: Option<String>, new: &NewPrice<'_>) -> Result<Option<Price>> {
        let version = new.version.to_string();
        let page = self.prices(new.product, None).await?;
        Ok(page.data.into_iter().find(|price| match &id {
            Some(id) => price.id == *id,
            None => price.metadata.get("version") == Some(&version),
        }))
    }

    /// Takes a price off sale; it cannot be deleted.
    pub async fn deactivate_price(&self, id: &str) -> Result<Price> {
        super::one(UPDATE_PRICE, "prices", id)?;
        self.post(UPDATE_PRICE, UpdatePrice::new(id).active(false).build()).await
    }

    /// The prices on sale of a product, 100 at a time, those behind the price `after`.
    pub async fn prices(&self, product: &str, after: Option<&str>) -> Result<Page<Price>> {
        let mut list = ListPrice::new().product(product).active(true).limit(100);
        if let Some(after) = after {
            list = list.starting_after(after);
        }
        self.get(PRICES, list.build()).await
    }
}
