//! Idempotency keys as Stripe keeps them: the first answer, errors of the server included, for 24 hours.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// How long a key is remembered, in seconds.
const KEPT: i64 = 24 * 60 * 60;

/// Keys by their text.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Keys(HashMap<String, Key>);

#[derive(Clone, Serialize, Deserialize)]
struct Key {
    /// Method, path and parameters.
    request: String,
    at: i64,
    answer: Option<Kept>,
}

/// An answer that is given again.
#[derive(Clone, Serialize, Deserialize)]
pub struct Kept {
    pub status: u16,
    pub body: String,
    /// The id of the request that was answered so.
    pub request_id: String,
}

/// What a request with a key meets.
pub enum Begun {
    /// It is the first.
    First,
    /// It was answered before.
    Again(Kept),
}

impl Keys {
    /// A request with a key begins.
    pub fn begin(&mut self, key: &str, request: &str, now: i64) -> Result<Begun, Refusal> {
        self.0.retain(|_, known| now - known.at < KEPT);
        match self.0.get(key) {
            Some(known) if known.request != request => Err(Refusal::other_params(key)),
            Some(Key { answer: Some(answer), .. }) => Ok(Begun::Again(answer.clone())),
            Some(_) => Err(Refusal::in_progress(key)),
            None => {
                self.0.insert(key.to_owned(), Key { request: request.to_owned(), at: now, answer: None });
                Ok(Begun::First)
            }
        }
    }

    /// Forgets requests whose answer nobody knows: their work was never begun, or died with the process.
    pub fn only_answered(&mut self) {
        self.0.retain(|_, known| known.answer.is_some());
    }

    /// It was answered; without an answer to keep, the key is free again.
    pub fn end(&mut self, key: &str, answer: Option<Kept>) {
        match (answer, self.0.get_mut(key)) {
            (Some(answer), Some(known)) => known.answer = Some(answer),
            _ => drop(self.0.remove(key)),
        }
    }
}
