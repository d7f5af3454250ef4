//! `/stage unlock`: locks end before their time. A lock that somebody set meanwhile is another one, and stays. Those that
//! were lifted say so in their own messages. A lock that was kept in the one that ends applies again, unless the person may
//! remove that one, too.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::{About, Lock, View};
use crate::operation::{
    Context, Definition, Effect, Facts, Node, Progress, Step, StepId, Story, Trouble, Verdict,
};
use crate::operations::stage_lock::{listed, tell_of_end};
use crate::ports::Write;
use sluice_model::{Actor, Permission, PipelineName, StageName, Target, Text};

/// Its kind.
pub const KIND: &str = "stage-unlock";

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// The locks that held when it was asked.
    pub locks: Vec<Lock>,
    /// The locks that apply again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<Lock>,
}

impl Params {
    fn restored(&self, stage: &StageName) -> Option<&Lock> {
        self.restored.iter().find(|lock| lock.stage == *stage)
    }

    /// The locks that end on these stages.
    fn gone(&self, stages: &[StageName]) -> Vec<Lock> {
        let stays = |lock: &Lock| {
            let restored = self.restored(&lock.stage);
            restored.is_some_and(|restored| restored.each().any(|kept| kept.operation == lock.operation))
        };
        let lifted = self.locks.iter().filter(|lock| stages.contains(&lock.stage));
        lifted.flat_map(Lock::each).filter(|lock| !stays(lock)).collect()
    }
}

/// The operation.
pub struct StageUnlock;

impl Definition for StageUnlock {
    fn kind(&self) -> &'static str {
        KIND
    }
    fn noun(&self) -> &'static str {
        "unlock"
    }
    fn is_urgent(&self) -> bool {
        true
    }
    fn nodes(&self, facts: &Facts, _: &Target) -> Result<Vec<Node>, Trouble> {
        let record = StepId::new("record");
        let params: Params = facts.params()?;
        let mut nodes = vec![Node::new(record.clone(), "", Record(params.clone()))];
        let lifted: Vec<StageName> = facts.output::<Option<_>>(&record)?.flatten().unwrap_or_default();
        let locks = params.gone(&lifted);
        if !locks.is_empty() {
            let step = Tell { locks, by: facts.charter.actor.clone() };
            nodes.push(Node::new(StepId::new("tell"), "", step).after([record]));
        }
        Ok(nodes)
    }
    fn permission(&self, _: &Facts) -> Permission {
        Permission::OperatorsOrOncall
    }
    fn can_cancel(&self) -> bool {
        false
    }
    fn about(&self, facts: &Facts) -> About {
        let Ok(params) = facts.params::<Params>() else { return About::default() };
        let stage = params.locks.first().filter(|_| params.locks.len() == 1).map(|lock| lock.stage.clone());
        About { stage, ..About::default() }
    }
    fn story(&self, facts: &Facts) -> Story {
        let Ok(params) = facts.params::<Params>() else { return Story::new("An end of a lock".into()) };
        let Params { name, locks, restored } = &params;
        let stages = listed(locks.iter().map(|lock| &lock.stage));
        let title = Text::plain("Unlock of ").join(stages).then(" of ").code(name.as_str());
        let mut story = Story::new(title);
        for lock in locks {
            let was = Text::default().user(&lock.owner.id).then(" until ").time(lock.until);
            story = story.field("Was locked by", was.then(format!(": {}", lock.reason)));
        }
        let is_open = |lock: &&Lock| params.restored(&lock.stage).is_none();
        let open: Vec<_> = locks.iter().filter(is_open).map(|lock| &lock.stage).collect();
        let opens = match open.len() {
            0 => Text::default(),
            1 => listed(open).then(" is open for what is new"),
            _ => listed(open).then(" are open for what is new"),
        };
        story.result = Some(restored.iter().fold(opens, |text, lock| {
            if text.is_empty() { still_locked(lock) } else { text.then(", ").join(still_locked(lock)) }
        }));
        story.hint = Some(Text::plain("How it stands: ").code(format!("/pipeline check {name}")));
        story
    }
}

/// How a stage stands where another lock applies again.
pub(crate) fn still_locked(lock: &Lock) -> Text {
    let text = Text::default().code(lock.stage.as_str()).then(" stays locked by ").user(&lock.owner.id);
    text.then(" until ").time(lock.until)
}

struct Record(Params);

#[async_trait]
impl Step for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let Params { name, locks, .. } = &self.0;
        let keys = &cx.world.keys;
        let view = View::read(&*cx.world.store, keys, name).await?;
        let (mut writes, mut lifted) = (vec![], vec![]);
        for lock in locks {
            let is_same = view.locks.get(&lock.stage).is_some_and(|now| now.operation == lock.operation);
            let key = keys.lock(name, &lock.stage);
            if is_same {
                let when = view.lock_as_seen(&lock.stage);
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
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        for lock in &self.locks {
            tell_of_end(&cx.world, &lock.operation, &lock.stage, Verdict::Unlock, &self.by).await?;
        }
        Progress::done(())
    }
}
