//! Signals: messages from people, or from other operations, to an operation.
//!
//! The replica that receives a signal writes it: put if absent per (operation, wait, person), while the head
//! still waits for exactly that, or, for a cancel, still runs. It neither needs nor changes fence and
//! sequence; only the owner's journal decides what follows.

use jiff::Timestamp;

use crate::operation::accept::{Committed, Delivery, inbox, transact};
use crate::operation::auditing;
use crate::operation::engine::Engine;
use crate::operation::head::{self, Head, Status, WOKEN_BY, guards};
use crate::operation::log::read_head;
use crate::operation::state::{CANCEL, OperationState, RecordedSignal, STUCK, SignalKind};
use crate::operation::step::{EngineError, StepId};
use crate::operation::world::World;
use crate::ports::{Cause, DueChange, Guard, Guards, Hint, Precondition, StoreError, Write};
use crate::records::{Act, AuditRecord, AuditSubject, to_item};
use crate::rules::Granted;
use sluice_model::{Actor, Answer, ChannelId, OperationId, UserId};

/// How often a signal is sent again because the operation went to sleep or woke meanwhile.
const TRIES: usize = 5;

/// The result of sending a signal.
#[derive(Debug)]
pub enum SignalOutcome {
    /// It is recorded.
    Recorded(Answer),
    /// This delivery was answered before, with this answer.
    Before(Answer),
    /// The operation no longer waits for that, or this person sent it a signal before.
    TooLate,
}

/// A signal that a person sends.
#[derive(Debug, Clone)]
pub struct Signal {
    /// The kind.
    pub kind: SignalKind,
    /// The reason, if one was given.
    pub reason: Option<String>,
}

/// The wait that a button or a command refers to: the step, and the sequence since which it waits.
pub(crate) fn parse_wait(awaits: &str) -> Option<(StepId, u64)> {
    let (step, since) = awaits.split_once('@')?;
    Some((StepId::new(step), since.parse().ok()?))
}

/// The target of a signal, and the guards of the head that must hold.
struct SignalTarget {
    step: StepId,
    /// Names the wait in the signal's key: one signal per person.
    awaited: String,
    when: Guards,
    set: Guards,
    due: DueChange,
}

impl SignalTarget {
    /// Also gives the act for the audit record. `None`: the operation does not accept that signal now.
    fn of(head: &Head, kind: SignalKind, at: Timestamp) -> Option<(Self, Act)> {
        let is_open = matches!(head.status, Status::Running | Status::Waiting);
        let awaits = parse_wait(&head.awaits);
        let is_stuck =
            head.status == Status::Stuck && awaits.as_ref().is_some_and(|(step, _)| step.0 == STUCK);
        let act = match kind {
            SignalKind::Approve if is_open => Act::Approved,
            SignalKind::Reject if is_open => Act::Rejected,
            SignalKind::Cancel if is_open => Act::Cancelled,
            SignalKind::Preempt | SignalKind::StageMoved if is_open => Act::Preempted,
            SignalKind::Retry if is_stuck => Act::Retried,
            SignalKind::Resolve if is_stuck => Act::Resolved,
            // `Unlock` and `TakeOver` are sent by operations only: see `release_lock`. For the others it is
            // too late.
            _ => return None,
        };
        let (set, due) = woken(head, at);
        let status = (head::STATUS, Guard::Text(head.status.as_str().into()));
        let (step, awaited, when) = match kind {
            SignalKind::Cancel | SignalKind::Preempt | SignalKind::StageMoved => {
                (StepId::new(CANCEL), CANCEL.to_owned(), guards([status]))
            }
            _ => {
                let awaited = (head::AWAITS, Guard::Text(head.awaits.clone()));
                (awaits?.0, head.awaits.clone(), guards([awaited, status]))
            }
        };
        Some((Self { step, awaited, when, set, due }, act))
    }

    /// The writes of the signal and of its mark in the head. `rung` is different for each.
    fn writes(
        self,
        world: &World,
        head: &Head,
        signal: &RecordedSignal,
        woken_by: &str,
    ) -> Result<Vec<Write>, EngineError> {
        let key = world.keys.signal(&head.id, &self.awaited, &signal.actor.id);
        let mut set = self.set;
        set.insert(WOKEN_BY.into(), Guard::Text(woken_by.to_owned()));
        let (key_of_head, due) = (world.keys.head(&head.id), self.due);
        Ok(vec![
            Write::Put { item: to_item(key, Default::default(), signal)?, when: Precondition::Absent },
            Write::Update { key: key_of_head, set, due, when: Precondition::Equals(self.when) },
        ])
    }
}

