//! A pipeline as one query returns it: its record, stages, slots and the queue of open operations.

use std::collections::BTreeMap;

use crate::ports::{Guard, Guards, Item, Order, Precondition, Query, Store, StoreError};
use crate::records::refusals::{being_removed, no_such_pipeline, no_such_stage};
use crate::records::{
    BUILDS, GREEN, Grants, Keys, Lock, ObservedDrift, Pipeline, Policy, RELEASES, REVISION, Stage, TOUCHED,
    Tidied,
};
use sluice_engine::ports::{guards, number_guard as number, text_guard as text};
use sluice_engine::{EngineError, TICKETS, TicketQueue, from_item};
use sluice_model::{BuildNumber, PipelineName, Refusal, StageName};

/// A pipeline's partition.
#[derive(Debug, Clone, Default)]
pub struct PipelineState {
    /// Its record; `None` if it does not exist.
    pub pipeline: Option<Pipeline>,
    /// Its counters.
    pub counters: Counters,
    /// Its stages by name.
    pub stages: BTreeMap<StageName, Stage>,
    /// The revision of each stage's record, for its next write.
    pub stage_revisions: BTreeMap<StageName, u64>,
    /// The last operation that changed a stage and undid it, after the stage's record was written.
    pub stage_touched: BTreeMap<StageName, String>,
    /// The policies that were set. The position of a stage gives the default: see [`PipelineState::policy`].
    pub policies: BTreeMap<StageName, Policy>,
    /// The locks, including expired ones.
    pub locks: BTreeMap<StageName, Lock>,
    /// The guards that identify each lock's record: no other lock of the stage has or had them.
    pub lock_guards: BTreeMap<StageName, Guards>,
    /// The drift that was seen on each stage.
    pub outside: BTreeMap<StageName, ObservedDrift>,
    /// The roles that were granted for it.
    pub grants: Grants,
    /// When it was last tidied, or the channel was notified that it will be.
    pub tidied: Option<Tidied>,
    /// The revision of the record of each policy and drift, by its sort key.
    pub revisions: BTreeMap<String, u64>,
    /// The open operations and the holders of its slots.
    pub queue: TicketQueue,
}

/// The counters of a pipeline. They are guards of its record, so counting does not rewrite the record's body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Changes of the record's body.
    pub revision: u64,
    /// Tickets issued.
    pub tickets: u64,
    /// Builds accepted.
    pub builds: u64,
    /// Releases accepted.
    pub releases: u64,
    /// The newest green build.
    pub green: u64,
}

impl Counters {
    /// As guards.
    pub fn guards(&self) -> Guards {
        guards([
            (REVISION, Guard::Number(self.revision)),
            (TICKETS, Guard::Number(self.tickets)),
            (BUILDS, Guard::Number(self.builds)),
            (RELEASES, Guard::Number(self.releases)),
            (GREEN, Guard::Number(self.green)),
        ])
    }
    fn read(found: &Guards) -> Self {
        Self {
            revision: number(found, REVISION),
            tickets: number(found, TICKETS),
            builds: number(found, BUILDS),
            releases: number(found, RELEASES),
            green: number(found, GREEN),
        }
    }
    /// The newest green build.
    pub fn newest_green(&self) -> Option<BuildNumber> {
        u32::try_from(self.green).ok().filter(|number| *number > 0).map(BuildNumber)
    }
}

impl PipelineState {
    /// Reads a pipeline's partition: one request.
    pub async fn read(store: &dyn Store, keys: &Keys, name: &PipelineName) -> Result<Self, StoreError> {
        let page = store
            .query(Query {
                partition: keys.pipeline_partition(name),
                prefix: String::new(),
                order: Order::Ascending,
                limit: None,
                after: None,
            })
            .await?;
        Self::of(&page.items)
    }

