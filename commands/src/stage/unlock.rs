//! `/stage unlock`: removes locks before their end. A lock that somebody set meanwhile is another one and
//! stays. The removed locks show it in their own messages. A lock that was kept in a removed one applies
//! again, unless the person may remove that one too.

use async_trait::async_trait;

use crate::operation::{Context, EngineError, Node, OperationState, Progress, SignalKind, StepId, Summary};
use crate::ports::Write;
use crate::records::PipelineState;
use crate::rules::Lock;
use crate::stage::hold::NotifyLocks;
use crate::stage::messages;
pub use crate::stage::params::Unlock as Params;
use crate::steps::{Change, RECORD};
use sluice_model::{Actor, Permission, StageName};

/// The operation's kind.
pub const KIND: &str = "stage-unlock";

/// The operation.
#[derive(Clone, Copy)]
pub struct StageUnlock;

#[async_trait]
impl Change for StageUnlock {
    type Params = Params;

    fn kind(self) -> &'static str {
        KIND
    }
    fn noun(self) -> &'static str {
        "unlock"
    }
    fn is_urgent(self) -> bool {
        true
    }
    fn permission(self) -> Permission {
        Permission::OperatorsOrOncall
    }
    fn stage(self, params: &Params) -> Option<&StageName> {
        params.locks.first().filter(|_| params.locks.len() == 1).map(|lock| &lock.stage)
    }
    fn summary(self, params: &Params, _: &OperationState) -> Summary {
        messages::unlocked(params)
    }
    async fn record(self, params: &Params, _: &Actor, cx: &Context) -> Result<Progress, EngineError> {
        let Params { name, locks, .. } = params;
        let keys = &cx.world.keys;
        let state = PipelineState::read(&*cx.world.store, keys, name).await?;
        let (mut writes, mut lifted) = (vec![], vec![]);
        let is_same =
            |lock: &&Lock| state.locks.get(&lock.stage).is_some_and(|now| now.operation == lock.operation);
        for lock in locks.iter().filter(is_same) {
            let (key, when) = (keys.lock(name, &lock.stage), state.lock_as_seen(&lock.stage));
            writes.push(match params.restored(&lock.stage) {
                Some(restored) => Write::Put { item: restored.to_item(key)?, when },
                None => Write::Delete { key, when },
            });
            lifted.push(&lock.stage);
        }
        Progress::recorded(lifted, writes)
    }
    fn next(self, params: &Params, op: &OperationState) -> Result<Vec<Node>, EngineError> {
        let record = StepId::new(RECORD);
        let lifted: Vec<StageName> = op.output::<Option<_>>(&record)?.flatten().unwrap_or_default();
        let locks: Vec<_> =
            params.gone(&lifted).into_iter().map(|lock| (lock.operation, lock.stage)).collect();
        if locks.is_empty() {
            return Ok(vec![]);
        }
        let step = NotifyLocks { locks, how: SignalKind::Release, by: op.spec.actor.clone() };
        Ok(vec![Node::new(StepId::new("tell"), "", step).after([record])])
    }
}
