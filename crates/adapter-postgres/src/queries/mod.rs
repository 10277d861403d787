//! Queries, which read with `Database::fetch` and without a transaction. Only the seals of the audit log (proofs that
//! its entries have not changed) and the lists of similar movies are also written here. `adapter-sqlite` compiles
//! these files too, like the repositories.

mod accounts;
mod audit;
mod audit_seals;
#[cfg(test)]
mod cached_pages;
mod cart;
mod catalog_cache;
mod comment_reports;
mod comments;
mod disputes;
mod facets;
mod facts_cache;
mod keyset;
mod library;
mod money_checks;
mod movie_access;
mod movie_facts;
mod movie_filter;
mod movie_page;
mod movie_row;
mod movies;
mod names;
mod notifications;
mod orders;
mod payments;
mod personal_data;
mod plain_list;
#[cfg(test)]
mod plans;
mod recent_searches;
mod refund_requests;
mod refunds;
mod sales;
mod search;
mod short_lists;
mod similar;
mod users;

pub(crate) use catalog_cache::CatalogCache;
