//! Who changed a stage's stack last.
//!
//! CloudFormation's own drift detection needs the right to read every resource, which Sluice must not have. The newest event of the
//! stack itself is enough to see whether Sluice began its last operation: *All events triggered by a given stack operation are assigned
//! the same client request token* (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html>), and
//! Sluice sends one with each request that begins an operation (`token.rs`), `ExecuteChangeSet` included. Operations that somebody
//! began in the console have tokens like `Console-UpdateStack-…`; the AWS command line sends none. It is one call. What somebody
//! changed in a resource itself, and not in the stack, is not seen.

use jiff::Timestamp;

use super::token::is_ours;
use super::what::StackOfStage;
use crate::operation::World;
use crate::ports::{EventsSince, StackClass, StackEvent, StackStatus};
use sluice_model::PortResult;

/// What differs about a stack from how Sluice left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StackDrift {
    /// It does not exist.
    Gone,
    /// Somebody else changed it last.
    Changed {
        /// CloudFormation's word for the result.
        status: String,
        /// When the change ended.
        at: Timestamp,
    },
    /// Somebody else is changing it.
    Changing {
        /// CloudFormation's word for the change.
        status: StackStatus,
        /// Since when it has this status.
        since: Timestamp,
    },
    /// It accepts no update.
    Blocked {
        /// Its status, of the class [`StackClass::Broken`] or [`StackClass::NeedsCleanUp`].
        status: StackStatus,
        /// Why, in the service's words.
        reason: Option<String>,
    },
}

impl StackOfStage {
    /// How the stack differs from what Sluice left there. `planned`: when the operation was accepted that planned its passes last. It
    /// began with the template of that time, so an older change is settled.
    ///
    /// # Errors
    ///
    /// AWS did not answer.
    pub(crate) async fn changed_outside(
        &self,
        world: &World,
        planned: Timestamp,
    ) -> PortResult<Option<StackDrift>> {
        let found = world.ports.stacks.stack_events(&self.target, &self.name(), &EventsSince::Newest).await?;
        let Some(found) = found else { return Ok(Some(StackDrift::Gone)) };
        // A large stack may have so many newer events of its resources that its own are not in the answer. Nothing is known then.
        Ok(found.events.iter().find(|event| event.is_of_stack).and_then(|event| drift(event, planned)))
    }
}

fn drift(event: &StackEvent, planned: Timestamp) -> Option<StackDrift> {
    let is_others = !event.token.as_deref().is_some_and(is_ours);
    let changed = || StackDrift::Changed { status: event.status.0.clone(), at: event.at };
    let Some(status) = StackStatus::parse(&event.status.0) else {
        return (is_others && event.at > planned).then(changed);
    };
    match status.class() {
        StackClass::Gone => Some(StackDrift::Gone),
        StackClass::Broken | StackClass::NeedsCleanUp => {
            Some(StackDrift::Blocked { status, reason: event.reason.clone() })
        }
        StackClass::InProgress if is_others => Some(StackDrift::Changing { status, since: event.at }),
        StackClass::Stable if is_others && event.at > planned => Some(changed()),
        StackClass::InProgress | StackClass::Stable => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::ResourceStatus;

    const OURS: &str = "sluice-01ARZ3NDEKTSV4RRFFQ69G5FAV-grow";

    fn at(minute: u32) -> Timestamp {
        format!("2026-03-02T12:{minute:02}:00Z").parse().unwrap()
    }

    /// The drift if this is the newest event, at minute 10.
    fn of(token: Option<&str>, status: &str, planned: u32) -> Option<StackDrift> {
        let event = StackEvent {
            id: "1".to_owned(),
            at: at(10),
            token: token.map(str::to_owned),
            logical_id: "sluice-orders-prod".to_owned(),
            physical_id: None,
            resource_type: "AWS::CloudFormation::Stack".to_owned(),
            status: ResourceStatus(status.to_owned()),
            reason: None,
            is_of_stack: true,
        };
        drift(&event, at(planned))
    }

    fn changed(status: &str) -> Option<StackDrift> {
        Some(StackDrift::Changed { status: status.to_owned(), at: at(10) })
    }

    #[test]
    fn the_token_of_the_newest_event_tells_who_changed_a_stack() {
        let console = Some("Console-UpdateStack-7f59c3cf-00d2-40c7-b2ff-e75db0987002");
        assert_eq!(of(Some(OURS), "UPDATE_COMPLETE", 5), None);
        assert_eq!(of(console, "UPDATE_COMPLETE", 5), changed("UPDATE_COMPLETE"));
        assert_eq!(of(None, "UPDATE_ROLLBACK_COMPLETE", 5), changed("UPDATE_ROLLBACK_COMPLETE"));
        assert_eq!(of(None, "UPDATE_PAUSED", 5), changed("UPDATE_PAUSED"), "a new word of CloudFormation");
        assert_eq!(of(Some(OURS), "UPDATE_PAUSED", 5), None);
        let status = StackStatus::DeleteInProgress;
        assert_eq!(
            of(console, "DELETE_IN_PROGRESS", 15),
            Some(StackDrift::Changing { status, since: at(10) })
        );
        assert_eq!(of(Some(OURS), "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", 5), None);
    }

    #[test]
    fn a_change_before_the_last_plan_is_settled() {
        assert_eq!(of(None, "UPDATE_COMPLETE", 10), None);
        assert_eq!(of(None, "UPDATE_COMPLETE", 11), None);
    }

    #[test]
    fn a_stack_that_accepts_no_update_is_blocked_also_after_a_change_by_sluice() {
        for (token, word) in [(Some(OURS), "UPDATE_ROLLBACK_FAILED"), (None, "ROLLBACK_COMPLETE")] {
            let status = StackStatus::parse(word).unwrap();
            assert_eq!(of(token, word, 15), Some(StackDrift::Blocked { status, reason: None }));
        }
        assert_eq!(of(None, "DELETE_COMPLETE", 15), Some(StackDrift::Gone));
    }
}
