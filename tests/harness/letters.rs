//! What a reader does with a mail.

use worker::smtp::Letter;

use crate::app::TestApp;

impl TestApp {
    /// Works until nothing is due and gives the one mail that went to this address meanwhile.
    #[track_caller]
    pub fn only_mail_to(&self, address: &str) -> impl Future<Output = Letter> {
        let caller = std::panic::Location::caller();
        async move {
            self.drain().await;
            let mails: Vec<Letter> = self.mails().into_iter().filter(|mail| mail.to.0 == address).collect();
            assert_eq!(mails.len(), 1, "{caller}: one mail to {address}, got {:?}", subjects(&mails));
            mails.into_iter().next().expect("one")
        }
    }
}

/// The token of the link in a mail.
#[track_caller]
pub fn token(mail: &Letter) -> String {
    let rest = mail.text.split_once("token=").unwrap_or_else(|| panic!("no link in {}", mail.text)).1;
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

/// Who gets what.
pub fn subjects(mails: &[Letter]) -> Vec<String> {
    mails.iter().map(|mail| format!("{}: {}", mail.to.0, mail.subject)).collect()
}
