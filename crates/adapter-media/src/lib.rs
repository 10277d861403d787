//! Media files: [`FolderMedia`] and [`S3Media`] store pictures, films and subtitles, and [`PictureStudio`] converts
//! uploads to avatars and posters.
//!
//! Both stores are based on `object_store`. The tests of this crate run the same contract on both.

mod films;
mod folder;
mod objects;
mod picture;
mod s3;

pub use folder::{FolderError, FolderMedia};
pub use picture::PictureStudio;
pub use s3::{S3Error, S3Media, S3Settings};
