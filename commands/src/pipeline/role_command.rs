//! Plans a change of a pipeline's roles.

use crate::installation::{Installation, Invocation, Plan, Reject};
use crate::operation::{EngineError, Snapshot};
use crate::pipeline::role_messages as messages;
use crate::rules::RoleChange;
use sluice_grammar::{Command, PipelineCommand};

/// The change that a command requests.
pub(crate) fn change_of(command: &Command) -> Option<RoleChange> {
    let (gives, person, role, name) = match command {
        Command::Pipeline(PipelineCommand::Grant { person, role, name }) => (true, person, role, name),
        Command::Pipeline(PipelineCommand::Revoke { person, role, name }) => (false, person, role, name),
        _ => return None,
    };
    Some(RoleChange { person: person.clone(), role: *role, name: name.clone(), gives })
}

impl Installation {
    /// Refuses a change that is not possible before an operation starts.
    pub(crate) fn role_change(
        &self,
        invocation: &Invocation,
        snapshot: &Snapshot,
        command: &Command,
    ) -> Result<Plan, Reject> {
        let change = change_of(command)
            .ok_or_else(|| EngineError::Corrupt(format!("no change of roles: {command}")))?;
        snapshot.roles.changed(&change, &invocation.actor, self.engine.world().clock.now())?;
        let answer = messages::changing(&change);
        Plan::new(change.kind(), change, command.clone(), answer)
    }
}
