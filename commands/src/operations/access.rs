//! `/pipeline grant` and `/pipeline revoke` for one pipeline: a person gets a role, or has it no more. For all pipelines it
//! is no operation, since it is of none: see `service/roles.rs`.
//!
//! Whether who asked may do so, and whether an admin is left, is judged again on what is read when it is recorded; the
//! record is put in place of exactly that. So of two admins who revoke each other one is refused.

use async_trait::async_trait;

use crate::domain::{About, Concern, RoleChange, Roles, Source, for_whom};
use crate::operation::{
    Context, Definition, Effect, Facts, Ground, Node, Progress, Step, StepId, Story, Trouble, marked,
};
use sluice_model::{Actor, Member, Permission, Target, Text};

/// The kind that gives.
pub const GRANT: &str = "access-grant";
/// The kind that takes away.
pub const REVOKE: &str = "access-revoke";

/// The operation, of either kind.
pub struct ChangeRole(pub &'static str);

/// What somebody is or is not after a change, as its headline says it; `kept` is what they have the role from still.
pub(crate) fn outcome(change: &RoleChange, kept: Option<&str>) -> Text {
    let RoleChange { person, role, name, gives } = change;
    let of = for_whom(name.as_ref());
    let text = Text::default().member(person);
    match (gives, kept) {
        (true, _) => text.join(marked(&format!(" is {} {of} now", role.one()))),
        (false, None) => text.join(marked(&format!(" is not {} {of} any more", role.one()))),
        (false, Some(kept)) => text.join(marked(&format!(" is {} still: {kept}", role.one()))),
    }
}

/// What they have the role from still, if they have it.
pub(crate) fn kept(roles: &Roles, change: &RoleChange) -> Option<String> {
    let named = roles.sources(&change.person, change.role);
    let within = roles.within(&change.person, change.role);
    named.iter().chain(&within).next().map(|source| match source {
        Source::Pinned => "that is pinned in `sluice.toml`".to_owned(),
        Source::Everywhere(_) => "it was granted for all pipelines".to_owned(),
        Source::Here(_) => "it was granted for this pipeline".to_owned(),
        Source::Within(group) => format!("by being in <!subteam^{group}>"),
    })
}

impl Definition for ChangeRole {
    fn kind(&self) -> &'static str {
        self.0
    }
    fn nodes(&self, facts: &Facts, _: &Target) -> Result<Vec<Node>, Trouble> {
        let step = Record { change: facts.params()?, by: facts.charter.actor.clone() };
        Ok(vec![Node::new(StepId::new("record"), "", step)])
    }
    fn can_cancel(&self) -> bool {
        false
    }
    fn permission(&self, _: &Facts) -> Permission {
        Permission::Admins
    }
    fn about(&self, _: &Facts) -> About {
        About::default()
    }
    fn story(&self, facts: &Facts) -> Story {
        let Ok(change) = facts.params::<RoleChange>() else { return Story::new("A change of roles".into()) };
        let what = match change.person {
            Member::User(_) => "Person",
            Member::Group(_) => "Group",
        };
        let begins = if change.gives { "Grant of " } else { "Revocation of " };
        let title = Text::plain(begins)
            .code(change.role.word())
            .join(marked(&format!(" {}", for_whom(change.name.as_ref()))));
        let mut story = Story::new(title).field(what, Text::default().member(&change.person));
        if let Some(kept) = facts.output::<Option<String>>(&StepId::new("record")).ok().flatten() {
            story.result = Some(outcome(&change, kept.as_deref()));
        }
        if let Some(name) = &change.name {
            story.hint = Some(Text::plain("Who may do what: ").code(format!("/pipeline who {name}")));
        }
        story
    }
}

struct Record {
    change: RoleChange,
    by: Actor,
}

#[async_trait]
impl Step for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let (Self { change, by }, world) = (self, &cx.world);
        let Some(name) = &change.name else {
            return Err(Trouble::Corrupt("a change of roles of no pipeline".into()));
        };
        let concern = Concern::people([&by.id]);
        let Ground { roles, access, .. } = Ground::read_about(world, name, concern).await?;
        access.administer(&by.id).map_err(Trouble::Refused)?;
        let after = roles.changed(change, by, world.clock.now()).map_err(Trouble::Refused)?;
        let kept = kept(&after, change).filter(|_| !change.gives);
        Progress::recorded(kept, vec![after.here.put(world.keys.pipeline_grants(name))?])
    }
}
