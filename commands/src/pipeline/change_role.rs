//! `/pipeline grant` and `/pipeline revoke` for one pipeline: a person gets or loses a role. For all
//! pipelines it is not an operation, because it belongs to no pipeline: see `pipeline/roles.rs`.
//!
//! Whether the requester may do so, and whether an admin remains, is judged again on the state read at
//! recording time. The record replaces exactly the one that was read. So if two admins revoke each other, one
//! of them is refused.

use std::sync::Arc;

use async_trait::async_trait;

use crate::operation::{
    Context, Effect, EngineError, Node, Operation, OperationState, Progress, Snapshot, Step, StepId, Summary,
    marked,
};
use crate::records::AuditSubject;
use crate::rules::{RoleChange, Roles, Source, Subjects, for_whom};
use sluice_model::{Actor, Member, Permission, Target, Text};

/// The operation, of either kind.
pub struct ChangeRole(pub &'static str);

/// The headline after a change. `kept`: the source from which the person still has the role.
pub(crate) fn outcome(change: &RoleChange, kept: Option<&str>) -> Text {
    let RoleChange { person, role, name, gives } = change;
    let of = for_whom(name.as_ref());
    let text = Text::default().member(person);
    match (gives, kept) {
        (true, _) => text.join(marked(&format!(" is now {} {of}", role.one()))),
        (false, None) => text.join(marked(&format!(" is no longer {} {of}", role.one()))),
        (false, Some(kept)) => text.join(marked(&format!(" is still {}: {kept}", role.one()))),
    }
}

/// The source from which the person still has the role, if there is one.
pub(crate) fn kept(roles: &Roles, change: &RoleChange) -> Option<String> {
    let named = roles.sources(&change.person, change.role);
    let within = roles.within(&change.person, change.role);
    named.iter().chain(&within).next().map(|source| match source {
        Source::Pinned => "the role is pinned in `sluice.toml`".to_owned(),
        Source::Everywhere(_) => "the role is granted for all pipelines".to_owned(),
        Source::Here(_) => "the role is granted for this pipeline".to_owned(),
        Source::Within(group) => format!("as a member of <!subteam^{group}>"),
    })
}

impl Operation for ChangeRole {
    type Params = RoleChange;

    fn kind(&self) -> &'static str {
        self.0
    }
    fn nodes(
        &self,
        params: &Arc<RoleChange>,
        op: &OperationState,
        _: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        let step = Record { change: RoleChange::clone(params), by: op.spec.actor.clone() };
        Ok(vec![Node::new(StepId::new("record"), "", step)])
    }
    fn can_cancel(&self) -> bool {
        false
    }
    fn permission(&self, _: &RoleChange) -> Permission {
        Permission::Admins
    }
    fn audit_subject(&self, _: &RoleChange, _: &OperationState) -> AuditSubject {
        AuditSubject::default()
    }
    fn summary(&self, change: &RoleChange, op: &OperationState) -> Summary {
        let what = match change.person {
            Member::User(_) => "Person",
            Member::Group(_) => "Group",
        };
        let begins = if change.gives { "Grant of " } else { "Revocation of " };
        let title = Text::plain(begins)
            .code(change.role.word())
            .join(marked(&format!(" {}", for_whom(change.name.as_ref()))));
        let mut summary = Summary::new(title).field(what, Text::default().member(&change.person));
        if let Some(kept) = op.output::<Option<String>>(&StepId::new("record")).ok().flatten() {
            summary.done = Some(outcome(change, kept.as_deref()));
        }
        if let Some(name) = &change.name {
            summary.hint = Some(Text::plain("See all roles: ").code(format!("/pipeline who {name}")));
        }
        summary
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
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (Self { change, by }, world) = (self, &cx.world);
        let Some(name) = &change.name else {
            return Err(EngineError::Corrupt("a change of roles of no pipeline".into()));
        };
        let subjects = Subjects::people([&by.id]);
        let Snapshot { roles, access, .. } = Snapshot::read_about(world, name, subjects).await?;
        access.administer(&by.id).map_err(EngineError::Refused)?;
        let after = roles.changed(change, by, world.clock.now()).map_err(EngineError::Refused)?;
        let kept = kept(&after, change).filter(|_| !change.gives);
        Progress::recorded(kept, vec![after.here.put(world.keys.pipeline_grants(name))?])
    }
}
