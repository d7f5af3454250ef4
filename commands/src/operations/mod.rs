//! The operations: what `/repo create`, `/build`, `/deploy`, `/stage add|set|lock|unlock`, `/promote`, `/rollback` and
//! `/pipeline grant|revoke` do.
//!
//! Each is a [`Operation`](crate::operation::Definition): parameters, and from what is known the steps that can be
//! named. The steps that several share stand in `steps`.

pub mod access;
#[cfg(test)]
mod alphabets;
pub mod boundaries;
pub mod bucket;
pub mod build;
pub mod deploy;
pub mod init;
pub mod names;
pub mod promote;
pub mod repo_create;
pub mod rights;
pub mod rollback;
pub mod stage_add;
pub mod stage_lock;
pub mod stage_set;
pub mod stage_unlock;
pub(crate) mod steps;
pub mod tidy;

use crate::operation::Registry;

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
    use crate::operation::testing::{operation_id, spec};
    use crate::operation::{DEPLOY, OperationState, PROMOTE, ROLLBACK, Slot, Snapshot};
    use sluice_model::Permission;

    #[test]
    fn a_gate_lets_nothing_through_that_it_cannot_read() {
        let prod = Slot::Stage("prod".parse().unwrap());
        let at = "2026-03-01T12:00:00Z".parse().unwrap();
        for kind in [DEPLOY, PROMOTE, ROLLBACK] {
            let definition = registry().newest(kind).expect("a definition");
            let op = OperationState::new(operation_id(1), spec(kind));
            let gate = definition.gate(&op, &prod, &Snapshot::default(), at);
            assert_eq!(gate.unwrap_err().code, "corrupt-record", "{kind}");
        }
        let promote = registry().newest(PROMOTE).expect("a definition");
        let permission = promote.permission(&OperationState::new(operation_id(1), spec(PROMOTE)));
        assert_eq!(permission, Permission::Admins, "an override may be among what cannot be read");
    }
}
