//! Somebody who wants to be forgotten, as those who keep rows know them: by ids and by words.

use uuid::Uuid;

use crate::kernel::ids::UserId;

/// Words shorter than this name too many.
const SHORTEST: usize = 6;

/// Who is to be forgotten.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// The account; none for guests.
    pub user: Option<UserId>,
    /// Their addresses.
    pub addresses: Vec<String>,
    /// Ids of what is theirs and of themselves: requests, orders, payments, invoices …
    pub subjects: Vec<Uuid>,
    /// What names them in a text: addresses, full names, telephone.
    pub words: Vec<String>,
}

impl Person {
    /// The same with these words that name them, unless they could name anybody.
    pub fn named(&mut self, words: impl IntoIterator<Item = String>) {
        let fits = |word: &String| word.chars().count() >= SHORTEST;
        self.words.extend(words.into_iter().map(|word| word.trim().to_owned()).filter(fits));
        self.words.sort_unstable();
        self.words.dedup();
    }

    /// Words and ids alike: what an answer that was kept may hold.
    pub fn marks(&self) -> Vec<String> {
        let ids = self.subjects.iter().map(ToString::to_string);
        self.words.iter().cloned().chain(ids).collect()
    }
}
