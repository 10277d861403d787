use domain::{
    catalog::{CountedName, NameKind},
    store::StoreError,
    text::fold,
};
use uuid::Uuid;

use super::Catalog;
use crate::paging::{ListError, Listing, PageSelection};

/// The parameters of a list of genres, directors, stars or certifications.
#[derive(Debug, Clone, PartialEq)]
pub struct ListNames {
    /// Words that must all occur in the name, possibly inside longer words. Case and accents are ignored.
    pub search: Option<String>,
    /// The requested page.
    pub page: PageSelection,
}

impl Catalog {
    /// Returns all names of a kind, with the number of their movies on sale. Only for kinds with few names, such as
    /// genres.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn all_names(&self, kind: NameKind) -> Result<Vec<CountedName>, StoreError> {
        self.names.all_names(kind).await
    }

    /// Returns a page of the names of a kind, with the number of their movies on sale.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_names(
        &self,
        kind: NameKind,
        wanted: ListNames,
    ) -> Result<Listing<CountedName>, ListError> {
        let ListNames { search, page } = wanted;
        let folded = fold(search.as_deref().unwrap_or_default());
        let words: Vec<String> =
            folded.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        // A cursor is valid only with the context for which it was created. The context is never parsed. It must be
        // equal for all pages of a list, and differ between lists.
        let context = format!("names {kind:?} {words:?}");
        let request = self.cursors.request(&context, page)?;
        let page = self.names.name_page(kind, &words, &request).await?;
        Ok(self.cursors.listing(&context, &request, page))
    }

    /// Returns one name of a kind, with the number of its movies on sale; `None` when there is no such name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find_name(&self, kind: NameKind, id: Uuid) -> Result<Option<CountedName>, StoreError> {
        self.names.find_name(kind, id).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::page::{Page, PageRequest, Position, SortValue};

    use super::*;
    use crate::catalog::doubles::{MockNames, MockQueries, browsing};

    fn catalog(names: MockNames) -> Catalog {
        Catalog { names: Arc::new(names), ..browsing(MockQueries::new()) }
    }

    const FIRST: PageSelection = PageSelection::Numbered { page: 1, size: 20 };

    fn wanted(search: &str, page: PageSelection) -> ListNames {
        ListNames { search: Some(search.to_owned()), page }
    }

    #[tokio::test]
    async fn a_cursor_continues_the_same_list_and_no_other() {
        let position = Position { values: vec![SortValue::Text("mifune".into())], id: Uuid::from_u128(7) };
        let behind = PageRequest::after(position.clone(), 5).unwrap();
        let mut names = MockNames::new();
        names.expect_name_page().times(2).withf(|_, words, _| words == ["toshiro", "m"]).returning(
            move |_, _, request| {
                let next = (*request != behind).then(|| position.clone());
                Ok(Page { items: Vec::new(), next, total: None })
            },
        );
        let catalog = catalog(names);
        let first = catalog.list_names(NameKind::Star, wanted("Toshirō  M", FIRST)).await.unwrap();
        let cursor = PageSelection::Cursor { text: first.next_cursor.unwrap(), size: 5 };
        let read_on = |kind, search| catalog.list_names(kind, wanted(search, cursor.clone()));
        for (kind, search) in [(NameKind::Director, "toshiro m"), (NameKind::Star, "toshiro")] {
            assert!(matches!(read_on(kind, search).await, Err(ListError::Cursor(_))));
        }
        let last = read_on(NameKind::Star, " toshiro M ").await.unwrap();
        assert_eq!(last.next_cursor, None);
    }
}
