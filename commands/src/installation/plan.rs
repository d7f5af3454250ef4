//! The plan of an operation: a command with all its optional parts filled in.

use serde::Serialize;
use serde_json::Value;

use crate::installation::{Invocation, Reject};
use crate::operation::{EngineError, Snapshot};
use crate::ports::{Guard, Guards, Write};
use sluice_grammar::Command;
use sluice_model::{OperationId, Permission, PipelineName, Text};

/// A command with all its optional parts filled in, as parameters of an operation.
pub(crate) struct Plan {
    pub(crate) kind: &'static str,
    pub(crate) params: Value,
    pub(crate) command: Command,
    pub(crate) counters: Guards,
    pub(crate) writes: Vec<Write>,
    pub(crate) answer: Text,
    /// A note for the answer.
    pub(crate) note: Option<String>,
    /// The permission that these parameters need, if it is stricter than the command's.
    pub(crate) permission: Option<Permission>,
}

impl Plan {
    /// A plan for an operation of the kind that the command's table row states.
    pub(crate) fn new(params: impl Serialize, command: Command, answer: Text) -> Result<Self, Reject> {
        let kind = command.form().action.operation().ok_or_else(|| misdirected(&command))?;
        let params = serde_json::to_value(params).map_err(|error| EngineError::Corrupt(error.to_string()))?;
        let (counters, writes) = (Guards::new(), vec![]);
        Ok(Self { kind, params, command, counters, writes, answer, note: None, permission: None })
    }

    /// Also takes the next number of a counter.
    pub(crate) fn counting(mut self, counter: &str, number: u32) -> Self {
        self.counters.insert(counter.to_owned(), Guard::Number(number.into()));
        self
    }

    /// Adds a note to the answer.
    pub(crate) fn noting(self, note: Option<String>) -> Self {
        Self { note, ..self }
    }

    /// Requires a permission.
    pub(crate) fn only_for(self, permission: Permission) -> Self {
        Self { permission: Some(permission), ..self }
    }

    /// Also writes a record.
    pub(crate) fn writing(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }
}

/// A command that becomes an operation, and the state that its plan is based on.
#[derive(Clone, Copy)]
pub(crate) struct Planning<'a> {
    pub(crate) invocation: &'a Invocation,
    pub(crate) command: &'a Command,
    /// The pipeline that the command names.
    pub(crate) name: &'a PipelineName,
    pub(crate) snapshot: &'a Snapshot,
    /// The id that the operation will get.
    pub(crate) id: &'a OperationId,
    /// The digest of the state that the author saw before confirming.
    pub(crate) seen: Option<&'a str>,
}

/// The error of a verb that gets a command of another one.
pub(crate) fn misdirected(command: impl std::fmt::Display) -> Reject {
    EngineError::Corrupt(format!("`{command}` reached the wrong part of its verb")).into()
}
