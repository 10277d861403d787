use domain::{cart::CartView, id::UserId, money::Money, store::StoreError};

use super::Carts;

/// A cart with its total of now.
#[derive(Debug, Clone, PartialEq)]
pub struct PricedCart {
    /// What is in it.
    pub cart: CartView,
    /// What the available items cost together.
    pub total: Money,
}

impl Carts {
    /// The user's cart with the prices of now (R58, R59).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn view(&self, user_id: UserId) -> Result<PricedCart, StoreError> {
        let cart = self.queries.view(user_id).await?;
        let total = cart.total(self.currency).map_err(StoreError::failed)?;
        Ok(PricedCart { cart, total })
    }
}
