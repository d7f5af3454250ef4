//! Signals: messages from people, or from other operations, to an operation.
//!
//! The replica that receives a signal writes it: put if absent per (operation, wait, person), while the head
//! still waits for exactly that, or, for a cancel, still runs. It neither needs nor changes fence and
//! sequence; only the owner's journal decides what follows.

use jiff::Timestamp;

use crate::accept::{Committed, Delivery, inbox, transact};
use crate::application::Application;
use crate::audit::{Act, AuditRecord};
use crate::auditing;
use crate::codec::to_item;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::head::{self, Head, WOKEN_BY};
use crate::hooks::Hooks;
use crate::keys::Keys;
use crate::log::read_head;
use crate::ports::{Cause, DueChange, Guard, Guards, Hint, Precondition, StoreError, Write, guards};
use crate::recorded_signal::{CANCEL, RecordedSignal, STUCK, SignalKind, parse_wait};
use crate::state::OperationState;
use crate::status::Status;
use crate::step_id::StepId;
use crate::world::World;
use sluice_model::{Actor, Answer, ChannelId, OperationId, Refusal, UserId};

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
            SignalKind::Preempt if is_open => Act::Preempted,
            SignalKind::Retry if is_stuck => Act::Retried,
            SignalKind::Resolve if is_stuck => Act::Resolved,
            // `Release` and `Replace` are sent by operations only: see `release`. For the others it is too
            // late.
            _ => return None,
        };
        let (set, due) = woken(head, at);
        let status = (head::STATUS, Guard::Text(head.status.as_str().into()));
        let (step, awaited, when) = match kind {
            SignalKind::Cancel | SignalKind::Preempt => {
                (StepId::new(CANCEL), CANCEL.to_owned(), guards([status]))
            }
            _ => {
                let awaited = (head::AWAITS, Guard::Text(head.awaits.clone()));
                (awaits?.0, head.awaits.clone(), guards([awaited, status]))
            }
        };
        Some((Self { step, awaited, when, set, due }, act))
    }

    /// The writes of the signal and of its mark in the head. `woken_by` is different for each.
    fn writes(
        self,
        keys: &Keys,
        head: &Head,
        signal: &RecordedSignal,
        woken_by: &str,
    ) -> Result<Vec<Write>, EngineError> {
        let key = keys.signal(&head.id, &self.awaited, &signal.actor.id);
        let mut set = self.set;
        set.insert(WOKEN_BY.into(), Guard::Text(woken_by.to_owned()));
        let (key_of_head, due) = (keys.head(&head.id), self.due);
        Ok(vec![
            Write::Put { item: to_item(key, Default::default(), signal)?, when: Precondition::Absent },
            Write::Update { key: key_of_head, set, due, when: Precondition::Equals(self.when) },
        ])
    }
}

/// The audit record of a signal.
fn record<A: Hooks>(
    head: &Head,
    signal: &RecordedSignal,
    act: Act,
    rule: &str,
    channel: &ChannelId,
    about: A::AuditSubject,
) -> AuditRecord<A::AuditSubject> {
    let about = A::with_reason(about, signal.reason.clone());
    let record = AuditRecord::of(&head.id, &head.spec, act, "recorded".into(), about, signal.at);
    let (actor, channel) = (signal.actor.clone(), Some(channel.clone()));
    AuditRecord { actor, channel, rule: rule.to_owned(), ..record }
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

/// Sends a person's signal to the operation of `head`, as it was read. `rule` is the rule that allows it, for the
/// audit record.
pub async fn send_signal<A: Hooks>(
    engine: &Engine<A>,
    delivery: &Delivery<'_>,
    head: &Head,
    op: &OperationState,
    signal: Signal,
    rule: &str,
    answer: Answer,
) -> Result<SignalOutcome, EngineError> {
    let world = engine.world();
    let Signal { kind, reason } = signal;
    let definition = engine.registry().get(&head.spec.kind, head.spec.version);
    let about = definition.and_then(|kind| Some(kind.bind(op).ok()?.audit_subject(op))).unwrap_or_default();
    let channel = delivery.channel.unwrap_or(&head.spec.home);
    let mut head = head.clone();
    for _ in 0..TRIES {
        let at = world.clock.now();
        if let Some((target, act)) = SignalTarget::of(&head, kind, at) {
            let (step, actor, reason) = (target.step.clone(), delivery.actor.clone(), reason.clone());
            let signal = RecordedSignal { step, actor, kind, reason, refusal: None, at };
            let audit = record::<A>(&head, &signal, act, rule, channel, about.clone());
            let mut writes = vec![inbox(engine, delivery.key, &answer, Some(&head.id))?];
            writes.extend(target.writes(&world.keys, &head, &signal, delivery.key)?);
            writes.push(auditing::audit(&audit, &world.keys)?);
            // One token, one content: the writes contain the time of this attempt, so another attempt needs
            // another token.
            let token = format!("signal-{}", ulid::Ulid::new());
            match transact(engine, &token, delivery.key, writes).await? {
                Committed::Yes => {
                    wake(world, &head, &delivery.actor.id);
                    return Ok(SignalOutcome::Recorded(answer));
                }
                Committed::Before(answer, _) => {
                    // Perhaps our own transaction, whose answer was lost; a second wake-up does no harm.
                    wake(world, &head, &delivery.actor.id);
                    return Ok(SignalOutcome::Before(answer));
                }
                Committed::No => {}
            }
        }
        // Perhaps it only went to sleep or woke just now. Its wait must still be the same.
        match read_head(&*world.store, &world.keys, &head.id).await? {
            Some(seen) if seen.head.status != head.status && seen.head.awaits == head.awaits => {
                head = seen.head;
            }
            _ => break,
        }
    }
    Ok(SignalOutcome::TooLate)
}

/// Why an operation must stop for another one.
pub struct Preempt<'a, A: Application> {
    /// What it fails with.
    pub refusal: Refusal,
    /// The rule in its audit record.
    pub rule: &'static str,
    /// The person who caused it.
    pub by: &'a Actor,
    /// The subject of the audit record.
    pub about: A::AuditSubject,
}

