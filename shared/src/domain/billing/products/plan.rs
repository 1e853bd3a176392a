//! The catalogue beside Stripe's: what is different, and what would be done about it. Compares, and calls nobody.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::mirror::Mirrored;
use crate::kernel::ids::ProductId;
use crate::platform::stripe::{Price, Product};

/// The longest list a plan keeps; everything is counted.
const MOST: usize = 500;

/// One thing to be done about a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Stripe does not know it.
    Create,
    /// It reads otherwise there.
    Update,
    /// No price there says what it costs.
    NewPrice,
    /// A price of ours is still on sale that says something else.
    OldPrice,
    /// It is archived here and on sale there.
    Archive,
    /// All is well there, and our row does not know it.
    Link,
}

/// What is to be done about a product.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Which one.
    pub product: ProductId,
    /// Its name in addresses.
    pub slug: String,
    /// The version that was compared.
    pub version: i32,
    /// Empty: nothing.
    pub steps: Vec<Step>,
    /// What `update` changes: `name`, `description`, `active`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// A product at Stripe that is none of ours. Nobody touches it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unknown {
    /// `prod_…`
    pub id: String,
    /// What buyers read.
    pub name: String,
    /// It has a price that can be bought.
    pub priced: bool,
}

/// How many products.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Compared.
    pub compared: usize,
    /// Alike.
    pub nothing: usize,
    /// With this step.
    pub create: usize,
    /// With this step.
    pub update: usize,
    /// With this step.
    pub new_price: usize,
    /// With this step.
    pub old_price: usize,
    /// With this step.
    pub archive: usize,
    /// With this step.
    pub link: usize,
    /// At Stripe only.
    pub unknown: usize,
}

/// A comparison's outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Nothing is done about it.
    pub dry_run: bool,
    /// How many of each.
    pub counts: Counts,
    /// In the order of the catalogue; those with nothing to do only when they were asked for.
    pub products: Vec<Entry>,
    /// Those that can be bought first.
    pub unknown: Vec<Unknown>,
    /// So many more than the two lists hold.
    pub left_out: usize,
}

/// What there is at Stripe.
#[derive(Debug, Default)]
pub struct Theirs {
    products: HashMap<String, Product>,
    prices: HashMap<String, Vec<Price>>,
}

impl Theirs {
    /// Products and the prices on sale.
    pub fn new(products: Vec<Product>, prices: Vec<Price>) -> Self {
        let mut theirs = Self::default();
        for price in prices {
            let product = price.product.as_deref().unwrap_or_default().to_owned();
            theirs.prices.entry(product).or_default().push(price);
        }
        for product in products {
            theirs.add(product);
        }
        theirs
    }

    /// One more.
    pub fn add(&mut self, product: Product) {
        self.products.insert(product.id.clone(), product);
    }

    /// Whether it is on sale here, was there once, and is not among those found so far: it has to be asked for.
    pub fn lacks(&self, ours: &Mirrored) -> bool {
        ours.is_active && ours.stripe_product_id.is_some() && !self.products.contains_key(&ours.id.to_string())
    }

    /// What is to be done about a product.
    pub fn compare(&self, ours: &Mirrored) -> Entry {
        let id = ours.id.to_string();
        let (mut steps, mut fields) = (Vec::new(), Vec::new());
        match self.products.get(&id) {
            // What nobody can buy here, nobody needs to find there.
            theirs if !ours.is_active => steps.extend(theirs.filter(|it| it.active).map(|_| Step::Archive)),
            None => steps.push(Step::Create),
            Some(theirs) => {
                fields = differing(ours, theirs);
                if !fields.is_empty() {
                    steps.push(Step::Update);
                }
                let (kept, old) = ours.sort(self.prices.get(&id).into_iter().flatten());
                if kept.is_none() {
                    steps.push(Step::NewPrice);
                }
                if !old.is_empty() {
                    steps.push(Step::OldPrice);
                }
                let told = ours.synced_version == Some(ours.version) && ours.stripe_product_id == Some(id);
                if steps.is_empty() && !(told && ours.stripe_price_id.as_deref() == kept.map(|price| &*price.id)) {
                    steps.push(Step::Link);
                }
            }
        }
        Entry { product: ours.id, slug: ours.slug.clone(), version: ours.version, steps, fields }
    }

    fn unknown(&self, ours: &[Mirrored]) -> Vec<Unknown> {
        let ours: HashSet<String> = ours.iter().map(|product| product.id.to_string()).collect();
        let strangers = self.products.values().filter(|product| !ours.contains(&product.id));
        let unknown = |product: &Product| Unknown {
            id: product.id.clone(),
            name: product.name.clone(),
            priced: self.prices.contains_key(&product.id),
        };
        let mut unknown: Vec<_> = strangers.map(unknown).collect();
        unknown.sort_by(|a, b| (!a.priced, &a.id).cmp(&(!b.priced, &b.id)));
        unknown
    }
}

fn differing(ours: &Mirrored, theirs: &Product) -> Vec<String> {
    // Blanks at the ends are nobody's to see, and may not come back from there.
    let description = theirs.description.as_deref().unwrap_or_default().trim() != ours.description.trim();
    let fields =
        [("name", theirs.name != ours.name), ("description", description), ("active", theirs.active != ours.is_active)];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()).collect()
}

impl Plan {
    /// Compares all; gives the plan, and the products about which there is something to do.
    pub fn new(ours: &[Mirrored], theirs: &Theirs, dry_run: bool, verbose: bool) -> (Self, Vec<Entry>) {
        let mut entries: Vec<_> = ours.iter().map(|product| theirs.compare(product)).collect();
        let mut unknown = theirs.unknown(ours);
        let with = |step: Step| entries.iter().filter(|entry| entry.steps.contains(&step)).count();
        let counts = Counts {
            compared: entries.len(),
            nothing: entries.iter().filter(|entry| entry.steps.is_empty()).count(),
            create: with(Step::Create),
            update: with(Step::Update),
            new_price: with(Step::NewPrice),
            old_price: with(Step::OldPrice),
            archive: with(Step::Archive),
            link: with(Step::Link),
            unknown: unknown.len(),
        };
        let different: Vec<_> = entries.iter().filter(|entry| !entry.steps.is_empty()).cloned().collect();
        if !verbose {
            entries.clone_from(&different);
        }
        let left_out = entries.len().saturating_sub(MOST) + unknown.len().saturating_sub(MOST);
        entries.truncate(MOST);
        unknown.truncate(MOST);
        (Self { dry_run, counts, products: entries, unknown, left_out }, different)
    }
}
