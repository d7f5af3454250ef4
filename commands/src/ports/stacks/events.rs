use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ResourceStatus;

/// Most events that one read returns: about three operations of a stack with 500 resources.
pub const MAX_EVENTS: usize = 5_000;

/// Something that happened to a resource of a stack, or to the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackEvent {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The token of the request that began the operation; none for operations of callers that sent none.
    pub token: Option<String>,
    /// The resource's name in the template; the stack's name for the stack itself.
    pub logical_id: String,
    /// The resource's name or id, once it exists; the stack's id for the stack itself.
    pub physical_id: Option<String>,
    /// As `AWS::SQS::Queue`.
    pub resource_type: String,
    /// Its status from then on.
    pub status: ResourceStatus,
    /// Why, in the service's words.
    pub reason: Option<String>,
    /// Whether it is about the stack itself.
    pub is_of_stack: bool,
}

/// Which events to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventsSince {
    /// Those in the first page of the answer, which has the newest: one call. CloudFormation does not say how many they are.
    Newest,
    /// All that CloudFormation still has.
    Beginning,
    /// Those after the event with this id.
    Event(String),
    /// Those of the operation that began with this token.
    Token(String),
}

/// Events of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackEvents {
    /// The newest first.
    pub events: Vec<StackEvent>,
    /// Whether these are all of them: false if there were more than [`MAX_EVENTS`], or in
    /// another page than the first, for [`EventsSince::Newest`].
    pub is_complete: bool,
}

impl StackEvents {
    /// The failure that caused the others: the first one in time. CloudFormation cancels what else it was doing when a
    /// resource fails; such cancellations are no cause. Without a failed resource, the stack's own failure.
    pub fn first_failure(&self) -> Option<&StackEvent> {
        let oldest_first = || self.events.iter().rev();
        let failed = |event: &&StackEvent| event.status.has_failed() && !is_cancelled(event);
        let of_resource = oldest_first().filter(failed).find(|event| !event.is_of_stack);
        // The stack's reason is in the event in which its rollback begins: it has no event that says failed.
        let reported = |event: &&StackEvent| {
            event.is_of_stack
                && event.reason.as_deref().is_some_and(|reason| reason != USER_INITIATED)
                && (event.status.has_failed() || event.status.0.contains("ROLLBACK_IN_PROGRESS"))
        };
        of_resource.or_else(|| oldest_first().find(reported))
    }
}

/// The reason of the first event of an operation, which somebody began.
const USER_INITIATED: &str = "User Initiated";

/// `Resource creation cancelled`, `Resource update cancelled`.
fn is_cancelled(event: &StackEvent) -> bool {
    let reason = event.reason.as_deref().unwrap_or_default();
    reason.starts_with("Resource ") && reason.trim_end_matches('.').ends_with(" cancelled")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(logical_id: &str, status: &str, reason: &str) -> StackEvent {
        StackEvent {
            id: format!("{logical_id}-{status}"),
            at: Timestamp::UNIX_EPOCH,
            token: None,
            logical_id: logical_id.into(),
            physical_id: None,
            resource_type: "AWS::SQS::Queue".into(),
            status: ResourceStatus(status.into()),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            is_of_stack: logical_id == "stack",
        }
    }

    fn events(oldest_first: Vec<StackEvent>) -> StackEvents {
        StackEvents { events: oldest_first.into_iter().rev().collect(), is_complete: true }
    }

    #[test]
    fn the_first_failure_is_the_cause_and_a_cancellation_is_none() {
        let found = events(vec![
            event("stack", "UPDATE_IN_PROGRESS", "User Initiated"),
            event("Rule", "CREATE_FAILED", "Resource creation cancelled"),
            event("Queue", "CREATE_FAILED", "sluice-orders-prod-q already exists"),
            event("Topic", "UPDATE_FAILED", "Resource update cancelled."),
            event("Other", "CREATE_FAILED", "too late"),
            event(
                "stack",
                "UPDATE_ROLLBACK_IN_PROGRESS",
                "The following resource(s) failed to create: [Queue].",
            ),
        ]);
        assert_eq!(found.first_failure().map(|event| event.logical_id.as_str()), Some("Queue"));
    }

    #[test]
    fn without_a_failed_resource_the_stack_says_why() {
        let reason = "Role arn is invalid or cannot be assumed";
        let failed = vec![
            event("stack", "CREATE_IN_PROGRESS", "User Initiated"),
            event("stack", "ROLLBACK_IN_PROGRESS", reason),
        ];
        assert_eq!(events(failed).first_failure().and_then(|event| event.reason.as_deref()), Some(reason));
        let fine = vec![event("Queue", "CREATE_COMPLETE", ""), event("stack", "CREATE_COMPLETE", "")];
        assert_eq!(events(fine).first_failure(), None);
    }
}
