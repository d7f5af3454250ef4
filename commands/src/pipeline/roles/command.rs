//! Plans a change of roles for one pipeline, and makes one for all pipelines.
//!
//! A role for all pipelines belongs to no pipeline, so no operation changes it. The change is recorded together with the
//! answer, which the whole channel sees. Permission is checked on the same revision of the record that the change replaces.

use jiff::Timestamp;

use crate::installation::{Extras, Installation, Invocation, Plan, Planning, Reject, TRIES, delivery_of};
use crate::operation::{Accepted, EngineError, commit_now};
use crate::pipeline::roles::messages;
use crate::records::{Act, AuditRecord};
use crate::rules::{RoleChange, Roles};
use sluice_grammar::{Command, PipelineCommand};
use sluice_model::Answer;

/// The change that a command requests.
pub(crate) fn change_of(command: &Command) -> Option<RoleChange> {
    let (gives, person, role, name) = match command {
        Command::Pipeline(PipelineCommand::Grant { person, role, name }) => (true, person, role, name),
        Command::Pipeline(PipelineCommand::Revoke { person, role, name }) => (false, person, role, name),
        _ => return None,
    };
    Some(RoleChange { person: person.clone(), role: *role, name: name.clone(), gives })
}

fn expect_change(command: &Command) -> Result<RoleChange, EngineError> {
    change_of(command).ok_or_else(|| EngineError::Corrupt(format!("no change of roles: {command}")))
}

/// Plans a change for one pipeline. A change that is not possible is refused before an operation starts.
pub(crate) fn plan(planning: Planning<'_>, now: Timestamp) -> Result<Plan, Reject> {
    let change = expect_change(planning.command)?;
    planning.snapshot.roles.changed(&change, &planning.invocation.actor, now)?;
    let answer = messages::changing(&change).then(".");
    Plan::new(change, planning.command.clone(), answer)
}

impl Installation {
    /// Grants or revokes a role for all pipelines.
    pub(crate) async fn change_roles(
        &self,
        invocation: &Invocation,
        command: &Command,
    ) -> Result<Answer, Reject> {
        for _ in 0..TRIES {
            match self.try_change_roles(invocation, command, Extras::default()).await {
                Ok(Accepted::Yes(answer) | Accepted::Before(answer)) => return Ok(answer),
                Ok(Accepted::Again) => {}
                Err(reject) => return self.or_earlier_answer(invocation, reject).await,
            }
        }
        Err(messages::too_many_changes().into())
    }

    /// Tries once, with `extras` in the same transaction.
    pub(crate) async fn try_change_roles(
        &self,
        invocation: &Invocation,
        command: &Command,
        extras: Extras,
    ) -> Result<Accepted, Reject> {
        let change = &expect_change(command)?;
        let (world, actor) = (self.engine.world(), &invocation.actor);
        // The answer is public in the channel of the command.
        let Some(channel) = invocation.channel.clone() else { return Err(messages::no_channel().into()) };
        let (roles, at) = (Roles::read(world, None).await?, world.clock.now());
        let granted = roles.access().administer(&actor.id)?;
        let after = roles.changed(change, actor, at)?;
        let card = messages::changed_for_all(change, &after, &actor.id, at, command.to_string());
        let answer = Answer::public(card).replacing(extras.replaces);
        let audit = AuditRecord {
            at,
            act: Act::Succeeded,
            actor: actor.clone(),
            channel: Some(channel),
            pipeline: None,
            operation: self.new_id()?,
            kind: change.kind().to_owned(),
            command: command.to_string(),
            rule: granted.rule().to_owned(),
            outcome: "succeeded".into(),
            about: Default::default(),
        };
        let put = after.everywhere.put(world.keys.grants())?;
        let mut writes = extras.writes;
        writes.push(put);
        Ok(commit_now(&self.engine, &delivery_of(invocation), answer, writes, &audit).await?)
    }
}
