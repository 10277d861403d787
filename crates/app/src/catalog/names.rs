use domain::{
    catalog::{CountedName, NameKind},
    store::StoreError,
};

use super::Catalog;

impl Catalog {
    /// All names of a kind that has few, with the number of their movies on sale.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn all_names(&self, kind: NameKind) -> Result<Vec<CountedName>, StoreError> {
        self.names.all_names(kind).await
    }
}
