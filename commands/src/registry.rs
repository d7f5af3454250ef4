//! The operations of this version of Sluice by kind.

use crate::operation::Registry;
use crate::pipeline::roles::ChangeRole;
use crate::pipeline::tidy;
use crate::rules::RoleChange;
use crate::steps::RecordChange;
use crate::{build_op, deploy, promote, repo, rollback, stage};

/// All operations of this version of Sluice.
pub fn registry() -> Registry {
    Registry::default()
        .with(repo::RepoCreate)
        .with(build_op::BuildOperation)
        .with(RecordChange(stage::add::StageAdd))
        .with(RecordChange(stage::set::StageSet))
        .with(stage::remove::StageRemove)
        .with(stage::lock::StageLock)
        .with(RecordChange(stage::unlock::StageUnlock))
        .with(RecordChange(ChangeRole(RoleChange::GRANT)))
        .with(RecordChange(ChangeRole(RoleChange::REVOKE)))
        .with(deploy::Deploy)
        .with(promote::Promote)
        .with(rollback::Rollback)
        .with(tidy::Tidy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::OperationState;
    use crate::operation::testing::{operation_id, spec};
    use sluice_grammar::table;

    #[test]
    fn parameters_that_do_not_decode_bind_no_operation() {
        for kind in registry().all() {
            let op = OperationState::new(operation_id(1), spec(kind.kind()));
            let error = kind.clone().bind(&op).err();
            assert!(error.is_some_and(|error| error.is_corrupt()), "{}", kind.kind());
        }
    }

    #[test]
    fn operations_that_commands_concern_are_registered() {
        let kinds: Vec<&str> = registry().all().map(|kind| kind.kind()).collect();
        for form in table().filter(|form| form.available) {
            let operation = form.action.operation();
            assert!(operation.is_none_or(|kind| kinds.contains(&kind)), "{}: {operation:?}", form.topic());
        }
    }
}
