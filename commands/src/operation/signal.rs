//! Signals: what people say to an operation.
//!
//! A signal is written by the replica that receives it: put if absent per (operation, wait, person), while the head still waits
//! for exactly that, or, for a cancel, still runs. Neither fence nor sequence is needed or changed; the owner's journal alone decides what follows.

use jiff::Timestamp;

use crate::domain::{About, Act, AuditRecord, Granted, to_item};
use crate::operation::accept::{Committed, Delivery, inbox, transact};
use crate::operation::auditing;
use crate::operation::engine::Engine;
use crate::operation::facts::{CANCEL, Facts, STUCK, SignalFact, Verdict};
use crate::operation::head::{self, Head, RUNG, Status, guards};
use crate::operation::log::read_head;
use crate::operation::step::{StepId, Trouble};
use crate::operation::world::World;
use crate::ports::{Cause, DueChange, Guard, Guards, Hint, Precondition, StoreError, Write};
use sluice_model::{Actor, Answer, ChannelId, OperationId, UserId};

/// How often a word is said anew because the operation went to sleep or woke meanwhile.
const TRIES: usize = 5;

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

/// What a word is said to, and what must hold of the head for it to be heard.
struct Ear {
    step: StepId,
    /// Names it among the signals: one word per person.
    awaited: String,
    when: Guards,
    set: Guards,
    due: DueChange,
}

impl Ear {
    /// With what it is called in the history. `None`: the operation does not listen to that.
    fn of(head: &Head, verdict: Verdict, at: Timestamp) -> Option<(Self, Act)> {
        let is_open = matches!(head.status, Status::Running | Status::Waiting);
        let awaits = parse_wait(&head.awaits);
        let is_stuck =
            head.status == Status::Stuck && awaits.as_ref().is_some_and(|(step, _)| step.0 == STUCK);
        let act = match verdict {
            Verdict::Approve if is_open => Act::Approved,
            Verdict::Reject if is_open => Act::Rejected,
            Verdict::Cancel if is_open => Act::Cancelled,
            Verdict::GiveWay | Verdict::StageMoved if is_open => Act::GaveWay,
            Verdict::Retry if is_stuck => Act::Retried,
            Verdict::Resolve if is_stuck => Act::Resolved,
            // Not said by people, but by the operation that did it: see `let_go`.
            _ => return None,
        };
        let (set, due) = woken(head, at);
        let status = (head::STATUS, Guard::Text(head.status.as_str().into()));
        let (step, awaited, when) = match verdict {
            Verdict::Cancel | Verdict::GiveWay | Verdict::StageMoved => {
                (StepId::new(CANCEL), CANCEL.to_owned(), guards([status]))
            }
            _ => {
                let awaited = (head::AWAITS, Guard::Text(head.awaits.clone()));
                (awaits?.0, head.awaits.clone(), guards([awaited, status]))
            }
        };
        Some((Self { step, awaited, when, set, due }, act))
    }

    /// The signal with its ring. `rung` is different for each.
    fn writes(
        self,
        world: &World,
        head: &Head,
        signal: &SignalFact,
        rung: &str,
    ) -> Result<Vec<Write>, Trouble> {
        let key = world.keys.signal(&head.id, &self.awaited, &signal.actor.id);
        let mut set = self.set;
        set.insert(RUNG.into(), Guard::Text(rung.to_owned()));
        let (key_of_head, due) = (world.keys.head(&head.id), self.due);
        Ok(vec![
            Write::Put { item: to_item(key, Default::default(), signal)?, when: Precondition::Absent },
            Write::Update { key: key_of_head, set, due, when: Precondition::Equals(self.when) },
        ])
    }
}

/// What is recorded in the history of a word.
fn record(
    head: &Head,
    signal: &SignalFact,
    act: Act,
    rule: &str,
    channel: &ChannelId,
    about: About,
) -> AuditRecord {
    AuditRecord {
        at: signal.at,
        act,
        actor: signal.actor.clone(),
        channel: Some(channel.clone()),
        pipeline: Some(head.charter.pipeline.clone()),
        operation: head.id.clone(),
        kind: head.charter.kind.clone(),
        command: head.charter.command.clone(),
        rule: rule.to_owned(),
        outcome: "recorded".into(),
        about: About { reason: signal.reason.clone(), ..about },
    }
}

/// Who carries an operation that does not run is to be found: what that changes in its head.
fn woken(head: &Head, at: Timestamp) -> (Guards, DueChange) {
    match head.status {
        // Who runs is due already.
        Status::Running => (Guards::new(), DueChange::Keep),
        // Nobody carries who waits or is stuck; who told it last may still be named, and must not settle it any more.
        _ => {
            let running = Guard::Text(Status::Running.as_str().into());
            let set = [(head::OWNER, Guard::Text(String::new())), (head::STATUS, running)];
            (guards(set), DueChange::At(at))
        }
    }
}

/// Records what somebody said to `head`, as it was read, with what is known of it.
pub async fn say(
    engine: &Engine,
    delivery: &Delivery<'_>,
    head: &Head,
    facts: &Facts,
    word: Word,
    granted: &Granted,
    answer: Answer,
) -> Result<Said, Trouble> {
    let mut head = head.clone();
    let awaited = head.awaits.clone();
    for _ in 0..TRIES {
        match say_once(engine, delivery, &head, facts, word.clone(), granted, answer.clone()).await? {
            Said::Late => {}
            said => return Ok(said),
        }
        // Perhaps it only went to sleep or woke at this moment. What it waits for must be the same still.
        match read_head(&*engine.world().store, &engine.world().keys, &head.id).await? {
            Some(seen) if seen.head.status != head.status && seen.head.awaits == awaited => head = seen.head,
            _ => return Ok(Said::Late),
        }
    }
    Ok(Said::Late)
}

