//! All that is stored of one user: to be copied, and to be erased.

mod personal_data;
mod store;

pub use personal_data::{
    HeldMovie, NotifiedAct, OpenLink, PersonalData, PersonalDataQueries, PersonalDataRepository,
};
pub use store::{OwnDataStore, OwnDataUnit};
