//! Products and prices at Stripe. A product has the id we chose; a price never changes, another amount is another one.

use std::collections::HashMap;

use stripe_client_core::StripeRequest;
use stripe_product::price::{CreatePrice, ListPrice, UpdatePrice};
use stripe_product::product::{CreateProduct, ListProduct, UpdateProduct};

use super::{Created, Once, Page, Price, Product, Result, Stripe, StripeError};

const PRODUCT: &str = "GET /products/:id";
const PRODUCTS: &str = "GET /products";
const CREATE_PRODUCT: &str = "POST /products";
const UPDATE_PRODUCT: &str = "POST /products/:id";
const PRICES: &str = "GET /prices";
const CREATE_PRICE: &str = "POST /prices";
const UPDATE_PRICE: &str = "POST /prices/:id";
/// What we write onto a price of ours.
const REVISION: &str = "revision";

/// A product as Stripe shall know it.
#[derive(Clone, Debug)]
pub struct NewProduct<'a> {
    /// Our product, and Stripe's id of it.
    pub id: &'a str,
    /// Names this state of it; the same one is the same call.
    pub revision: &'a str,
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
    /// The product's state with this price.
    pub revision: &'a str,
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

impl Price {
    /// Whether we have made it; people and other programs make prices too.
    pub fn is_ours(&self) -> bool {
        self.metadata.get(REVISION).is_some()
    }
}

impl Stripe {
    /// Makes a product, or changes the one that has its id; `known`: it should be there.
    pub async fn keep_product(&self, new: &NewProduct<'_>, known: bool) -> Result<Product> {
        if known {
            match self.update_product(new).await {
                Err(StripeError::Stripe(told)) if told.is_missing() => {}
                outcome => return outcome,
            }
        }
        match self.create_product(new).await {
            // Made by an earlier call whose answer was lost, for an older state.
            Err(StripeError::Stripe(told)) if told.is_taken() => self.update_product(new).await,
            outcome => outcome,
        }
    }

    /// Makes a product, once.
    pub async fn create_product(&self, new: &NewProduct<'_>) -> Result<Product> {
        let mut request = CreateProduct::new(new.name).id(new.id).active(new.active);
        if let Some(text) = new.description {
            request = request.description(text);
        }
        let subject = format!("{}:v{}", new.id, new.revision);
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

    /// Makes this price the one that Stripe shows for a product.
    pub async fn set_default_price(&self, product: &str, price: &str) -> Result<Product> {
        super::one(UPDATE_PRODUCT, "products", product)?;
        self.post(UPDATE_PRODUCT, UpdateProduct::new(product).default_price(price).build()).await
    }

    /// A product as it is now.
    pub async fn product(&self, id: &str) -> Result<Option<Product>> {
        self.find(PRODUCT, super::one(PRODUCT, "products", id)?).await
    }

    /// The products on sale, 100 at a time, those behind the product `after`.
    pub async fn products(&self, after: Option<&str>) -> Result<Page<Product>> {
        let mut list = ListProduct::new().active(true).limit(100);
        if let Some(after) = after {
            list = list.starting_after(after);
        }
        self.get(PRODUCTS, list.build()).await
    }

    /// Every product on sale.
    pub async fn all_products(&self) -> Result<Vec<Product>> {
        let mut all: Vec<Product> = Vec::new();
        loop {
            let page = self.products(all.last().map(|product| product.id.as_str())).await?;
            let more = page.has_more && !page.data.is_empty();
            all.extend(page.data);
            if !more {
                return Ok(all);
            }
        }
    }

    /// Makes a price, once for each state of a product.
    pub async fn create_price(&self, new: &NewPrice<'_>) -> Result<Price> {
        let subject = format!("{}:v{}", new.product, new.revision);
        let request = CreatePrice::new(super::currency(new.currency))
            .product(new.product)
            .unit_amount(new.unit_amount)
            .metadata(HashMap::from([(REVISION.to_owned(), new.revision.to_owned())]))
            .build();
        let once = Once { purpose: "price", subject: &subject, endpoint: CREATE_PRICE, request };
        self.create(once, |id| self.price_made(id, new)).await
    }

    async fn price_made(&self, id: Option<String>, new: &NewPrice<'_>) -> Result<Option<Price>> {
        let prices = self.all_prices(Some(new.product)).await?;
        Ok(prices.into_iter().find(|price| match &id {
            Some(id) => price.id == *id,
            None => price.metadata.get(REVISION) == Some(new.revision),
        }))
    }

    /// Takes a price off sale; it cannot be deleted.
    pub async fn deactivate_price(&self, id: &str) -> Result<Price> {
        super::one(UPDATE_PRICE, "prices", id)?;
        self.post(UPDATE_PRICE, UpdatePrice::new(id).active(false).build()).await
    }

    /// The prices on sale, of one product or of all, 100 at a time, those behind the price `after`.
    pub async fn prices(&self, product: Option<&str>, after: Option<&str>) -> Result<Page<Price>> {
        let mut list = ListPrice::new().active(true).limit(100);
        if let Some(product) = product {
            list = list.product(product);
        }
        if let Some(after) = after {
            list = list.starting_after(after);
        }
        self.get(PRICES, list.build()).await
    }

    /// Every price on sale, of one product or of all.
    pub async fn all_prices(&self, product: Option<&str>) -> Result<Vec<Price>> {
        let mut all: Vec<Price> = Vec::new();
        loop {
            let page = self.prices(product, all.last().map(|price| price.id.as_str())).await?;
            let more = page.has_more && !page.data.is_empty();
            all.extend(page.data);
            if !more {
                return Ok(all);
            }
        }
    }
}
