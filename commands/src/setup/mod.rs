//! What an account needs before its first pipeline: the artifact bucket with the packager, and the permissions boundaries.

pub mod boundaries;
pub mod bucket;
pub mod init;
mod messages;
pub mod packager;
