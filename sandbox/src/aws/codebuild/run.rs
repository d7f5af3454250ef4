//! A build in progress.

use std::path::PathBuf;

use parking_lot::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use super::model::Build;

pub struct BuildRun {
    build: Mutex<Build>,
    pub stop: CancellationToken,
    pub log: PathBuf,
}

impl BuildRun {
    pub fn new(build: Build, log: PathBuf) -> Self {
        Self { build: Mutex::new(build), stop: CancellationToken::new(), log }
    }

    pub fn lock(&self) -> MutexGuard<'_, Build> {
        self.build.lock()
    }
}