/// Makes an operation give way. Safe to repeat: a signal counts once for each person.
pub async fn preempt<A: Hooks>(
    world: &World<A>,
    head: &Head,
    preempt: Preempt<'_, A>,
) -> Result<(), EngineError> {
    let Preempt { refusal, rule, by, about } = preempt;
    let kind = SignalKind::Preempt;
    let mut head = head.clone();
    for _ in 0..TRIES {
        let at = world.clock.now();
        let Some((target, act)) = SignalTarget::of(&head, kind, at) else { return Ok(()) };
        let step = target.step.clone();
        let signal = RecordedSignal {
            step,
            actor: by.clone(),
            kind,
            reason: None,
            refusal: Some(refusal.clone()),
            at,
        };
        let audit = record::<A>(&head, &signal, act, rule, &head.spec.channel, about.clone());
        let woken_by = ulid::Ulid::new();
        let mut writes = target.writes(&world.keys, &head, &signal, &format!("preempt-{woken_by}"))?;
        writes.push(auditing::audit(&audit, &world.keys)?);
        match world.store.transact(&format!("preempt-{woken_by}"), writes).await {
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

/// Ends what a step of another operation holds: [`SignalKind::Release`] or [`SignalKind::Replace`]. Safe to
/// repeat: it counts once for each person. The audit record belongs to the operation that did it.
pub async fn release<A: Application>(
    world: &World<A>,
    operation: &OperationId,
    step: &StepId,
    kind: SignalKind,
    by: &Actor,
) -> Result<(), EngineError> {
    for _ in 0..TRIES {
        let Some(seen) = read_head(&*world.store, &world.keys, operation).await? else { return Ok(()) };
        let head = seen.head;
        if !matches!(head.status, Status::Running | Status::Waiting) {
            return Ok(());
        }
        let at = world.clock.now();
        let signal =
            RecordedSignal { step: step.clone(), actor: by.clone(), kind, reason: None, refusal: None, at };
        let (set, due) = woken(&head, at);
        let when = guards([(head::STATUS, Guard::Text(head.status.as_str().into()))]);
        let target = SignalTarget { step: step.clone(), awaited: step.to_string(), when, set, due };
        let writes = target.writes(&world.keys, &head, &signal, &format!("{step}-{at}"))?;
        match world.store.transact(&format!("release-{}", ulid::Ulid::new()), writes).await {
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
fn wake<A: Application>(world: &World<A>, head: &Head, by: &UserId) {
    world.runner.run(head.id.clone());
    let is_elsewhere = !head.owner.is_empty() && head.owner != world.settings.replica;
    if is_elsewhere || !world.settings.drive {
        let cause = Cause::Signal(by.clone());
        world.wakeups.wake(Hint { operation: head.id.clone(), sequence: head.sequence, cause });
    }
}
