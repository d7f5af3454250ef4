//! The comparisons for previews that are in progress or were too late for their answers, in memory only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::comparison::Preview;

/// A finished comparison: when, and what was found, or why not.
pub(super) type Outcome = (Timestamp, Result<Arc<Preview>, String>);

/// The comparisons that are in progress, and those whose answer did not wait for them.
#[derive(Default)]
pub(crate) struct Previews(Mutex<BTreeMap<String, watch::Receiver<Option<Outcome>>>>);

impl Previews {
    pub(super) fn with<T>(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, watch::Receiver<Option<Outcome>>>) -> T,
    ) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
