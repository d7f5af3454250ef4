//! Changes of roles for all pipelines, and the list of all roles.
//!
//! A role for all pipelines belongs to no pipeline, so no operation changes it. The change is recorded together with the
//! answer, which the whole channel sees. Permission is checked on the same revision of the record that the change replaces.

use std::collections::BTreeSet;

use futures::future::try_join;

use crate::installation::{
    Extras, Installation, Invocation, Reject, TRIES, delivery_of, lines, newest, table,
};
use crate::operation::{Accepted, EngineError, Snapshot, commit_now, marked};
use crate::pipeline::{change_of, change_role, role_messages};
use crate::records::{ACCESS_REQUEST, Act, AuditRecord, PipelineState, from_item};
use crate::rules::{Membership, Roles, Source};

use sluice_grammar::{Command, PipelineCommand};
use sluice_model::{Answer, Card, Member, PipelineName, Refusal, Role, Text, Tone};

/// How many changes are shown, and how many records are read for them. Some of these records are role requests.
const CHANGES: usize = 5;
const RECORDS: u32 = 25;

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
                Err(stop) => return self.or_answered(invocation, stop).await,
            }
        }
        let problem = "Too many role changes arrived at the same time, so nothing was done.";
        Err(Refusal::new("busy", problem, "Run the command again.").into())
    }

    /// Tries once, with `extras` in the same transaction.
    pub(crate) async fn try_change_roles(
        &self,
        invocation: &Invocation,
        command: &Command,
        extras: Extras,
    ) -> Result<Accepted, Reject> {
        let change = &change_of(command)
            .ok_or_else(|| EngineError::Corrupt(format!("no change of roles: {command}")))?;
        let (world, actor) = (self.engine.world(), &invocation.actor);
        // The answer is public in the channel of the command.
        let Some(channel) = invocation.channel.clone() else {
            return Err(Refusal::new(
                "no-channel",
                "Roles for all pipelines are announced in the channel where they are changed; a terminal has none.",
                "Type it in a channel, name a pipeline, or write it into sluice.toml.",
            )
            .into());
        };
        let (roles, at) = (world.roles(None).await?, world.clock.now());
        let granted = roles.access().administer(&actor.id)?;
        let after = roles.changed(change, actor, at)?;
        let kept = change_role::kept(&after, change);
        let by = Text::plain(if change.gives { "Granted by " } else { "Revoked by " }).user(&actor.id);
        let card = Card::new(Tone::Good, role_messages::outcome(change, kept.as_deref()).then("."))
            .hint(marked("To see all roles, run `/pipeline who`."))
            .foot(by.then(" ").time(at).then(" · ").code(command.to_string()));
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

    /// `/pipeline who`: the roles for all pipelines, with the last changes.
    pub(crate) async fn who(&self) -> Result<Answer, Reject> {
        let world = self.engine.world();
        let changes = world.store.audit_records(newest(world.keys.installation_audit_partition(), RECORDS));
        let (roles, changes) = try_join(world.roles(None), changes).await?;
        let card = had(Card::new(Tone::Neutral, "Roles for all pipelines"), &roles, None);
        let records: Vec<AuditRecord> =
            changes.items.iter().filter_map(|item| from_item(item).ok()).collect();
        let changes = records.iter().filter(|record| record.kind != ACCESS_REQUEST).take(CHANGES);
        let changes = lines(changes.map(|record| {
            let change = Text::default().time(record.at).then(" ").join(record.actor.attribution());
            change.then(": ").code(record.command.clone())
        }));
        let card =
            if changes.is_empty() { card } else { card.text(Text::plain("Last changes:\n").join(changes)) };
        Ok(Answer::private(card.hint(marked("For the roles of one pipeline, run `/pipeline who NAME`."))))
    }

    /// `/pipeline who NAME`: also the roles for that pipeline.
    pub(crate) async fn who_of(&self, name: &PipelineName) -> Result<Answer, Reject> {
        let command = Command::Pipeline(PipelineCommand::Who { name: Some(name.clone()) });
        let Snapshot { state, roles, .. } = self.snapshot(name, &command).await?;
        let card = Card::new(Tone::Neutral, Text::plain("Roles for ").code(name.as_str()));
        let card = had(card, &roles, Some(name));
        let own = lines(own_approvers(&state));
        let card = if own.is_empty() { card } else { card.text(own) };
        Ok(Answer::private(
            card.hint(marked(&format!("To see what you can promote, run `/pipeline check {name}`."))),
        ))
    }
}

/// The stages that name their own approvers.
fn own_approvers(state: &PipelineState) -> impl Iterator<Item = Text> {
    state.policies.iter().filter(|(_, policy)| !policy.approvers.is_empty()).map(|(stage, policy)| {
        let text = Text::default().code(stage.as_str()).then(": approvers are ");
        people(text, policy.approvers.iter()).then(" only, set with ").code("/stage set")
    })
}

fn people<'a>(text: Text, members: impl Iterator<Item = &'a Member>) -> Text {
    members.enumerate().fold(text, |text, (nth, member)| {
        let text = if nth > 0 { text.then(", ") } else { text };
        text.member(member)
    })
}

/// A person, or a group with the number of its members.
fn shown(member: &Member, membership: &Membership) -> Text {
    let text = Text::default().member(member);
    let Some(group) = member.group() else { return text };
    match membership.of(group).map(BTreeSet::len) {
        Ok(1) => text.then(": 1 person"),
        Ok(count) => text.then(format!(": {count} people")),
        Err(_) => text.then(": members unknown, so it grants no access"),
    }
}

/// Every role with who has it, and where each is from.
fn had(card: Card, roles: &Roles, name: Option<&PipelineName>) -> Card {
    let row = |role: Role, person: &Member, source: &Source<'_>| {
        let (of, grant) = match source {
            Source::Pinned => (Text::plain("all pipelines"), None),
            Source::Everywhere(grant) => (Text::plain("all pipelines"), Some(grant)),
            Source::Within(_) => (Text::default(), None),
            Source::Here(grant) => {
                (name.map_or(Text::default(), |name| Text::default().code(name.as_str())), Some(grant))
            }
        };
        let from = match grant {
            None => Text::plain("pinned in ").code("sluice.toml"),
            Some(grant) => Text::plain("granted by ").join(grant.by.attribution()).then(" ").time(grant.at),
        };
        vec![Text::plain(role.word()), shown(person, &roles.membership), of, from]
    };
    let mut rows = vec![];
    for role in Role::ALL {
        for person in roles.named(role) {
            rows.extend(roles.sources(person, role).iter().map(|source| row(role, person, source)));
        }
    }
    if rows.is_empty() {
        let words = "Nobody has any role: nobody may change anything. Whoever runs Sluice writes the first into `sluice.toml`.";
        return card.text(marked(words));
    }
    let card = table(card, ["Role", "Who", "For", "From"], rows);
    match roles.named(Role::Approvers).is_empty() {
        true => card.text("There are no approvers, so the operators approve."),
        false => card,
    }
}
