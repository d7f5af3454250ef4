//! How a change set of SHED ended, for people.

use super::super::execution::PassEnd;
use super::steps::FoundShed;
use crate::operation::{OperationState, StepId};

/// Why CloudFormation could not do it, and what it left in the account: as sentences. `None` while it is not known.
pub(super) fn ended(op: &OperationState, id: &str) -> Option<PassEnd> {
    let done: Option<PassEnd> = op.output(&StepId::of("stack-done", id)).ok().flatten();
    if done.is_some() {
        return done;
    }
    let found: Option<FoundShed> = op.output(&StepId::of("stack-changes", id)).ok().flatten();
    found.and_then(|found| found.failure).map(|failure| PassEnd { failure: Some(failure), left: vec![] })
}
