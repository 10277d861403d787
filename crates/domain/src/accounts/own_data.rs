//! All that is stored of one user: to be copied, and to be erased.

mod personal_data;
mod store;

pub use personal_data::{
    HeldMovie, HeldPurchase, NotifiedAct, OpenLink, Opinions, PersonalData, PersonalDataQueries,
    PersonalDataRepository, WatchedMovie, WrittenComment,
};
pub use store::{OwnDataStore, OwnDataUnit};
