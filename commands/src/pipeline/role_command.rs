//! Plans a change of a pipeline's roles.

use crate::installation::{Installation, Invocation, Plan, Reject};
use crate::operation::{EngineError, Snapshot, marked};
use crate::rules::{RoleChange, for_whom};
use sluice_grammar::{Command, PipelineCommand};
use sluice_model::Text;

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
        let (role, of) = (change.role, for_whom(change.name.as_ref()));
        let text = Text::plain(if change.gives { "Making " } else { "Revoking " });
        let answer = match change.gives {
            true => text.member(&change.person).join(marked(&format!(" {} {of}.", role.one()))),
            false => {
                let what = marked(&format!("{} {of} from ", role.word()));
                text.join(what).member(&change.person).then(".")
            }
        };
        Plan::new(change.kind(), change, command.clone(), answer)
    }
}
