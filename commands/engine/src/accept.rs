//! Acceptance: one transaction turns a command into an operation, or nothing happens.
//!
//! It writes the inbox row (with the answer), the operation's head, its first journal row, its ticket and the
//! audit record together. A second delivery fails on the inbox row and gets the recorded answer. Two
//! different deliveries for one pipeline conflict on its ticket counter, so the later one sees the open
//! operation of the earlier one.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use crate::application::Application;
use crate::audit::{Act, AuditRecord};
use crate::codec::{from_item, to_item};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::head::{Head, OperationSpec};
use crate::hooks::Hooks;
use crate::journal::{Entry, Row};
use crate::keys::TICKETS;
use crate::operation::BoundOperation;
use crate::plan::{self, InFlight};
use crate::ports::{Cause, DueChange, Guard, Guards, Hint, Precondition, StoreError, Write, guards};
use crate::queue::{self, Acquire};
use crate::state::OperationState;
use crate::status::Status;
use crate::step_id::StepId;
use crate::tickets::{Ticket, TicketQueue};
use crate::world::World;
use crate::{auditing, retry};
use sluice_model::{Actor, Answer, Audience, Card, ChannelId, OperationId, PipelineName, Tone};

/// How long an inbox row is kept: longer than Slack can deliver again.
const INBOX_DAYS: i64 = 7;

/// An operation to accept.
pub struct OperationRequest {
    /// The kind, as in the registry.
    pub kind: &'static str,
    /// The parameters, in the shape that its definition decodes.
    pub params: Value,
    /// The pipeline.
    pub pipeline: PipelineName,
    /// The channel for everything about it.
    pub home: ChannelId,
    /// The command as parsed.
    pub command: String,
    /// The command with everything resolved. An equal fingerprint of an open operation means the same work.
    pub fingerprint: String,
    /// Counters of the pipeline's record to set, besides the ticket's: build and release numbers. Empty if
    /// there is no record yet because the pipeline is being created.
    pub counters: Guards,
    /// Records that are created with it.
    pub writes: Vec<Write>,
    /// The answer to the author.
    pub answer: Answer,
}

/// Who requested it, where, and in which delivery.
pub struct Delivery<'a> {
    /// The key of the inbox row.
    pub key: &'a str,
    /// The person who requested it.
    pub actor: &'a Actor,
    /// The channel; `None` at a terminal.
    pub channel: Option<&'a ChannelId>,
}

/// The result of an attempt to accept.
#[derive(Debug)]
pub enum Accepted {
    /// Recorded, with this answer.
    Yes(Answer),
    /// This delivery was answered before, with this answer.
    Before(Answer),
    /// The pipeline changed since the snapshot was read: read it again.
    Again,
}

#[derive(Serialize, Deserialize)]
struct Inbox {
    card: Value,
    audience: Audience,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<OperationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<Box<Card>>,
}

