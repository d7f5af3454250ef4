//! The log of every AWS and Slack call, and the faults that a test arms on them.
//!
//! Guarantees: a call is in the log from the moment it arrives; once its effect has begun it is finished and recorded,
//! even if the client hangs up meanwhile (as a real service would); a call that is held *before* its effect and loses
//! its client has no effect, ever. `seq` has no holes and follows the order of arrival.

mod fault;
mod record;
mod recording;
mod refusal;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use tokio::sync::watch;

pub use fault::{Action, FaultSpec, FaultState, When};
use fault::{Armed, Strike};
use record::Clocks;
pub use record::{CallRecord, outcome};
pub use recording::Recording;
pub use refusal::Protocol;

/// What a call is, as the log and the faults name it.
#[derive(Debug, Clone)]
pub struct CallName {
    /// `lambda`, `s3`, `dynamodb`, `slack`…
    pub service: String,
    /// `UpdateAlias`, `chat.postMessage`…
    pub method: String,
    /// The resource it is about, short: a function, a table, a bucket and key.
    pub detail: Option<String>,
    /// Whether it changes anything.
    pub mutating: bool,
    /// The wire form of its errors.
    pub protocol: Protocol,
}

/// Marks the response of a rule that refused a call before its service saw it; the rule's name.
#[derive(Debug, Clone, Copy)]
pub struct Unserved(pub &'static str);

/// The log and the armed faults; clones share them.
#[derive(Clone)]
pub struct Calls(Arc<Shared>);

struct Shared {
    clocks: Clocks,
    recording: Recording,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: Vec<CallRecord>,
    faults: BTreeMap<u64, Armed>,
    next_fault: u64,
}

impl Default for Calls {
    fn default() -> Self {
        Self::new()
    }
}

impl Calls {
    /// An empty log; its microseconds count from now. Nothing is recorded in files.
    pub fn new() -> Self {
        Self::with(Recording::default())
    }

    /// The same, with copies of all that the bot sends in the files of that recording.
    pub fn with(recording: Recording) -> Self {
        Self(Arc::new(Shared { clocks: Clocks::start(), recording, state: Mutex::default() }))
    }

    /// Where copies of what the bot sends go.
    pub fn recording(&self) -> &Recording {
        &self.0.recording
    }

    /// Records one call and applies the faults armed for it. `effect` runs in a task of its own, so that a client that
    /// hangs up cannot stop it half way.
    pub async fn carry<F>(&self, name: CallName, effect: F) -> Response
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let (seq, strike) = self.open(&name);
        let mut open = OpenCall { calls: self.clone(), seq, settled: false };
        match strike {
            Some(Strike { action: Action::Hold, when: When::Before, mut released, .. }) => {
                self.note(seq, |call| call.result = "held".into());
                // An error means that the fault is gone, and nobody waits for what is gone.
                let _ = released.wait_for(|released| *released).await;
                self.note(seq, |call| call.result = "in_flight".into());
                open.answer(&name, effect).await
            }
            Some(Strike { action: Action::Delay, when: When::Before, delay, .. }) => {
                tokio::time::sleep(delay).await;
                open.answer(&name, effect).await
            }
            Some(Strike { action: Action::Refuse, status, code, message, .. }) => {
                let response = name.protocol.refusal(status, code.as_deref(), message.as_deref());
                open.finish("refused", Some(response.status().as_u16()));
                response
            }
            Some(Strike { action: Action::Drop, when: When::Before, .. }) => {
                open.finish("dropped", None);
                broken_connection()
            }
            Some(Strike { action: Action::Drop, .. }) => {
                open.answer(&name, effect).await;
                self.note(seq, |call| call.result = "dropped".into());
                broken_connection()
            }
            Some(Strike { action: Action::Hold, mut released, .. }) => {
                let response = open.answer(&name, effect).await;
                let result = self.note(seq, |call| std::mem::replace(&mut call.result, "held".into()));
                let mut withheld = Withheld { calls: self.clone(), seq, delivered: false };
                let _ = released.wait_for(|released| *released).await;
                withheld.delivered = true;
                self.note(seq, |call| call.result = result.unwrap_or_default());
                response
            }
            Some(Strike { action: Action::Delay, delay, .. }) => {
                let response = open.answer(&name, effect).await;
                tokio::time::sleep(delay).await;
                response
            }
            None => open.answer(&name, effect).await,
        }
    }

    /// Records a call that a rule refused. Faults neither strike nor count it.
    pub async fn refuse(&self, name: &CallName, refusal: Response) -> Response {
        let seq = self.record(&mut self.state(), name);
        self.close(seq, name, refusal).await
    }

    async fn close(&self, seq: u64, name: &CallName, response: Response) -> Response {
        let unserved = response.extensions().get::<Unserved>().copied();
        let (response, outcome) = outcome(name, response).await;
        let end = self.0.clocks.stamp();
        self.note(seq, |call| {
            call.close(end, outcome);
            if let Some(Unserved(rule)) = unserved {
                (call.effect, call.rule) = (false, Some(rule));
            }
        });
        response
    }

    /// The calls with a `seq` above `since`, or all.
    pub fn list(&self, since: Option<u64>) -> Vec<CallRecord> {
        let since = since.unwrap_or(0);
        self.state().records.iter().filter(|call| call.seq > since).cloned().collect()
    }

    /// Arms a fault; its id.
    pub fn arm(&self, spec: FaultSpec) -> String {
        let mut state = self.state();
        state.next_fault += 1;
        let number = state.next_fault;
        state.faults.insert(number, Armed::new(spec));
        fault::id(number)
    }

    /// The faults armed so far and not cleared, those that are spent included.
    pub fn faults(&self) -> Vec<FaultState> {
        self.state().faults.iter().map(|(number, armed)| armed.state(*number)).collect()
    }

    /// Disarms a fault and lets go what it holds. Whether there was one of that id.
    pub fn release(&self, id: &str) -> bool {
        let state = self.state();
        match fault::number(id).and_then(|number| state.faults.get(&number)) {
            Some(armed) => {
                armed.release();
                true
            }
            None => false,
        }
    }

    /// Takes all faults away and lets go what they hold.
    pub fn clear(&self) {
        for armed in std::mem::take(&mut self.state().faults).into_values() {
            armed.release();
        }
    }

    fn open(&self, name: &CallName) -> (u64, Option<Strike>) {
        let mut state = self.state();
        let seq = self.record(&mut state, name);
        // Every fault counts every call it matches, so that two faults with `nth` do not disturb each other; the
        // oldest one that strikes is applied.
        let mut struck = None;
        for armed in state.faults.values_mut() {
            let strike = armed.meet(name);
            struck = struck.or(strike);
        }
        (seq, struck)
    }

    fn record(&self, state: &mut State, name: &CallName) -> u64 {
        let seq = state.records.len() as u64 + 1;
        state.records.push(self.0.clocks.open(seq, name));
        seq
    }

    fn note<T>(&self, seq: u64, change: impl FnOnce(&mut CallRecord) -> T) -> Option<T> {
        let mut state = self.state();
        let index = usize::try_from(seq).ok()?.checked_sub(1)?;
        state.records.get_mut(index).map(change)
    }

    /// A panic while the lock was held leaves at worst one odd record: better than a log that is gone.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call whose effect has not begun. Dropping it (the client hung up) closes its record as one without effect.
struct OpenCall {
    calls: Calls,
    seq: u64,
    settled: bool,
}

impl OpenCall {
    async fn answer<F>(&mut self, name: &CallName, effect: F) -> Response
    where
        F: Future<Output = Response> + Send + 'static,
    {
        self.settled = true;
        let (calls, seq, name) = (self.calls.clone(), self.seq, name.clone());
        calls.note(seq, |call| call.effect = true);
        let task = tokio::spawn(async move {
            let response = effect.await;
            calls.close(seq, &name, response).await
        });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a call's handler broke down");
            broken_connection()
        })
    }

    fn finish(&mut self, result: &str, status: Option<u16>) {
        self.settled = true;
        let end = self.calls.0.clocks.stamp();
        self.calls.note(self.seq, |call| call.end_without_effect(end, result, status));
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if !self.settled {
            self.finish("dropped", None);
        }
    }
}

/// A call whose effect has been and whose answer is held. Dropping it means that the client never saw the answer.
struct Withheld {
    calls: Calls,
    seq: u64,
    delivered: bool,
}

impl Drop for Withheld {
    fn drop(&mut self) {
        if !self.delivered {
            self.calls.note(self.seq, |call| call.result = "dropped".into());
        }
    }
}

/// An answer of which no byte reaches the client: hyper meets the body's error before it has flushed the head, and
/// closes the connection.
fn broken_connection() -> Response {
    let broken = futures::stream::once(async {
        Err::<bytes::Bytes, _>(std::io::Error::other("the connection was dropped by a fault"))
    });
    Response::new(Body::from_stream(broken))
}

/// How a fault tells the calls it holds to go on.
fn release_channel() -> (watch::Sender<bool>, watch::Receiver<bool>) {
    watch::channel(false)
}

/// The longest that a delay may be: beyond it a hold is meant.
const LONGEST_DELAY: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;
