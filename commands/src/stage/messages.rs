//! What people read about stages, their policies and their locks.

use jiff::Timestamp;

use crate::operation::{OperationState, RecordedSignal, SignalKind, Status, StepId, Summary};
use crate::records::Stage;
use crate::rules::{Lock, Policy, minute};
use crate::stage::params::{self, Add, Set, Unlock, hold, reminds};
use crate::steps::RECORD;
use sluice_grammar::{Command, Period, StageCommand};
use sluice_model::{
    Button, ButtonStyle, Card, Click, Confirmed, PipelineName, Refusal, StageName, Text, Tone,
};

/// The seconds by which a reminder offers to extend a lock that was set until a time of day.
const LONGER: u64 = 2 * 3600;

/// `dev`, `prod`.
fn listed<'a>(stages: impl IntoIterator<Item = &'a StageName>) -> Text {
    Text::joined(stages.into_iter().map(|stage| Text::default().code(stage.as_str())), ", ")
}

/// `prod` of `orders`, after these words.
fn of<'a>(words: &str, stages: impl IntoIterator<Item = &'a StageName>, name: &PipelineName) -> Text {
    Text::plain(words).join(listed(stages)).then(" of ").code(name.as_str())
}

// Stages.

pub(super) fn adding(name: &PipelineName, stage: &StageName) -> Text {
    to("Adding stage ", name, stage).then(".")
}

fn to(words: &str, name: &PipelineName, stage: &StageName) -> Text {
    Text::plain(words).code(stage.as_str()).then(" to ").code(name.as_str())
}

pub(super) fn added(Add { name, stage, .. }: &Add, op: &OperationState) -> Summary {
    let to = |words| to(words, name, stage);
    let mut summary = Summary::new(to("Adding stage ")).headlines(to("Adding stage "), to("Added stage "));
    let stages = op.output::<Vec<StageName>>(&StepId::new(RECORD)).ok().flatten().unwrap_or_default();
    if !stages.is_empty() {
        let order: Vec<_> = stages.iter().map(StageName::as_str).collect();
        summary = summary.field("Stages", order.join(" → ")).field("Policy", "promotions need 1 approval");
        summary.hint = Some(Text::plain("Next: ").code(format!("/promote {name} {stage}")));
    }
    summary
}

pub(super) fn stage_exists(name: &PipelineName, stage: &StageName) -> Refusal {
    let problem = format!("Pipeline `{name}` already has a stage `{stage}`.");
    Refusal::new("stage-exists", problem, format!("See its stages with `/stage list {name}`."))
}

pub(super) fn title_of_list(name: &PipelineName) -> Text {
    Text::plain("Stages of ").code(name.as_str())
}

pub(super) const COLUMNS: [&str; 4] = ["Stage", "Policy", "State", "URL"];

/// What a stage runs, for a line or a cell. Without code spans: "runs r1" is read and searched for as one phrase.
pub(crate) fn runs(stage: Option<&Stage>) -> Text {
    if stage.is_some_and(|stage| stage.removed_by.is_some()) {
        return Text::plain("is being removed");
    }
    if let Some(mixed) = stage.and_then(|stage| stage.mixed.as_ref()) {
        let versions: Vec<_> = mixed.iter().map(|(name, version)| format!("{name}:{version}")).collect();
        return Text::plain(format!("mixed: {}", versions.join(", ")));
    }
    match stage.and_then(|stage| stage.current.as_ref()) {
        Some(current) => Text::plain(format!("runs {} (build {})", current.release, current.build)),
        None => Text::plain("runs nothing yet"),
    }
}

// Policies.

pub(super) fn updating_policy(name: &PipelineName, stage: &StageName) -> Text {
    of("Updating the policy for ", [stage], name).then(".")
}

pub(super) fn updated_policy(params: &Set, op: &OperationState) -> Summary {
    let Set { name, stage, before, .. } = params;
    let of = |words| of(words, [stage], name);
    let summary =
        Summary { doing: Some(of("Updating the policy for ")), ..Summary::new(of("Policy update for ")) };
    let mut summary = summary.field("Before", before.words());
    if let Some(now) = op.output::<Policy>(&StepId::new(RECORD)).ok().flatten() {
        summary = summary.field("Now", now.words());
        let is_same = || Policy { parameters: before.parameters.clone(), ..now.clone() } == *before;
        summary.done =
            Some(if (now.approvals, now.self_approval) != (before.approvals, before.self_approval) {
                of("").then(format!(" now needs {} (before: {})", now.needs(), before.needs()))
            } else if is_same() {
                of("Updated the parameters for ")
            } else if params.is_lower {
                of("Updated the policy for ").then(": it is less strict than before")
            } else {
                of("Updated the policy for ")
            });
    }
    let (words, line) = match params.default.approvals {
        _ if !params.sets_release() => {
            ("To check a promotion, run ", format!("/pipeline check {name} {stage}"))
        }
        0 => ("The new settings take effect with the next ", format!("/deploy {name}")),
        _ => ("The new settings take effect with the next ", format!("/promote {name} {stage}")),
    };
    summary.hint = Some(Text::plain(words).code(line).then("."));
    summary
}

