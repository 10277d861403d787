//! The files that people see: [`FolderMedia`] and [`S3Media`] keep pictures, films and subtitles, [`AvatarStudio`] makes avatars
//! of what is uploaded.
//!
//! Both stores are `object_store` beneath, so that they differ in where the bytes lie and in nothing else; the crate's
//! tests run one contract on both.

mod avatar;
mod films;
mod folder;
mod objects;
mod s3;

pub use avatar::AvatarStudio;
pub use folder::{FolderError, FolderMedia};
pub use s3::{S3Error, S3Media, S3Settings};
