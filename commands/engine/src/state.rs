//! The fold of a journal into an operation's state. An impossible transition is rejected when it is read, so
//! corruption is found on load and never acted on (the habit is steno's, `STYLE.md` 10).

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::codes::CANCELLED;
use crate::content_cache::{Attached, Loaded};
use crate::error::EngineError;
use crate::head::OperationSpec;
use crate::journal::{Entry, Row};
use crate::recorded_signal::{RecordedSignal, SignalKind};
use crate::slot::Slot;
use crate::status::Status;
use crate::step_id::StepId;
use sluice_model::{OperationId, Refusal, plain};

/// The state of one step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepState {
    /// When its intent was recorded; `None` for steps that only look.
    pub intent: Option<Timestamp>,
    /// When it was done, and its output.
    pub done: Option<(Timestamp, Arc<Value>)>,
    /// How long it took, if the process that ran it recorded that.
    pub took: Option<Duration>,
    /// When it failed, and why.
    pub fault: Option<(Timestamp, Refusal)>,
    /// When it began to wait for people, and the sequence of that row.
    pub waiting: Option<(Timestamp, u64)>,
    /// When it was last seen to wait still, and the sequence of that row.
    pub waits_still: Option<(Timestamp, u64)>,
    /// When its undo began.
    pub undo: Option<Timestamp>,
    /// When it was undone, or why it was left as it is.
    pub undone: Option<(Timestamp, Option<String>)>,
    /// Why it could not be undone.
    pub undo_fault: Option<Refusal>,
}

impl StepState {
    /// Whether the mutation may have taken effect without being recorded.
    pub fn is_uncertain(&self) -> bool {
        self.intent.is_some() && self.done.is_none() && self.fault.is_none()
    }
}

/// Decoded outputs, shared by all copies of the state. Each is stored with the value it was decoded from, so
/// an output that was never recorded is not confused with the recorded one.
#[derive(Clone, Default)]
struct Decoded(Arc<Mutex<HashMap<String, FromValue>>>);

/// The value and its decoded form.
type FromValue = (Arc<Value>, Loaded);

impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoded")
    }
}

impl Decoded {
    fn get<T: Send + Sync + 'static>(&self, name: &str, value: &Arc<Value>) -> Option<Arc<T>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, decoded) = known.get(name)?;
        Arc::ptr_eq(of, value).then(|| Arc::clone(decoded).downcast().ok())?
    }
    fn keep(&self, name: &str, value: &Arc<Value>, decoded: Loaded) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.to_owned(), (Arc::clone(value), decoded));
    }
}

/// What was seen of an operation's result some time after its end.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowedUp {
    /// When it was looked at.
    pub at: Timestamp,
    /// The sequence of that row.
    pub sequence: u64,
    /// What was seen, in the shape that the definition decodes.
    pub output: Arc<Value>,
}

/// The state of an operation.
#[derive(Debug, Clone)]
pub struct OperationState {
    /// The id.
    pub id: OperationId,
    /// The spec.
    pub spec: OperationSpec,
    /// The sequence of the last row folded.
    pub sequence: u64,
    /// The slots it holds.
    pub held: BTreeSet<Slot>,
    /// The signals, in the order in which they were taken into account.
    pub signals: Vec<RecordedSignal>,
    /// The signal that stopped it, if there is one.
    pub cancelled: Option<RecordedSignal>,
    /// Why it needs a person, and the sequence of that row.
    pub stuck: Option<(u64, Refusal)>,
    /// The *Mark resolved* signal, if there is one.
    pub resolved: Option<RecordedSignal>,
    /// When it ended, and whether with success.
    pub ended: Option<(Timestamp, bool)>,
    /// The look at what it did after its end, if it was made.
    pub followed_up: Option<FollowedUp>,
    steps: BTreeMap<StepId, StepState>,
    contents: Attached,
    decoded: Decoded,
}

impl OperationState {
    /// The state before the first row.
    pub fn new(id: OperationId, spec: OperationSpec) -> Self {
        Self {
            id,
            spec,
            sequence: 0,
            held: BTreeSet::new(),
            signals: vec![],
            cancelled: None,
            stuck: None,
            resolved: None,
            ended: None,
            followed_up: None,
            steps: BTreeMap::new(),
            contents: Attached::default(),
            decoded: Decoded::default(),
        }
    }

    /// Adds the next row. An impossible row is corrupt.
    pub fn fold(&mut self, row: &Row) -> Result<(), EngineError> {
        if row.sequence != self.sequence + 1 {
            let what = format!("operation {} row {}: follows row {}", self.id, row.sequence, self.sequence);
            return Err(EngineError::Corrupt(what));
        }
        self.fold_entries(row.sequence, row.at, &row.entries)?;
        self.sequence = row.sequence;
        Ok(())
    }

    /// Adds entries of the next row before the whole row is known.
    pub(crate) fn project<'e>(
        &mut self,
        at: Timestamp,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<(), EngineError> {
        self.fold_entries(self.sequence + 1, at, entries)
    }

