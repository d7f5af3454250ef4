//! The open connections, and which one is closed at the limit.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// The open connections of one server.
pub(super) struct Pool {
    server: &'static str,
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: usize,
    last: u64,
    /// Connections that may be closed for another one, in the order in which they began to wait.
    waiting: BTreeMap<u64, CancellationToken>,
}

impl Pool {
    pub(super) fn new(server: &'static str, limit: usize) -> Self {
        Self { server, limit, state: Mutex::default() }
    }

    /// Takes a slot for one more connection. At the limit it closes the one that has waited longest; `false` if none waits.
    pub(super) fn take_slot(&self) -> bool {
        let is_full = self.state.lock().open >= self.limit;
        if is_full && self.close_oldest(1) == 0 {
            return false;
        }
        let mut state = self.state.lock();
        state.open += 1;
        self.measure(&state);
        true
    }

    /// Closes the connections that have waited longest, at most `wanted`, and returns their number.
    pub(super) fn close_oldest(&self, wanted: usize) -> usize {
        let mut state = self.state.lock();
        let mut closed = 0;
        while closed < wanted
            && let Some((_, close)) = state.waiting.pop_first()
        {
            close.cancel();
            // The slot is free now, and not only when the task has ended.
            state.open -= 1;
            closed += 1;
            crate::metrics::connection_closed("crowded-out");
        }
        self.measure(&state);
        closed
    }

    /// A connection begins to wait; the number is for [`Pool::stop_waiting`].
    pub(super) fn wait(&self, close: &CancellationToken) -> u64 {
        let mut state = self.state.lock();
        state.last += 1;
        let number = state.last;
        state.waiting.insert(number, close.clone());
        number
    }

    /// A connection no longer waits. `false` if it was closed meanwhile.
    pub(super) fn stop_waiting(&self, number: u64) -> bool {
        self.state.lock().waiting.remove(&number).is_some()
    }

    /// Frees the slot of a connection that was not closed for another one.
    pub(super) fn free_slot(&self) {
        let mut state = self.state.lock();
        state.open = state.open.saturating_sub(1);
        self.measure(&state);
    }

    fn measure(&self, state: &State) {
        crate::metrics::connections(self.server, state.open);
    }
}
