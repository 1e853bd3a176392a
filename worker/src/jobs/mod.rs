//! One file per kind, and the registry that a test compares with the catalogue.

mod dispatch_notification;
mod expire_order;
mod probe;
mod purge_expired;
mod send_email;
mod sync_catalogue;
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
        .with::<kinds::SyncProduct>()
        .with::<kinds::SyncCatalogue>()
        .with::<kinds::PurgeExpired>()
        .with::<kinds::Probe>()
}
