//! From a kind's name to the code that runs it.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use shared::kernel::Result;
use shared::platform::jobs::{Job, Retry};
use shared::platform::tx::Tx;

use crate::cx::Cx;
use crate::failure::{Blame, Failure};

/// What a kind does. It may be called twice for the same job: check before the effect, mark after.
pub trait Run: Job {
    /// Does it.
    fn run(self, cx: Cx) -> impl Future<Output = Result<(), Failure>> + Send;

    /// What else changes when the job dies, in the same transaction.
    fn died(self, tx: &mut Tx, error: &str) -> impl Future<Output = Result<()>> + Send {
        let _ = (tx, error);
        async { Ok(()) }
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A kind that this process can run.
pub struct Entry {
    /// Its policy.
    pub retry: Retry,
    /// Decodes and runs.
    pub run: fn(&str, Cx) -> BoxFuture<'static, Result<(), Failure>>,
    /// Decodes and mourns.
    pub died: for<'a> fn(String, &'a mut Tx, String) -> BoxFuture<'a, Result<()>>,
}

/// Every kind this process can run.
#[derive(Clone, Default)]
pub struct Registry(HashMap<&'static str, Arc<Entry>>);

impl Registry {
    /// Adds a kind under its name and its old names.
    #[must_use]
    pub fn with<J: Run>(mut self) -> Self {
        let entry = Arc::new(Entry {
            retry: J::RETRY,
            run: |payload, cx| match serde_json::from_str::<J>(payload) {
                Ok(job) => Box::pin(job.run(cx)),
                // Of another version, perhaps: a failed attempt, never a crash.
                Err(error) => {
                    Box::pin(std::future::ready(Err(Failure::Retry(Blame::new("payload", error.to_string())))))
                }
            },
            died: |payload, tx, error| {
                Box::pin(async move {
                    match serde_json::from_str::<J>(&payload) {
                        Ok(job) => job.died(tx, &error).await,
                        Err(_) => Ok(()),
                    }
                })
            },
        });
        for name in J::ALIASES.iter().chain([&J::KIND]) {
            self.0.insert(name, entry.clone());
        }
        self
    }

    /// The kind of this name.
    pub fn find(&self, kind: &str) -> Option<Arc<Entry>> {
        self.0.get(kind).cloned()
    }

    /// The names: a worker claims nothing else.
    pub fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = self.0.keys().map(|&kind| kind.to_owned()).collect();
        kinds.sort_unstable();
        kinds
    }
}
