//! Steps: the parts of an operation, which run and can be recognised afterwards.
//!
//! A step makes at most one remote mutation. If a process that died may have made it, it is *observed* before
//! it runs, so a mutation knows how to find its own result.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::application::Application;
use crate::effects::Mutation;
use crate::error::EngineError;
use crate::ports::Write;
use crate::recorded_signal::RecordedSignal;
use crate::slot::Slot;
use crate::step_id::StepId;
use crate::world::World;
use sluice_model::{OperationId, Refusal, Text};

/// How a step affects the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only looks, or only writes our own records with its `done`. No intent is recorded.
    Look,
    /// It makes that call, a row of `docs/effects.md`.
    Mutate(&'static Mutation),
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

/// The context of a running step.
pub struct Context<A: Application> {
    /// The ports and settings.
    pub world: Arc<World<A>>,
    /// The operation.
    pub operation: OperationId,
    /// The signals to this step so far, oldest first.
    pub signals: Vec<RecordedSignal>,
    /// When this process began the step, which may be several looks ago.
    pub begun: Instant,
}

/// One step of an operation.
#[async_trait]
pub trait Step<A: Application>: Send + Sync {
    /// How it affects the world.
    fn effect(&self) -> Effect;
    /// Runs the step.
    async fn run(&self, cx: &Context<A>) -> Result<Progress, EngineError>;
    /// Looks whether it was done already. Called only for mutations with an intent and no end.
    async fn observe(&self, _cx: &Context<A>) -> Result<Observed, EngineError> {
        Ok(Observed::Absent)
    }
    /// The shell command with which a person restores the former state, if there was one.
    fn by_hand(&self) -> Option<String> {
        None
    }
    /// Undoes what was done, given its output. Called only if the mutation's row declares an undo, and
    /// perhaps more than once: it looks before it changes anything, and leaves anything that is not as this
    /// step left it.
    async fn undo(&self, _cx: &Context<A>, _output: &Value) -> Result<Undone, EngineError> {
        Err(EngineError::Corrupt("a step without an undo was asked to undo".into()))
    }
}

/// A step in its operation: its needs and its slot.
pub struct Node<A: Application> {
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
    pub step: Arc<dyn Step<A>>,
}

impl<A: Application> Node<A> {
    /// A step that needs nothing and holds no slot.
    pub fn new(id: StepId, title: impl Into<Text>, step: impl Step<A> + 'static) -> Self {
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

impl<A: Application> Clone for Node<A> {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            title: self.title.clone(),
            needs: self.needs.clone(),
            slot: self.slot.clone(),
            is_point_of_no_return: self.is_point_of_no_return,
            is_spent: self.is_spent,
            step: Arc::clone(&self.step),
        }
    }
}
