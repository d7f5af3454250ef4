//! Steps: the parts of an operation, which run and can be recognised afterwards.
//!
//! A step makes at most one remote mutation. If a process that died may have made it, it is *observed* before
//! it runs, so a mutation knows how to find its own result.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use crate::operation::slot::Slot;
use crate::operation::state::RecordedSignal;
use crate::operation::world::World;
use crate::ports::{StoreError, Write};
use sluice_model::{Class, OperationId, PortError, Refusal, Text, quota};

/// Names a step within its operation, as `alias:hello`. Journals refer to steps by this name: never rename
/// one without raising the definition's version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl StepId {
    /// A step by its bare name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
    /// One of several similar steps: `alias` of `hello`.
    pub fn of(name: &str, subject: &str) -> Self {
        Self(format!("{name}:{subject}"))
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a step affects AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only looks, or only writes our own records with its `done`. No intent is recorded.
    Look,
    /// It makes that call, a row of `docs/effects.md`.
    Mutate(&'static crate::operation::effects::Mutation),
    /// It waits for people.
    Await,
}

/// The result of a run.
#[derive(Debug)]
pub enum Progress {
    /// It is done.
    Done(Done),
    /// Not yet: look again after that time. The note is shown meanwhile.
    NotYet {
        /// How long to wait.
        after: Duration,
        /// What it waits for.
        note: Option<Text>,
    },
    /// It waits for a signal, at most until then.
    Await {
        /// When the wait ends by itself.
        until: Option<Timestamp>,
    },
}

/// The end of a step.
#[derive(Debug, Default)]
pub struct Done {
    /// The result that later steps and messages need; small, and without secrets.
    pub output: Value,
    /// Records that change in the same transaction as the journal row. If one of their preconditions fails,
    /// the step runs again.
    pub writes: Vec<Write>,
}

impl Progress {
    /// Done, with an output.
    pub fn done(output: impl Serialize) -> Result<Self, EngineError> {
        Self::recorded(output, vec![])
    }
    /// Done, with an output and records that change in the same transaction.
    pub fn recorded(output: impl Serialize, writes: Vec<Write>) -> Result<Self, EngineError> {
        let output = serde_json::to_value(output).map_err(|error| EngineError::Corrupt(error.to_string()))?;
        Ok(Progress::Done(Done { output, writes }))
    }
}

/// The result of an observation.
#[derive(Debug)]
pub enum Observed {
    /// This operation did it.
    Ours(Done),
    /// There is no trace of it.
    Absent,
    /// Somebody else changed it: touch nothing. The refusal describes what was found.
    Foreign(Refusal),
}

/// The result of an undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// It is as it was before.
    Yes,
    /// Somebody changed it since, so it was left alone. The text describes what was found.
    Left(String),
}

/// The code for missing access of Sluice to the store.
pub(crate) const NO_ACCESS: &str = "no-access";
/// The code for records that are too large for the store.
pub(crate) const TOO_LARGE: &str = "too-large";

/// Why a step made no progress.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// A call through a port failed. Its class shows whether a retry can help.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The store failed; always retried.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It can never succeed.
    #[error("{}: {}", .0.code, .0.problem)]
    Refused(Refusal),
    /// A newer version of Sluice recorded it in a way that this version does not read.
    #[error("newer than this version: {0}")]
    Newer(String),
    /// Whether it was recorded could not be found out.
    #[error("it is not known whether it was recorded")]
    Unconfirmed,
    /// The record is invalid.
    #[error("corrupt: {0}")]
    Corrupt(String),
}

impl EngineError {
    /// Whether the step may be retried as it is.
    pub fn can_retry(&self) -> bool {
        match self {
            EngineError::Port(error) => error.class.can_retry(),
            EngineError::Store(error) => !matches!(error, StoreError::Corrupt(_) | StoreError::TooLarge(_)),
            EngineError::Refused(_)
            | EngineError::Newer(_)
            | EngineError::Unconfirmed
            | EngineError::Corrupt(_) => false,
        }
    }

