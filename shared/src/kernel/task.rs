//! Background tasks with a name and a voice: a panic in one is logged, never silent.

use std::future::Future;

use tokio::task::JoinHandle;

/// Spawns a named background task; its panic becomes an error line.
#[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        let inner = tokio::spawn(future);
        let _abort = AbortOnDrop(inner.abort_handle());
        if let Err(error) = inner.await
            && error.is_panic()
        {
            tracing::error!(task = name, %error, "a background task panicked");
        }
    })
}

/// Aborting the outer task ends the inner one too.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
