//! What people read about roles.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::operation::{OperationState, StepId, Summary, marked};
use crate::records::{AuditRecord, PipelineState};
use crate::rules::{RoleChange, Roles, Source, for_whom, no_roles};
use crate::steps::RECORD;
use sluice_model::{Card, Member, PipelineName, Refusal, Role, Text, Tone, UserId};

// Changes.

/// While the role of a pipeline is being changed.
pub(super) fn changing(change: &RoleChange) -> Text {
    let RoleChange { person, role, name, gives } = change;
    let (doing, link) = if *gives { ("Granting", "to") } else { ("Revoking", "from") };
    marked(&format!("{doing} `{}` {} {link} ", role.word(), for_whom(name.as_ref()))).member(person)
}

/// `kept`: why the person still has the role.
fn changed(change: &RoleChange, kept: Option<&str>) -> Text {
    let RoleChange { person, role, name, gives } = change;
    let of = for_whom(name.as_ref());
    let words = match (gives, kept) {
        (true, _) => format!(" is now {} {of}", role.one()),
        (false, None) => format!(" is no longer {} {of}", role.one()),
        (false, Some(kept)) => format!(" is still {}: {kept}", role.one()),
    };
    Text::default().member(person).join(marked(&words))
}

/// Why a person still has a role that was revoked, if there is another source.
pub(super) fn kept(roles: &Roles, change: &RoleChange) -> Option<String> {
    let named = roles.sources(&change.person, change.role);
    let within = roles.within(&change.person, change.role);
    named.iter().chain(&within).next().filter(|_| !change.gives).map(kept_by)
}

pub(crate) fn kept_by(source: &Source<'_>) -> String {
    match source {
        Source::Pinned => "the role is pinned in `sluice.toml`".to_owned(),
        Source::Everywhere(_) => "the role is granted for all pipelines".to_owned(),
        Source::Here(_) => "the role is granted for this pipeline".to_owned(),
        Source::Within(group) => format!("as a member of <!subteam^{group}>"),
    }
}

/// The message of an operation that changes a role of a pipeline.
pub(super) fn summary(change: &RoleChange, op: &OperationState) -> Summary {
    let what = match change.person {
        Member::User(_) => "Person",
        Member::Group(_) => "Group",
    };
    // Without the person: a reply in the thread repeats the title, and mentions would notify them.
    let doing = if change.gives { "Granting" } else { "Revoking" };
    let title = marked(&format!("{doing} `{}` {}", change.role.word(), for_whom(change.name.as_ref())));
    let mut summary = Summary::new(title).field(what, Text::default().member(&change.person));
    summary.doing = Some(changing(change));
    if let Some(kept) = op.output::<Option<String>>(&StepId::new(RECORD)).ok().flatten() {
        summary.done = Some(changed(change, kept.as_deref()));
    }
    summary.hint = change
        .name
        .as_ref()
        .map(|name| Text::plain("To see all roles, run ").code(format!("/pipeline who {name}")).then("."));
    summary
}

/// The answer to a change for all pipelines, after which these are the roles.
pub(super) fn changed_for_all(
    change: &RoleChange,
    roles: &Roles,
    by: &UserId,
    at: Timestamp,
    command: String,
) -> Card {
    let title = changed(change, kept(roles, change).as_deref()).then(".");
    let foot = Text::plain(if change.gives { "Granted by " } else { "Revoked by " }).user(by);
    Card::new(Tone::Good, title)
        .hint(marked("To see all roles, run `/pipeline who`."))
        .foot(foot.then(" ").time(at).then(" · ").code(command))
}

pub(super) fn too_many_changes() -> Refusal {
    let problem = "Too many role changes arrived at the same time, so nothing was done.";
    Refusal::new("busy", problem, "Run the command again.")
}

pub(super) fn no_channel() -> Refusal {
    Refusal::new(
        "no-channel",
        "A change of roles for all pipelines is announced in its channel, and a terminal has none.",
        "Run the command in a Slack channel, name a pipeline, or edit `sluice.toml`.",
    )
}

// Lists.

/// The roles for all pipelines, and their last changes, newest first.
pub(super) fn list(roles: &Roles, changes: impl Iterator<Item = AuditRecord>) -> Card {
    let card = with_table(Card::new(Tone::Neutral, "Roles for all pipelines"), roles, None);
    let changes = changes.map(|record| {
        let change = Text::default().time(record.at).then(" ").join(record.actor.attribution());
        change.then(": ").code(record.command)
    });
    let changes = Text::joined(changes, "\n");
    let card =
        if changes.is_empty() { card } else { card.text(Text::plain("Last changes:\n").join(changes)) };
    card.hint(marked("For the roles of one pipeline, run `/pipeline who NAME`."))
}

/// The roles for a pipeline.
pub(super) fn list_of(name: &PipelineName, roles: &Roles, state: &PipelineState) -> Card {
    let card = Card::new(Tone::Neutral, Text::plain("Roles for ").code(name.as_str()));
    let card = with_table(card, roles, Some(name));
    let own = state.policies.iter().filter(|(_, policy)| !policy.approvers.is_empty());
    let own = own.map(|(stage, policy)| {
        let approvers = policy.approvers.iter().map(|member| Text::default().member(member));
        let text = Text::default().code(stage.as_str()).then(": approvers are ");
        text.join(Text::joined(approvers, ", ")).then(" only, set with ").code("/stage set")
    });
    card.lines(own).hint(marked(&format!("To see what you can promote, run `/pipeline check {name}`.")))
}

/// A row for each role, person and source.
fn with_table(card: Card, roles: &Roles, name: Option<&PipelineName>) -> Card {
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
        vec![Text::plain(role.word()), member(person, roles), of, from]
    };
    let mut rows = vec![];
    for role in Role::ALL {
        for person in roles.named(role) {
            rows.extend(roles.sources(person, role).iter().map(|source| row(role, person, source)));
        }
    }
    if rows.is_empty() {
        let Refusal { problem, hint, .. } = no_roles();
        return card.text(marked(&format!("{problem} {hint}")));
    }
    let card = card.table(["Role", "Who", "For", "From"], rows);
    match roles.named(Role::Approvers).is_empty() {
        true => card.text("There are no approvers, so the operators approve."),
        false => card,
    }
}

/// A person, or a group with the number of its members.
fn member(member: &Member, roles: &Roles) -> Text {
    let text = Text::default().member(member);
    let Some(group) = member.group() else { return text };
    match roles.membership.of(group).map(BTreeSet::len) {
        Ok(1) => text.then(": 1 person"),
        Ok(count) => text.then(format!(": {count} people")),
        Err(_) => text.then(": members unknown, so it grants no access"),
    }
}
