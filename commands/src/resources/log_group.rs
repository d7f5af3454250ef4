//! The log group of a function and its retention. Lambda creates a group at a function's first call, and its events never
//! expire; CloudWatch bills them each month (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html>).

use async_trait::async_trait;

use crate::application::Sluice;
use crate::names::{LOG_DAYS, function_log_group};
use crate::operation::effects::{CREATE_LOG_GROUP, LOG_RETENTION, Mutation};
use crate::operation::{Context, Effect, EngineError, Node, Observed, Progress, Step, StepId};
use crate::resources::function::{self, Diff};
use crate::resources::messages;
use crate::resources::own::ours;
use crate::resources::resource::{Duty, Part, Prepared, Resource, ToPrepare};
use sluice_model::Target;

pub(crate) struct LogGroup;

impl Resource for LogGroup {
    fn name(&self) -> &'static str {
        "log group of a function"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[&CREATE_LOG_GROUP, &LOG_RETENTION]
    }
    fn exempt(&self, duty: Duty) -> Option<&'static str> {
        Some(match duty {
            Duty::Drift => "anybody may choose another retention",
            Duty::Description => "it comes with a new function, which is described",
        })
    }

    /// The steps need no other step: if a call of the function creates the group first, only the retention is set.
    fn prepare(&self, to: ToPrepare) -> Result<Prepared, EngineError> {
        let (of, Part::Function(logical)) = (to.of, to.part) else { return Ok(Prepared::default()) };
        let planned = to.planned(logical)?;
        // The stack makes the group that the template declares, and with its retention.
        let declared = to.plan.application.stack.as_ref().map(|stack| &stack.log_groups);
        if declared.is_some_and(|groups| groups.contains(&function_log_group(&planned.name))) {
            return Ok(Prepared::default());
        }
        if !matches!(function::looked(of.op, logical)?.diff(&planned), Diff::Create) {
            return Ok(Prepared::default());
        }
        let (target, group) = (of.target.clone(), function_log_group(&planned.name));
        let create = StepId::of("log-group", logical);
        let retention = LimitRetention { target: target.clone(), group: group.clone() };
        let nodes = vec![
            Node::new(create.clone(), messages::create_log_group(logical), CreateLogGroup { target, group }),
            Node::new(StepId::of("log-retention", logical), "", retention).after([create]),
        ];
        Ok(Prepared { nodes, ..Prepared::default() })
    }
}

struct CreateLogGroup {
    target: Target,
    group: String,
}

#[async_trait]
impl Step<Sluice> for CreateLogGroup {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_LOG_GROUP)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        cx.world.ports.logs.create_group(&self.target, &self.group).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match cx.world.ports.logs.retention(&self.target, &self.group).await? {
            Some(_) => ours(()),
            None => Ok(Observed::Absent),
        }
    }
}

/// Sets the retention of a group that has none.
struct LimitRetention {
    target: Target,
    group: String,
}

#[async_trait]
impl Step<Sluice> for LimitRetention {
    fn effect(&self) -> Effect {
        Effect::Mutate(&LOG_RETENTION)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        if let Some(0) = cx.world.ports.logs.retention(&self.target, &self.group).await? {
            cx.world.ports.logs.set_retention(&self.target, &self.group, LOG_DAYS).await?;
        }
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        // A group that was deleted needs no retention.
        match cx.world.ports.logs.retention(&self.target, &self.group).await? {
            Some(0) => Ok(Observed::Absent),
            _ => ours(()),
        }
    }
}
