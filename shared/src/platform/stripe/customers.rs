//! Customers, and the cards and accounts they keep with us.

use std::collections::HashMap;

use serde::Deserialize;
use stripe_client_core::{StripeMethod, StripeRequest};
use stripe_core::customer::{CreateCustomer, ListCustomer, UpdateCustomer, UpdateCustomerInvoiceSettings};

use super::{Created, Customer, Once, Page, PaymentMethod, Result, Stripe};

const CREATE: &str = "POST /customers";
const RETRIEVE: &str = "GET /customers/:id";
const LIST: &str = "GET /customers";
const UPDATE: &str = "POST /customers/:id";
const DELETE: &str = "DELETE /customers/:id";
const METHOD: &str = "GET /payment_methods/:id";
const DETACH: &str = "POST /payment_methods/:id/detach";

/// Somebody who pays. All of it comes from rows as they were when the key was taken.
#[derive(Clone)]
pub struct NewCustomer<'a> {
    /// Our customer.
    pub customer: &'a str,
    /// Where Stripe writes to.
    pub email: &'a str,
    /// Who it is.
    pub name: Option<&'a str>,
    /// `fr` or `en`.
    pub locale: &'a str,
    /// The one they were at Stripe before it was deleted there.
    pub after: Option<&'a str>,
}

impl Created for Customer {
    fn id(&self) -> &str {
        &self.id
    }
}

/// Of an object we need no more than that it was there.
#[derive(Deserialize)]
struct Done {}

impl Stripe {
    /// Makes Stripe's customer for ours, once.
    pub async fn create_customer(&self, new: &NewCustomer<'_>) -> Result<Customer> {
        let mut request = CreateCustomer::new()
            .email(new.email)
            .preferred_locales(vec![new.locale.to_owned()])
            .metadata(HashMap::from([("customer_id".to_owned(), new.customer.to_owned())]));
        if let Some(name) = new.name {
            request = request.name(name);
        }
        // The key that made a deleted customer would give that one again.
        let subject = new.after.map_or_else(|| new.customer.to_owned(), |old| format!("{}:after:{old}", new.customer));
        let once = Once { purpose: "customer", subject: &subject, endpoint: CREATE, request: request.build() };
        self.create(once, |id| self.customer_made(id, new)).await
    }

    async fn customer_made(&self, id: Option<String>, new: &NewCustomer<'_>) -> Result<Option<Customer>> {
        if let Some(id) = id {
            return Ok(self.customer(&id).await?.filter(|customer| !customer.deleted));
        }
        let page: Page<Customer> = self.get(LIST, ListCustomer::new().email(new.email).limit(100).build()).await?;
        Ok(page.data.into_iter().find(|customer| customer.metadata.get("customer_id") == Some(new.customer)))
    }

    /// A customer as it is now; `deleted` when only the id is left.
    pub async fn customer(&self, id: &str) -> Result<Option<Customer>> {
        self.find(RETRIEVE, super::one(RETRIEVE, "customers", id)?).await
    }

    /// Deletes a customer with its cards, for good. Whether there was one.
    pub async fn delete_customer(&self, id: &str) -> Result<bool> {
        let request = super::at(DELETE, StripeMethod::Delete, "customers", id, "")?;
        Ok(self.find::<Done>(DELETE, request).await?.is_some())
    }

    /// A card or an account, whoever's it is: compare its customer.
    pub async fn payment_method(&self, id: &str) -> Result<Option<PaymentMethod>> {
        self.find(METHOD, super::one(METHOD, "payment_methods", id)?).await
    }

    /// Forgets a card or an account; it can never be used again.
    pub async fn detach_payment_method(&self, id: &str) -> Result<PaymentMethod> {
        self.post(DETACH, super::at(DETACH, StripeMethod::Post, "payment_methods", id, "/detach")?).await
    }

    /// What a customer pays with unless something else is said.
    pub async fn set_default_payment_method(&self, customer: &str, method: &str) -> Result<()> {
        super::one(UPDATE, "customers", customer)?;
        let mut settings = UpdateCustomerInvoiceSettings::new();
        settings.default_payment_method = Some(method.to_owned());
        let Done {} = self.post(UPDATE, UpdateCustomer::new(customer).invoice_settings(settings).build()).await?;
        Ok(())
    }
}
