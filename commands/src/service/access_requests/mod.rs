//! *Ask for it*: a person whose command was refused requests the missing role with a button, and an admin grants or declines
//! the request with a button.
//!
//! A request is a record of its own (`records/role_request.rs`). The admin's permission is checked at the time of the decision. The
//! decision, the role and the answer are one transaction: if two admins decide at the same time, only one decision counts.

mod messages;

use crate::installation::{Extras, Invocation, Reject, TRIES, delivery_of};
use crate::operation::{Accepted, audit, commit_now};
use crate::ports::Write;
use crate::records::{ACCESS_REQUEST, Act, AuditRecord, Decided, RequestState, RoleRequest};
use crate::rules::{Access, Roles};
use crate::service::Service;
use sluice_grammar::{Command, PipelineCommand};
use sluice_model::{AccessRequest, Actor, Answer, PipelineName, Role, UserId, invalid_button};

impl Service {
    /// Handles a click on *Ask for it*.
    pub(super) async fn ask(
        &self,
        invocation: &Invocation,
        role: Role,
        name: Option<&PipelineName>,
        wanted: &str,
    ) -> Result<Answer, Reject> {
        for _ in 0..TRIES {
            match self.try_ask(invocation, role, name, wanted).await {
                Ok(Accepted::Yes(answer) | Accepted::Before(answer)) => return Ok(answer),
                Ok(Accepted::Again) => {}
                Err(stop) => return self.app.or_earlier_answer(invocation, stop).await,
            }
        }
        Err(messages::busy().into())
    }

    async fn try_ask(
        &self,
        invocation: &Invocation,
        role: Role,
        name: Option<&PipelineName>,
        wanted: &str,
    ) -> Result<Accepted, Reject> {
        let (world, actor) = (self.app.engine.world(), &invocation.actor);
        let Some(channel) = &invocation.channel else { return Err(invalid_button().into()) };
        let (access, at) = (Roles::read(world, name).await?.access(), world.clock.now());
        if has(&access, role, &actor.id) {
            return Err(messages::already_granted(role, name).into());
        }
        let request = RoleRequest {
            id: self.app.new_id()?,
            person: actor.clone(),
            role,
            name: name.cloned(),
            wanted: wanted.to_owned(),
            channel: channel.clone(),
            asked: at,
            decided: None,
        };
        let before = world.store.get(&request.key(&world.keys)).await?;
        let before = before.as_ref().map(RoleRequest::read).transpose()?;
        if let Some((before, _)) = before.as_ref().filter(|(before, _)| !before.can_be_repeated(at)) {
            return Err(messages::not_again(before, before.state(at)).into());
        }
        let put = request.put(&world.keys, before.map_or(0, |(_, revision)| revision))?;
        let answer = Answer::public(messages::card(&request, &access));
        let line = record(&request, Act::Asked, actor, "asked", String::new(), at);
        Ok(commit_now(&self.app.engine, &delivery_of(invocation), answer, vec![put], &line).await?)
    }

    /// Handles a click on *Grant* or *Decline*.
    pub(super) async fn answer_request(
        &self,
        invocation: &Invocation,
        wanted: &AccessRequest,
        grants: bool,
    ) -> Result<Answer, Reject> {
        for _ in 0..TRIES {
            match self.try_answer_request(invocation, wanted, grants).await {
                Ok(Accepted::Yes(answer) | Accepted::Before(answer)) => return Ok(answer),
                Ok(Accepted::Again) => {}
                Err(stop) => return self.app.or_earlier_answer(invocation, stop).await,
            }
        }
        Err(messages::busy().into())
    }

    async fn try_answer_request(
        &self,
        invocation: &Invocation,
        AccessRequest { person, role, pipeline, id }: &AccessRequest,
        grants: bool,
    ) -> Result<Accepted, Reject> {
        let (role, name) = (*role, pipeline.as_ref());
        let (world, by) = (self.app.engine.world(), &invocation.actor);
        let key = world.keys.role_request(person, role, name);
        let (access, at) = (Roles::read(world, name).await?.access(), world.clock.now());
        let granted = access.administer(&by.id)?;
        let found = world.store.get(&key).await?.as_ref().map(RoleRequest::read).transpose()?;
        let Some((request, revision)) = found.filter(|(request, _)| request.id == *id) else {
            return Err(messages::replaced().into());
        };
        match request.state(at) {
            RequestState::Open => {}
            state => return Err(messages::closed(&request, state, &by.id).into()),
        }
        let decided = Decided { by: by.clone(), at, granted: grants };
        let shown = messages::decided_card(&request, &decided);
        let put = RoleRequest { decided: Some(decided), ..request.clone() }.put(&world.keys, revision)?;
        let rule = granted.rule().to_owned();
        if !grants || has(&access, role, person) {
            // Declined, or the role was granted by command before the click. No role changes.
            let (act, outcome) =
                if grants { (Act::Approved, "granted") } else { (Act::Rejected, "declined") };
            let line = record(&request, act, by, outcome, rule, at);
            let answer = Answer::public(messages::decision(&request, by, grants)).replacing(Some(shown));
            return Ok(
                commit_now(&self.app.engine, &delivery_of(invocation), answer, vec![put], &line).await?
            );
        }
        let line = record(&request, Act::Approved, by, "granted", rule, at);
        let writes: Vec<Write> = vec![put, audit(&line, &world.keys)?];
        let command = Command::Pipeline(PipelineCommand::Grant {
            person: person.clone().into(),
            role,
            name: name.cloned(),
        });
        let extras = Extras { writes, replaces: Some(shown), ..Extras::default() };
        match name {
            Some(name) => self.try_operate(invocation, &command, name, extras).await,
            None => self.app.try_change_roles(invocation, &command, extras).await,
        }
    }
}

/// Whether a person has a role. Default approvers count as approvers.
fn has(access: &Access, role: Role, who: &UserId) -> bool {
    match role {
        Role::Approvers => access.approvers().contains(who),
        role => access.of(role).contains(who),
    }
}

fn record(
    request: &RoleRequest,
    act: Act,
    actor: &Actor,
    outcome: &str,
    rule: String,
    at: jiff::Timestamp,
) -> AuditRecord {
    let RoleRequest { id, person, role, name, channel, wanted, .. } = request;
    AuditRecord {
        at,
        act,
        actor: actor.clone(),
        channel: Some(channel.clone()),
        pipeline: name.clone(),
        operation: id.clone(),
        kind: ACCESS_REQUEST.to_owned(),
        command: format!("{} for {}", role.word(), person.name),
        rule,
        outcome: outcome.to_owned(),
        about: crate::records::AuditSubject { reason: Some(messages::reason(wanted)), ..Default::default() },
    }
}