async fn say_once(
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
    let at = world.clock.now();
    let Some((ear, act)) = Ear::of(head, verdict, at) else { return Ok(Said::Late) };
    let definition = engine.registry().get(&head.charter.kind, head.charter.version);
    let about = definition.map(|definition| definition.about(facts)).unwrap_or_default();
    let signal = SignalFact { step: ear.step.clone(), actor: delivery.actor.clone(), verdict, reason, at };
    let channel = delivery.channel.unwrap_or(&head.charter.home);
    let audit = record(head, &signal, act, granted.rule(), channel, about);
    let mut writes = vec![inbox(engine, delivery.key, &answer, Some(&head.id))?];
    writes.extend(ear.writes(world, head, &signal, delivery.key)?);
    writes.push(auditing::audit(&audit, world)?);
    // One token, one content: the time of this attempt is in the writes, so another attempt has another token.
    let token = format!("signal-{}", ulid::Ulid::new());
    match transact(engine, &token, delivery.key, writes).await? {
        Committed::Yes => {
            ring(world, head, &delivery.actor.id);
            Ok(Said::Heard(answer))
        }
        Committed::Before(answer, _) => {
            // Perhaps our own transaction, whose answer was lost; ringing twice does no harm.
            ring(world, head, &delivery.actor.id);
            Ok(Said::Before(answer))
        }
        Committed::No => Ok(Said::Late),
    }
}

/// Why an operation is to stop for something else that happened to its stage.
pub(crate) struct Preempt<'a> {
    /// A rollback goes first, or the stage moved.
    pub(crate) verdict: Verdict,
    /// What happened, where the verdict does not say it all.
    pub(crate) reason: Option<String>,
    /// The rule in its history.
    pub(crate) rule: &'static str,
    /// Whose doing it is.
    pub(crate) by: &'a Actor,
    /// What the operation is about.
    pub(crate) about: About,
}

/// Has an operation give way. Safe to repeat: a word counts once for each person.
pub(crate) async fn give_way(world: &World, head: &Head, preempt: Preempt<'_>) -> Result<(), Trouble> {
    let Preempt { verdict, reason, rule, by, about } = preempt;
    let mut head = head.clone();
    for _ in 0..TRIES {
        let at = world.clock.now();
        let Some((ear, act)) = Ear::of(&head, verdict, at) else { return Ok(()) };
        let step = ear.step.clone();
        let signal = SignalFact { step, actor: by.clone(), verdict, reason: reason.clone(), at };
        let audit = record(&head, &signal, act, rule, &head.charter.channel, about.clone());
        let rung = ulid::Ulid::new();
        let mut writes = ear.writes(world, &head, &signal, &format!("give-way-{rung}"))?;
        writes.push(auditing::audit(&audit, world)?);
        match world.store.transact(&format!("give-way-{rung}"), writes).await {
            Ok(()) => {}
            // It was said before.
            Err(StoreError::Lost(lost)) if lost.contains(&0) => {}
            // It went to sleep, woke or ended at this moment.
            Err(StoreError::Lost(_)) => match read_head(&*world.store, &world.keys, &head.id).await? {
                Some(seen) => {
                    head = seen.head;
                    continue;
                }
                None => return Ok(()),
            },
            Err(error) => return Err(error.into()),
        }
        ring(world, &head, &by.id);
        return Ok(());
    }
    // Its gate and ours see to the rest.
    Ok(())
}

/// Tells the operation of a lock that it does not hold that stage any more: it was lifted, or another stands in its place.
/// Safe to repeat: it counts once for each person. That it was done is in the history of who did it.
pub(crate) async fn let_go(
    world: &World,
    lock: &OperationId,
    step: &StepId,
    verdict: Verdict,
    by: &Actor,
) -> Result<(), Trouble> {
    for _ in 0..TRIES {
        let Some(seen) = read_head(&*world.store, &world.keys, lock).await? else { return Ok(()) };
        let head = seen.head;
        if !matches!(head.status, Status::Running | Status::Waiting) {
            return Ok(());
        }
        let at = world.clock.now();
        let signal = SignalFact { step: step.clone(), actor: by.clone(), verdict, reason: None, at };
        let (set, due) = woken(&head, at);
        let when = guards([(head::STATUS, Guard::Text(head.status.as_str().into()))]);
        let ear = Ear { step: step.clone(), awaited: step.to_string(), when, set, due };
        let writes = ear.writes(world, &head, &signal, &format!("{step}-{at}"))?;
        match world.store.transact(&format!("let-go-{}", ulid::Ulid::new()), writes).await {
            // It was said before.
            Err(StoreError::Lost(lost)) if lost.contains(&0) => {}
            // It went to sleep or woke at this moment.
            Err(StoreError::Lost(_)) => continue,
            Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
        ring(world, &head, &by.id);
        return Ok(());
    }
    // It looks at the record itself whenever it wakes.
    Ok(())
}

/// Sees that somebody hears it: the task here, or a replica that carries the operation, or any if nothing is driven here.
fn ring(world: &World, head: &Head, by: &UserId) {
    world.runner.run(head.id.clone());
    let is_elsewhere = !head.owner.is_empty() && head.owner != world.settings.replica;
    if is_elsewhere || !world.settings.drive {
        let cause = Cause::Signal(by.clone());
        world.wakeups.ring(Hint { operation: head.id.clone(), sequence: head.sequence, cause });
    }
}
