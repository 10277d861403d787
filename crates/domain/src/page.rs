//! Pages of long lists, by number or by keyset.

use std::str::FromStr;

use uuid::Uuid;

/// The most items that a page may hold.
pub const MAX_PAGE_SIZE: u32 = 100;

/// How many items a page holds when the caller does not say.
pub const DEFAULT_PAGE_SIZE: u32 = 20;

/// Totals are exact up to here, and pages that begin here or later are read by cursor only.
pub const NUMBERED_ITEMS: u64 = 10_000;

/// The request cannot be answered as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPage {
    /// The page is 0.
    #[error("pages are counted from 1")]
    PageTooSmall,
    /// The size is 0.
    #[error("a page holds at least one item")]
    SizeTooSmall,
    /// The size is over [`MAX_PAGE_SIZE`].
    #[error("a page holds at most 100 items")]
    SizeTooLarge,
    /// The page begins at item [`NUMBERED_ITEMS`] or later.
    #[error("a page this deep is read by cursor")]
    TooDeep,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// A page by its number, from 1; it comes with totals.
    Number(u32),
    /// Right behind this position; it comes without totals, and is as fast at the end as at the beginning.
    After(Position),
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRequest {
    start: Start,
    size: u32,
}

impl PageRequest {
    /// Asks for a page by its number.
    ///
    /// # Errors
    /// When number or size is out of bounds, or the page begins too deep to be counted to.
    pub fn numbered(page: u32, size: u32) -> Result<Self, InvalidPage> {
        let size = Self::checked_size(size)?;
        if page == 0 {
            return Err(InvalidPage::PageTooSmall);
        }
        if u64::from(page).saturating_sub(1).saturating_mul(u64::from(size)).saturating_add(1)
            >= NUMBERED_ITEMS
        {
            return Err(InvalidPage::TooDeep);
        }
        Ok(Self { start: Start::Number(page), size })
    }

    /// Asks for what comes behind a position.
    ///
    /// # Errors
    /// When the size is out of bounds.
    pub fn after(position: Position, size: u32) -> Result<Self, InvalidPage> {
        Ok(Self { start: Start::After(position), size: Self::checked_size(size)? })
    }

    const fn checked_size(size: u32) -> Result<u32, InvalidPage> {
        match size {
            0 => Err(InvalidPage::SizeTooSmall),
            1..=MAX_PAGE_SIZE => Ok(size),
            _ => Err(InvalidPage::SizeTooLarge),
        }
    }

    /// Where the page begins.
    #[must_use]
    pub const fn start(&self) -> &Start {
        &self.start
    }

    /// How many items the page holds at most.
    #[must_use]
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// How many items stand before a numbered page; 0 behind a position.
    #[must_use]
    pub fn offset(&self) -> u32 {
        match self.start {
            Start::Number(page) => page.saturating_sub(1).saturating_mul(self.size),
            Start::After(_) => 0,
        }
    }
}

/// One value of a sort key.
#[derive(Debug, Clone, PartialEq)]
pub enum SortValue {
    /// A whole number.
    Integer(i64),
    /// A fraction.
    Real(f64),
    /// A folded text.
    Text(String),
}

/// A place in a sorted list: the sort key of the item that was read last. It holds even when that item is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// The values of the sort's keys, in its order.
    pub values: Vec<SortValue>,
    /// The item's identifier, which breaks ties.
    pub id: Uuid,
}

/// By what the items of one list can be sorted.
pub trait SortKey: Copy + PartialEq + Sized + 'static {
    /// Every key with its name in the API.
    const NAMED: &'static [(&'static str, Self)];

    /// Whether it has one direction only: the largest first.
    fn is_always_descending(self) -> bool {
        false
    }
}

/// One key of a sort, and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sort<K> {
    /// By what.
    pub key: K,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// The text names no sort of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names no sort of this list")]
pub struct UnknownSort;

impl<K: SortKey> FromStr for Sort<K> {
    type Err = UnknownSort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let (_, key) = K::NAMED.iter().find(|(known, _)| *known == name).ok_or(UnknownSort)?;
        Ok(Self { key: *key, descending: descending || key.is_always_descending() })
    }
}

/// How many items a list has in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// The number, or [`NUMBERED_ITEMS`] when there are more.
    pub items: u64,
    /// Whether there are more than `items`.
    pub is_estimate: bool,
}

