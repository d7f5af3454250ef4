//! What the message of a promotion says.

use crate::build_op::change_text;
use crate::operation::{OperationState, StepId, Summary, marked};
use crate::promote::approval::{approvals, approved, mentions, reminds};
use crate::promote::changes::dimensions;
use crate::promote::params::{APPROVAL, CHANGES, COMMITS, Params};
use crate::promote::{Changes, Commits};
use crate::steps::{gone_on, moved_url, of_parameters};
use sluice_model::{Button, ButtonStyle, Click, Part, Text, Wait};

/// All of it, as far as it is known.
pub(super) fn summary(params: &Params, op: &OperationState) -> Summary {
    let Params { name, to, from, release, before, .. } = params;
    let number = release.number.to_string();
    let title = Text::plain("Promotion of ")
        .code(name.as_str())
        .then(" ")
        .code(number.clone())
        .then(" from ")
        .code(from.as_str())
        .then(" to ")
        .code(to.as_str());
    let now = match before {
        Some(before) => {
            Text::default().code(before.release.to_string()).then(" ").join(change_text(&before.commit))
        }
        None => Text::plain("nothing yet"),
    };
    let then = Text::default().code(number.clone()).then(" ").join(change_text(&release.commit));
    let what = || Text::default().code(name.as_str()).then(" ").code(number.clone());
    let doing = Text::plain("Promoting ").join(what()).then(" from ").code(from.as_str());
    let how = if params.override_reason.is_some() { ", by override" } else { "" };
    let done = what().then(" is live on ").code(to.as_str()).then(how);
    let mut summary = Summary::new(title)
        .headlines(doing.then(" to ").code(to.as_str()), done)
        .field(if op.ended.is_some() { "Before" } else { "Now" }, now)
        .field("Then", then)
        .field("Build", Text::default().code(release.build.to_string()));
    let between = op.output::<Commits>(&StepId::new(COMMITS)).ok().flatten();
    let changes = op.output::<Option<Changes>>(&StepId::new(CHANGES)).ok().flatten().flatten();
    if params.approvals > 0 {
        summary = dimensions(summary, params, op, between.as_ref(), changes.as_ref());
    }
    if let Some(changes) = &changes {
        summary.leads = changes.parts();
        summary.pages = changes.pages();
    }
    if let Some(commits) = between.as_ref().and_then(Commits::words) {
        // Wider than a field, which is half a line.
        summary.parts.push(Part::Text(Text::default().bold("Commits").then("\n").join(commits)));
    }
    if let Some(reason) = &params.override_reason {
        summary = summary.field("Override", Text::plain(reason.clone()));
    }
    if !params.passed.is_empty() {
        summary = summary.field("Passed", marked(&params.passed.join(" ")));
    }
    if let Some(outside) = &params.outside {
        summary = summary.field("Moved outside Sluice", gone_on(outside, to, op));
    }
    if params.self_approval {
        summary = summary.field("Note", Text::plain("on this stage the approval of who asked counts"));
    }
    let parameters = before.as_ref().map(|before| before.parameters.clone()).unwrap_or_default();
    summary = of_parameters(summary, op, &parameters, &params.parameters);
    if let Some(url) = moved_url(op) {
        summary = summary.field("URL", Text::default().link(url.clone(), url));
    }
    summary.broadcast = params.approvals > 0 || params.override_reason.is_some();
    if let Some((_, since)) = op.waiting() {
        return waiting(summary, params, op, since);
    }
    // A rollback leaves the release; where only parameters changed that is no way back.
    let is_same = before.as_ref().is_some_and(|before| before.release == release.number);
    if op.ended.is_some_and(|(_, succeeded)| succeeded) && !is_same {
        summary.hint = Some(Text::plain("To go back: ").code(format!("/rollback {name} {to}")));
    }
    summary
}

/// What is said while people are waited for, since that row: what they decide, who may still, and until when.
fn waiting(mut summary: Summary, params: &Params, op: &OperationState, since: u64) -> Summary {
    let Params { name, to, release, .. } = params;
    let number = release.number.to_string();
    let missing = params.approvals.saturating_sub(approved(params, op).len()).max(1);
    let text = Text::plain(format!("Waiting for {}: ", approvals(missing))).code(name.as_str()).then(" ");
    summary.waiting = Some(text.code(number.clone()).then(" to ").code(to.as_str()));
    let wait = Wait { operation: op.id.clone(), wait: format!("{APPROVAL}@{since}") };
    let approve = Button::new(&Click::Approve(wait.clone()), "Approve").style(ButtonStyle::Primary);
    summary.buttons.push(approve.asking(format!("{to} will run {number} of {name}."), "Approve"));
    let reject = Button::new(&Click::Reject(wait), "Reject").style(ButtonStyle::Danger);
    summary.buttons.push(reject.asking(format!("{to} stays as it is."), "Reject"));
    let have = approved(params, op);
    if have.len() >= params.approvals {
        // Somebody lost the role after they approved.
        let words = format!("{} given; those count who may still approve", have.len());
        summary = summary.field("Approvals", words);
    } else if params.approvals > 1 {
        let count = Text::plain(format!("{} of {}", have.len(), params.approvals));
        let by = have
            .iter()
            .enumerate()
            .fold(count, |by, (nth, user)| by.then(if nth == 0 { ": " } else { " " }).user(user));
        summary = summary.field("Approvals", by);
    }
    let still = mentions(params, op);
    if !still.is_empty() {
        summary = summary.field("Can approve", still);
    }
    if let Some(expires) = params.expires {
        summary = summary.field("Expires", Text::default().time(expires));
        let reminds = reminds(op.spec.accepted, expires);
        let is_reminded = op.waits_still().is_some_and(|(at, _)| at >= reminds);
        summary.wakes = Some(if is_reminded { expires } else { reminds });
        if is_reminded {
            let what = format!(" to {to} expires ");
            let reminder = mentions(params, op).then("the promotion of ").code(name.as_str());
            summary.reminder = Some(reminder.then(what).time(expires).then(": please decide."));
        }
    }
    let mut request =
        mentions(params, op).then("please look at the promotion of ").code(name.as_str()).then(" ");
    request = request.code(number).then(" to ").code(to.as_str());
    summary.request = Some(request.then(format!(": it needs {}.", approvals(params.approvals))));
    summary.hint = Some(
        Text::plain(match params.self_approval {
            true => "An approver decides: with a button, or ",
            false => "An approver who did not ask for it decides: with a button, or ",
        })
        .code(format!("/promote approve {name} {to} {}", release.number))
        .then("."),
    );
    summary
}
