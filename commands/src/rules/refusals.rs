//! Why a person may not do something, or roles cannot change.

use std::collections::{BTreeMap, BTreeSet};

use crate::ports::Unknown;
use crate::records::Grant;
use crate::rules::{RoleChange, Source};
use sluice_model::{GroupId, Member, PipelineName, Refusal, UserId};

// Access.

/// `role`: the people who may do it: `operators`. `who`: some of them are named.
pub(super) fn not_in_role(code: &str, role: &str, who: &BTreeSet<UserId>) -> Refusal {
    let mut names: Vec<_> = who.iter().take(5).map(|user| format!("<@{user}>")).collect();
    if who.len() > names.len() {
        names.push(format!("{} more", who.len() - names.len()));
    }
    let hint = match names.as_slice() {
        [] => {
            "Nobody has this role yet. An admin can grant it with `/pipeline grant`, or set it in `sluice.toml`."
                .to_owned()
        }
        names => format!("Ask someone who can: {}.", names.join(", ")),
    };
    Refusal::new(code, format!("Only {role} can do this, and you are not one of them."), hint)
}

pub(crate) fn no_roles() -> Refusal {
    Refusal::new(
        "no-roles",
        "No roles are configured, so nobody can change anything yet.",
        "To name the first admin, the person who runs Sluice runs `sluice init --admin U…`, or writes `[access]`, \
         `operators = [\"U…\"]`, `admins = [\"U…\"]` into `sluice.toml` and sends Sluice a SIGHUP.",
    )
}

pub(super) fn own_request() -> Refusal {
    let problem = "You cannot decide on your own request.";
    Refusal::new("own-request", problem, "Ask another approver to review it.")
}

pub(super) fn not_yours(requester: &UserId) -> Refusal {
    let problem = format!("Only <@{requester}>, who requested this, or an admin can cancel it.");
    Refusal::new("not-yours", problem, "Ask one of them.")
}

// Groups and people in Slack.

/// The refusal code for a group whose members are unknown.
pub const GROUP_UNKNOWN: &str = "group-unknown";
/// The refusal code for a person who was deactivated in Slack.
pub const DEACTIVATED: &str = "deactivated";

pub(super) fn deactivated(who: &UserId) -> Refusal {
    Refusal::new(
        DEACTIVATED,
        format!("<@{who}> is deactivated in Slack and no longer has a role."),
        "Someone with an active account must request it.",
    )
}

/// `first`: why the members of the first group are unknown. `others`: people who have the role by themselves.
pub(super) fn group_unknown<'a>(
    groups: &BTreeMap<&GroupId, &Unknown>,
    first: &Unknown,
    others: impl Iterator<Item = &'a UserId>,
) -> Refusal {
    let problems: Vec<_> = groups.iter().map(|(group, why)| why.problem(group)).collect();
    let names: Vec<_> = others.take(5).map(|user| format!("<@{user}>")).collect();
    let meanwhile = match names.is_empty() {
        true => "Nobody else has that role. `sluice.toml` can name people by id.".to_owned(),
        false => format!("Meanwhile, these people can do it: {}.", names.join(", ")),
    };
    Refusal::new(GROUP_UNKNOWN, problems.join(" "), format!("{meanwhile} {}", first.remedy()))
}

impl Unknown {
    /// Why that group grants no access.
    fn problem(&self, group: &GroupId) -> String {
        let group = format!("<!subteam^{group}>");
        match self {
            Self::Silent => {
                format!("Slack did not return the members of {group}, so it grants no access for now.")
            }
            Self::Scope(scope) => format!(
                "Slack does not return the members of {group} because the app lacks the scope `{scope}`, so it grants \
                 no access."
            ),
            Self::Gone => format!("Slack has no user group {group}, so it grants no access."),
            Self::Refused(code) => {
                format!("Slack refused to return the members of {group} (`{code}`), so it grants no access.")
            }
            Self::Apart => {
                format!(
                    "A terminal cannot read the members of {group} from Slack, so it grants no access here."
                )
            }
        }
    }

    /// The next step.
    fn remedy(&self) -> &'static str {
        match self {
            Self::Silent => "Try again in a minute.",
            Self::Scope(_) => {
                "The person who runs Sluice must update the app from `sluice manifest` and reinstall it. `sluice check` verifies it."
            }
            Self::Gone => "Ask an admin to name another group, or people.",
            Self::Refused(_) => "The log of Sluice has the details.",
            Self::Apart => "Use an id that has the role itself, or run the command in Slack.",
        }
    }
}

// Changes of roles.

/// The scope of a role, in words.
pub fn for_whom(name: Option<&PipelineName>) -> String {
    name.map_or("for all pipelines".to_owned(), |name| format!("for `{name}`"))
}

fn see(name: Option<&PipelineName>) -> String {
    match name {
        Some(name) => format!("See who has which role: `/pipeline who {name}`."),
        None => "See who has which role: `/pipeline who`.".to_owned(),
    }
}

/// `an operator for all pipelines`.
fn role_and_scope(change: &RoleChange) -> String {
    format!("{} {}", change.role.one(), for_whom(change.name.as_ref()))
}

pub(super) fn already_granted(change: &RoleChange, grant: &Grant) -> Refusal {
    let (whom, what) = (change.person.mention(), role_and_scope(change));
    let problem = format!("{whom} is already {what}. <@{}> granted it.", grant.by.id);
    Refusal::new("already-granted", problem, see(change.name.as_ref()))
}

pub(super) fn already_pinned(change: &RoleChange) -> Refusal {
    let (whom, role) = (change.person.mention(), change.role.one());
    let problem = format!("{whom} is already {role} for all pipelines, because `sluice.toml` says so.");
    Refusal::new("pinned", problem, see(change.name.as_ref()))
}

pub(super) fn pinned(change: &RoleChange) -> Refusal {
    let (whom, role) = (change.person.mention(), change.role.one());
    Refusal::new(
        "pinned",
        format!("{whom} is {role} because `sluice.toml` says so. Commands cannot change that."),
        "The person who runs Sluice can change it there, under `[access]`.",
    )
}

/// `is_everywhere`: the role is granted for all pipelines instead. `within`: a group that gives the role.
pub(super) fn not_granted(change: &RoleChange, is_everywhere: bool, within: Option<&Source<'_>>) -> Refusal {
    let hint = match within {
        _ if is_everywhere => {
            "They have the role for all pipelines. Revoke it without naming a pipeline.".to_owned()
        }
        Some(Source::Within(group)) => {
            format!(
                "They have the role as a member of <!subteam^{group}>. Remove them from that group in Slack."
            )
        }
        _ => see(change.name.as_ref()),
    };
    let problem = format!("{} has no grant as {}.", change.person.mention(), role_and_scope(change));
    Refusal::new("not-granted", problem, hint)
}

pub(super) fn last_admin(person: &Member) -> Refusal {
    Refusal::new(
        "last-admin",
        format!("{} is the last admin. Without an admin, nobody could grant roles.", person.mention()),
        "Make someone else an admin first, for example with `/pipeline grant @person admins`.",
    )
}
