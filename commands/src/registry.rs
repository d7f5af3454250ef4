//! The operations: what `/repo create`, `/build`, `/deploy`, `/stage add|set|lock|unlock`, `/promote`, `/rollback` and
//! `/pipeline grant|revoke` do.
//!
//! Each is a [`Operation`](crate::operation::Operation): parameters, and from what is known the steps that can be
//! named. The steps that several share stand in `steps`.

pub mod access;
#[cfg(test)]
mod alphabets;
pub mod boundaries;
pub mod bucket;
pub mod build;
pub mod deploy;
pub mod init;
pub mod promote;
pub mod repo_create;
pub mod rollback;
pub mod stage_add;
pub mod stage_lock;
pub mod stage_set;
pub mod stage_unlock;
pub(crate) mod steps;
pub mod tidy;

pub use crate::names;
use crate::operation::Registry;
pub use crate::resources::rights;

/// All operations of this version of Sluice.
pub fn registry() -> Registry {
    Registry::default()
        .with(repo_create::RepoCreate)
        .with(build::BuildOperation)
        .with(stage_add::StageAdd)
        .with(stage_set::StageSet)
        .with(stage_lock::StageLock)
        .with(stage_unlock::StageUnlock)
        .with(access::ChangeRole(access::GRANT))
        .with(access::ChangeRole(access::REVOKE))
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
