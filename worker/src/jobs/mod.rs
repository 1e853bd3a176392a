//! One file per kind, and the registry that a test compares with the catalogue.

mod build_export;
mod create_refund;
mod dispatch_notification;
mod draw_summary;
mod expire_order;
mod expire_session;
mod probe;
mod process_stripe_event;
mod purge_expired;
mod reconcile_stripe;
mod remind_invoices;
mod render_invoice;
mod send_email;
mod sweep_files;
mod sync_catalogue;
mod sync_payment;
mod sync_product;
mod welcome;

use shared::platform::jobs::kinds;

use crate::registry::Registry;

/// Every kind this version can run.
pub fn registry() -> Registry {
    Registry::default()
        .with::<kinds::SendEmail>()
        .with::<kinds::Welcome>()
        .with::<kinds::DispatchNotification>()
        .with::<kinds::ExpireOrder>()
        .with::<kinds::ProcessStripeEvent>()
        .with::<kinds::SyncPayment>()
        .with::<kinds::CreateRefund>()
        .with::<kinds::ExpireSession>()
        .with::<kinds::ReconcileStripe>()
        .with::<kinds::SyncProduct>()
        .with::<kinds::SyncCatalogue>()
        .with::<kinds::RenderInvoice>()
        .with::<kinds::DrawSummary>()
        .with::<kinds::RemindInvoices>()
        .with::<kinds::BuildExport>()
        .with::<kinds::PurgeExpired>()
        .with::<kinds::SweepFiles>()
        .with::<kinds::Probe>()
}
