//! Records refusals in the history: who was refused, by which gate or role, and why.
//!
//! Only refusals by a gate or role for an existing pipeline are recorded; typos are not decisions. Each is written once for a
//! delivery, with its inbox row. Each person has an hourly quota, which keeps repeated clicks from filling the table. The
//! answer does not depend on it: a write that takes too long is dropped.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ulid::Ulid;

use crate::installation::{Input, Installation, Invocation, Reject, delivery_of};
use crate::operation::{OperationSpec, audit, inbox};
use crate::ports::{Precondition, StoreError, Write};
use crate::records::{Act, AuditRecord, AuditSubject};
use sluice_grammar::{Command, Names, RepoCommand, parse_line};
use sluice_model::{Answer, ChannelId, Click, OperationId, PipelineName, Refusal, StageName, UserId};

/// The codes of gates and roles.
const RECORDED: &[&str] = &[
    "deactivated",
    "frozen",
    "group-unknown",
    "hard-locked",
    "locked",
    "no-way-back",
    "not-an-admin",
    "not-an-approver",
    "not-an-operator",
    "not-for-override",
    "not-yours",
    "out-of-order",
    "outside-window",
    "own-request",
    "protected-stage",
    "rolled-back",
    "soaking",
];
/// How many refusals of one person are recorded in an hour.
const SHARE: usize = 20;
/// How long an answer waits for the record. A working store needs a fraction of it.
const PATIENCE: Duration = Duration::from_millis(500);

/// The times of recent refusals by person.
#[derive(Debug, Default)]
pub(super) struct RefusalQuota(Mutex<HashMap<UserId, Vec<Timestamp>>>);

impl RefusalQuota {
    /// Uses one recording of that person's quota, if any is left.
    fn take(&self, who: &UserId, now: Timestamp) -> bool {
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shares.retain(|_, times| {
            times.retain(|at| now.duration_since(*at) < SignedDuration::from_hours(1));
            !times.is_empty()
        });
        let times = shares.entry(who.clone()).or_default();
        let has_some = times.len() < SHARE;
        if has_some {
            times.push(now);
        }
        has_some
    }
}

/// The refused request.
struct Wanted {
    pipeline: PipelineName,
    kind: String,
    command: String,
    about: AuditSubject,
}

/// Records a refusal by a gate or role, with its answer.
pub(super) async fn record(
    app: &Installation,
    quota: &RefusalQuota,
    invocation: &Invocation,
    refusal: &Refusal,
    answer: &Answer,
) {
    if !RECORDED.contains(&refusal.code.as_str()) {
        return;
    }
    match tokio::time::timeout(PATIENCE, try_record(app, quota, invocation, refusal, answer)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(code = refusal.code, %error, "a refusal is not in the history"),
        Err(_) => tracing::warn!(code = refusal.code, "a refusal was not recorded in time"),
    }
}

async fn try_record(
    app: &Installation,
    quota: &RefusalQuota,
    invocation: &Invocation,
    refusal: &Refusal,
    answer: &Answer,
) -> Result<(), StoreError> {
    let world = app.engine.world();
    let Ok(Some(wanted)) = wanted(app, invocation).await else { return Ok(()) };
    let Ok(channel) = channel_of(app, invocation, &wanted.pipeline).await else { return Ok(()) };
    let at = world.clock.now();
    if !quota.take(&invocation.actor.id, at) {
        tracing::warn!(who = %invocation.actor.id, code = refusal.code, "too many refusals to record");
        return Ok(());
    }
    let corrupt = |error: &dyn std::fmt::Display| StoreError::Corrupt(error.to_string());
    let Wanted { pipeline, kind, command, about } = wanted;
    let id = Ulid::new().to_string();
    let record = AuditRecord {
        at,
        act: Act::Refused,
        actor: invocation.actor.clone(),
        channel: Some(channel),
        pipeline: Some(pipeline.clone()),
        operation: OperationId::new(id.clone()).map_err(|error| corrupt(&error))?,
        kind,
        command,
        rule: String::new(),
        outcome: refusal.code.clone(),
        about: AuditSubject { reason: Some(refusal.problem.clone()), ..about },
    };
    let delivery = delivery_of(invocation);
    let writes = vec![
        inbox(&app.engine, delivery.key, answer, None).map_err(|error| corrupt(&error))?,
        Write::Check { key: world.keys.pipeline(&pipeline), when: Precondition::Present },
        audit(&record, &world.keys)?,
    ];
    match world.store.transact(&format!("refused-{id}"), writes).await {
        // The pipeline does not exist, or the delivery was already answered.
        Ok(()) | Err(StoreError::Lost(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The channel of a delivery. For a terminal it is the pipeline's home, as in all its records.
async fn channel_of(
    app: &Installation,
    invocation: &Invocation,
    pipeline: &PipelineName,
) -> Result<ChannelId, Reject> {
    match &invocation.channel {
        Some(channel) => Ok(channel.clone()),
        None => Ok(app.state(pipeline).await?.expect_pipeline()?.home.clone()),
    }
}

/// The request of a delivery; `None` if it concerns no pipeline.
async fn wanted(app: &Installation, invocation: &Invocation) -> Result<Option<Wanted>, Reject> {
    match &invocation.input {
        Input::Slash { command, text } => {
            Ok(sluice_grammar::parse(command, text, &app.names).ok().and_then(|command| typed(&command)))
        }
        Input::Click { action_id, value } => {
            let click = Click::decode(action_id, value).ok();
            if let Some(next) = click.as_ref().and_then(Click::next_step) {
                return Ok(parse_line(&next.line, &Names::default())
                    .ok()
                    .and_then(|command| typed(&command)));
            }
            let Some(id) = click.as_ref().and_then(Click::operation) else { return Ok(None) };
            let Some(loaded) = app.load(id).await? else { return Ok(None) };
            let spec = loaded.head.spec;
            let definition = app.engine.registry().get(&spec.kind, spec.version);
            let bound = definition.and_then(|kind| kind.bind(&loaded.op).ok());
            let about = bound.map(|bound| bound.audit_subject(&loaded.op)).unwrap_or_default();
            let OperationSpec { kind, command, pipeline, .. } = spec;
            Ok(Some(Wanted { pipeline, kind, command, about }))
        }
    }
}

/// The request of a command.
fn typed(command: &Command) -> Option<Wanted> {
    let (kind, pipeline, stage) = subject(command)?;
    let about = AuditSubject { stage, ..AuditSubject::default() };
    Some(Wanted { pipeline, kind: kind.to_owned(), command: command.to_string(), about })
}

/// The kind of the operation that a command would have started or signalled, its pipeline, and the stage if it names one.
fn subject(command: &Command) -> Option<(&'static str, PipelineName, Option<StageName>)> {
    // A pipeline that does not exist has no history.
    if matches!(command, Command::Repo(RepoCommand::Create { .. })) {
        return None;
    }
    Some((command.form().action.operation()?, command.pipeline()?, command.stage()))
}