/// Asks for a confirmation of fewer approvals. `seen` identifies the policy before, `line` is the confirmed command.
pub(super) fn lowering(
    (name, stage): (&PipelineName, &StageName),
    (before, after): (&Policy, &Policy),
    (seen, line): (String, String),
) -> Card {
    let needs = format!("{} (now: {})", after.needs(), before.needs());
    let title = of("", [stage], name).then(format!(" would need {needs}; nothing was changed."));
    let label = "Require fewer approvals";
    let hint = Text::plain("To confirm, run ").code(line.clone()).then(".");
    let button = Button::new(&Click::LowerPolicy(Confirmed { seen, line }), label).style(ButtonStyle::Danger);
    Card::new(Tone::Bad, title)
        .hint(hint)
        .button(button.asking(format!("Promotions to {stage} of {name} will need {needs}."), label))
        .code("confirm-lower")
}

pub(super) fn already_set(name: &PipelineName, stage: &StageName) -> Refusal {
    let problem = format!("`{stage}` of `{name}` already has these settings. Nothing was changed.");
    Refusal::new("already-set", problem, format!("See `/stage list {name}`."))
}

/// Settings that apply only to promotions.
const OF_PROMOTIONS: [&str; 6] = ["approvals", "approvers", "self_approval", "expires", "order", "soak"];

pub(super) fn only_for_later_stages(stage: &StageName) -> Refusal {
    Refusal::new(
        "first-stage",
        format!("`{stage}` is the first stage: deploys go there directly, without approvals."),
        format!(
            "You can set `window`, `freeze`, `smoke`, `wild_rights`, `images`, `events` and parameters there, and lock it. {} are only for the \
             stages after it.",
            OF_PROMOTIONS.map(|key| format!("`{key}`")).join(", ")
        ),
    )
}

pub(super) fn secret_parameter(secret: &str) -> Refusal {
    Refusal::new(
        "secret-parameter",
        format!(
            "The template marks `{secret}` as a secret (`NoEcho`), but everyone can see the values that are set here. \
             Nothing was changed."
        ),
        "Store the secret in Secrets Manager or SSM Parameter Store, and set the parameter to the name of that secret.",
    )
}

// Locks.

/// `in_utc`: the person typed a time of day, which is in UTC.
pub(super) fn locking(name: &PipelineName, stages: &[StageName], until: Timestamp, in_utc: bool) -> Text {
    let text = of("Locking ", stages, name).then(" until ").time(until);
    if in_utc { text.then(format!(" ({})", minute(until))) } else { text }.then(".")
}

pub(super) fn bad_end(name: &PipelineName, stage: Option<&StageName>) -> Refusal {
    let stage = stage.map_or_else(String::new, ToString::to_string);
    Refusal::new(
        "bad-end",
        "A lock must end in the future, within 30 days. Nothing was locked.",
        format!("Choose another end, as in `/stage lock {name} {stage} for 2h REASON`, or set a freeze."),
    )
}

/// A lock, for use in a line.
pub(crate) fn locked(lock: &Lock) -> Text {
    let text = Text::plain(if lock.hard { "hard-locked by " } else { "locked by " }).user(&lock.owner.id);
    text.then(" until ").time(lock.until).then(format!(": {}", lock.reason))
}

pub(super) fn lock(params: &params::Lock, op: &OperationState) -> Summary {
    let params::Lock { name, stages, until, hard, reason, over, kept } = params;
    let doing = of("Locking ", stages, name);
    let mut summary = Summary { doing: Some(doing.clone()), ..Summary::new(doing) }
        .field("Until", Text::default().time(*until))
        .field("Reason", reason.clone());
    for lock in over {
        let was = Text::default().user(&lock.owner.id).then(" on ").code(lock.stage.as_str());
        summary = summary.field("Replaced lock", was.then(format!(": {}", lock.reason)));
    }
    for lock in kept {
        let other = Text::default().user(&lock.owner.id).then(", ").code(lock.stage.as_str());
        let other = other.then(" until ").time(lock.until).then(format!(": {}", lock.reason));
        summary = summary.field("Also locked by", other);
    }
    let blocks = match hard {
        true => "all changes are blocked, rollbacks too",
        false => "deploys and promotions are blocked, rollbacks are allowed",
    };
    let only =
        stages.first().filter(|_| stages.len() == 1).map_or(String::new(), |stage| format!(" {stage}"));
    summary.hint =
        Some(Text::plain("To unlock it earlier, run ").code(format!("/stage unlock {name}{only}")).then("."));
    match op.status() {
        Status::Waiting => active(Summary { result: Some(blocks.into()), ..summary }, op, params),
        Status::Succeeded => ended(summary, op, params),
        _ => summary,
    }
}

/// The title of a lock that was set.
fn set<'a>(params: &'a params::Lock, stages: impl IntoIterator<Item = &'a StageName>) -> Text {
    of(if params.hard { "Hard lock on " } else { "Lock on " }, stages, &params.name)
}

