//! The result of an operation in one line, and the reason of its failure.

use crate::operation::update::marks::marked;
use sluice_engine::{CANCELLED, EXPIRED, OperationState, REJECTED, Status, Summary, VOID};
use sluice_model::{Span, Text};

/// The headline: the result, or the operation and its state.
pub(super) fn headline(summary: &Summary, op: &OperationState) -> Text {
    let status = op.status();
    let own = match status {
        Status::Running => &summary.doing,
        Status::Waiting => &summary.waiting,
        Status::Succeeded => &summary.done,
        _ => &None,
    };
    let own_state = summary.state.filter(|_| matches!(status, Status::Waiting | Status::Succeeded));
    if let Some(own) = own.as_ref().filter(|_| own_state.is_none()) {
        return own.clone();
    }
    let state = match status {
        Status::Running => "is running",
        Status::Waiting => "is waiting",
        Status::Succeeded => "succeeded",
        Status::Unwinding if op.cancelled.is_some() => "is being cancelled",
        Status::Unwinding => "is being undone",
        Status::Failed => match op.failure() {
            _ if op.resolved.is_some() => "was marked as resolved",
            Some(refusal) if refusal.code == REJECTED => "was rejected",
            Some(refusal) if refusal.code == EXPIRED => "expired",
            Some(refusal) if refusal.code == VOID => "is void",
            Some(refusal) if refusal.code == CANCELLED => "was cancelled",
            _ => "failed",
        },
        Status::Stuck => "is stuck",
    };
    let title = summary.title.clone().then(" ").bold(own_state.unwrap_or(state));
    match summary.result.as_ref().filter(|_| own_state.is_some()) {
        Some(result) => title.then(": ").join(result.clone()),
        None => title,
    }
}

/// The reason of a failure in one line, without mentions: only the one message mentions people.
pub(super) fn cause(op: &OperationState) -> Option<Text> {
    let refusal = op.failure().filter(|_| !matches!(op.ended, Some((_, true))))?;
    let why = marked(refusal.problem.lines().next()?.trim_end_matches(':'));
    let mentions = why.0.iter().any(|span| matches!(span, Span::User(_) | Span::Group(_)));
    (!mentions && !why.is_empty()).then_some(why)
}
