use domain::{
    catalog::{Search, Suggestion},
    store::StoreError,
};

use super::{Catalog, search::understand};

impl Catalog {
    /// Suggests titles and people for a typed text, the best first. Typing mistakes are tolerated as in a search.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn suggest(&self, typed: &str) -> Result<Vec<Suggestion>, StoreError> {
        let understood = understand(&*self.words, Search::parse(typed)).await?;
        self.words.suggestions(&understood.search).await
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::doubles::{MockQueries, browsing};

    #[tokio::test]
    async fn matching_names_are_suggested_in_any_spelling() {
        let catalog = browsing(MockQueries::new());
        for (typed, found) in [("s", &["Stalker"][..]), ("stalkre", &["Stalker"]), ("xyz", &[]), ("!", &[])] {
            let suggestions = catalog.suggest(typed).await.unwrap();
            let names: Vec<String> = suggestions.into_iter().map(|suggestion| suggestion.name).collect();
            assert_eq!(names, found, "{typed}");
        }
    }
}
