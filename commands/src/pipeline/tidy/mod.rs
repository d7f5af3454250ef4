//! `/pipeline tidy`: deletes what no stage and no rollback within ten releases needs. Versions first, then the roles that no
//! function names any more; log groups that never expire get a retention. Without *now* it lists and deletes nothing.
//!
//! Without it an account is full within weeks: Lambda stores 75 GB of code per region, IAM 1,000 roles
//! (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
//!
//! A release whose versions will be deleted is marked first, in the transaction that records what was found, and only if nothing
//! was accepted meanwhile. From then on no rollback may return to it, so none meets a deleted version.

mod command;
mod delete;
mod look;
mod needed;
mod quiet;
mod roles;

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::names::LOG_DAYS;
use crate::operation::{EngineError, Node, Operation, OperationState, Slot, StepId, Summary, World};
use crate::pipeline::tidy::delete::{Leftover, Record, Remove};
use crate::pipeline::tidy::look::{Found, LookForLeftovers};
use crate::records::{AuditSubject, PipelineState};
use sluice_model::{Permission, PipelineName, Target, Text};

pub(crate) use crate::pipeline::tidy::needed::WINDOW;
pub(crate) use command::plan;

/// Its kind.
pub const KIND: &str = "tidy";

/// Whether nothing of the pipeline moves, or moved within the last hour.
pub(crate) async fn is_quiet(
    world: &World,
    state: &PipelineState,
    name: &PipelineName,
) -> Result<bool, EngineError> {
    Ok(quiet::unrest(world, state, name).await?.is_none())
}

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// Whether to delete what is found; otherwise it is only listed.
    pub delete: bool,
    /// Whether Sluice began it by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
}

/// The operation.
pub struct Tidy;

fn look() -> StepId {
    StepId::new("look")
}

impl Operation for Tidy {
    type Params = Params;

    fn kind(&self) -> &'static str {
        KIND
    }

    fn nodes(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        let step = LookForLeftovers { target: target.clone(), params: Params::clone(params) };
        // No deploy or promotion makes versions meanwhile, or looks at those that are about to go.
        let mut nodes = vec![Node::new(look(), "look for what nothing needs", step).holding(Slot::Pipeline)];
        let Some(found) = op.output::<Found>(&look())? else { return Ok(nodes) };
        let mut done = vec![look()];
        if params.delete {
            let remove = |leftover| Remove { target: target.clone(), leftover };
            let mut add = |node: Node| {
                done.push(node.id.clone());
                nodes.push(node.holding(Slot::Pipeline));
            };
            for (function, version) in &found.versions {
                let id = StepId::of("version", &format!("{function}:{version}"));
                let (function, version) = (function.clone(), version.clone());
                add(Node::new(id, "", remove(Leftover::Version { function, version })).after([look()]));
            }
            let versions = found.versions.iter().map(|(f, v)| StepId::of("version", &format!("{f}:{v}")));
            let versions: Vec<_> = versions.collect();
            for role in &found.roles {
                let (policy, id) = (StepId::of("role-policy", role), StepId::of("role", role));
                let step = remove(Leftover::RolePolicy { role: role.clone() });
                add(Node::new(policy.clone(), "", step).after(versions.clone()));
                add(Node::new(id, "", remove(Leftover::Role { role: role.clone() })).after([policy]));
            }
            for group in &found.logs {
                let id = StepId::of("logs", group);
                let logs = Leftover::Logs { group: group.clone(), days: LOG_DAYS };
                add(Node::new(id, "", remove(logs)).after([look()]));
            }
        }
        if params.delete || params.automatic {
            let leaves_more = params.delete && found.more;
            let record = Record { name: params.name.clone(), leaves_more };
            nodes.push(Node::new(StepId::new("record"), "", record).after(done));
        }
        Ok(nodes)
    }

    fn permission(&self, params: &Params) -> Permission {
        match params.automatic {
            true => Permission::Sluice,
            false => Permission::Admins,
        }
    }

    fn audit_subject(&self, _: &Params, _: &OperationState) -> AuditSubject {
        AuditSubject::default()
    }

    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        let name = &params.name;
        let of = |words: &str| Text::plain(words).code(name.as_str());
        let mut summary = Summary::new(of("Tidying of "));
        summary.doing = Some(of(if params.delete { "Tidying " } else { "Looking for leftovers of " }));
        let Ok(Some(found)) = op.output::<Found>(&look()) else { return summary };
        if let Some(versions) = found.listed_versions() {
            summary = summary.field("Versions", versions);
        }
        if !found.roles.is_empty() {
            summary = summary.field("Roles", Text::plain(found.roles.len().to_string()));
        }
        if !found.logs.is_empty() {
            let groups = found.logs.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = found.logs.len().saturating_sub(5);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            summary = summary.field("Logs", Text::plain(format!("{groups}{more}: kept for {LOG_DAYS} days")));
        }
        summary.done = Some(
            of(if params.delete { "Tidied " } else { "Leftovers of " })
                .then(": ")
                .join(found.result(params.delete)),
        );
        summary.hint = match (params.delete, params.automatic) {
            _ if found.is_empty() => None,
            (true, _) if found.more => {
                Some(Text::plain("Run it again for the rest: ").code(format!("/pipeline tidy {name} now")))
            }
            (true, _) => None,
            (false, false) => Some(Text::plain("Delete them: ").code(format!("/pipeline tidy {name} now"))),
            (false, true) => Some(
                Text::plain(
                    "Sluice deletes such leftovers by itself from the next time on. To delete them now: ",
                )
                .code(format!("/pipeline tidy {name} now")),
            ),
        };
        summary
    }
}

/// What a look may find, of these functions: for samples of messages.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn sample(functions: &[&str], more: bool) -> impl Serialize {
    let versions = functions.iter().flat_map(|function| {
        let function = format!("sluice-orders-{function}");
        (1..=9).map(move |number: u32| (function.clone(), number.to_string()))
    });
    Found {
        versions: versions.collect(),
        roles: functions.iter().map(|function| format!("sluice-orders-{function}-prod-0123456789")).collect(),
        logs: functions.iter().map(|function| format!("/aws/lambda/sluice-orders-{function}")).collect(),
        more,
    }
}

/// The refusal of a pipeline that is not quiet: for samples of messages.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn not_quiet_sample() -> sluice_model::Refusal {
    let name = "orders".parse().expect("a name");
    let at = "2026-03-02T10:30:00Z".parse().expect("a time");
    quiet::not_quiet(&name, needed::Unrest::Until(at))
}
