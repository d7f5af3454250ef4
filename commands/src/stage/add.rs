//! `/stage add`: adds a stage to the order. It creates nothing in AWS: the first promotion does that.

use std::sync::Arc;

use async_trait::async_trait;

use crate::operation::{
    Context, Effect, EngineError, Node, Operation, OperationState, Progress, Step, StepId, Summary,
};
use crate::ports::{Guard, Precondition, Write};
use crate::records::{AuditSubject, PipelineState, REVISION, Stage, to_item};
pub use crate::stage::params::Add as Params;
use sluice_model::{Permission, PipelineName, Refusal, StageName, Target, Text};

/// The operation.
pub struct StageAdd;

impl Operation for StageAdd {
    type Params = Params;

    fn kind(&self) -> &'static str {
        "stage-add"
    }
    fn nodes(
        &self,
        params: &Arc<Params>,
        _op: &OperationState,
        _: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        Ok(vec![Node::new(StepId::new("record"), "", Record(Params::clone(params)))])
    }
    fn permission(&self, _: &Params) -> Permission {
        Permission::Admins
    }
    fn can_cancel(&self) -> bool {
        false
    }
    fn audit_subject(&self, params: &Params, _op: &OperationState) -> AuditSubject {
        AuditSubject { stage: Some(params.stage.clone()), ..AuditSubject::default() }
    }
    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        let Params { name, stage, .. } = params;
        let of = |words: &str| Text::plain(words).code(stage.as_str()).then(" to ").code(name.as_str());
        let summary = Summary::new(of("Addition of stage "));
        let mut summary = summary.headlines(of("Adding stage "), of("Added stage "));
        let stages = op.output::<Vec<StageName>>(&StepId::new("record")).ok().flatten().unwrap_or_default();
        if !stages.is_empty() {
            let order: Vec<_> = stages.iter().map(StageName::as_str).collect();
            summary = summary.field("Stages", Text::plain(order.join(" → ")));
            summary = summary.field("Policy", Text::plain("protected: promotions need 1 approval"));
            summary.hint = Some(Text::plain("Next: ").code(format!("/promote {name} {stage}")));
        }
        summary
    }
}

/// The order of stages with a new one, or why it cannot be added.
pub fn ordered(
    name: &PipelineName,
    stages: &[StageName],
    stage: &StageName,
    after: Option<&StageName>,
) -> Result<Vec<StageName>, Refusal> {
    if stages.contains(stage) {
        return Err(Refusal::new(
            "stage-exists",
            format!("Pipeline `{name}` has a stage `{stage}` already."),
            format!("See its stages with `/stage list {name}`."),
        ));
    }
    let at = match after {
        None => stages.len(),
        Some(after) => match stages.iter().position(|known| known == after) {
            Some(at) => at + 1,
            None => {
                return Err(Refusal::new(
                    "no-such-stage",
                    format!("Pipeline `{name}` has no stage `{after}`."),
                    format!("See its stages with `/stage list {name}`."),
                ));
            }
        },
    };
    let mut order = stages.to_vec();
    order.insert(at, stage.clone());
    Ok(order)
}

struct Record(Params);

#[async_trait]
impl Step for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Params { name, stage, after } = &self.0;
        let keys = &cx.world.keys;
        let state = PipelineState::read(&*cx.world.store, keys, name).await?;
        let mut pipeline = state.expect_pipeline()?.clone();
        pipeline.stages =
            ordered(name, &pipeline.stages, stage, after.as_ref()).map_err(EngineError::Refused)?;
        let order = pipeline.stages.clone();
        // The whole record is written, so both its revision and its counters must be those that were read.
        let before = state.counters;
        let mut counters = before;
        counters.revision += 1;
        let item = to_item(keys.pipeline(name), counters.guards(), &pipeline)?;
        let fresh = to_item(
            keys.stage(name, stage),
            [(REVISION.to_owned(), Guard::Number(1))].into(),
            &Stage::new(stage.clone()),
        )?;
        let writes = vec![
            Write::Put { item, when: Precondition::Equals(before.guards()) },
            Write::Put { item: fresh, when: Precondition::Absent },
        ];
        Progress::recorded(order, writes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_inserted_in_order() {
        let name = "orders".parse().unwrap();
        let stages: Vec<StageName> = ["dev", "prod"].map(|s| s.parse().unwrap()).into();
        let staging: StageName = "staging".parse().unwrap();
        let order = |after: Option<&str>| {
            let after = after.map(|s| s.parse().unwrap());
            ordered(&name, &stages, &staging, after.as_ref())
                .map(|order| order.iter().map(|s| s.to_string()).collect::<Vec<_>>().join(" "))
                .map_err(|refusal| refusal.code)
        };
        assert_eq!(order(None), Ok("dev prod staging".into()));
        assert_eq!(order(Some("dev")), Ok("dev staging prod".into()));
        assert_eq!(order(Some("qa")), Err("no-such-stage".into()));
        assert_eq!(ordered(&name, &stages, &stages[1], None).unwrap_err().code, "stage-exists");
    }
}
