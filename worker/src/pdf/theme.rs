//! The look of a house: its colour and its sign, read once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use shared::kernel::config::House;

use super::logo::{Logo, LogoError};
use super::sheet::Rgb;

/// The look of a house.
#[derive(Clone)]
pub struct Theme {
    /// Its colour.
    pub accent: Rgb,
    /// Its sign; none: its name is drawn.
    pub logo: Option<Logo>,
}

/// Why a house has no look.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// The file of the logo cannot be read.
    #[error("the logo {0} cannot be read: {1}")]
    File(PathBuf, std::io::Error),
    /// It is no picture that we take.
    #[error("{0}: {1}")]
    Logo(PathBuf, LogoError),
}

impl Theme {
    /// The look of this house. Its logo is read at the first call and kept as long as the process lives.
    pub fn of(house: &House) -> Result<Self, ThemeError> {
        Ok(Self { accent: colour(&house.accent), logo: logo(house)? })
    }
}

fn logo(house: &House) -> Result<Option<Logo>, ThemeError> {
    static READ: Mutex<Option<HashMap<PathBuf, Logo>>> = Mutex::new(None);
    let Some(path) = &house.logo else { return Ok(None) };
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let known = read.get_or_insert_default();
    if let Some(logo) = known.get(path) {
        return Ok(Some(logo.clone()));
    }
    let bytes = std::fs::read(path).map_err(|error| ThemeError::File(path.clone(), error))?;
    let logo = Logo::read(&bytes, &house.seller.name).map_err(|error| ThemeError::Logo(path.clone(), error))?;
    known.insert(path.clone(), logo.clone());
    Ok(Some(logo))
}

/// `#rrggbb`; the configuration refuses anything else.
fn colour(text: &str) -> Rgb {
    let part = |at: usize| text.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or_default();
    Rgb(part(1), part(3), part(5))
}
