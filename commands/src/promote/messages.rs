//! What people read about promotions.

use jiff::{SignedDuration, Timestamp};

use crate::comparison::{
    Changes, Commits, Sections, change_sections, commit_count, commits_listed, functions_changed,
    functions_new, release_text,
};
use crate::operation::{OperationState, SignalKind, Status, StepId, Summary, marked};
use crate::promote::params::{APPROVAL, CHANGES, COMMITS, Params};
use crate::promote::refusals::approvals;
use crate::records::Release;
use crate::steps::{
    Looked, accepted_drift, next_buttons, read_artifact, smoke_hint, with_first_minutes, with_parameters,
    with_urls,
};
use sluice_model::{
    Button, ButtonStyle, Card, Click, PipelineName, ReleaseNumber, StageName, Text, Tone, Wait,
};

/// `orders` `r7`, after these words.
fn what(words: &str, name: &PipelineName, release: ReleaseNumber) -> Text {
    Text::plain(words).code(name.as_str()).then(" ").code(release.to_string())
}

fn from_to(text: Text, from: &StageName, to: &StageName) -> Text {
    text.then(" from ").code(from.as_str()).then(" to ").code(to.as_str())
}

// Answers.

pub(super) fn promoting(
    name: &PipelineName,
    release: ReleaseNumber,
    from: &StageName,
    to: &StageName,
) -> Text {
    promoting_what(name, release, from, to).then(".")
}

/// The beginning of a sentence about a promotion.
pub(super) fn promoting_what(
    name: &PipelineName,
    release: ReleaseNumber,
    from: &StageName,
    to: &StageName,
) -> Text {
    from_to(what("Promoting ", name, release), from, to)
}

/// What the stage would run.
pub(super) fn new_release(release: &Release) -> Vec<(&'static str, Text)> {
    let build = Text::default().code(release.build.to_string());
    vec![("Release", release_text(release.number, &release.commit)), ("Build", build)]
}

/// After the changes of a promotion that nobody requested.
pub(super) fn how_to_promote(name: &PipelineName, to: &StageName) -> Text {
    let text = Text::plain("To promote it, run ").code(format!("/promote {name} {to}"));
    text.then(". ").code(format!("/pipeline check {name} {to}")).then(" explains the gates.")
}

pub(super) fn already_runs(name: &PipelineName, to: &StageName, release: ReleaseNumber) -> Card {
    let title = Text::default().code(to.as_str()).then(" of ").code(name.as_str());
    Card::new(Tone::Neutral, title.then(format!(" already runs {release}.")))
        .hint("There is nothing to do.")
        .code("already-runs")
}

/// What an override skips besides gates.
pub(super) const APPROVALS_SKIPPED: &str = "The required approvals were skipped.";

/// The answer to an approver. `subject`: the promotion, with Slack marks.
pub(super) fn decided(kind: SignalKind, subject: &str) -> Card {
    let decision = if kind == SignalKind::Approve { "Approved: " } else { "Rejected: " };
    Card::new(Tone::Good, Text::plain(decision).join(marked(subject)))
        .hint("The message in the channel shows the progress.")
}

// The message of the operation.

pub(super) fn approval_step(count: usize) -> Text {
    Text::plain(format!("Wait for {}", approvals(count)))
}