/// The audit record of a signal.
fn record(
    head: &Head,
    signal: &RecordedSignal,
    act: Act,
    rule: &str,
    channel: &ChannelId,
    about: AuditSubject,
) -> AuditRecord {
    AuditRecord {
        at: signal.at,
        act,
        actor: signal.actor.clone(),
        channel: Some(channel.clone()),
        pipeline: Some(head.spec.pipeline.clone()),
        operation: head.id.clone(),
        kind: head.spec.kind.clone(),
        command: head.spec.command.clone(),
        rule: rule.to_owned(),
        outcome: "recorded".into(),
        about: AuditSubject { reason: signal.reason.clone(), ..about },
    }
}

/// The changes in the head that make a replica look for an operation that does not run.
fn woken(head: &Head, at: Timestamp) -> (Guards, DueChange) {
    match head.status {
        // A running operation is due already.
        Status::Running => (Guards::new(), DueChange::Keep),
        // A waiting or stuck operation has no driver. The replica that announced it may still be named as the
        // owner, and must no longer settle it.
        _ => {
            let running = Guard::Text(Status::Running.as_str().into());
            let set = [(head::OWNER, Guard::Text(String::new())), (head::STATUS, running)];
            (guards(set), DueChange::At(at))
        }
    }
}

/// Sends a person's signal to the operation of `head`, as it was read.
pub async fn send_signal(
    engine: &Engine,
    delivery: &Delivery<'_>,
    head: &Head,
    op: &OperationState,
    word: Signal,
    granted: &Granted,
    answer: Answer,
) -> Result<SignalOutcome, EngineError> {
    let mut head = head.clone();
    let awaited = head.awaits.clone();
    for _ in 0..TRIES {
        match try_send_signal(engine, delivery, &head, op, word.clone(), granted, answer.clone()).await? {
            SignalOutcome::TooLate => {}
            said => return Ok(said),
        }
        // Perhaps it only went to sleep or woke just now. Its wait must still be the same.
        match read_head(&*engine.world().store, &engine.world().keys, &head.id).await? {
            Some(seen) if seen.head.status != head.status && seen.head.awaits == awaited => head = seen.head,
            _ => return Ok(SignalOutcome::TooLate),
        }
    }
    Ok(SignalOutcome::TooLate)
}

async fn try_send_signal(
    engine: &Engine,
    delivery: &Delivery<'_>,
    head: &Head,
    op: &OperationState,
    word: Signal,
    granted: &Granted,
    answer: Answer,
) -> Result<SignalOutcome, EngineError> {
    let world = engine.world();
    let Signal { kind, reason } = word;
    let at = world.clock.now();
    let Some((ear, act)) = SignalTarget::of(head, kind, at) else { return Ok(SignalOutcome::TooLate) };
    let definition = engine.registry().get(&head.spec.kind, head.spec.version);
    let about = definition.and_then(|kind| kind.bind(op).ok());
    let about = about.map(|bound| bound.audit_subject(op)).unwrap_or_default();
    let signal = RecordedSignal { step: ear.step.clone(), actor: delivery.actor.clone(), kind, reason, at };
    let channel = delivery.channel.unwrap_or(&head.spec.home);
    let audit = record(head, &signal, act, granted.rule(), channel, about);
    let mut writes = vec![inbox(engine, delivery.key, &answer, Some(&head.id))?];
    writes.extend(ear.writes(world, head, &signal, delivery.key)?);
    writes.push(auditing::audit(&audit, world)?);
    // One token, one content: the writes contain the time of this attempt, so another attempt needs another
    // token.
    let token = format!("signal-{}", ulid::Ulid::new());
    match transact(engine, &token, delivery.key, writes).await? {
        Committed::Yes => {
            wake(world, head, &delivery.actor.id);
            Ok(SignalOutcome::Recorded(answer))
        }
        Committed::Before(answer, _) => {
            // Perhaps our own transaction, whose answer was lost; a second wake-up does no harm.
            wake(world, head, &delivery.actor.id);
            Ok(SignalOutcome::Before(answer))
        }
        Committed::No => Ok(SignalOutcome::TooLate),
    }
}

