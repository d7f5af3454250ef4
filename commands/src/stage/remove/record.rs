//! The records of a stage that is being removed, and is gone.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::application::Sluice;
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::ports::{Key, Order, Precondition, Query, Write};
use crate::records::{PipelineState, Stage, to_item};
use crate::steps::StageRecord;
use sluice_model::{PipelineName, StageName};

/// Records that the stage is being removed. Nothing is deleted before that, and nothing else changes the stage after it.
pub(super) struct Begin {
    pub(super) name: PipelineName,
    pub(super) stage: StageName,
}

#[async_trait]
impl Step<Sluice> for Begin {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let mut record = StageRecord::read(cx, &self.name, &self.stage).await?;
        record.stage = Stage::being_removed(self.stage.clone(), cx.operation.clone());
        Progress::recorded((), vec![record.write(&cx.world.keys, &self.name)?])
    }
}

/// How many version sets one step deletes (DynamoDB takes 100 writes), and how many items it reads.
const MOST: usize = 80;
const PAGE: u32 = 400;

/// Deletes version sets of the stage. A stage that is added later under this name must not find them.
pub(super) struct Forget {
    pub(super) name: PipelineName,
    pub(super) stage: StageName,
    /// The sort key after which it begins.
    pub(super) from: Option<String>,
}

/// The output of [`Forget`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Forgotten {
    /// Where the next step begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) more: Option<String>,
}

#[async_trait]
impl Step<Sluice> for Forget {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (store, keys) = (&cx.world.store, &cx.world.keys);
        let query = Query {
            partition: keys.releases_partition(&self.name),
            prefix: String::new(),
            order: Order::Ascending,
            limit: Some(PAGE),
            after: self.from.clone(),
        };
        let page = store.query(query).await?;
        let of_stage = format!("/{}", self.stage);
        let sets: Vec<Key> = page.items.into_iter().map(|item| item.key).collect();
        let mut sets: Vec<Key> = sets.into_iter().filter(|key| key.sort.ends_with(&of_stage)).collect();
        let rest = sets.split_off(sets.len().min(MOST));
        // The rest of the page is read again.
        let more = if rest.is_empty() { page.more } else { sets.last().map(|key| key.sort.clone()) };
        let delete = |key| Write::Delete { key, when: Precondition::Any };
        Progress::recorded(Forgotten { more }, sets.into_iter().map(delete).collect())
    }
}

/// Takes the stage out of its pipeline. Its output is the stages that are left, in order. A lock that holds has refused the removal; one
/// that expired is over.
pub(super) struct Leave {
    pub(super) name: PipelineName,
    pub(super) stage: StageName,
}

#[async_trait]
impl Step<Sluice> for Leave {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (keys, name, stage) = (&cx.world.keys, &self.name, &self.stage);
        let state = PipelineState::read(&*cx.world.store, keys, name).await?;
        let mut pipeline = state.expect_pipeline()?.clone();
        pipeline.stages.retain(|known| known != stage);
        // The whole record is written, so both its revision and its counters must be those that were read.
        let before = state.counters;
        let mut counters = before;
        counters.revision += 1;
        let item = to_item(keys.pipeline(name), counters.guards(), &pipeline)?;
        let mut writes = vec![Write::Put { item, when: Precondition::Equals(before.guards()) }];
        let all = [
            keys.stage(name, stage),
            keys.policy(name, stage),
            keys.lock(name, stage),
            keys.drift(name, stage),
        ];
        writes.extend(all.map(|key| Write::Delete { key, when: Precondition::Any }));
        Progress::recorded(pipeline.stages, writes)
    }
}