/// The whole message, as far as it is known.
pub(super) fn summary(params: &Params, op: &OperationState) -> Summary {
    let Params { name, to, from, release, before, .. } = params;
    let number = release.number;
    let running = match before {
        Some(before) => release_text(before.release, &before.commit),
        None => Text::plain("nothing yet"),
    };
    let how = if params.override_reason.is_some() { ", by override" } else { "" };
    let succeeded = op.ended.is_some_and(|(_, succeeded)| succeeded);
    let mut summary = Summary::new(from_to(what("Promotion of ", name, number), from, to))
        .headlines(
            from_to(what("Promoting ", name, number), from, to),
            what("", name, number).then(" is live on ").code(to.as_str()).then(how),
        )
        .field(if succeeded { "Previous" } else { "Current" }, running)
        .field("Release", release_text(number, &release.commit))
        .field("Build", Text::default().code(release.build.to_string()));
    let between = op.output::<Commits>(&StepId::new(COMMITS)).ok().flatten().filter(Commits::are_listed);
    let changes = op.output::<Option<Changes>>(&StepId::new(CHANGES)).ok().flatten().flatten();
    if params.approvals > 0 {
        let size = size_text(params, op, between.as_ref(), changes.as_ref());
        summary = if size.is_empty() { summary } else { summary.field("Size", size) };
        summary = summary.field("Created", created(params, changes.as_ref()));
    }
    if let Some(changes) = &changes {
        summary.leads = change_sections(changes, Sections::WithThread);
        summary.pages = changes.pages();
    }
    if let Some(commits) = &between {
        // Wider than a field, which is half a line.
        summary.parts.push(commits_listed(commits));
    }
    if let Some(reason) = &params.override_reason {
        summary = summary.field("Override reason", reason.clone());
    }
    if !params.passed.is_empty() {
        summary = summary.field("Overridden", marked(&params.passed.join(" ")));
    }
    if let Some(outside) = &params.outside {
        summary = summary.field("Moved outside Sluice", accepted_drift(outside, to, op));
    }
    if params.self_approval {
        summary = summary.field("Note", "requesters may approve their own promotions to this stage");
    }
    let parameters = before.as_ref().map(|before| before.parameters.clone()).unwrap_or_default();
    summary = with_parameters(summary, op, &parameters, &params.parameters);
    if let Some(read) = read_artifact(op).ok().flatten().filter(|_| succeeded || op.waiting().is_some()) {
        summary = summary.field("Code", same_code(from, read.functions));
    }
    summary = with_urls(summary, op);
    summary.broadcast = params.approvals > 0 || params.override_reason.is_some();
    if let Some((_, since)) = op.waiting() {
        let summary = waiting(summary, params, op, since);
        // It may have been stopped while it waited.
        let is_open = op.status() == Status::Waiting;
        let request = if is_open { summary.request } else { Some(decision(params, op)) };
        return Summary { request, ..summary };
    }
    if params.approvals > 0 && op.waited().is_some() {
        summary.request = Some(decision(params, op));
    }
    // A rollback changes the release. If only parameters changed, it would not undo the promotion.
    let is_same = before.as_ref().is_some_and(|before| before.release == number);
    if succeeded {
        summary.next.extend(params.next.as_ref().map(|next| next_buttons::promote(name, number, to, next)));
    }
    if succeeded && !is_same {
        if before.is_some() {
            summary.next.push(next_buttons::roll_back(name, to, number));
        }
        summary.hint =
            Some(Text::plain("To roll back, run ").code(format!("/rollback {name} {to}")).then("."));
    }
    if succeeded && before.is_none() {
        // Nothing ran there, so there is no way back yet.
        summary.hint = params.smoke.is_none().then(|| smoke_hint(op, (name, to), release)).flatten();
    }
    let looked = Looked {
        pipeline: name,
        stage: to,
        is_protected: params.approvals > 0 || params.override_reason.is_some(),
        can_roll_back: before.is_some() && !is_same,
    };
    with_first_minutes(summary, op, &looked)
}

/// Every version was compared with the code of the release before it was called prepared (`AwaitVersion`).
fn same_code(from: &StageName, functions: usize) -> Text {
    let count = if functions == 1 { "1 function".to_owned() } else { format!("{functions} functions") };
    Text::plain("same as on ").code(from.as_str()).then(format!(" ({count}, compared by SHA-256)"))
}