/// Why an operation must stop because of another event on its stage.
pub(crate) struct Preempt<'a> {
    /// A rollback goes first, or the stage moved.
    pub(crate) kind: SignalKind,
    /// Details, if the kind is not enough.
    pub(crate) reason: Option<String>,
    /// The rule in its audit record.
    pub(crate) rule: &'static str,
    /// The person who caused it.
    pub(crate) by: &'a Actor,
    /// The subject of the audit record.
    pub(crate) about: AuditSubject,
}

/// Makes an operation give way. Safe to repeat: a signal counts once for each person.
pub(crate) async fn preempt(world: &World, head: &Head, preempt: Preempt<'_>) -> Result<(), EngineError> {
    let Preempt { kind, reason, rule, by, about } = preempt;
    let mut head = head.clone();
    for _ in 0..TRIES {
        let at = world.clock.now();
        let Some((ear, act)) = SignalTarget::of(&head, kind, at) else { return Ok(()) };
        let step = ear.step.clone();
        let signal = RecordedSignal { step, actor: by.clone(), kind, reason: reason.clone(), at };
        let audit = record(&head, &signal, act, rule, &head.spec.channel, about.clone());
        let woken_by = ulid::Ulid::new();
        let mut writes = ear.writes(world, &head, &signal, &format!("give-way-{woken_by}"))?;
        writes.push(auditing::audit(&audit, world)?);
        match world.store.transact(&format!("give-way-{woken_by}"), writes).await {
            Ok(()) => {}
            // It was sent before.
            Err(StoreError::Lost(lost)) if lost.contains(&0) => {}
            // It went to sleep, woke or ended just now.
            Err(StoreError::Lost(_)) => match read_head(&*world.store, &world.keys, &head.id).await? {
                Some(seen) => {
                    head = seen.head;
                    continue;
                }
                None => return Ok(()),
            },
            Err(error) => return Err(error.into()),
        }
        wake(world, &head, &by.id);
        return Ok(());
    }
    // Its gate and ours handle the rest.
    Ok(())
}

/// Notifies the operation of a lock that it no longer holds that stage: the lock was removed or replaced.
/// Safe to repeat: it counts once for each person. The audit record belongs to the operation that did it.
pub(crate) async fn release_lock(
    world: &World,
    lock: &OperationId,
    step: &StepId,
    kind: SignalKind,
    by: &Actor,
) -> Result<(), EngineError> {
    for _ in 0..TRIES {
        let Some(seen) = read_head(&*world.store, &world.keys, lock).await? else { return Ok(()) };
        let head = seen.head;
        if !matches!(head.status, Status::Running | Status::Waiting) {
            return Ok(());
        }
        let at = world.clock.now();
        let signal = RecordedSignal { step: step.clone(), actor: by.clone(), kind, reason: None, at };
        let (set, due) = woken(&head, at);
        let when = guards([(head::STATUS, Guard::Text(head.status.as_str().into()))]);
        let ear = SignalTarget { step: step.clone(), awaited: step.to_string(), when, set, due };
        let writes = ear.writes(world, &head, &signal, &format!("{step}-{at}"))?;
        match world.store.transact(&format!("let-go-{}", ulid::Ulid::new()), writes).await {
            // It was sent before.
            Err(StoreError::Lost(lost)) if lost.contains(&0) => {}
            // It went to sleep or woke just now.
            Err(StoreError::Lost(_)) => continue,
            Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
        wake(world, &head, &by.id);
        return Ok(());
    }
    // It reads the record whenever it wakes.
    Ok(())
}

/// Wakes the operation: in this process, in the replica that drives it, or in any replica if nothing is
/// driven here.
fn wake(world: &World, head: &Head, by: &UserId) {
    world.runner.run(head.id.clone());
    let is_elsewhere = !head.owner.is_empty() && head.owner != world.settings.replica;
    if is_elsewhere || !world.settings.drive {
        let cause = Cause::Signal(by.clone());
        world.wakeups.wake(Hint { operation: head.id.clone(), sequence: head.sequence, cause });
    }
}