fn active(mut summary: Summary, op: &OperationState, params: &params::Lock) -> Summary {
    let held: Vec<_> = params.stages.iter().filter(|stage| !op.is_done(&hold(stage))).collect();
    summary.title = set(params, held.iter().copied());
    summary.state = Some("is active");
    let reminds = reminds(op.spec.accepted, params.until);
    let seen = op.waits_still().map(|(at, _)| at);
    let is_reminded = reminds.zip(seen).is_some_and(|(reminds, seen)| seen >= reminds);
    summary.wakes = reminds.filter(|_| !is_reminded).or(Some(params.until));
    if is_reminded {
        let lock = of(": your lock on ", held.iter().copied(), &params.name);
        let ends = Text::default().user(&op.spec.actor.id).join(lock).then(" ends ").time(params.until);
        summary.reminder =
            Some(ends.then(". To extend it, run ").join(extension(op, params, &held)).then("."));
    }
    summary
}

/// The commands that lock these stages for the same time again.
fn extension(op: &OperationState, params: &params::Lock, held: &[&StageName]) -> Text {
    // The end was computed a moment before the acceptance.
    let length = params.until.duration_since(op.spec.accepted).as_secs() + 30;
    let minutes = u64::try_from(length / 60).unwrap_or_default();
    let seconds = if minutes > 0 && minutes % 5 == 0 { minutes * 60 } else { LONGER };
    let line = |stage: Option<&StageName>| {
        Command::Stage(StageCommand::Lock {
            name: params.name.clone(),
            stage: stage.cloned(),
            until: Some(Period::Seconds(seconds)),
            hard: params.hard,
            reason: params.reason.clone(),
        })
    };
    if held.len() > 1 && held.len() == params.stages.len() {
        return Text::default().code(line(None).to_string());
    }
    held.iter().fold(Text::default(), |text, stage| {
        let text = if text.is_empty() { text } else { text.then(", ") };
        text.code(line(Some(stage)).to_string())
    })
}

fn ended(mut summary: Summary, op: &OperationState, params: &params::Lock) -> Summary {
    // The signal that ended the lock of a stage, if it did not expire.
    let signal = |stage| op.signals.iter().find(|signal| signal.step == hold(stage));
    // Without mentions: the foot of the message has them.
    let mut ways: Vec<String> = params
        .stages
        .iter()
        .map(|stage| match signal(stage) {
            Some(RecordedSignal { kind: SignalKind::Replace, actor, .. }) => {
                format!("taken over by {}", actor.listed())
            }
            Some(signal) => format!("unlocked by {}", signal.actor.listed()),
            None => {
                let done = op.step(&hold(stage)).and_then(|step| step.done.as_ref());
                let in_time = done.is_some_and(|(at, _)| *at >= params.until);
                if in_time { "it expired" } else { "it was removed" }.to_owned()
            }
        })
        .collect();
    ways.dedup();
    summary.title = set(params, &params.stages);
    summary.state = Some("ended");
    summary.result = Some(Text::plain(ways.join(", ")));
    summary.hint = Some(see_what_is_open(&params.name));
    let by_owner = |stage| signal(stage).is_some_and(|signal| signal.actor.id == op.spec.actor.id);
    summary.quiet = params.stages.iter().all(by_owner);
    summary
}

fn see_what_is_open(name: &PipelineName) -> Text {
    Text::plain("To see what is open, run ").code(format!("/pipeline check {name}")).then(".")
}

pub(super) fn unlocking(Unlock { name, locks, restored }: &Unlock) -> Text {
    let text = of("Unlocking ", locks.iter().map(|lock| &lock.stage), name);
    restored.iter().fold(text, |text, lock| text.then("; ").join(still_locked(lock))).then(".")
}

/// Another lock of the stage applies again.
fn still_locked(lock: &Lock) -> Text {
    let text = Text::default().code(lock.stage.as_str()).then(" is still locked by ").user(&lock.owner.id);
    text.then(" until ").time(lock.until)
}

pub(super) fn unlocked(params: &Unlock) -> Summary {
    let Unlock { name, locks, restored } = params;
    let of = |words| of(words, locks.iter().map(|lock| &lock.stage), name);
    let mut summary = Summary { doing: Some(of("Unlocking ")), ..Summary::new(of("Unlocking ")) };
    for lock in locks {
        let was = Text::default().user(&lock.owner.id).then(" until ").time(lock.until);
        summary = summary.field("Lock", was.then(format!(": {}", lock.reason)));
    }
    let open: Vec<_> =
        locks.iter().map(|lock| &lock.stage).filter(|stage| params.restored(stage).is_none()).collect();
    let opened = (!open.is_empty()).then(|| self::of("Unlocked ", open, name));
    let still = restored.iter().map(still_locked);
    summary.done = opened.into_iter().chain(still).reduce(|text, next| text.then(", ").join(next));
    summary.hint = Some(see_what_is_open(name));
    summary
}

pub(super) fn not_locked(name: &PipelineName, stage: Option<&StageName>) -> Refusal {
    let problem = match stage {
        Some(stage) => format!("Stage `{stage}` of `{name}` is not locked."),
        None => format!("No stage of `{name}` is locked."),
    };
    Refusal::new("not-locked", problem, format!("See `/pipeline status {name}`."))
}