    /// Whether a record is invalid here, so this process cannot continue from it.
    pub fn is_corrupt(&self) -> bool {
        matches!(
            self,
            EngineError::Corrupt(_) | EngineError::Newer(_) | EngineError::Store(StoreError::Corrupt(_))
        )
    }

    /// Whether the store denies access, so a retry in a minute cannot help: an admin must give Sluice access.
    pub(crate) fn needs_access(&self) -> bool {
        matches!(self, EngineError::Store(StoreError::Refused(_)))
    }

    /// Whether the cause is the content of a record, not the connection to the store.
    pub(crate) fn is_of_what_is_recorded(&self) -> bool {
        self.is_corrupt() || matches!(self, EngineError::Store(StoreError::TooLarge(_)))
    }

    /// The refusal for people, without internals.
    pub fn refusal(&self) -> Refusal {
        match self {
            EngineError::Refused(refusal) => refusal.clone(),
            EngineError::Port(error) => refused_by_aws(error),
            EngineError::Store(StoreError::TooLarge(_)) => Refusal::new(
                TOO_LARGE,
                "The result is larger than Sluice can store (400 KB for a step or record).",
                "The sizes are in the log of Sluice.",
            ),
            EngineError::Newer(_) => Refusal::new(
                "newer-record",
                "It was recorded by a newer version of Sluice than the one that runs.",
                "Start the newer version again.",
            ),
            EngineError::Store(StoreError::Corrupt(_)) => corrupt_record(),
            EngineError::Store(StoreError::Refused(_)) => Refusal::new(
                NO_ACCESS,
                "Sluice has no access to its records.",
                "Ask an admin to run `sluice check`, which lists what is missing. Then run the command again.",
            ),
            EngineError::Store(_) | EngineError::Unconfirmed => Refusal::new(
                "store",
                "The state of Sluice could not be read or written.",
                "Run the command again in a minute.",
            ),
            EngineError::Corrupt(_) => corrupt_record(),
        }
    }
}

/// Codes of answers that the adapter does not understand, or of requests that it would not send.
const NOT_UNDERSTOOD: &[&str] =
    &["IncompleteAnswer", "UnknownStatus", "UnreadableCommitId", "UnreadablePolicy"];

/// The refusal for a failed call. It contains AWS's own sentence if that is the diagnosis.
fn refused_by_aws(error: &PortError) -> Refusal {
    let PortError { call, class, code, .. } = error;
    // `Http…`: the answer is not from the service but from something on the way.
    let said = if code.starts_with("Http") { String::new() } else { error.sentence() };
    let said = if said.is_empty() { said } else { format!(" AWS says: {said}.") };
    let (problem, hint) = match class {
        Class::Denied => (
            format!("AWS denied Sluice the call {call} ({code})."),
            "Allow the call for the credentials of Sluice, then run the command again.".to_owned(),
        ),
        Class::Conflict | Class::Precondition => (
            format!("{call} found a change by somebody else ({code})."),
            "Check who changed it, then run the command again.".to_owned(),
        ),
        Class::Absent => (
            format!("{call} did not find a resource that it needs ({code})."),
            "It may have been deleted outside Sluice. Run the command again to create it.".to_owned(),
        ),
        Class::Invalid if NOT_UNDERSTOOD.contains(&code.as_str()) => (
            format!("Sluice does not understand the answer of AWS to {call} ({code})."),
            "The details are in the log of Sluice. Run the command again; if it fails the same way, Sluice needs an update."
                .to_owned(),
        ),
        Class::Invalid => (
            format!("AWS refused {call} ({code}).{said}"),
            "Fix the cause, then run the command again. The whole message is in the log of Sluice.".to_owned(),
        ),
        Class::Quota => {
            let (name, hint) = quota(call);
            (
                format!("AWS refused {call} ({code}): {name} is used up.{said}"),
                format!("{hint}. Then run the command again."),
            )
        }
        Class::Busy => (
            format!("{call} was refused repeatedly because another change was in progress ({code})."),
            "Check in AWS what is being changed, and run the command again afterwards.".to_owned(),
        ),
        Class::Transient | Class::Throttled | Class::Ambiguous => (
            format!("{call} kept failing ({code})."),
            "AWS is having problems. Try again once it has recovered.".to_owned(),
        ),
    };
    Refusal::new(&format!("aws-{class}"), problem, hint)
}

