use std::fmt;

use serde::{Deserialize, Serialize};

/// What can be done with a stack in some status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StackClass {
    /// It can be updated. It says nothing about the last update: `UPDATE_ROLLBACK_COMPLETE` is stable, too.
    Stable,
    /// CloudFormation is changing it: other changes are refused until it ends.
    InProgress,
    /// Its creation never completed. CloudFormation only deletes it; from `REVIEW_IN_PROGRESS` it can also be created, by a
    /// change set of the kind [`ChangeSetKind::Create`](super::ChangeSetKind::Create).
    NeedsCleanUp,
    /// It has resources that may be in use, and it accepts no update: a person has to decide.
    Broken,
    /// It was deleted. Only its id finds it, for 90 days.
    Gone,
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $class:ident;)*) => {
        /// The status of a stack: every value of CloudFormation's `StackStatus`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum StackStatus {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl StackStatus {
            /// All of them.
            pub const ALL: &[StackStatus] = &[$(StackStatus::$name),*];

            /// CloudFormation's word.
            pub fn as_str(self) -> &'static str {
                match self { $(StackStatus::$name => $text,)* }
            }

            /// What can be done with a stack in this status.
            pub fn class(self) -> StackClass {
                match self { $(StackStatus::$name => StackClass::$class,)* }
            }
        }
    };
}

statuses! {
    /// An empty stack that a change set created: it has no resources, only the change set.
    ReviewInProgress = "REVIEW_IN_PROGRESS", NeedsCleanUp;
    /// Its resources are being created.
    CreateInProgress = "CREATE_IN_PROGRESS", InProgress;
    /// Its creation failed, and what was created stays.
    CreateFailed = "CREATE_FAILED", NeedsCleanUp;
    /// It was created.
    CreateComplete = "CREATE_COMPLETE", Stable;
    /// Its creation failed, and what was created is being deleted.
    RollbackInProgress = "ROLLBACK_IN_PROGRESS", InProgress;
    /// Its creation failed, and something that was created could not be deleted.
    RollbackFailed = "ROLLBACK_FAILED", NeedsCleanUp;
    /// Its creation failed, and it has no resources.
    RollbackComplete = "ROLLBACK_COMPLETE", NeedsCleanUp;
    /// It is being deleted.
    DeleteInProgress = "DELETE_IN_PROGRESS", InProgress;
    /// Some of its resources could not be deleted. Only its deletion can be repeated, and may leave these resources.
    DeleteFailed = "DELETE_FAILED", Broken;
    /// It was deleted.
    DeleteComplete = "DELETE_COMPLETE", Gone;
    /// It is being updated.
    UpdateInProgress = "UPDATE_IN_PROGRESS", InProgress;
    /// The update succeeded and cannot be rolled back any more; replaced and removed resources are being deleted.
    UpdateCompleteCleanupInProgress = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", InProgress;
    /// It was updated. Resources that the clean-up could not delete are left without a stack.
    UpdateComplete = "UPDATE_COMPLETE", Stable;
    /// The update failed and was not rolled back.
    UpdateFailed = "UPDATE_FAILED", Broken;
    /// The update failed and is being rolled back.
    UpdateRollbackInProgress = "UPDATE_ROLLBACK_IN_PROGRESS", InProgress;
    /// The update failed, and so did its rollback.
    UpdateRollbackFailed = "UPDATE_ROLLBACK_FAILED", Broken;
    /// The update was rolled back, and what it created is being deleted.
    UpdateRollbackCompleteCleanupInProgress = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", InProgress;
    /// The update was rolled back.
    UpdateRollbackComplete = "UPDATE_ROLLBACK_COMPLETE", Stable;
    /// Existing resources are being added to it.
    ImportInProgress = "IMPORT_IN_PROGRESS", InProgress;
    /// Existing resources were added to it.
    ImportComplete = "IMPORT_COMPLETE", Stable;
    /// An import failed and is being rolled back.
    ImportRollbackInProgress = "IMPORT_ROLLBACK_IN_PROGRESS", InProgress;
    /// An import failed, and so did its rollback.
    ImportRollbackFailed = "IMPORT_ROLLBACK_FAILED", Broken;
    /// An import was rolled back.
    ImportRollbackComplete = "IMPORT_ROLLBACK_COMPLETE", Stable;
}

impl StackStatus {
    /// The status with that word; `None` if CloudFormation has a new one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == text)
    }

    /// Whether the last creation, update or import did what was asked. `UPDATE_COMPLETE_CLEANUP_IN_PROGRESS` counts: the
    /// outputs are final, only deletions are left.
    pub fn succeeded(self) -> bool {
        matches!(
            self,
            StackStatus::CreateComplete
                | StackStatus::UpdateComplete
                | StackStatus::UpdateCompleteCleanupInProgress
                | StackStatus::ImportComplete
        )
    }
}

impl fmt::Display for StackStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The status of a resource, in CloudFormation's words (`UPDATE_FAILED`). Not an enum: a new word must not hide a failure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceStatus(pub String);

impl ResourceStatus {
    /// Whether its last change failed.
    pub fn has_failed(&self) -> bool {
        self.0.ends_with("_FAILED")
    }
    /// Whether it is being changed.
    pub fn is_in_progress(&self) -> bool {
        self.0.ends_with("_IN_PROGRESS")
    }
    /// Whether the stack no longer has it: deleted, or left alone (`DELETE_SKIPPED`) because its policy is to retain it.
    pub fn is_gone(&self) -> bool {
        self.0 == "DELETE_COMPLETE" || self.0 == "DELETE_SKIPPED"
    }
}

impl fmt::Display for ResourceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_cloudformations_word() {
        for status in StackStatus::ALL {
            assert_eq!(StackStatus::parse(status.as_str()), Some(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(StackStatus::parse("UPDATE_PAUSED"), None);
        // CloudFormation's `StackStatus` has 23 values.
        assert_eq!(StackStatus::ALL.len(), 23);
    }

    #[test]
    fn only_changes_in_progress_wait() {
        for status in StackStatus::ALL {
            let name_says = status.as_str().ends_with("_IN_PROGRESS");
            let waits = name_says && *status != StackStatus::ReviewInProgress;
            assert_eq!(status.class() == StackClass::InProgress, waits, "{status}");
        }
    }

    #[test]
    fn a_failed_status_is_never_stable() {
        for status in StackStatus::ALL.iter().filter(|status| status.as_str().ends_with("_FAILED")) {
            assert!(matches!(status.class(), StackClass::Broken | StackClass::NeedsCleanUp), "{status}");
            assert!(!status.succeeded(), "{status}");
        }
    }

    #[test]
    fn a_retained_resource_has_left_the_stack() {
        let status = |text: &str| ResourceStatus(text.to_owned());
        assert!(status("DELETE_SKIPPED").is_gone());
        assert!(status("UPDATE_ROLLBACK_FAILED").has_failed());
        assert!(!status("DELETE_FAILED").is_gone());
        assert!(status("UPDATE_IN_PROGRESS").is_in_progress());
    }
}