    fn fold_entries<'e>(
        &mut self,
        sequence: u64,
        at: Timestamp,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<(), EngineError> {
        let id = self.id.clone();
        let illegal = |what: String| EngineError::Corrupt(format!("operation {id} row {sequence}: {what}"));
        for (nth, entry) in entries.into_iter().enumerate() {
            if let Entry::Signal(signal) = entry {
                self.apply(signal);
            }
            let follows = matches!(entry, Entry::FollowedUp { .. });
            if follows && (!matches!(self.ended, Some((_, true))) || self.followed_up.is_some()) {
                return Err(illegal("follows no success".into()));
            }
            if self.ended.is_some() && !follows {
                return Err(illegal("comes after the end".into()));
            }
            if matches!(entry, Entry::Accepted { .. }) != (self.sequence == 0 && nth == 0) {
                return Err(illegal("acceptance is the first entry, and only that".into()));
            }
            match entry {
                Entry::Accepted { params } => {
                    self.spec.params = params.clone();
                }
                Entry::Intent { step } => {
                    let fact = self.steps.entry(step.clone()).or_default();
                    if fact.done.is_some() || fact.fault.is_some() || fact.intent.is_some() {
                        return Err(illegal(format!("intent of {step}, which began or ended before")));
                    }
                    fact.intent = Some(at);
                }
                Entry::Absent { step } => match self.steps.get_mut(step) {
                    Some(fact) if fact.is_uncertain() => fact.intent = None,
                    _ => return Err(illegal(format!("{step} is absent, but was not intended"))),
                },
                Entry::Done { step, output, took } => {
                    let fact = self.steps.entry(step.clone()).or_default();
                    if fact.done.is_some() || fact.fault.is_some() {
                        return Err(illegal(format!("{step} ends a second time")));
                    }
                    fact.done = Some((at, Arc::new(output.clone())));
                    fact.took = took.map(Duration::from_millis);
                }
                Entry::Fault { step, refusal } => {
                    let fact = self.steps.entry(step.clone()).or_default();
                    if fact.done.is_some() || fact.fault.is_some() {
                        return Err(illegal(format!("{step} ends a second time")));
                    }
                    fact.fault = Some((at, refusal.clone()));
                }
                Entry::Took { slot } => {
                    if !self.held.insert(slot.clone()) {
                        return Err(illegal(format!("slot {slot} is held already")));
                    }
                }
                Entry::Released { slot } => {
                    if !self.held.remove(slot) {
                        return Err(illegal(format!("slot {slot} is not held")));
                    }
                }
                Entry::Waiting { step } => {
                    let fact = self.steps.entry(step.clone()).or_default();
                    fact.waiting.get_or_insert((at, sequence));
                    fact.waits_still = Some((at, sequence));
                }
                Entry::Signal(signal) => self.signals.push(signal.clone()),
                Entry::UndoIntent { step } => match self.steps.get_mut(step) {
                    Some(fact) if fact.done.is_some() && fact.undone.is_none() => fact.undo = Some(at),
                    _ => return Err(illegal(format!("{step} is to be undone, but is not done"))),
                },
                Entry::UndoDone { step, left } => match self.steps.get_mut(step) {
                    Some(fact) if fact.undo.is_some() && fact.undone.is_none() => {
                        fact.undone = Some((at, left.clone()));
                    }
                    _ => return Err(illegal(format!("{step} was undone, but that was not intended"))),
                },
                Entry::UndoFault { step, refusal } => match self.steps.get_mut(step) {
                    Some(fact) if fact.undo.is_some() && fact.undone.is_none() => {
                        fact.undo_fault = Some(refusal.clone());
                    }
                    _ => {
                        return Err(illegal(format!(
                            "{step} could not be undone, but that was not intended"
                        )));
                    }
                },
                Entry::Stuck { refusal } => {
                    // Its slots stay marked with it, but an operation that goes first may take them.
                    self.held.clear();
                    self.stuck = Some((sequence, refusal.clone()));
                }
                Entry::Ended { succeeded } => {
                    self.held.clear();
                    self.ended = Some((at, *succeeded));
                }
                Entry::FollowedUp { output } => {
                    self.followed_up = Some(FollowedUp { at, sequence, output: Arc::new(output.clone()) });
                }
            }
        }
        Ok(())
    }

    pub(crate) fn has_content(&self, digest: &str) -> bool {
        self.contents.has(digest)
    }

    /// Attaches a content that the journal refers to.
    pub fn attach(&mut self, digest: &str, content: Loaded) {
        self.contents.attach(digest, content);
    }

