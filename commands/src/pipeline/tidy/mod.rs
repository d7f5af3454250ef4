//! `/pipeline tidy` deletes what no stage and no rollback within ten releases needs: first versions, then the roles that no
//! function uses any more. Log groups that never expire get a retention. Without *now* it only lists what it would delete.
//!
//! Without tidying, an account is full within weeks: Lambda stores 75 GB of code per region, IAM 1,000 roles
//! (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
//!
//! A release is marked before its versions are deleted: in the transaction that records what was found, and only if no
//! operation was accepted meanwhile. No rollback may return to a marked release, so none needs a deleted version.

mod command;
mod delete;
mod found;
mod look;
mod messages;
mod needed;
mod params;
mod quiet;
mod roles;

use std::sync::Arc;

use crate::application::Sluice;
use crate::names::LOG_DAYS;
use crate::operation::{EngineError, Node, Operation, OperationState, StepId, Summary, World};
use crate::pipeline::tidy::delete::{Leftover, Record, Remove};
use crate::pipeline::tidy::found::Found;
use crate::pipeline::tidy::look::LookForLeftovers;
use crate::records::{AuditSubject, PipelineState, prepare_slot, stack_slot};
use crate::resources::stack::Shedding;
use crate::steps::{DeleteRole, HoldSlot, RolePart};
use sluice_model::{Permission, PipelineName, StageName, Target};

pub(crate) use self::command::plan;
#[cfg(any(test, feature = "testing"))]
pub(crate) use self::found::sample;
#[cfg(any(test, feature = "testing"))]
pub(crate) use self::messages::not_quiet_sample;
pub(crate) use self::needed::WINDOW;
pub use self::params::{Data, KIND, Params};

/// Whether no stage of the pipeline moves now or moved within the last hour.
pub(crate) async fn is_quiet(
    world: &World,
    state: &PipelineState,
    name: &PipelineName,
) -> Result<bool, EngineError> {
    Ok(quiet::activity(world, state, name).await?.is_none())
}

/// The operation.
pub struct Tidy;

fn look() -> StepId {
    StepId::new("look")
}

impl Operation<Sluice> for Tidy {
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
        // The slots keep deploys and promotions from creating versions meanwhile, and from reusing those that are deleted. They
        // are held until the end.
        let hold = |stage: &StageName| {
            Node::new(StepId::of("hold", stage.as_str()), "", HoldSlot).holding(prepare_slot(stage))
        };
        let mut nodes: Vec<_> = params.stages.iter().map(hold).collect();
        let held: Vec<_> = nodes.iter().map(|node| node.id.clone()).collect();
        nodes.push(Node::new(look(), messages::FIND, step).after(held));
        let Some(found) = op.output::<Found>(&look())? else { return Ok(nodes) };
        let mut done = vec![look()];
        let mut is_over = true;
        if params.delete {
            let remove = |leftover| Remove { target: target.clone(), leftover };
            let mut add = |node: Node| {
                done.push(node.id.clone());
                nodes.push(node);
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
                let delete = |part| DeleteRole { target: target.clone(), role: role.clone(), part };
                add(Node::new(policy.clone(), "", delete(RolePart::Policies)).after(versions.clone()));
                add(Node::new(id, "", delete(RolePart::Itself)).after([policy]));
            }
            for unneeded in found.stacks.iter().filter(|stack| stack.changes()) {
                let of = params.stack(target, &unneeded.stage);
                let Shedding { nodes: steps, end } = unneeded.nodes(op, &of, versions.clone())?;
                let holding = |node: Node| node.holding(stack_slot(&unneeded.stage));
                steps.into_iter().map(holding).for_each(&mut add);
                is_over &= end.is_some();
            }
            for group in &found.logs {
                let id = StepId::of("logs", group);
                let logs = Leftover::Logs { group: group.clone(), days: LOG_DAYS };
                add(Node::new(id, "", remove(logs)).after([look()]));
            }
        }
        if is_over && (params.delete || params.automatic) {
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
        let found: Option<Found> = op.output(&look()).ok().flatten();
        let ends = found.iter().flat_map(|found| &found.stacks).filter_map(|stack| stack.end(op));
        messages::summary(params, found.as_ref(), &ends.collect::<Vec<_>>())
    }
}
