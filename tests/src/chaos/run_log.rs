//! The log of a run: acknowledged commands, killed replicas with the operations that they drove, and counts.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::evidence::Head;
use crate::{Aws, World};
use tokio::time::Instant;

/// A command that the bot accepted.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    pub(crate) line: String,
    pub(crate) trigger: String,
}

/// A killed replica.
#[derive(Debug, Clone)]
pub(crate) struct Kill {
    /// Microseconds since the world began, as in the call log.
    pub(crate) at_us: u64,
    /// The operations that it drove, as of then.
    pub(crate) orphans: Vec<Head>,
}

pub(crate) struct RunLog {
    /// One moment in both clocks: this program's and the call log's.
    moment: (Instant, u64),
    pub(crate) acknowledged: RefCell<Vec<Acknowledged>>,
    pub(crate) refusals: Cell<usize>,
    pub(crate) kills: RefCell<Vec<Kill>>,
    /// Answered cancels, by button or command.
    pub(crate) cancels: Cell<usize>,
    /// Clicks on *Retry* and *Mark resolved*.
    pub(crate) unstuck: Cell<usize>,
    pub(crate) faults: Cell<usize>,
    pub(crate) struck: Cell<usize>,
}

impl RunLog {
    pub(crate) async fn new(world: &World) -> Self {
        // A call of this program, to set its clock by the call log's. Accurate to some milliseconds.
        Aws(world).due().await;
        let now = Instant::now();
        let last = world.calls(0).await.last().map_or(0, |call| call.start_us);
        Self {
            moment: (now, last),
            acknowledged: RefCell::default(),
            refusals: Cell::new(0),
            kills: RefCell::default(),
            cancels: Cell::new(0),
            unstuck: Cell::new(0),
            faults: Cell::new(0),
            struck: Cell::new(0),
        }
    }

    /// Now, in the call log's clock.
    pub(crate) fn now_us(&self) -> u64 {
        let since: Duration = self.moment.0.elapsed();
        self.moment.1 + u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

/// Adds one.
pub(crate) fn count(cell: &Cell<usize>) {
    cell.set(cell.get() + 1);
}
