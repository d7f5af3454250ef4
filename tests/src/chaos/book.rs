//! What happened: who was promised what, when a replica died with what in its hands, how much weather there was.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::evidence::Head;
use crate::{Aws, World};
use tokio::time::Instant;

/// A command that was acknowledged: its author was told that it is carried out.
#[derive(Debug, Clone)]
pub(crate) struct Promise {
    pub(crate) line: String,
    pub(crate) trigger: String,
}

/// The death of a replica.
#[derive(Debug, Clone)]
pub(crate) struct Death {
    /// Microseconds since the world began, as its call log counts.
    pub(crate) at_us: u64,
    /// The operations that it carried, as they stood then.
    pub(crate) orphans: Vec<Head>,
}

/// The book of a run.
pub(crate) struct Book {
    /// A moment in both clocks: this program's, and the call log's.
    moment: (Instant, u64),
    pub(crate) promises: RefCell<Vec<Promise>>,
    pub(crate) refusals: Cell<usize>,
    pub(crate) deaths: RefCell<Vec<Death>>,
    /// Cancels by button or command that were answered.
    pub(crate) cancels: Cell<usize>,
    /// Clicks on *Retry* and *Mark resolved*.
    pub(crate) unstuck: Cell<usize>,
    pub(crate) faults: Cell<usize>,
    pub(crate) struck: Cell<usize>,
}

impl Book {
    pub(crate) async fn new(world: &World) -> Self {
        // A call of our own, to set this clock by the world's: right to some milliseconds.
        Aws(world).due().await;
        let now = Instant::now();
        let last = world.calls(0).await.last().map_or(0, |call| call.start_us);
        Self {
            moment: (now, last),
            promises: RefCell::default(),
            refusals: Cell::new(0),
            deaths: RefCell::default(),
            cancels: Cell::new(0),
            unstuck: Cell::new(0),
            faults: Cell::new(0),
            struck: Cell::new(0),
        }
    }

    /// Now, as the call log counts.
    pub(crate) fn now_us(&self) -> u64 {
        let since: Duration = self.moment.0.elapsed();
        self.moment.1 + u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}
