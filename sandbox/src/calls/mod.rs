//! The log of all calls to AWS and Slack, and the faults that tests arm for them.
//!
//! Guarantees: a call is in the log as soon as it arrives; once its effect has begun it is finished and recorded, even if
//! the client hangs up (as at a real service); a call that is held *before* its effect and loses its client never has an
//! effect. `seq` has no gaps and follows the order of arrival.

mod fault;
mod name;
mod protocol;
mod record;
mod recording;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use axum::response::Response;
use parking_lot::{Mutex, MutexGuard};

pub use fault::{Action, FaultSpec, FaultState, When};
use fault::{ArmedFault, Injection};
pub use name::CallName;
use protocol::broken_connection;
pub use protocol::{Protocol, RefusedByRule};
use record::Clocks;
pub use record::{CallRecord, outcome};
pub use recording::Recording;

/// The log and the armed faults; clones share both.
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
    faults: BTreeMap<u64, ArmedFault>,
    next_fault: u64,
}

impl Default for Calls {
    fn default() -> Self {
        Self::new()
    }
}

impl Calls {
    /// An empty log. Its microseconds count from now.
    pub fn new() -> Self {
        Self::with(Recording::default())
    }

    /// The same, with a recording of the bot's requests.
    pub fn with(recording: Recording) -> Self {
        Self(Arc::new(Shared { clocks: Clocks::start(), recording, state: Mutex::default() }))
    }

    /// The recording of the bot's requests.
    pub fn recording(&self) -> &Recording {
        &self.0.recording
    }

    /// Records a call, applies the armed faults, and runs its `effect`. The effect runs in its own task, so a client that hangs
    /// up cannot cancel it half way.
    pub async fn run<F>(&self, name: CallName, effect: F) -> Response
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let (seq, injection) = self.open(&name);
        let mut pending = PendingCall { calls: self.clone(), seq, settled: false };
        match injection {
            Some(Injection { action: Action::Hold, when: When::Before, mut released, .. }) => {
                self.update(seq, |call| call.result = "held".into());
                // An error means that the fault was cleared.
                let _ = released.wait_for(|released| *released).await;
                self.update(seq, |call| call.result = "in_flight".into());
                pending.answer(&name, effect).await
            }
            Some(Injection { action: Action::Delay, when: When::Before, delay, .. }) => {
                tokio::time::sleep(delay).await;
                pending.answer(&name, effect).await
            }
            Some(Injection { action: Action::Refuse, status, code, message, .. }) => {
                let response = name.protocol.refusal(status, code.as_deref(), message.as_deref());
                pending.finish("refused", Some(response.status().as_u16()));
                response
            }
            Some(Injection { action: Action::Drop, when: When::Before, .. }) => {
                pending.finish("dropped", None);
                broken_connection()
            }
            Some(Injection { action: Action::Drop, .. }) => {
                pending.answer(&name, effect).await;
                self.update(seq, |call| call.result = "dropped".into());
                broken_connection()
            }
            Some(Injection { action: Action::Hold, mut released, .. }) => {
                let response = pending.answer(&name, effect).await;
                let result = self.update(seq, |call| std::mem::replace(&mut call.result, "held".into()));
                let mut held = HeldAnswer { calls: self.clone(), seq, delivered: false };
                let _ = released.wait_for(|released| *released).await;
                held.delivered = true;
                self.update(seq, |call| call.result = result.unwrap_or_default());
                response
            }
            Some(Injection { action: Action::Delay, delay, .. }) => {
                let response = pending.answer(&name, effect).await;
                tokio::time::sleep(delay).await;
                response
            }
            None => pending.answer(&name, effect).await,
        }
    }

    /// Records a call that a rule refused. Faults neither apply to it nor count it.
    pub async fn refuse(&self, name: &CallName, refusal: Response) -> Response {
        let seq = self.record(&mut self.state(), name);
        self.close(seq, name, refusal).await
    }

    async fn close(&self, seq: u64, name: &CallName, response: Response) -> Response {
        let unserved = response.extensions().get::<RefusedByRule>().copied();
        let (response, outcome) = outcome(name, response).await;
        let end = self.0.clocks.stamp();
        self.update(seq, |call| {
            call.close(end, outcome);
            if let Some(RefusedByRule(rule)) = unserved {
                (call.effect, call.rule) = (false, Some(rule));
            }
        });
        response
    }

    /// The calls with a `seq` above `since`, or all calls.
    pub fn list(&self, since: Option<u64>) -> Vec<CallRecord> {
        let since = since.unwrap_or(0);
        self.state().records.iter().filter(|call| call.seq > since).cloned().collect()
    }

    /// Arms a fault; its id.
    pub fn arm(&self, spec: FaultSpec) -> String {
        let mut state = self.state();
        state.next_fault += 1;
        let number = state.next_fault;
        state.faults.insert(number, ArmedFault::new(spec));
        fault::id(number)
    }

    /// The faults that were armed and not cleared, including spent ones.
    pub fn faults(&self) -> Vec<FaultState> {
        self.state().faults.iter().map(|(number, armed)| armed.state(*number)).collect()
    }

    /// Disarms a fault and releases the calls that it holds. False if no fault has that id.
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

    /// Removes all faults and releases the calls that they hold.
    pub fn clear(&self) {
        for armed in std::mem::take(&mut self.state().faults).into_values() {
            armed.release();
        }
    }

    fn open(&self, name: &CallName) -> (u64, Option<Injection>) {
        let mut state = self.state();
        let seq = self.record(&mut state, name);
        // Every fault counts every call that it matches, so two faults with `nth` do not affect each other. The
        // oldest fault that applies wins.
        let mut injection = None;
        for armed in state.faults.values_mut() {
            let applied = armed.inject(name);
            injection = injection.or(applied);
        }
        (seq, injection)
    }

    fn record(&self, state: &mut State, name: &CallName) -> u64 {
        let seq = state.records.len() as u64 + 1;
        state.records.push(self.0.clocks.open(seq, name));
        seq
    }

    fn update<T>(&self, seq: u64, change: impl FnOnce(&mut CallRecord) -> T) -> Option<T> {
        let mut state = self.state();
        let index = usize::try_from(seq).ok()?.checked_sub(1)?;
        state.records.get_mut(index).map(change)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

/// A call whose effect has not begun. Dropping it (the client hung up) records it as a call without effect.
struct PendingCall {
    calls: Calls,
    seq: u64,
    settled: bool,
}

impl PendingCall {
    async fn answer<F>(&mut self, name: &CallName, effect: F) -> Response
    where
        F: Future<Output = Response> + Send + 'static,
    {
        self.settled = true;
        let (calls, seq, name) = (self.calls.clone(), self.seq, name.clone());
        calls.update(seq, |call| call.effect = true);
        let task = tokio::spawn(async move {
            let response = effect.await;
            calls.close(seq, &name, response).await
        });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a call's handler panicked");
            broken_connection()
        })
    }

    fn finish(&mut self, result: &str, status: Option<u16>) {
        self.settled = true;
        let end = self.calls.0.clocks.stamp();
        self.calls.update(self.seq, |call| call.end_without_effect(end, result, status));
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if !self.settled {
            self.finish("dropped", None);
        }
    }
}

/// A call that had its effect and whose answer is held. Dropping it means that the client never received the answer.
struct HeldAnswer {
    calls: Calls,
    seq: u64,
    delivered: bool,
}

impl Drop for HeldAnswer {
    fn drop(&mut self) {
        if !self.delivered {
            self.calls.update(self.seq, |call| call.result = "dropped".into());
        }
    }
}

#[cfg(test)]
mod tests;
