//! All data that is stored about one user, for export and deletion.

mod personal_data;
mod store;

pub use personal_data::{
    HeldMovie, HeldPurchase, NotifiedAct, OpenLink, Opinions, PersonalData, PersonalDataQueries,
    PersonalDataRepository, WatchedMovie, WrittenComment,
};
pub use store::{OwnDataStore, OwnDataUnit};
