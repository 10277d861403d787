//! Media files: [`FolderMedia`] and [`S3Media`] store them, [`PictureStudio`] makes avatars and posters from uploads.
//!
//! Both stores use `object_store` and differ only in where the files are stored. The crate's tests run the same contract on
//! both.

mod folder;
mod objects;
mod picture;
mod s3;

pub use folder::{FolderError, FolderMedia};
pub use picture::PictureStudio;
pub use s3::{S3Error, S3Media, S3Settings};
