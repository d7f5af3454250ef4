//! What people read about a change of roles.

use crate::operation::{OperationState, StepId, Summary, marked};
use crate::rules::{RoleChange, Source, for_whom};
use crate::steps::RECORD;
use sluice_model::{Member, Text};

/// The headline after a change. `kept`: the source from which the person still has the role.
pub(super) fn outcome(change: &RoleChange, kept: Option<&str>) -> Text {
    let RoleChange { person, role, name, gives } = change;
    let of = for_whom(name.as_ref());
    let words = match (gives, kept) {
        (true, _) => format!(" is now {} {of}", role.one()),
        (false, None) => format!(" is no longer {} {of}", role.one()),
        (false, Some(kept)) => format!(" is still {}: {kept}", role.one()),
    };
    Text::default().member(person).join(marked(&words))
}

/// Why a person still has a role that was revoked.
pub(crate) fn kept(source: &Source<'_>) -> String {
    match source {
        Source::Pinned => "the role is pinned in `sluice.toml`".to_owned(),
        Source::Everywhere(_) => "the role is granted for all pipelines".to_owned(),
        Source::Here(_) => "the role is granted for this pipeline".to_owned(),
        Source::Within(group) => format!("as a member of <!subteam^{group}>"),
    }
}

/// The message of an operation that changes a role.
pub(super) fn changed(change: &RoleChange, op: &OperationState) -> Summary {
    let what = match change.person {
        Member::User(_) => "Person",
        Member::Group(_) => "Group",
    };
    let title = Text::plain(if change.gives { "Grant of " } else { "Revocation of " })
        .code(change.role.word())
        .join(marked(&format!(" {}", for_whom(change.name.as_ref()))));
    let mut summary = Summary::new(title).field(what, Text::default().member(&change.person));
    if let Some(kept) = op.output::<Option<String>>(&StepId::new(RECORD)).ok().flatten() {
        summary.done = Some(outcome(change, kept.as_deref()));
    }
    if let Some(name) = &change.name {
        summary.hint =
            Some(Text::plain("To see all roles, run ").code(format!("/pipeline who {name}")).then("."));
    }
    summary
}

/// The answer to a command that changes a role of a pipeline.
pub(super) fn changing(change: &RoleChange) -> Text {
    let (role, of) = (change.role, for_whom(change.name.as_ref()));
    match change.gives {
        true => Text::plain("Making ").member(&change.person).join(marked(&format!(" {} {of}.", role.one()))),
        false => {
            let what = marked(&format!("Revoking {} {of} from ", role.word()));
            what.member(&change.person).then(".")
        }
    }
}
