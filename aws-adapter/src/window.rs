//! A limit of calls in any period, however they begin.
//!
//! A limiter that spaces calls makes the few calls of a small operation wait for nothing; one that allows a burst and goes on at its
//! rate exceeds the limit in the burst's second. This one remembers when the last calls left.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// At most so many calls in any period of this length. Calls leave in the order in which they came.
#[derive(Debug)]
pub(crate) struct Window {
    period: Duration,
    calls: AtomicUsize,
    /// When the last calls left, the oldest first.
    left: Mutex<VecDeque<Instant>>,
}

impl Window {
    pub(crate) fn new(calls: usize, period: Duration) -> Self {
        Self { period, calls: AtomicUsize::new(calls), left: Mutex::default() }
    }

    /// From now on at most `calls` in any period, and at least one.
    pub(crate) fn set_calls(&self, calls: usize) {
        self.calls.store(calls.max(1), Ordering::Relaxed);
    }

    /// Waits until a call may leave. Who stops waiting takes nobody's place.
    pub(crate) async fn admit(&self) {
        let mut left = self.left.lock().await;
        while left.len() >= self.calls.load(Ordering::Relaxed) {
            // Taken out only after the wait: it may be given up.
            let Some(oldest) = left.front() else { break };
            sleep_until(*oldest + self.period).await;
            left.pop_front();
        }
        left.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_leave_at_once_until_the_limit_and_then_as_the_first_of_them_age() {
        let window = Window::new(3, Duration::from_secs(1));
        let start = Instant::now();
        let mut left = vec![];
        for _ in 0..7 {
            window.admit().await;
            left.push(start.elapsed().as_millis());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(left, [0, 100, 200, 1000, 1100, 1200, 2000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_given_up_takes_no_place() {
        let window = Window::new(1, Duration::from_secs(1));
        window.admit().await;
        let start = Instant::now();
        assert!(tokio::time::timeout(Duration::from_millis(500), window.admit()).await.is_err());
        window.admit().await;
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_limit_counts_from_the_next_call() {
        let window = Window::new(1, Duration::from_secs(1));
        let start = Instant::now();
        window.set_calls(3);
        for _ in 0..3 {
            window.admit().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        window.set_calls(1);
        window.admit().await;
        window.admit().await;
        assert!(start.elapsed() >= Duration::from_secs(2));
    }
}
