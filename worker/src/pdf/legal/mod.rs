//! The painter of what the law asks for: PDF/A-3a and PDF/UA-1 by krilla, which refuses to write what does not conform,
//! with the invoice's data attached as Factur-X. The same sheet gives the same bytes.

mod paint;
mod tags;
mod xmp;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Datelike, Timelike, Utc};
use krilla::SerializeSettings;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::document::Document;
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::geom::Point;
use krilla::metadata::Metadata;
use krilla::outline::{Outline, OutlineNode};

use super::fonts::Fonts;
use super::layout;
use super::shape::clean;
use super::sheet::Sheet;

/// The name that Factur-X 1.0 prescribes for the attachment.
const NAME: &str = "factur-x.xml";

/// The data of an invoice, for machines.
#[derive(Clone, Debug)]
pub struct FacturX {
    /// Cross Industry Invoice, UTF-8.
    pub xml: Vec<u8>,
    /// Of Factur-X, as it stands in the file: `EN 16931`.
    pub profile: String,
    /// When the data were written. With the issue: a constant of the document.
    pub date: DateTime<Utc>,
    /// What the attachment is, in the language of the document. Readers show it.
    pub description: String,
}

/// Why a document could not be painted.
#[derive(Debug, thiserror::Error)]
pub enum PaintError {
    /// krilla refused. The layout keeps what it must, so this is a mistake of ours.
    #[error("the document does not conform: {0}")]
    Refused(String),
    /// The file is not built as this version of krilla builds it, so the Factur-X block has no place.
    #[error("the metadata of the document have no place for Factur-X: {0}")]
    Metadata(&'static str),
}

/// Paints a document as PDF/A-3a and PDF/UA-1, with the invoice's data if there are any.
pub fn legal(sheet: &Sheet, fonts: &Fonts, attachment: Option<&FacturX>) -> Result<Vec<u8>, PaintError> {
    let laid = layout::layout(sheet, fonts);
    let mut document = Document::new_with(settings());
    let leaves = paint::pages(&mut document, &laid, sheet, fonts);
    document.set_tag_tree(tags::tree(&laid.tree, &leaves, &sheet.language));
    document.set_outline(outline(sheet));
    document.set_metadata(metadata(sheet));
    if let Some(data) = attachment {
        let attached = document.embed_file(file(data));
        debug_assert!(attached.is_some(), "it is the only attachment");
    }
    let bytes =
        document.finish().map_err(|error| PaintError::Refused(format!("{error:?}").chars().take(500).collect()))?;
    match attachment {
        Some(data) => xmp::add(&bytes, data),
        None => Ok(bytes),
    }
}

fn settings() -> SerializeSettings {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A3_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .expect("PDF/A-3 and PDF/UA-1 are both of PDF 1.7");
    SerializeSettings { configuration, ..SerializeSettings::default() }
}

fn outline(sheet: &Sheet) -> Outline {
    let mut outline = Outline::new();
    let top = XyzDestination::new(0, Point::from_xy(0.0, 0.0));
    let name = format!("{} {}", sheet.title, sheet.number);
    outline.push_child(OutlineNode::new(clean(&name).into_owned(), top));
    outline
}

fn metadata(sheet: &Sheet) -> Metadata {
    Metadata::new()
        .title(clean(&sheet.meta.title).into_owned())
        .authors(vec![clean(&sheet.meta.author).into_owned()])
        .language(sheet.language.clone())
        .creator("Facteur".to_owned())
        .creation_date(date(sheet.meta.created))
        .document_id(format!("{} {}", sheet.meta.author, sheet.number))
}

fn file(data: &FacturX) -> EmbeddedFile {
    EmbeddedFile {
        path: NAME.to_owned(),
        mime_type: MimeType::new("text/xml"),
        description: Some(data.description.clone()),
        // The same invoice in another form: the German and European reading of the profile EN 16931.
        association_kind: AssociationKind::Alternative,
        data: data.xml.clone().into(),
        modification_date: Some(date(data.date)),
        compress: Some(true),
        location: None,
    }
}

fn date(at: DateTime<Utc>) -> krilla::metadata::DateTime {
    krilla::metadata::DateTime::new(at.year().clamp(0, 9999) as u16)
        .month(at.month() as u8)
        .day(at.day() as u8)
        .hour(at.hour() as u8)
        .minute(at.minute() as u8)
        .second(at.second() as u8)
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}
