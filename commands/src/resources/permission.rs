//! The permission of API Gateway to call a stage's alias.

use async_trait::async_trait;
use serde_json::Value;

use crate::application::Sluice;
use crate::names::API_STATEMENT;
use crate::operation::effects::{Mutation, PERMIT_API, REMOVE_PERMISSION};
use crate::operation::{Context, Effect, EngineError, Node, Observed, Progress, Step, StepId, Undone};
use crate::records::PinnedApi;
use crate::resources::own::ours;
use crate::resources::resource::{Duty, Move, Part, Prepared, Resource, ToPrepare};
use crate::resources::seen::Seen;
use crate::resources::watch::RanBefore;
use crate::resources::{function, messages};
use sluice_model::Target;

pub(crate) struct Permission;

impl Resource for Permission {
    fn name(&self) -> &'static str {
        "permission of API Gateway"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[&PERMIT_API, &REMOVE_PERMISSION]
    }
    fn exempt(&self, duty: Duty) -> Option<&'static str> {
        Some(match duty {
            Duty::Drift => "every deploy and promotion looks at it, and adds what is missing",
            Duty::Description => "it follows from the routes",
        })
    }

    fn prepare(&self, ToPrepare { of, plan, part, .. }: ToPrepare) -> Result<Prepared, EngineError> {
        let Part::Function(logical) = part else { return Ok(Prepared::default()) };
        let is_permitted = function::looked(of.op, logical)?.permitted;
        let permitted = is_permitted.then(|| plan.planned(logical).map(|planned| planned.name.clone()));
        let permitted = permitted.transpose()?.into_iter().collect();
        Ok(Prepared { seen: Seen { permitted, ..Seen::default() }, ..Prepared::default() })
    }

    fn moves(&self, to: &Move, part: Part) -> Option<Node> {
        let (Part::Function(function), Some(PinnedApi { api, .. })) = (part, &to.set.api) else {
            return None;
        };
        if to.is_rollback || to.seen.permitted.contains(function) {
            return None;
        }
        let before = to.before.clone();
        let title = messages::permit_api(function, before.stage.as_str());
        let (target, function, api) = (to.target.clone(), function.to_owned(), api.clone());
        Some(Node::new(StepId::of("permit", &function), title, PermitApi { target, function, api, before }))
    }
}

/// Allows API Gateway to call an alias.
struct PermitApi {
    target: Target,
    function: String,
    api: String,
    before: RanBefore,
}

#[async_trait]
impl Step<Sluice> for PermitApi {
    fn effect(&self) -> Effect {
        Effect::Mutate(&PERMIT_API)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let stage = self.before.stage.as_str();
        let source = self.target.arn("execute-api", &format!("{}/{stage}/*", self.api));
        cx.world
            .ports
            .functions
            .permit_api(&self.target, &self.function, stage, API_STATEMENT, &source)
            .await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let functions = &cx.world.ports.functions;
        let found = functions.permissions(&self.target, &self.function, self.before.stage.as_str()).await?;
        if found.iter().any(|statement| statement == API_STATEMENT) { ours(()) } else { Ok(Observed::Absent) }
    }
    async fn undo(&self, cx: &Context, _: &Value) -> Result<Undone, EngineError> {
        if let Some(left) = self.before.left_if_moved(cx).await? {
            return Ok(left);
        }
        let stage = self.before.stage.as_str();
        cx.world.ports.functions.forbid_api(&self.target, &self.function, stage, API_STATEMENT).await?;
        Ok(Undone::Yes)
    }
}
