//! What goes wrong: faults of single calls, the climate of all calls, the death of a process at a call.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sluice_model::Class;
use tokio::sync::Notify;

/// When a process dies at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the call takes effect.
    Before,
    /// After it took effect, before its answer.
    After,
}

/// Counts calls, and ends the process at one of them.
#[derive(Debug, Default)]
pub struct DeathPoint {
    calls: AtomicUsize,
    at: Mutex<Option<(usize, Moment)>>,
    died: Arc<Notify>,
}

impl DeathPoint {
    /// The process dies at that call, counted from 0. Its death notifies `died`.
    pub fn new(at: Option<(usize, Moment)>, died: Arc<Notify>) -> Self {
        Self { calls: AtomicUsize::new(0), at: Mutex::new(at), died }
    }
    /// Sets the call anew.
    pub fn set(&self, call: usize, moment: Moment) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = Some((call, moment));
    }
    /// Begins a call; gives its number.
    pub fn count(&self) -> usize {
        self.calls.fetch_add(1, Ordering::SeqCst)
    }
    /// The number of calls so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
    /// Never returns if the process dies here. It dies once: the next process passes.
    pub async fn pass(&self, call: usize, moment: Moment) {
        let dies = self.at.lock().unwrap_or_else(PoisonError::into_inner).take_if(|at| *at == (call, moment));
        if dies.is_some() {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }
    /// Returns when the process died.
    pub async fn died(&self) {
        self.died.notified().await;
    }
}

/// The fault of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Faults {
    /// It fails with that class, without effect.
    Fails(Class),
    /// It is not sent, because others come first: to be tried again after that time.
    NotSent(Duration),
    /// It takes effect, and its answer is lost: a change is ambiguous then, and a look transient.
    AnswerLost,
    /// It takes effect, its answer is lost, and the repeated request meets its result: a conflict with ourselves.
    MeetsItself,
    /// Right before it, the revision of every `$LATEST` changes, and nothing else: an earlier change was applied.
    Revised,
    /// It takes that much longer.
    Slow(Duration),
}

/// How the fake AWS behaves at all times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Climate {
    /// How long a call takes, half of it on the way there.
    pub latency: Duration,
    /// How long lists do not show a new resource of calls that are not repeatable (`docs/effects.md`), and how long the read of
    /// one function or version does not find it.
    pub lag: Duration,
    /// Within that time, every other read shows it nevertheless.
    pub flicker: bool,
    /// How long a role that was made cannot be assumed.
    pub role_delay: Duration,
    /// How long Lambda takes to apply a change.
    pub applies: Duration,
    /// How long after a move of an alias or an API stage the previous version still answers.
    pub late: Duration,
    /// How long API Gateway takes to deploy.
    pub deploys: Duration,
    /// How long a bucket keeps no versions after versioning was first turned on.
    pub versions: Duration,
    /// How long a build takes.
    pub build: Duration,
    /// How long CloudFormation computes a change set.
    pub computes: Duration,
    /// How long CloudFormation creates, updates, rolls back or deletes a stack, and how long it cleans up after an update.
    pub stack: (Duration, Duration),
    /// Whether all functions are unhealthy: they answer with an error.
    pub ill: bool,
    /// Whether API Gateway leaves out a part of every definition.
    pub import_warns: bool,
    /// Whether something uses all API stages: API Gateway deletes none then.
    pub stages_in_use: bool,
}

impl Default for Climate {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(20),
            lag: Duration::ZERO,
            flicker: false,
            role_delay: Duration::from_secs(3),
            applies: Duration::from_millis(500),
            late: Duration::ZERO,
            deploys: Duration::ZERO,
            versions: Duration::ZERO,
            build: Duration::from_secs(8),
            computes: Duration::from_secs(2),
            stack: (Duration::from_secs(20), Duration::from_secs(10)),
            ill: false,
            import_warns: false,
            stages_in_use: false,
        }
    }
}