fn corrupt_record() -> Refusal {
    Refusal::new(
        "corrupt-record",
        "This version of Sluice cannot read a record of this operation.",
        "Contact an admin. The log of Sluice names the record.",
    )
}

/// The context of a running step.
#[derive(Clone)]
pub struct Context {
    /// The ports and settings.
    pub world: Arc<World>,
    /// The operation.
    pub operation: OperationId,
    /// The signals to this step so far, oldest first.
    pub signals: Vec<RecordedSignal>,
    /// When this process began the step, which may be several looks ago.
    pub begun: Instant,
}

/// One step of an operation.
#[async_trait]
pub trait Step: Send + Sync {
    /// How it affects AWS.
    fn effect(&self) -> Effect;
    /// Runs the step.
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError>;
    /// Looks whether it was done already. Called only for mutations with an intent and no end.
    async fn observe(&self, _cx: &Context) -> Result<Observed, EngineError> {
        Ok(Observed::Absent)
    }
    /// The shell command with which a person restores the former state, if there was one.
    fn by_hand(&self) -> Option<String> {
        None
    }
    /// Undoes what was done, given its output. Called only if the mutation's row declares an undo, and
    /// perhaps more than once: it looks before it changes anything, and leaves anything that is not as this
    /// step left it.
    async fn undo(&self, _cx: &Context, _output: &Value) -> Result<Undone, EngineError> {
        Err(EngineError::Corrupt("a step that takes nothing back was asked to".into()))
    }
}

/// A step in its operation: its needs and its slot.
#[derive(Clone)]
pub struct Node {
    /// Its name.
    pub id: StepId,
    /// The title that people read: "publish `hello`". Empty: not shown.
    pub title: Text,
    /// The steps that must be done before it.
    pub needs: Vec<StepId>,
    /// The slot that must be held while it runs, until the operation ends or waits for people.
    pub slot: Option<Slot>,
    /// Whether it is the point of no return.
    pub is_point_of_no_return: bool,
    /// Whether the effect of its mutation has ended by itself, so there is nothing to undo.
    pub is_spent: bool,
    /// The code of the step.
    pub step: Arc<dyn Step>,
}

impl Node {
    /// A step that needs nothing and holds no slot.
    pub fn new(id: StepId, title: impl Into<Text>, step: impl Step + 'static) -> Self {
        Self {
            id,
            title: title.into(),
            needs: vec![],
            slot: None,
            is_point_of_no_return: false,
            is_spent: false,
            step: Arc::new(step),
        }
    }
    /// Adds needs.
    pub fn after(mut self, needs: impl IntoIterator<Item = StepId>) -> Self {
        self.needs.extend(needs);
        self
    }
    /// Marks the point of no return: once it is done, failure and cancel undo nothing.
    pub fn point_of_no_return(mut self) -> Self {
        self.is_point_of_no_return = true;
        self
    }
    /// Marks it as having nothing to undo if what it began is over.
    pub fn spent_if(mut self, is_over: bool) -> Self {
        self.is_spent = is_over;
        self
    }
    /// Whether its recorded mutation is undone if the operation fails.
    pub(crate) fn is_undone(&self) -> bool {
        !self.is_spent && matches!(self.step.effect(), Effect::Mutate(mutation) if mutation.is_undone())
    }
    /// Sets the slot that must be held.
    pub fn holding(mut self, slot: Slot) -> Self {
        self.slot = Some(slot);
        self
    }
}
