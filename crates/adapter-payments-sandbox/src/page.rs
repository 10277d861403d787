use async_trait::async_trait;
use domain::{
    payments::{SandboxCheckout, SandboxCheckouts, SandboxOutcome},
    store::StoreError,
};

use crate::{
    books::blocking,
    checkout::{Checkout, key_of_checkout},
    sandbox::Sandbox,
};

impl Sandbox {
    fn on_page(&self, found: Option<Checkout>) -> Result<Option<SandboxCheckout>, StoreError> {
        let now = self.inner.clock.now();
        found.map(|checkout| checkout.on_page(now).map_err(StoreError::failed)).transpose()
    }
}

#[async_trait]
impl SandboxCheckouts for Sandbox {
    async fn show_checkout(&self, id: &str) -> Result<Option<SandboxCheckout>, StoreError> {
        let Some(key) = key_of_checkout(id) else { return Ok(None) };
        let sandbox = self.clone();
        let found = blocking(move || sandbox.inner.books.find(key)).await.map_err(StoreError::failed)?;
        self.on_page(found)
    }

    async fn choose_outcome(
        &self,
        id: &str,
        outcome: SandboxOutcome,
    ) -> Result<Option<SandboxCheckout>, StoreError> {
        let Some(key) = key_of_checkout(id) else { return Ok(None) };
        let changed = self.act(key, outcome).await.map_err(StoreError::failed)?;
        self.on_page(changed)
    }
}