    /// Builds the state from a partition's items.
    pub fn of(items: &[Item]) -> Result<Self, StoreError> {
        let mut state = PipelineState::default();
        for item in items {
            let corrupt = || StoreError::Corrupt(format!("{}/{}", item.key.partition, item.key.sort));
            state.queue.add(item)?;
            match item.key.sort.split_once('/') {
                None if item.key.sort == "pipeline" => {
                    state.pipeline = Some(from_item(item)?);
                    state.counters = Counters::read(&item.guards);
                }
                None if item.key.sort == "roles" => state.grants = Grants::of(Some(item))?,
                None if item.key.sort == "tidied" => state.tidied = Some(from_item(item)?),
                Some(("stage", _)) => {
                    let stage: Stage = from_item(item)?;
                    state.stage_revisions.insert(stage.name.clone(), number(&item.guards, REVISION));
                    let touched = text(&item.guards, TOUCHED);
                    if !touched.is_empty() {
                        state.stage_touched.insert(stage.name.clone(), touched);
                    }
                    state.stages.insert(stage.name.clone(), stage);
                }
                Some(("policy", stage)) => {
                    let stage = stage.parse().map_err(|_| corrupt())?;
                    state.revisions.insert(item.key.sort.clone(), number(&item.guards, REVISION));
                    state.policies.insert(stage, from_item(item)?);
                }
                Some(("lock", _)) => {
                    let lock: Lock = from_item(item)?;
                    state.lock_guards.insert(lock.stage.clone(), item.guards.clone());
                    state.locks.insert(lock.stage.clone(), lock);
                }
                Some(("drift", stage)) => {
                    let stage = stage.parse().map_err(|_| corrupt())?;
                    state.revisions.insert(item.key.sort.clone(), number(&item.guards, REVISION));
                    state.outside.insert(stage, from_item(item)?);
                }
                // A newer version of Sluice wrote this kind of record.
                _ => {}
            }
        }
        state.queue.settle();
        Ok(state)
    }

    /// The policy of a stage.
    pub fn policy(&self, stage: &StageName) -> Policy {
        let set = self.policies.get(stage).cloned();
        set.unwrap_or_else(|| Policy::of(self.is_protected(stage)))
    }

    /// The precondition for writing or deleting a lock's record: it is the one that was read, or there is still none.
    pub fn lock_as_seen(&self, stage: &StageName) -> Precondition {
        self.lock_guards.get(stage).cloned().map_or(Precondition::Absent, Precondition::Equals)
    }

    /// Whether a stage is protected because of its position.
    pub fn is_protected(&self, stage: &StageName) -> bool {
        self.pipeline.as_ref().is_none_or(|pipeline| pipeline.is_protected(stage))
    }

    /// The pipeline, or the refusal for a name that does not exist.
    pub fn pipeline(&self, name: &PipelineName) -> Result<&Pipeline, Refusal> {
        self.pipeline.as_ref().ok_or_else(|| no_such_pipeline(name))
    }

    /// A stage, or the refusal for a name that does not exist, or of a stage that is being removed.
    pub fn stage(&self, name: &PipelineName, stage: &StageName) -> Result<&Stage, Refusal> {
        let found = self.any_stage(name, stage)?;
        if found.removed_by.is_some() { Err(being_removed(name, stage)) } else { Ok(found) }
    }

    /// A stage, also while it is being removed.
    pub fn any_stage(&self, name: &PipelineName, stage: &StageName) -> Result<&Stage, Refusal> {
        let all = || self.pipeline.as_ref().map(|pipeline| pipeline.stages.as_slice()).unwrap_or_default();
        self.stages.get(stage).ok_or_else(|| no_such_stage(name, stage, all()))
    }

    /// The pipeline's record, for an operation that needs one to exist.
    pub fn expect_pipeline(&self) -> Result<&Pipeline, EngineError> {
        self.pipeline.as_ref().ok_or_else(|| EngineError::Corrupt("the pipeline's record is gone".into()))
    }
}
