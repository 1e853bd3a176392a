//! The widths of the table's columns: measured on every cell before any is drawn, so that nothing overlaps.

use super::super::sheet::Table;
use super::desk::{Desk, Frame};
use super::ink::{self, SIDE, SPAN};

/// Inside the edges of the table.
const PAD: f32 = 10.0;
/// Between two columns.
const GAP: f32 = 16.0;
/// What the names should have at least.
const NAMES: f32 = 150.0;
/// What they have when the figures are absurd.
const LEAST: f32 = 96.0;

/// Where the cells of a row stand.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Name and details.
    pub name: Frame,
    /// Quantity, unit price, VAT, total.
    pub figures: [Frame; 4],
    /// By how much figures are made smaller to fit.
    pub scale: f32,
}

/// Measures a table. Figures are set smaller, to seven tenths, before the names get less than 150 points; figures that
/// need more than all of that are broken into lines.
pub fn measure(desk: &mut Desk<'_>, table: &Table) -> Columns {
    let inner = SPAN - 2.0 * PAD - 4.0 * GAP;
    let figure = ink::TEXT.tabular();
    let mut wanted = [0.0_f32; 4];
    for row in &table.rows {
        for (wanted, text) in wanted.iter_mut().zip(&row.figures) {
            *wanted = wanted.max(desk.width(figure, text));
        }
    }
    let mut heads = [0.0_f32; 4];
    for (head, text) in heads.iter_mut().zip(&table.columns[1..]) {
        *head = desk.width(ink::HEAD, text);
    }
    let at = |scale: f32| std::array::from_fn(|i| (wanted[i] * scale).max(heads[i]) + 0.1);
    let fits = |widths: &[f32; 4]| inner - widths.iter().sum::<f32>() >= NAMES;
    let scales = [1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7];
    let found = scales.into_iter().map(|scale| (scale, at(scale))).find(|(_, widths)| fits(widths));
    let (scale, mut widths) = found.unwrap_or_else(|| (0.7, at(0.7)));
    let most = inner - LEAST;
    let sum: f32 = widths.iter().sum();
    if sum > most {
        widths = widths.map(|width| width * most / sum);
    }
    let mut x = SIDE + SPAN - PAD;
    let mut figures = [Frame::right(0.0, 0.0); 4];
    for (frame, width) in figures.iter_mut().zip(widths).rev() {
        x -= width;
        *frame = Frame::right(x, width);
        x -= GAP;
    }
    Columns { name: Frame::left(SIDE + PAD, x - SIDE - PAD), figures, scale }
}