    /// A content that the journal refers to. A content that was not attached is an error: nothing may be
    /// planned without it.
    pub fn content<T: Send + Sync + 'static>(&self, digest: &str) -> Result<Arc<T>, EngineError> {
        self.contents.get(digest)
    }

    /// Applies a signal. Of several signals that stop an operation, the first counts.
    fn apply(&mut self, signal: &RecordedSignal) {
        match signal.kind {
            SignalKind::Approve | SignalKind::Reject | SignalKind::Release | SignalKind::Replace => {}
            SignalKind::Cancel | SignalKind::Preempt => {
                self.cancelled.get_or_insert_with(|| signal.clone());
            }
            SignalKind::Retry if self.stuck.is_some() => {
                self.stuck = None;
                let mut is_undo = false;
                for fact in self.steps.values_mut() {
                    is_undo |= fact.undo_fault.take().is_some();
                }
                // After the point of no return nothing is undone: the steps themselves are retried.
                for fact in self.steps.values_mut().filter(|_| !is_undo) {
                    fact.fault = None;
                }
            }
            SignalKind::Resolve if self.stuck.is_some() => {
                self.stuck = None;
                self.resolved = Some(signal.clone());
            }
            SignalKind::Retry | SignalKind::Resolve => {}
        }
    }

    /// Why it does not succeed: the first fault, or the signal that stopped it.
    pub fn failure(&self) -> Option<Refusal> {
        if let Some((_, refusal)) = self.faults().next() {
            return Some(refusal.clone());
        }
        let stop = self.cancelled.as_ref()?;
        if let Some(refusal) = &stop.refusal {
            return Some(refusal.clone());
        }
        let because = stop.reason.as_ref().map_or(String::new(), |reason| format!(": {}", plain(reason)));
        Some(Refusal::new(
            CANCELLED,
            format!("<@{}> cancelled it{because}.", stop.actor.id),
            "Run the same command to start it again.",
        ))
    }

    /// The state of a step, if anything is recorded about it.
    pub fn step(&self, id: &StepId) -> Option<&StepState> {
        self.steps.get(id)
    }

    /// All steps with recorded entries.
    pub fn steps(&self) -> impl Iterator<Item = (&StepId, &StepState)> {
        self.steps.iter()
    }

    /// Whether a step is done.
    pub fn is_done(&self, id: &StepId) -> bool {
        self.step(id).is_some_and(|fact| fact.done.is_some())
    }

    /// The faults, by step.
    pub fn faults(&self) -> impl Iterator<Item = (&StepId, &Refusal)> {
        self.steps.iter().filter_map(|(id, fact)| fact.fault.as_ref().map(|(_, refusal)| (id, refusal)))
    }

    /// The output of a step, if it is done.
    pub fn output<T: DeserializeOwned>(&self, id: &StepId) -> Result<Option<T>, EngineError> {
        let Some((_, output)) = self.step(id).and_then(|fact| fact.done.as_ref()) else { return Ok(None) };
        T::deserialize(&**output)
            .map(Some)
            .map_err(|error| EngineError::Corrupt(format!("operation {}: output of {id}: {error}", self.id)))
    }

    /// The same for large outputs that are needed often: decoded once.
    pub fn shared_output<T>(&self, id: &StepId) -> Result<Option<Arc<T>>, EngineError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let Some((_, output)) = self.step(id).and_then(|fact| fact.done.as_ref()) else { return Ok(None) };
        if let Some(known) = self.decoded.get(&id.0, output) {
            return Ok(Some(known));
        }
        let decoded = Arc::new(
            self.output::<T>(id)?.ok_or_else(|| EngineError::Corrupt(format!("no output of {id}")))?,
        );
        self.decoded.keep(&id.0, output, Arc::clone(&decoded) as _);
        Ok(Some(decoded))
    }

    /// The parameters. An error if they do not decode.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T, EngineError> {
        T::deserialize(&self.spec.params)
            .map_err(|error| EngineError::Corrupt(format!("operation {}: parameters: {error}", self.id)))
    }

    /// The step that waits for people now, with the sequence at which the wait began.
    pub fn waiting(&self) -> Option<(&StepId, u64)> {
        self.steps
            .iter()
            .filter(|(_, fact)| fact.done.is_none() && fact.fault.is_none())
            .find_map(|(id, fact)| fact.waiting.map(|(_, sequence)| (id, sequence)))
    }

    /// The sequence at which the last wait for people began, also if it is over.
    pub fn waited(&self) -> Option<u64> {
        self.steps.values().filter_map(|fact| fact.waiting.map(|(_, sequence)| sequence)).max()
    }

    /// When and in which row the waiting step was last seen to wait still.
    pub fn waits_still(&self) -> Option<(Timestamp, u64)> {
        let (step, _) = self.waiting()?;
        self.step(step)?.waits_still
    }

    /// The status according to the journal alone.
    pub fn status(&self) -> Status {
        match self.ended {
            Some((_, true)) => Status::Succeeded,
            Some((_, false)) => Status::Failed,
            None if self.stuck.is_some() => Status::Stuck,
            None if self.failure().is_some() => Status::Unwinding,
            None if self.waiting().is_some() => Status::Waiting,
            None => Status::Running,
        }
    }
}
