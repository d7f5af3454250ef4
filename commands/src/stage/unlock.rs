//! `/stage unlock`: removes locks before their end. A lock that somebody set meanwhile is another one and
//! stays. The removed locks show it in their own messages. A lock that was kept in a removed one applies
//! again, unless the person may remove that one too.

use std::sync::Arc;

use async_trait::async_trait;

use crate::operation::{
    Context, Effect, EngineError, Node, Operation, OperationState, Progress, SignalKind, Step, StepId,
    Summary,
};
use crate::ports::Write;
use crate::records::{AuditSubject, PipelineState};
use crate::rules::Lock;
use crate::stage::hold::{listed, tell_of_end};
pub use crate::stage::params::Unlock as Params;
use sluice_model::{Actor, Permission, StageName, Target, Text};

/// The operation's kind.
pub const KIND: &str = "stage-unlock";

/// The operation.
pub struct StageUnlock;

impl Operation for StageUnlock {
    type Params = Params;

    fn kind(&self) -> &'static str {
        KIND
    }
    fn noun(&self) -> &'static str {
        "unlock"
    }
    fn is_urgent(&self) -> bool {
        true
    }
    fn nodes(&self, params: &Arc<Params>, op: &OperationState, _: &Target) -> Result<Vec<Node>, EngineError> {
        let record = StepId::new("record");
        let mut nodes = vec![Node::new(record.clone(), "", Record(Params::clone(params)))];
        let lifted: Vec<StageName> = op.output::<Option<_>>(&record)?.flatten().unwrap_or_default();
        let locks = params.gone(&lifted);
        if !locks.is_empty() {
            let step = Tell { locks, by: op.spec.actor.clone() };
            nodes.push(Node::new(StepId::new("tell"), "", step).after([record]));
        }
        Ok(nodes)
    }
    fn permission(&self, _: &Params) -> Permission {
        Permission::OperatorsOrOncall
    }
    fn can_cancel(&self) -> bool {
        false
    }
    fn audit_subject(&self, params: &Params, _op: &OperationState) -> AuditSubject {
        let stage = params.locks.first().filter(|_| params.locks.len() == 1).map(|lock| lock.stage.clone());
        AuditSubject { stage, ..AuditSubject::default() }
    }
    fn summary(&self, params: &Params, _op: &OperationState) -> Summary {
        let Params { name, locks, restored } = params;
        let stages = listed(locks.iter().map(|lock| &lock.stage));
        let title = Text::plain("Unlock of ").join(stages).then(" of ").code(name.as_str());
        let of = |words: &str| {
            let stages = listed(locks.iter().map(|lock| &lock.stage));
            Text::plain(words).join(stages).then(" of ").code(name.as_str())
        };
        let mut summary = Summary::new(title);
        summary.doing = Some(of("Unlocking "));
        for lock in locks {
            let was = Text::default().user(&lock.owner.id).then(" until ").time(lock.until);
            summary = summary.field("Locked by", was.then(format!(": {}", lock.reason)));
        }
        let is_open = |lock: &&Lock| params.restored(&lock.stage).is_none();
        let open: Vec<_> = locks.iter().filter(is_open).map(|lock| &lock.stage).collect();
        let opens = match open.is_empty() {
            true => Text::default(),
            false => Text::plain("Unlocked ").join(listed(open)).then(" of ").code(name.as_str()),
        };
        summary.done = Some(restored.iter().fold(opens, |text, lock| {
            if text.is_empty() { still_locked(lock) } else { text.then(", ").join(still_locked(lock)) }
        }));
        summary.hint = Some(Text::plain("See what is open: ").code(format!("/pipeline check {name}")));
        summary
    }
}

/// The text for a stage where another lock applies again.
pub(crate) fn still_locked(lock: &Lock) -> Text {
    let text = Text::default().code(lock.stage.as_str()).then(" is still locked by ").user(&lock.owner.id);
    text.then(" until ").time(lock.until)
}

struct Record(Params);

#[async_trait]
impl Step for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Params { name, locks, .. } = &self.0;
        let keys = &cx.world.keys;
        let state = PipelineState::read(&*cx.world.store, keys, name).await?;
        let (mut writes, mut lifted) = (vec![], vec![]);
        for lock in locks {
            let is_same = state.locks.get(&lock.stage).is_some_and(|now| now.operation == lock.operation);
            let key = keys.lock(name, &lock.stage);
            if is_same {
                let when = state.lock_as_seen(&lock.stage);
                writes.push(match self.0.restored(&lock.stage) {
                    Some(restored) => Write::Put { item: restored.to_item(key)?, when },
                    None => Write::Delete { key, when },
                });
                lifted.push(&lock.stage);
            }
        }
        Progress::recorded(lifted, writes)
    }
}

struct Tell {
    locks: Vec<Lock>,
    by: Actor,
}

#[async_trait]
impl Step for Tell {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        for lock in &self.locks {
            tell_of_end(&cx.world, &lock.operation, &lock.stage, SignalKind::Unlock, &self.by).await?;
        }
        Progress::done(())
    }
}
