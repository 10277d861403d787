//! The `Link` header of a page.

use domain::page::NUMBERED_ITEMS;

use super::body::PageBody;
use crate::extract::query;

impl<T> PageBody<T> {
    /// Returns the `Link` header (RFC 8288) of this page. `address` is the URL of the request without its query, and
    /// `query` is its query string. The links keep all parameters of the query except `page` and `cursor`.
    pub(crate) fn links(&self, address: &str, query: &str) -> String {
        let kept: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !["page", "cursor"].contains(&query::name_of(pair).as_str()))
            .collect();
        let link = |relation: &str, place: Option<String>| {
            let pairs: Vec<String> = kept.iter().map(|pair| (*pair).to_owned()).chain(place).collect();
            let mark = if pairs.is_empty() { "" } else { "?" };
            format!("<{address}{mark}{}>; rel=\"{relation}\"", pairs.join("&"))
        };
        let numbered = |page: u64| format!("page={page}");
        if self.is_whole {
            return [link("first", None), link("last", None)].join(", ");
        }
        let is_countable = |page: u64| {
            page.saturating_sub(1).saturating_mul(self.page_size.into()).saturating_add(1) < NUMBERED_ITEMS
        };
        let mut links = vec![link("first", None)];
        if let Some(page) = self.page.map(u64::from) {
            if let Some(before) = page.checked_sub(1).filter(|before| *before > 0) {
                links.push(link("prev", Some(numbered(before))));
            }
            if let Some(cursor) = &self.next_cursor {
                let after = page.saturating_add(1);
                let place = if is_countable(after) { numbered(after) } else { format!("cursor={cursor}") };
                links.push(link("next", Some(place)));
            }
            if let Some(last) =
                self.total_pages.filter(|last| !self.total_is_estimate && *last > 0 && is_countable(*last))
            {
                links.push(link("last", Some(numbered(last))));
            }
        } else if let Some(cursor) = &self.next_cursor {
            links.push(link("next", Some(format!("cursor={cursor}"))));
        }
        links.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use app::paging::Listing;
    use domain::page::Total;

    use super::*;

    fn page(page: Option<u32>, total: Option<Total>, next: Option<&str>) -> PageBody<u8> {
        let next_cursor = next.map(str::to_owned);
        PageBody::of(Listing { items: vec![1_u8], total, next_cursor, page, page_size: 20 }, |item| item)
    }

    fn links(page: &PageBody<u8>, query: &str) -> Vec<String> {
        page.links("http://c/m", query).split(", ").map(str::to_owned).collect()
    }

    #[test]
    fn links_keep_the_filters_and_change_the_page() {
        let middle = page(Some(2), Some(Total { items: 55, is_estimate: false }), Some("abc"));
        assert_eq!(middle.total_pages, Some(3));
        assert_eq!(
            links(&middle, "genre=x&page=2&page_size=20"),
            [
                "<http://c/m?genre=x&page_size=20>; rel=\"first\"",
                "<http://c/m?genre=x&page_size=20&page=1>; rel=\"prev\"",
                "<http://c/m?genre=x&page_size=20&page=3>; rel=\"next\"",
                "<http://c/m?genre=x&page_size=20&page=3>; rel=\"last\"",
            ]
        );
    }

    #[test]
    fn every_spelling_of_page_and_cursor_is_removed_from_links() {
        let middle = page(Some(2), Some(Total { items: 55, is_estimate: false }), Some("abc"));
        for query in ["%70age=2", "p%61ge=2", "%70%61%67%65=2", "page=2", "page"] {
            let links = links(&middle, query);
            assert_eq!(links[1], "<http://c/m?page=1>; rel=\"prev\"", "{query}");
        }
        let kept = links(&middle, "pages=1&page_size=20&homepage=x&%63ursor=y");
        assert_eq!(kept[0], "<http://c/m?pages=1&page_size=20&homepage=x>; rel=\"first\"");
    }

    #[test]
    fn pages_beyond_the_counted_items_are_linked_by_cursor_without_a_link_to_the_last_page() {
        let deep = page(Some(500), Some(Total { items: 10_000, is_estimate: true }), Some("abc"));
        let links = links(&deep, "");
        assert!(links.contains(&"<http://c/m?cursor=abc>; rel=\"next\"".to_owned()), "{links:?}");
        assert!(!links.iter().any(|link| link.contains("last")), "{links:?}");
    }

    #[test]
    fn a_page_by_cursor_has_no_numbers() {
        let page = page(None, None, Some("abc"));
        assert_eq!((page.page, page.total_items, page.total_pages), (None, None, None));
        assert_eq!(
            links(&page, "cursor=old&sort=year"),
            ["<http://c/m?sort=year>; rel=\"first\"", "<http://c/m?sort=year&cursor=abc>; rel=\"next\""]
        );
    }

    #[test]
    fn the_links_of_a_list_without_page_numbers_have_no_page_parameter() {
        let whole = PageBody::whole(vec![1_u8, 2]);
        assert_eq!(links(&whole, ""), ["<http://c/m>; rel=\"first\"", "<http://c/m>; rel=\"last\""]);
    }

    #[test]
    fn an_empty_list_has_no_pages_and_no_link_to_the_last_page() {
        let empty = page(Some(1), Some(Total { items: 0, is_estimate: false }), None);
        assert_eq!(empty.total_pages, Some(0));
        assert_eq!(links(&empty, ""), ["<http://c/m>; rel=\"first\""]);
    }
}
