//! Media files: [`FolderMedia`] and [`S3Media`] store pictures, films and subtitles, [`PictureStudio`] converts uploads
//! into avatars and posters.
//!
//! Both stores use `object_store` and differ only in where the files are stored. The crate's tests run the same contract on
//! both.

mod films;
mod folder;
mod objects;
mod picture;
mod s3;

pub use folder::{FolderError, FolderMedia};
pub use picture::PictureStudio;
pub use s3::{S3Error, S3Media, S3Settings};
