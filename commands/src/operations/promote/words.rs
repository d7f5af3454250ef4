//! What the message of a promotion says.

use super::approval::{approvals, approved, mentions, reminds};
use super::changes::dimensions;
use super::{APPROVAL, APPROVE, CHANGES, COMMITS, Changes, Commits, Params, REJECT};
use crate::operation::{Facts, StepId, Story, marked};
use crate::operations::build::change_text;
use crate::operations::steps::{gone_on, moved_url, of_parameters};
use sluice_model::{Button, ButtonStyle, Part, Text};

/// All of it, as far as it is known.
pub(super) fn story(params: &Params, facts: &Facts) -> Story {
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
    let mut story = Story::new(title)
        .field(if facts.ended.is_some() { "Before" } else { "Now" }, now)
        .field("Then", then)
        .field("Build", Text::default().code(release.build.to_string()));
    let between = facts.output::<Commits>(&StepId::new(COMMITS)).ok().flatten();
    let changes = facts.output::<Option<Changes>>(&StepId::new(CHANGES)).ok().flatten().flatten();
    if params.approvals > 0 {
        story = dimensions(story, params, facts, between.as_ref(), changes.as_ref());
    }
    if let Some(changes) = &changes {
        story.leads = changes.parts();
        story.pages = changes.pages();
    }
    if let Some(commits) = between.as_ref().and_then(Commits::words) {
        // Wider than a field, which is half a line.
        story.parts.push(Part::Text(Text::default().bold("Commits").then("\n").join(commits)));
    }
    if let Some(reason) = &params.override_reason {
        story = story.field("Override", Text::plain(reason.clone()));
    }
    if !params.passed.is_empty() {
        story = story.field("Passed", marked(&params.passed.join(" ")));
    }
    if let Some(outside) = &params.outside {
        story = story.field("Moved outside Sluice", gone_on(outside, to, facts));
    }
    if params.self_approval {
        story = story.field("Note", Text::plain("on this stage the approval of who asked counts"));
    }
    let parameters = before.as_ref().map(|before| before.parameters.clone()).unwrap_or_default();
    story = of_parameters(story, facts, &parameters, &params.parameters);
    if let Some(url) = moved_url(facts) {
        story = story.field("URL", Text::default().link(url.clone(), url));
    }
    let how = if params.override_reason.is_some() { ", by override" } else { "" };
    story.result = Some(Text::default().code(to.as_str()).then(format!(" runs {number}{how}")));
    story.broadcast = params.approvals > 0 || params.override_reason.is_some();
    if let Some((_, since)) = facts.waiting() {
        return waiting(story, params, facts, since);
    }
    // A rollback leaves the release; where only parameters changed that is no way back.
    let is_same = before.as_ref().is_some_and(|before| before.release == release.number);
    if facts.ended.is_some_and(|(_, succeeded)| succeeded) && !is_same {
        story.hint = Some(Text::plain("To go back: ").code(format!("/rollback {name} {to}")));
    }
    story
}

/// What is said while people are waited for, since that row: what they decide, who may still, and until when.
fn waiting(mut story: Story, params: &Params, facts: &Facts, since: u64) -> Story {
    let Params { name, to, release, .. } = params;
    let number = release.number.to_string();
    let value = format!("{}|{APPROVAL}@{since}", facts.id);
    let (label, text) = ("Approve", format!("{to} will run {number} of {name}."));
    story.buttons.push(button(APPROVE, label, ButtonStyle::Primary, &value, text));
    let text = format!("{to} stays as it is.");
    story.buttons.push(button(REJECT, "Reject", ButtonStyle::Danger, &value, text));
    let have = approved(params, facts);
    if have.len() >= params.approvals {
        // Somebody lost the role after they approved.
        let words = format!("{} given; those count who may still approve", have.len());
        story = story.field("Approvals", words);
    } else if params.approvals > 1 {
        let count = Text::plain(format!("{} of {}", have.len(), params.approvals));
        let by = have
            .iter()
            .enumerate()
            .fold(count, |by, (nth, user)| by.then(if nth == 0 { ": " } else { " " }).user(user));
        story = story.field("Approvals", by);
    }
    let still = mentions(params, facts);
    if !still.is_empty() {
        story = story.field("Can approve", still);
    }
    if let Some(expires) = params.expires {
        story = story.field("Expires", Text::default().time(expires));
        let reminds = reminds(facts.charter.accepted, expires);
        let is_reminded = facts.waits_still().is_some_and(|(at, _)| at >= reminds);
        story.wakes = Some(if is_reminded { expires } else { reminds });
        if is_reminded {
            let what = format!(" to {to} expires ");
            let reminder = mentions(params, facts).then("the promotion of ").code(name.as_str());
            story.reminder = Some(reminder.then(what).time(expires).then(": please decide."));
        }
    }
    let mut request =
        mentions(params, facts).then("please look at the promotion of ").code(name.as_str()).then(" ");
    request = request.code(number).then(" to ").code(to.as_str());
    story.request = Some(request.then(format!(": it needs {}.", approvals(params.approvals))));
    story.hint = Some(
        Text::plain(match params.self_approval {
            true => "An approver decides: with a button, or ",
            false => "An approver who did not ask for it decides: with a button, or ",
        })
        .code(format!("/promote approve {name} {to} {}", release.number))
        .then("."),
    );
    story
}

fn button(action: &str, label: &str, style: ButtonStyle, value: &str, text: String) -> Button {
    Button::new(action, label, value.to_owned()).style(style).asking(text, label)
}