/// Accepts a request that was computed from `snapshot`. `rule` is the rule that allows it, for the audit record.
pub async fn accept<A: Hooks>(
    engine: &Engine<A>,
    id: OperationId,
    delivery: &Delivery<'_>,
    snapshot: &A::Snapshot,
    request: OperationRequest,
    rule: &str,
) -> Result<Accepted, EngineError> {
    let (world, queue) = (engine.world(), A::queue(snapshot));
    let now = world.clock.now();
    let issued = queue.issued.unwrap_or(0);
    let number = issued + 1;
    let channel = delivery.channel.unwrap_or(&request.home).clone();
    let definition = engine
        .registry()
        .newest(request.kind)
        .ok_or_else(|| EngineError::Corrupt(format!("no definition of `{}`", request.kind)))?;
    let spec = OperationSpec {
        kind: request.kind.to_owned(),
        version: definition.version(),
        params: request.params,
        actor: delivery.actor.clone(),
        command: request.command.clone(),
        channel: channel.clone(),
        home: request.home,
        pipeline: request.pipeline.clone(),
        ticket: number,
        accepted: now,
    };
    let mut op = OperationState::new(id.clone(), spec.clone());
    let definition = definition.bind(&op)?;
    let token = format!("{id}-1-1");
    let accepted = Entry::Accepted { params: spec.params.clone() };
    let mut row = Row { sequence: 1, at: now, token: token.clone(), entries: vec![accepted] };
    op.fold(&row)?;
    let ticket = Ticket {
        number,
        operation: id.clone(),
        kind: request.kind.to_owned(),
        precedence: definition.precedence(),
        fingerprint: request.fingerprint,
        queued: None,
        stuck: false,
    };
    let mut start = Start::default();
    if world.settings.drive {
        let mut queue = queue.clone();
        queue.tickets.push(ticket.clone());
        start = immediate_steps(world, &*definition, &mut op, &mut row, &queue, snapshot)?;
    }
    let head = Head {
        id: id.clone(),
        spec,
        status: Status::Running,
        sequence: 1,
        owner: if world.settings.drive { world.settings.replica.clone() } else { String::new() },
        beat: 1,
        fence: 1,
        undelivered_since: if world.settings.drive && !world.settings.notifies { 1 } else { 0 },
        claims: 0,
        awaits: String::new(),
    };
    let audit = AuditRecord {
        at: now,
        act: Act::Asked,
        actor: delivery.actor.clone(),
        channel: Some(channel),
        pipeline: Some(request.pipeline.clone()),
        operation: id.clone(),
        kind: request.kind.to_owned(),
        command: request.command,
        rule: rule.to_owned(),
        outcome: "accepted".into(),
        about: definition.audit_subject(&op),
    };
    let answer = request.answer;
    let mut writes = vec![
        inbox(engine, delivery.key, &answer, Some(&id))?,
        Write::Put { item: head.to_item(&world.keys)?, when: Precondition::Absent },
        Write::Put { item: row.to_item(&world.keys, &id)?, when: Precondition::Absent },
        Write::Put { item: ticket.to_item(&world.keys, &request.pipeline)?, when: Precondition::Absent },
        auditing::audit(&audit, &world.keys)?,
    ];
    if queue.issued.is_some() {
        let mut set = request.counters;
        set.insert(TICKETS.into(), Guard::Number(number));
        writes.push(Write::Update {
            key: world.keys.pipeline(&request.pipeline),
            set,
            due: DueChange::Keep,
            when: Precondition::Equals(guards([(TICKETS, Guard::Number(issued))])),
        });
    }
    writes.extend(request.writes);
    writes.extend(start.takes);

    let begun = Instant::now();
    let go = || {
        if world.settings.drive {
            engine.hand_over(head, op, start.fresh, begun);
        } else {
            world.wakeups.wake(Hint { operation: id.clone(), sequence: 1, cause: Cause::Accepted });
        }
    };
    match transact(engine, &token, delivery.key, writes).await? {
        Committed::Yes => {
            go();
            Ok(Accepted::Yes(answer))
        }
        Committed::Before(answer, operation) if operation.as_ref() == Some(&id) => {
            // Our own transaction, whose answer was lost.
            go();
            Ok(Accepted::Yes(answer))
        }
        Committed::Before(answer, _) => Ok(Accepted::Before(answer)),
        Committed::No => Ok(Accepted::Again),
    }
}

/// The part of an operation that its accepting transaction already contains.
#[derive(Default)]
struct Start {
    /// The steps whose intents it contains.
    fresh: BTreeSet<StepId>,
    /// The writes that take the slots.
    takes: Vec<Write>,
}

/// Plans the steps that can begin at once: their intents are recorded with the acceptance, and free slots are
/// taken with it, so neither costs an append. If a slot is lost meanwhile, nothing is accepted, and the
/// pipeline is read again.
fn immediate_steps<A: Hooks>(
    world: &World<A>,
    definition: &dyn BoundOperation<A>,
    op: &mut OperationState,
    row: &mut Row,
    queue: &TicketQueue,
    snapshot: &A::Snapshot,
) -> Result<Start, EngineError> {
    let mut start = Start::default();
    let mut in_flight = InFlight::default();
    loop {
        let plan = plan::plan(&definition.nodes(op, &world.target)?, op, &in_flight);
        if let Some(slot) = plan.takes.first() {
            match queue::acquire(world, definition, op, slot, queue, snapshot)? {
                Acquire::Free(takes) => {
                    row.entries.push(Entry::Took { slot: slot.clone() });
                    start.takes.extend(takes);
                }
                // The driver finds out why and marks the ticket.
                Acquire::Taken | Acquire::Refused(_) => drop(in_flight.deferred_slots.insert(slot.clone())),
            }
        } else {
            start.fresh.extend(plan.intents().into_iter().take(world.settings.width));
            row.entries.extend(start.fresh.iter().map(|step| Entry::Intent { step: step.clone() }));
        }
        *op = OperationState::new(op.id.clone(), op.spec.clone());
        op.fold(row)?;
        if plan.takes.is_empty() {
            return Ok(start);
        }
    }
}

/// The result of a transaction that begins with an inbox row.
pub(crate) enum Committed {
    /// It is written.
    Yes,
    /// The delivery was answered before, for that operation.
    Before(Answer, Option<OperationId>),
    /// Something else changed; nothing was written.
    No,
}

