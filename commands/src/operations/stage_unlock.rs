//! `/stage unlock`: locks end before their time. A lock that somebody set meanwhile is another one, and stays. Those that
//! were lifted say so in their own messages.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::card::Text;
use crate::domain::{About, Lock, View};
use crate::grammar::Permission;
use crate::ids::{PipelineName, StageName, Target};
use crate::operation::{
    Context, Definition, Effect, Facts, Node, Progress, Step, StepId, Story, Trouble, Verdict,
};
use crate::operations::stage_lock::{listed, tell_of_end};
use crate::ports::Write;
use crate::service::Actor;

/// Its kind.
pub const KIND: &str = "stage-unlock";

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// The locks that held when it was asked.
    pub locks: Vec<Lock>,
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
        let locks: Vec<Lock> = params.locks.into_iter().filter(|lock| lifted.contains(&lock.stage)).collect();
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
        let Ok(Params { name, locks }) = facts.params() else { return Story::new("An end of a lock".into()) };
        let stages = listed(locks.iter().map(|lock| &lock.stage));
        let title = Text::plain("Unlock of ").join(stages.clone()).then(" of ").code(name.as_str());
        let mut story = Story::new(title);
        for lock in &locks {
            let was = Text::default().user(&lock.owner.id).then(" until ").time(lock.until);
            story = story.field("Was locked by", was.then(format!(": {}", lock.reason)));
        }
        story.result = Some(stages.then(if locks.len() == 1 {
            " is open for what is new"
        } else {
            " are open for what is new"
        }));
        story.hint = Some(Text::plain("How it stands: ").code(format!("/pipeline check {name}")));
        story
    }
}

struct Record(Params);

#[async_trait]
impl Step for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let Params { name, locks } = &self.0;
        let keys = &cx.world.keys;
        let view = View::read(&*cx.world.store, keys, name).await?;
        let (mut writes, mut lifted) = (vec![], vec![]);
        for lock in locks {
            let is_same = view.locks.get(&lock.stage).is_some_and(|now| now.operation == lock.operation);
            let key = keys.lock(name, &lock.stage);
            if is_same {
                writes.push(Write::Delete { key, when: view.lock_as_seen(&lock.stage) });
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