/// The message while it waits for approvals, since that row of the journal.
fn waiting(mut summary: Summary, params: &Params, op: &OperationState, since: u64) -> Summary {
    let Params { name, to, release, .. } = params;
    let number = release.number;
    let approved = params.approved(op);
    let missing = params.approvals.saturating_sub(approved.len()).max(1);
    let promotion = |words: &str| what(words, name, number).then(" to ").code(to.as_str());
    summary.waiting = Some(promotion(&format!("Waiting for {}: ", approvals(missing))));
    let wait = Wait { operation: op.id.clone(), wait: format!("{APPROVAL}@{since}") };
    let approve = Button::new(&Click::Approve(wait.clone()), "Approve").style(ButtonStyle::Primary);
    summary.buttons.push(approve.asking(format!("{to} will run {number} of {name}."), "Approve"));
    let reject = Button::new(&Click::Reject(wait), "Reject").style(ButtonStyle::Danger);
    summary.buttons.push(reject.asking(format!("{to} will not change."), "Reject"));
    if approved.len() >= params.approvals {
        let given = format!("{} given, but not all of them count now", approved.len());
        summary = summary.field("Approvals", given);
    } else if params.approvals > 1 {
        let count = Text::plain(format!("{} of {}", approved.len(), params.approvals));
        let by = approved
            .iter()
            .enumerate()
            .fold(count, |by, (nth, user)| by.then(if nth == 0 { ": " } else { " " }).user(user));
        summary = summary.field("Approvals", by);
    }
    let approvers = mentions(params, op);
    if !approvers.is_empty() {
        summary = summary.field("Approvers", approvers.clone());
    }
    let please = |words: &str| {
        let who = if approvers.is_empty() { Text::default() } else { approvers.clone().then(" ") };
        who.join(promotion(words))
    };
    if let Some(expires) = params.expires {
        summary = summary.field("Expires", Text::default().time(expires));
        let reminds = reminds(op.spec.accepted, expires);
        let is_reminded = op.waits_still().is_some_and(|(at, _)| at >= reminds);
        summary.wakes = Some(if is_reminded { expires } else { reminds });
        if is_reminded {
            let request = please("please decide: the promotion of ");
            summary.reminder = Some(request.then(" expires ").time(expires).then("."));
        }
    }
    let request = please("please review the promotion of ");
    summary.request = Some(request.then(format!(". It needs {}.", approvals(params.approvals))));
    let who = match params.self_approval {
        true => "An approver can click ",
        false => "An approver other than the requester can click ",
    };
    summary.hint = Some(
        Text::plain(who)
            .bold("Approve")
            .then(" or run ")
            .code(format!("/promote approve {name} {to} {number}"))
            .then("."),
    );
    summary
}

/// What became of the request.
fn decision(params: &Params, op: &OperationState) -> Text {
    let Params { name, to, release, .. } = params;
    let subject = what("", name, release.number).then(" to ").code(to.as_str());
    let rejected = op.signals.iter().find(|signal| signal.kind == SignalKind::Reject);
    let approved = params.approved(op);
    if let Some(rejected) = rejected {
        let text = Text::plain("Rejected by ").join(rejected.actor.attribution()).then(": ").join(subject);
        return rejected.reason.iter().fold(text, |text, reason| text.then(format!(" ({reason})"))).then(".");
    }
    if op.is_done(&StepId::new(APPROVAL)) && !approved.is_empty() {
        let by = Text::joined(approved.into_iter().map(|user| Text::default().user(user)), ", ");
        return Text::plain("Approved by ").join(by).then(": ").join(subject).then(".");
    }
    Text::plain("Closed without a decision: ").join(subject).then(". Its message says why.")
}

/// Those who can still decide, as far as a message can mention people.
fn mentions(params: &Params, op: &OperationState) -> Text {
    let have = params.approved(op);
    let may = params
        .approvers
        .iter()
        .filter(|user| !have.contains(*user) && (params.self_approval || **user != op.spec.actor.id));
    Text::joined(may.take(10).map(|user| Text::default().user(user)), " ")
}

/// When approvers are reminded: when a quarter of the time is left, at most an hour before the request expires.
fn reminds(requested: Timestamp, expires: Timestamp) -> Timestamp {
    let quarter = expires.duration_since(requested) / 4;
    let before = quarter.min(SignedDuration::from_hours(1));
    expires.checked_sub(before).unwrap_or(expires)
}

// The change that approvers decide on.

fn size_text(
    params: &Params,
    op: &OperationState,
    between: Option<&Commits>,
    changes: Option<&Changes>,
) -> String {
    let commits = between.map(commit_count);
    let functions = match (&params.before, changes) {
        (None, _) => read_artifact(op).ok().flatten().map(|read| functions_new(read.functions)),
        (Some(_), changes) => changes.map(|changes| functions_changed(changes.functions)),
    };
    commits.into_iter().chain(functions).collect::<Vec<_>>().join(", ")
}

fn created(params: &Params, changes: Option<&Changes>) -> Text {
    let created = Text::default().time(params.release.made);
    match changes.and_then(|changes| changes.since) {
        Some(since) => created.then(", on ").code(params.from.as_str()).then(" since ").time(since),
        None => created,
    }
}
