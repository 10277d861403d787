//! The repositories of a unit of work. `adapter-sqlite` also compiles these files, against its own `dialect` and
//! `unit_of_work`.

mod accounts;
mod audit;
mod cart;
mod catalog;
mod checkout_request;
mod comment_reports;
mod comments;
mod disputes;
mod email_keys;
mod engagement;
mod idempotency;
mod known_devices;
mod ledger;
mod library;
mod links;
mod maintenance;
mod names;
mod notifications;
mod orders;
mod outbox;
mod payments;
mod personal_data;
mod popularity;
mod profiles;
mod purchases;
mod refund_requests;
mod refunds;
mod search;
mod search_rows;
mod sessions;
mod stored;
mod stored_movie;
mod stream_tickets;
mod units;
mod webhook_events;

pub(crate) use accounts::{group_id, role};
pub(crate) use disputes::{DisputeRow, DisputeTypes, dispute, dispute_columns};
pub(crate) use engagement::{push_visible, reaction_named};
pub(crate) use library::{ProgressRow, ProgressTypes, progress};
pub(crate) use names::{movies_of, names_table};
pub(crate) use orders::{order_state, purchase_refusal};
pub(crate) use payments::{PaymentStateColumns, payment_state, payment_status};
pub(crate) use profiles::ProfileRow;
pub(crate) use refund_requests::{
    REFUND_REQUEST_ITEMS, RefundRequestRow, RefundRequestTypes, refund_request_columns, refund_requests,
};
pub(crate) use refunds::{REFUND_COLUMNS, REFUND_ITEMS, RefundRow, RefundTypes, refunds};
pub(crate) use search_rows::{NewEntry, WordCount};
pub(crate) use stored::{LINKS_WITH_BITS, NewLink, NewName, poster_address, written};
pub(crate) use stored_movie::{linked_ids, read_ids, stored_poster};

/// The maximum number of rows that one statement writes or locks, for calls that may concern many rows.
const CHUNK: usize = 1_000;
