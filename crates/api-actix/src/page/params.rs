//! The query parameters that select a page of a list.

use app::paging::PageSelection;
use domain::page::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    extract::{Fault, Faults, Input},
    problem::FieldCode,
    rules::Rules,
};

/// The greatest page number that the schema permits: the greatest safe integer of JavaScript (2⁵³ − 1). JavaScript
/// clients represent all integers up to it exactly.
const MAX_PAGE: u64 = 9_007_199_254_740_991;

/// The maximum length of a cursor, in characters. Cursors are usually much shorter. The longest ones contain a
/// person's name in the form that [`fold`](domain::text::fold) returns. A name has at most 100 characters, and `fold`
/// expands a character to at most 33 bytes (U+FDFA). A text of the maximum length still fits into a request head, even
/// if every character is escaped.
const MAX_CURSOR: usize = 8_192;

/// The requested page of a list. A list with further parameters, such as filters, flattens these parameters into its
/// own query type.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct PageParams {
    /// The number of the page, from 1; 1 by default.
    #[schemars(range(min = 1, max = MAX_PAGE), example = 1)]
    page: Option<u64>,
    /// The maximum number of items of a page; 20 by default.
    #[schemars(range(min = 1, max = MAX_PAGE_SIZE), example = 20)]
    page_size: Option<u32>,
    /// The `next_cursor` of the previous page, instead of `page`.
    #[schemars(length(max = MAX_CURSOR))]
    cursor: Option<String>,
}

impl Input for PageParams {
    type Checked = PageSelection;

    fn check(self, _rules: &Rules, faults: &mut Faults) -> Option<PageSelection> {
        let size = self.page_size.unwrap_or(DEFAULT_PAGE_SIZE);
        match (self.page, self.cursor) {
            (Some(_), Some(_)) => {
                faults.add(
                    "page",
                    Fault::new(FieldCode::InvalidValue, "cannot be sent together with `cursor`"),
                );
                None
            }
            (None, Some(text)) => Some(PageSelection::Cursor { text, size }),
            // A number that does not fit into `u32` becomes `u32::MAX`. The list refuses this page as `TooDeep`.
            (page, None) => {
                let page = page.map_or(1, |page| u32::try_from(page).unwrap_or(u32::MAX));
                Some(PageSelection::Numbered { page, size })
            }
        }
    }
}
