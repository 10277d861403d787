//! Media files: [`FolderMedia`] and [`S3Media`] store them, [`AvatarStudio`] makes avatars from uploads.
//!
//! Both stores use `object_store` and differ only in where the files are stored. The crate's tests run the same contract on
//! both.

mod avatar;
mod folder;
mod objects;
mod s3;

pub use avatar::AvatarStudio;
pub use folder::{FolderError, FolderMedia};
pub use s3::{S3Error, S3Media, S3Settings};
