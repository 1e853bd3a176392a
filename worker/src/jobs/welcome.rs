//! `account.welcome`: greets a freshly activated account.

use shared::flows::welcome;
use shared::platform::jobs::kinds::Welcome;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::registry::Run;

impl Run for Welcome {
    async fn run(self, cx: Cx) -> Result<(), Failure> {
        let mut tx = cx.begin().await?;
        welcome::story(&mut tx, self.user).await?;
        cx.complete_in(tx).await
    }
}
