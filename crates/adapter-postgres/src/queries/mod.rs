//! What people browse, read outside any transaction: written once like the repositories, over `Database::fetch`.

mod accounts;
mod cart;
mod catalog_cache;
mod genres;
mod movie_page;
mod movie_row;
mod movies;
#[cfg(test)]
mod plans;

pub(crate) use catalog_cache::CatalogCache;