/// The row that makes a delivery count once.
pub fn inbox<A: Application>(
    engine: &Engine<A>,
    delivery: &str,
    answer: &Answer,
    operation: Option<&OperationId>,
) -> Result<Write, EngineError> {
    let world = engine.world();
    let card = serde_json::to_value(&answer.card).map_err(|error| EngineError::Corrupt(error.to_string()))?;
    let (audience, replaces) = (answer.audience, answer.replaces.clone());
    let body = Inbox { card, audience, operation: operation.cloned(), replaces };
    let mut item = to_item(world.keys.inbox(delivery), Guards::new(), &body)?;
    item.expires = world.clock.now().checked_add(jiff::SignedDuration::from_hours(24 * INBOX_DAYS)).ok();
    Ok(Write::Put { item, when: Precondition::Absent })
}

/// The recorded answer to a delivery, if there is one.
pub async fn answered<A: Application>(
    engine: &Engine<A>,
    delivery: &str,
) -> Result<Option<(Answer, Option<OperationId>)>, EngineError> {
    let world = engine.world();
    let key = world.keys.inbox(delivery);
    let Some(item) = retry::reading(|| world.store.get(&key)).await? else { return Ok(None) };
    let body: Inbox = from_item(&item)?;
    let card = serde_json::from_value(body.card).map_err(|error| EngineError::Corrupt(error.to_string()))?;
    Ok(Some((Answer { card, audience: body.audience, replaces: body.replaces }, body.operation)))
}

/// How long an acceptance is tried. After that its author no longer waits, and the state they decided on is
/// old.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often the outcome is looked for after the deadline.
const LAST_TRIES: u32 = 3;

/// Writes a transaction whose first write is an inbox row. An unknown outcome is resolved with its token.
///
/// A transaction that is not written in time is given up, so no command begins long after it was typed. If an
/// attempt may still be on its way, an inbox row of its own marks the delivery as given up; the first row
/// counts.
pub(crate) async fn transact<A: Application>(
    engine: &Engine<A>,
    token: &str,
    delivery: &str,
    writes: Vec<Write>,
) -> Result<Committed, EngineError> {
    let store = &engine.world().store;
    let begun = Instant::now();
    let mut unsure = false;
    let mut tries = 0;
    loop {
        let left = DEADLINE.saturating_sub(begun.elapsed());
        let attempt = tokio::time::timeout(left, store.transact(token, writes.clone())).await;
        match attempt.unwrap_or_else(|_| Err(StoreError::Unknown("no answer in time".into()))) {
            Ok(()) => return Ok(Committed::Yes),
            Err(StoreError::Lost(lost)) if lost.is_empty() || lost.contains(&0) => {
                return match answered(engine, delivery).await {
                    Ok(Some((answer, operation))) => Ok(Committed::Before(answer, operation)),
                    Ok(None) => Ok(Committed::No),
                    // It may have lost to our own first attempt.
                    Err(error) if unsure && !error.is_corrupt() => Err(EngineError::Unconfirmed),
                    Err(error) => Err(error),
                };
            }
            Err(StoreError::Lost(_)) => return Ok(Committed::No),
            Err(error @ (StoreError::Refused(_) | StoreError::TooLarge(_) | StoreError::Corrupt(_))) => {
                // An earlier attempt may have been written.
                return Err(if unsure { EngineError::Unconfirmed } else { error.into() });
            }
            Err(error) => {
                unsure |= matches!(error, StoreError::Unknown(_));
                if begun.elapsed() + retry::delay(tries, PAUSE) >= DEADLINE {
                    tracing::error!(%error, unsure, "an acceptance is given up");
                    return if unsure { give_up(engine, delivery).await } else { Err(error.into()) };
                }
                tracing::warn!(%error, "an acceptance is tried again");
                tokio::time::sleep(retry::delay(tries, PAUSE)).await;
                tries += 1;
            }
        }
    }
}

/// The longest pause between two attempts.
const PAUSE: Duration = Duration::from_secs(2);

/// Finds out what happened to a delivery whose attempts got no answer, and ensures that none can take effect
/// later.
async fn give_up<A: Application>(engine: &Engine<A>, delivery: &str) -> Result<Committed, EngineError> {
    let card = Card::new(Tone::Bad, "The state of Sluice did not answer in time, so nothing was recorded.")
        .hint("Run the command again.")
        .code("given-up");
    let answer = Answer::private(card);
    let write = inbox(engine, delivery, &answer, None)?;
    for tries in 0..LAST_TRIES {
        match engine.world().store.write(write.clone()).await {
            Ok(()) => return Ok(Committed::Before(answer, None)),
            // An earlier attempt or this one was written.
            Err(StoreError::Lost(_)) => {
                return match answered(engine, delivery).await {
                    Ok(Some((answer, operation))) => Ok(Committed::Before(answer, operation)),
                    _ => Err(EngineError::Unconfirmed),
                };
            }
            Err(error) => tracing::warn!(%error, "what became of a delivery is not known yet"),
        }
        tokio::time::sleep(retry::delay(tries, PAUSE)).await;
    }
    Err(EngineError::Unconfirmed)
}
