//! Signals: what people say to an operation that waits for them.
//!
//! A signal is written by whoever receives it: put if absent per (operation, wait, person), while the head still waits
//! for exactly that. Neither fence nor sequence is needed or changed; the owner's journal alone decides what follows.

use crate::domain::{About, Act, AuditRecord, Granted, to_item};
use crate::operation::accept::{Committed, Delivery, inbox, transact};
use crate::operation::engine::Engine;
use crate::operation::facts::{Facts, SignalFact, Verdict};
use crate::operation::head::{self, Head, RUNG, guards};
use crate::operation::news;
use crate::operation::step::{StepId, Trouble};
use crate::ports::{Cause, DueChange, Guard, Hint, Precondition, Write};
use crate::service::Answer;

/// What came of saying something.
#[derive(Debug)]
pub enum Said {
    /// It is recorded.
    Heard(Answer),
    /// This delivery was answered before: so.
    Before(Answer),
    /// The operation does not wait for that any more, or this person said something to it before.
    Late,
}

/// What somebody says.
#[derive(Debug, Clone)]
pub struct Word {
    /// The word itself.
    pub verdict: Verdict,
    /// Why, if they said it.
    pub reason: Option<String>,
}

/// The wait that a button or a command means: the step, and since which revision it waits.
pub fn parse_wait(awaits: &str) -> Option<(StepId, u64)> {
    let (step, since) = awaits.split_once('@')?;
    Some((StepId::new(step), since.parse().ok()?))
}

/// Records what somebody said to `head`, who waits as it was read, with what is known of it.
pub async fn say(
    engine: &Engine,
    delivery: &Delivery<'_>,
    head: &Head,
    facts: &Facts,
    word: Word,
    granted: &Granted,
    answer: Answer,
) -> Result<Said, Trouble> {
    let world = engine.world();
    let Word { verdict, reason } = word;
    let Some((step, _)) = parse_wait(&head.awaits) else { return Ok(Said::Late) };
    let at = world.clock.now();
    let definition = engine.registry().get(&head.charter.kind, head.charter.version);
    let about = definition.map(|definition| definition.about(facts)).unwrap_or_default();
    let signal =
        SignalFact { step: step.clone(), actor: delivery.actor.clone(), verdict, reason: reason.clone(), at };
    let audit = AuditRecord {
        at,
        act: match verdict {
            Verdict::Approve => Act::Approved,
            Verdict::Reject => Act::Rejected,
        },
        actor: delivery.actor.clone(),
        channel: delivery.channel.clone(),
        pipeline: head.charter.pipeline.clone(),
        operation: head.id.clone(),
        kind: head.charter.kind.clone(),
        command: head.charter.command.clone(),
        rule: granted.rule().to_owned(),
        outcome: "recorded".into(),
        about: About { reason, ..about },
    };
    let key = world.keys.signal(&head.id, &head.awaits, &delivery.actor.id);
    let writes = vec![
        inbox(engine, delivery.key, &answer, Some(&head.id))?,
        Write::Put { item: to_item(key, Default::default(), &signal)?, when: Precondition::Absent },
        Write::Update {
            key: world.keys.head(&head.id),
            set: guards([(RUNG, Guard::Text(delivery.key.to_owned()))]),
            due: DueChange::At(at),
            when: Precondition::Equals(guards([(head::AWAITS, Guard::Text(head.awaits.clone()))])),
        },
        news::audit(&audit, world)?,
    ];
    // One token, one content: the time of this attempt is in the writes, so another attempt has another token.
    let token = format!("signal-{}", ulid::Ulid::new());
    match transact(engine, &token, delivery.key, writes).await? {
        Committed::Yes => {
            ring(engine, head, delivery);
            Ok(Said::Heard(answer))
        }
        Committed::Before(answer, _) => {
            // Perhaps our own transaction, whose answer was lost; ringing twice does no harm.
            ring(engine, head, delivery);
            Ok(Said::Before(answer))
        }
        Committed::No => Ok(Said::Late),
    }
}

/// Sees that somebody hears it: the task here, or a replica that carries the operation, or any if nothing is driven here.
fn ring(engine: &Engine, head: &Head, delivery: &Delivery<'_>) {
    let world = engine.world();
    world.runner.run(head.id.clone());
    let is_elsewhere = !head.owner.is_empty() && head.owner != world.settings.replica;
    if is_elsewhere || !world.settings.drive {
        let cause = Cause::Signal(delivery.actor.id.clone());
        world.wakeups.ring(Hint { operation: head.id.clone(), sequence: head.sequence, cause });
    }
}
