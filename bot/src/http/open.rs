//! The open connections, and which of them is closed when there are too many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::Connection;

/// The open connections of one server.
pub(super) struct Open {
    server: &'static str,
    most: usize,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    open: usize,
    last: u64,
    /// Those that may be closed for another one, the one that has waited longest first.
    waiting: BTreeMap<u64, CancellationToken>,
}

impl Open {
    pub(super) fn new(server: &'static str, most: usize) -> Self {
        Self { server, most, book: Mutex::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more connection: if need be, that of the one that has waited longest. `None` if all are at work.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Arc<Connection>> {
        let full = self.book().open >= self.most;
        if full && self.close_oldest(1) == 0 {
            return None;
        }
        let mut book = self.book();
        book.open += 1;
        self.measure(&book);
        drop(book);
        Some(Connection::new(Arc::clone(self)))
    }

    /// Closes those that have waited longest; how many it were.
    pub(super) fn close_oldest(&self, wanted: usize) -> usize {
        let mut book = self.book();
        let mut closed = 0;
        while closed < wanted
            && let Some((_, close)) = book.waiting.pop_first()
        {
            close.cancel();
            // Its place is free from now on, and not only when its task has ended.
            book.open -= 1;
            closed += 1;
            crate::metrics::connection_closed("crowded-out");
        }
        self.measure(&book);
        closed
    }

    /// A connection waits from now on: the number by which it stops waiting.
    pub(super) fn wait(&self, close: &CancellationToken) -> u64 {
        let mut book = self.book();
        book.last += 1;
        let number = book.last;
        book.waiting.insert(number, close.clone());
        number
    }

    /// A connection waits no more. False if it was closed meanwhile.
    pub(super) fn stop_waiting(&self, number: u64) -> bool {
        self.book().waiting.remove(&number).is_some()
    }

    /// A connection that was not closed for another one has ended.
    pub(super) fn ended(&self) {
        let mut book = self.book();
        book.open = book.open.saturating_sub(1);
        self.measure(&book);
    }

    fn measure(&self, book: &Book) {
        crate::metrics::connections(self.server, book.open as u64);
    }
}
