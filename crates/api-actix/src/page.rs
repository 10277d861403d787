//! Pages of lists: their query parameters, their JSON body and their `Link` header.

mod body;
mod links;
mod params;
mod refusals;

pub(crate) use self::{
    body::{PageBody, SearchPageBody, example, search_example},
    params::PageParams,
};
