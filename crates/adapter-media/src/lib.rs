//! The files that people see: [`FolderMedia`] and [`S3Media`] keep them, [`PictureStudio`] makes avatars and
//! posters of what is uploaded.
//!
//! Both stores are `object_store` beneath, so that they differ in where the bytes lie and in nothing else; the crate's
//! tests run one contract on both.

mod folder;
mod objects;
mod picture;
mod s3;

pub use folder::{FolderError, FolderMedia};
pub use picture::PictureStudio;
pub use s3::{S3Error, S3Media, S3Settings};