impl Total {
    /// The total of a count that was stopped at one more than [`NUMBERED_ITEMS`].
    #[must_use]
    pub fn from_capped_count(count: u64) -> Self {
        Self { items: count.min(NUMBERED_ITEMS), is_estimate: count > NUMBERED_ITEMS }
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Position>,
    /// How many there are in all; `None` when read behind a position.
    pub total: Option<Total>,
}

impl<T> Page<T> {
    /// The part of a list that is held whole, in its order. `place` says where an item stands, `is_behind` whether it
    /// stands behind a place.
    #[must_use]
    pub fn of_whole(
        whole: Vec<T>,
        request: &PageRequest,
        place: impl Fn(&T) -> Position,
        is_behind: impl Fn(&T, &Position) -> bool,
    ) -> Self {
        let count = u64::try_from(whole.len()).unwrap_or(u64::MAX);
        let [size, offset] =
            [request.size(), request.offset()].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        let (mut items, total) = match request.start() {
            Start::Number(_) => (whole, Some(Total { items: count, is_estimate: false })),
            Start::After(start) => (whole.into_iter().filter(|item| is_behind(item, start)).collect(), None),
        };
        items.drain(..offset.min(items.len()));
        let is_last = items.len() <= size;
        items.truncate(size);
        let next = if is_last { None } else { items.last().map(place) };
        Self { items, next, total }
    }

    /// The same part of the list with other items in place of these.
    ///
    /// # Errors
    /// When an item cannot be made.
    pub fn try_map<U, E>(self, make: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let items = self.items.into_iter().map(make).collect::<Result<_, _>>()?;
        Ok(Page { items, next: self.next, total: self.total })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_are_refused_by_name() {
        assert_eq!(PageRequest::numbered(0, 20), Err(InvalidPage::PageTooSmall));
        assert_eq!(PageRequest::numbered(1, 0), Err(InvalidPage::SizeTooSmall));
        assert_eq!(PageRequest::numbered(1, 101), Err(InvalidPage::SizeTooLarge));
        assert_eq!(PageRequest::numbered(u32::MAX, 100), Err(InvalidPage::TooDeep));
    }

    #[test]
    fn a_whole_list_is_read_by_number_and_by_place() {
        let place = |item: &i64| Position { values: vec![SortValue::Integer(*item)], id: Uuid::nil() };
        let is_behind =
            |item: &i64, place: &Position| matches!(place.values[..], [SortValue::Integer(at)] if *item > at);
        let part = |request: PageRequest| Page::of_whole(vec![1, 2, 4, 8, 16], &request, place, is_behind);
        let all = Some(Total { items: 5, is_estimate: false });
        let second = part(PageRequest::numbered(2, 2).unwrap());
        assert_eq!(second, Page { items: vec![4, 8], next: Some(place(&8)), total: all });
        let beyond = part(PageRequest::numbered(9, 2).unwrap());
        assert_eq!(beyond, Page { items: vec![], next: None, total: all });
        // The item that stood there is gone.
        let rest = part(PageRequest::after(place(&3), 3).unwrap());
        assert_eq!(rest, Page { items: vec![4, 8, 16], next: None, total: None });
    }

    #[test]
    fn a_page_that_begins_at_item_ten_thousand_is_too_deep() {
        assert_eq!(PageRequest::numbered(500, 20).map(|page| page.offset()), Ok(9_980));
        assert_eq!(PageRequest::numbered(501, 20), Err(InvalidPage::TooDeep));
        assert_eq!(PageRequest::numbered(10_000, 1), Err(InvalidPage::TooDeep));
        assert!(PageRequest::numbered(9_999, 1).is_ok());
    }

    #[test]
    fn totals_say_when_they_stopped_counting() {
        assert_eq!(Total::from_capped_count(10_000), Total { items: 10_000, is_estimate: false });
        assert_eq!(Total::from_capped_count(10_001), Total { items: 10_000, is_estimate: true });
    }

    proptest! {
        #[test]
        fn pages_follow_each_other_without_gap_or_overlap(page in 1_u32..90, size in 1_u32..=100) {
            let this = PageRequest::numbered(page, size).unwrap();
            let next = PageRequest::numbered(page.saturating_add(1), size).unwrap();
            prop_assert_eq!(this.offset().saturating_add(size), next.offset());
        }
    }
}
