//! The changes of a change set, as the passes judge them.

use crate::ports::{self, ResourceChange};
use sluice_template::plain::{ChangeAction, Described, PolicyAction, Replacement};

/// A change as the passes judge it.
pub(super) fn described(change: &ResourceChange) -> Described {
    Described {
        logical_id: change.logical_id.clone(),
        kind: change.resource_type.clone(),
        action: match change.action {
            ports::ChangeAction::Add => ChangeAction::Add,
            ports::ChangeAction::Modify => ChangeAction::Modify,
            ports::ChangeAction::Remove => ChangeAction::Remove,
            ports::ChangeAction::Import => ChangeAction::Import,
            ports::ChangeAction::Dynamic => ChangeAction::Dynamic,
            ports::ChangeAction::Sync => ChangeAction::SyncWithActual,
        },
        replacement: (change.action == ports::ChangeAction::Modify).then_some(match change.replacement {
            ports::Replacement::No => Replacement::False,
            ports::Replacement::Conditional => Replacement::Conditional,
            ports::Replacement::Yes => Replacement::True,
        }),
        policy_action: change.policy_action.map(|action| match action {
            ports::PolicyAction::Delete => PolicyAction::Delete,
            ports::PolicyAction::Retain => PolicyAction::Retain,
            ports::PolicyAction::Snapshot => PolicyAction::Snapshot,
            ports::PolicyAction::ReplaceAndDelete => PolicyAction::ReplaceAndDelete,
            ports::PolicyAction::ReplaceAndRetain => PolicyAction::ReplaceAndRetain,
            ports::PolicyAction::ReplaceAndSnapshot => PolicyAction::ReplaceAndSnapshot,
        }),
        scope: change.scope.iter().cloned().collect(),
        properties: change.causes.iter().filter_map(|cause| cause.property.clone()).collect(),
    }
}
