//! `order.draw_summary`: the PDF of an order: a quotation while it waits for its payment, a confirmation afterwards.

use bytes::Bytes;
use shared::domain::billing::orders::{OrderView, Scope};
use shared::domain::billing::{customers, orders};
use shared::platform::files::{self, FileKind, NewFile};
use shared::platform::jobs::kinds::DrawSummary;

use crate::cx::Cx;
use crate::failure::{Blame, Failure};
use crate::pdf;
use crate::registry::Run;

impl Run for DrawSummary {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        let order = orders::get(&mut tx, &Scope::All, self.order).await?;
        if order.version != self.version {
            return cx.complete_in(tx).await; // it says something else meanwhile
        }
        let customer = customers::get(&mut tx, order.customer_id).await?;
        let lines = orders::lines(&mut tx, &order).await?;
        tx.rollback().await?;
        let (name, user) = (format!("{}.pdf", order.number), customer.user_id);
        let view = OrderView::of(order, lines)?;
        let house = cx.platform.config.house.clone();
        let drawn = tokio::task::spawn_blocking(move || pdf::summary(&house, &view, &customer)).await;
        let drawn = drawn.map_err(|error| Failure::Retry(Blame::new("renderer", error.to_string())))?;
        let bytes = Bytes::from(drawn.map_err(|error| Failure::Dead(Blame::new("renderer", error.to_string())))?);
        let mut tx = cx.begin().await?;
        let content_type = "application/pdf";
        let new = NewFile { kind: FileKind::Document, name: &name, content_type, bytes, user, keep: None };
        let file = files::put(&mut tx, new).await?;
        if let Some(former) = orders::summarised(&mut tx, self.order, self.version, file.id).await? {
            files::delete(&mut tx, former).await?;
        }
        cx.complete_in(tx).await
    }
}
