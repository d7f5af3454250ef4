//! `sluice backup`.

use std::path::Path;

use super::aws_backend::Account;
use super::backups::Backups;
use super::errors::aws_error;
use crate::config::{BackupLocation, Problem};
use crate::startup::StartupError;

/// Copies the state at `path`, and returns the name of the copy. Only a bucket needs AWS.
pub(crate) async fn back_up(
    path: &Path,
    location: &BackupLocation,
) -> Result<Result<String, StartupError>, Vec<Problem>> {
    Ok(match location {
        BackupLocation::Folder(to) if is_new_file(to) => Backups::copy(path, to).await,
        BackupLocation::Folder(folder) => Backups::in_folder(path, folder).make().await,
        BackupLocation::Bucket { .. } => {
            let aws = Account::load().await?.aws;
            match aws.identity.whoami().await {
                Ok(here) => Backups::new(path, location, aws.archive, here).make().await,
                Err(error) => Err(aws_error(&error)),
            }
        }
    })
}

/// Whether a person means a new file: the path has an extension and is not a folder.
fn is_new_file(path: &Path) -> bool {
    let ends_as_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    path.extension().is_some() && !ends_as_folder && !path.is_dir()
}
