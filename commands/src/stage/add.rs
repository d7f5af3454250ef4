//! `/stage add`: adds a stage to the order. It creates nothing in AWS: the first promotion does that.

use async_trait::async_trait;

use crate::operation::{Context, EngineError, OperationState, Progress, Summary};
use crate::ports::{Guard, Precondition, Write};
use crate::records::{PipelineState, REVISION, Stage, no_such_stage, to_item};
use crate::stage::messages;
pub use crate::stage::params::Add as Params;
use crate::steps::Change;
use sluice_model::{Actor, PipelineName, Refusal, StageName};

/// The operation's kind.
pub const KIND: &str = "stage-add";

/// The operation.
#[derive(Clone, Copy)]
pub struct StageAdd;

#[async_trait]
impl Change for StageAdd {
    type Params = Params;

    fn kind(self) -> &'static str {
        KIND
    }
    fn stage(self, params: &Params) -> Option<&StageName> {
        Some(&params.stage)
    }
    fn summary(self, params: &Params, op: &OperationState) -> Summary {
        messages::added(params, op)
    }
    async fn record(self, params: &Params, _: &Actor, cx: &Context) -> Result<Progress, EngineError> {
        let Params { name, stage, after } = params;
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
        let guards = [(REVISION.to_owned(), Guard::Number(1))].into();
        let fresh = to_item(keys.stage(name, stage), guards, &Stage::new(stage.clone()))?;
        let writes = vec![
            Write::Put { item, when: Precondition::Equals(before.guards()) },
            Write::Put { item: fresh, when: Precondition::Absent },
        ];
        Progress::recorded(order, writes)
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
        return Err(messages::stage_exists(name, stage));
    }
    let at = match after {
        None => stages.len(),
        Some(after) => match stages.iter().position(|known| known == after) {
            Some(at) => at + 1,
            None => return Err(no_such_stage(name, after, stages)),
        },
    };
    let mut order = stages.to_vec();
    order.insert(at, stage.clone());
    Ok(order)
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
