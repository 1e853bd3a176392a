//! `facteur seed`: one sample user of each role and a few products, for development and tests. A second run changes
//! nothing.

use std::time::Duration;

use shared::domain::billing::products::{self, Facts};
use shared::domain::billing::totals::VatCategory;
use shared::domain::identity::roles;
use shared::domain::identity::users::{self, NewUser, Status};
use shared::flows::product_changed;
use shared::kernel::Error;
use shared::kernel::config::Env;
use shared::kernel::money::{Currency, Money};
use shared::platform::Platform;
use shared::platform::tx::Tx;

use super::exit::{DENIED, Failure};
use super::users::add;
use super::{open, say, text};

/// Whom the sample users are called after, by role.
const NAMES: &[(&str, &str, &str)] = &[
    ("admin", "Alice", "Durand"),
    ("user", "Camille", "Martin"),
    ("corrector", "Noé", "Bernard"),
    ("student", "Inès", "Petit"),
    ("teacher", "Hugo", "Moreau"),
    ("employee", "Lina", "Garcia"),
    ("moderator", "Adam", "Roux"),
];

/// Slug, name, net price in euros, VAT in hundredths of a percent, category, stock.
type Sample = (&'static str, &'static str, &'static str, i32, &'static str, Option<i32>);

/// Sample products.
const PRODUCTS: &[Sample] = &[
    ("relecture-1000-mots", "Relecture, 1 000 mots", "18.00", 2000, "relecture", None),
    ("correction-manuscrit", "Correction d’un manuscrit", "490.00", 2000, "relecture", None),
    ("formation-typographie", "Formation à la typographie, une journée", "350.00", 0, "formation", Some(12)),
    ("guide-imprime", "Guide de l’auteur, livre imprimé", "23.70", 550, "livres", Some(40)),
];

/// `seed`.
#[derive(clap::Args)]
pub struct Args {
    /// The password of new sample users; without it, a random one is printed
    #[arg(long, env = "SEED_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

/// Makes the users that are missing and prints all logins.
pub async fn run(args: Args) -> Result<(), Failure> {
    let platform = open().await?;
    if platform.config.env == Env::Production {
        return Err(Failure::new(
            DENIED,
            "sample users have no place in production: `facteur user add` makes real ones (or set APP_ENV=development)",
        ));
    }
    let password = args.password.filter(|given| !given.is_empty()).unwrap_or_else(text::password);
    let mut rows = Vec::new();
    for (email, role) in logins(&platform).await? {
        let fresh = make(&platform, &email, &role, &password).await?;
        let shown = if fresh { password.as_str() } else { "(unchanged: SEED_PASSWORD of .env)" };
        rows.push(vec![email, shown.to_owned(), role]);
    }
    say(text::table(&["LOGIN", "PASSWORD", "ROLE"], &rows));
    stock(&platform).await
}

/// The administrator of the settings, then one of each role.
async fn logins(platform: &Platform) -> Result<Vec<(String, String)>, Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    let admin = platform.config.mail.admins.first().map(|address| (address.clone(), "admin".to_owned()));
    let mut logins: Vec<_> = admin.into_iter().collect();
    for role in roles::list(&mut db).await? {
        if role.code != "admin" || logins.is_empty() {
            logins.push((format!("{}@facteur.example", role.code), role.code));
        }
    }
    Ok(logins)
}

/// Whether the account is new.
async fn make(platform: &Platform, email: &str, role: &str, password: &str) -> Result<bool, Failure> {
    let mut db = platform.db.acquire().await.map_err(Error::from)?;
    if users::find_by_email(&mut db, email).await?.is_some() {
        return Ok(false);
    }
    drop(db);
    let name = NAMES.iter().find(|(code, ..)| *code == role);
    let (_, first_name, last_name) = name.copied().unwrap_or((role, "Dominique", "Exemple"));
    let new = NewUser {
        email,
        username: None,
        password: None,
        first_name,
        last_name,
        role,
        status: Status::Active,
        locale: "fr",
    };
    Ok(add(platform, new, password).await?.is_some())
}

/// Puts the products that are missing into the catalogue.
async fn stock(platform: &Platform) -> Result<(), Failure> {
    let mut tx = Tx::begin(platform).await?;
    for (position, &(slug, name, price, vat_rate_bp, category, stock_quantity)) in PRODUCTS.iter().enumerate() {
        if products::find_by_slug(&mut tx, slug).await?.is_some() {
            continue;
        }
        let facts = Facts {
            slug: slug.into(),
            name: name.into(),
            description: String::new(),
            unit_price: Money::parse(price, Currency::EUR).ok_or_else(|| Error::internal("a sample price"))?,
            vat_rate_bp,
            vat_category: if vat_rate_bp > 0 { VatCategory::Standard } else { VatCategory::Exempt },
            category: Some(category.into()),
            stock_quantity,
            is_active: true,
            position: position as i32,
        };
        let product = products::insert(&mut tx, facts).await?;
        product_changed::story(&mut tx, None, &product).await?;
    }
    tx.commit().await?;
    platform.tickets.flush(Duration::from_secs(2)).await;
    Ok(())
}
