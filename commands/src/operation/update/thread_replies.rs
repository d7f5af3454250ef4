//! Thread replies: messages that deserve a notification of their own, and content that is too long for the
//! one message.

use std::collections::BTreeMap;

use crate::application::Node;
use crate::operation::ROLLBACK;
use crate::operation::effects::UPDATE_STAGE;
use crate::operation::update::headline::{cause, headline};
use crate::operation::update::marks::marked;
use crate::operation::update::steps::lines;
use crate::ports::ThreadReply;
use sluice_engine::{Effect, OperationState, Status, Summary};
use sluice_model::Text;

/// An end later than this, in seconds, also gets a short reply, because an edit notifies nobody (DESIGN 8).
const LONG: i64 = 20;

/// The names of the replies with content that the message has no space for.
const PAGES: [&str; 12] = [
    "page-01", "page-02", "page-03", "page-04", "page-05", "page-06", "page-07", "page-08", "page-09",
    "page-10", "page-11", "page-12",
];

/// A reply in the operation's thread.
fn reply(name: &'static str, text: Text, cause: u64) -> ThreadReply {
    ThreadReply { name, text, steps: vec![], code: vec![], in_thread: true, broadcast: false, cause }
}

/// The reply that it is stuck, shown to the whole channel.
pub(super) fn stuck(text: Text, cause: u64) -> ThreadReply {
    ThreadReply { broadcast: true, ..reply("stuck", text, cause) }
}

/// All thread replies for the current state.
pub(super) fn all(summary: &Summary, op: &OperationState, nodes: &[Node]) -> Vec<ThreadReply> {
    if let Some(followed) = &op.followed_up {
        // Everything else was delivered before that.
        let text = summary.follow_up.iter().cloned();
        return text.map(|text| reply("first-minutes", text, followed.sequence)).collect();
    }
    let mut asides = vec![];
    // One message: after the decision it is edited, which notifies nobody.
    if let (Some(request), Some(cause)) = (&summary.request, op.waited()) {
        asides.push(ThreadReply { in_thread: false, ..reply("request", request.clone(), cause) });
    }
    if op.status() == Status::Waiting
        && let Some((_, cause)) = op.waiting()
    {
        for (nth, (name, page)) in PAGES.into_iter().zip(&summary.pages).enumerate() {
            let text = Text::plain(format!("Changes, part {} of {}:", nth + 1, summary.pages.len()));
            asides.push(ThreadReply { code: page.clone(), ..reply(name, text, cause) });
        }
    }
    if op.status() == Status::Waiting
        && let Some(reminder) = &summary.reminder
        && let Some((_, cause)) = op.waits_still()
    {
        let text = reminder.clone();
        asides.push(ThreadReply { broadcast: true, ..reply("reminder", text, cause) });
    }
    if let Some((cause, refusal)) = &op.stuck {
        let mut text = Text::default().user(&op.spec.actor.id).then(" ").join(headline(summary, op));
        text = text.then(": ").join(marked(&refusal.problem));
        asides.push(stuck(text, *cause));
    }
    if let Some((at, succeeded)) = op.ended {
        let long = at.duration_since(op.spec.accepted).as_secs() >= LONG;
        let rollback = op.spec.kind == ROLLBACK;
        if !(summary.quiet && succeeded) && (long || !succeeded || rollback || summary.broadcast) {
            let mut text = Text::default().user(&op.spec.actor.id).then(" ").join(headline(summary, op));
            if let Some(why) = cause(op) {
                text = text.then(": ").join(why);
            }
            let broadcast = !succeeded || summary.broadcast;
            asides.push(ThreadReply { broadcast, ..reply("end", text, op.sequence) });
        }
        let steps = lines(op, nodes, &BTreeMap::new());
        if steps.len() > 1 {
            let text = Text::plain(format!("{} steps:", steps.len()));
            asides.push(ThreadReply { steps, ..reply("steps", text, op.sequence) });
        }
        let code = by_hand(op, nodes);
        if succeeded && !code.is_empty() {
            // Only this operation saw the former state.
            let text = Text::plain("To undo this without Sluice, run:");
            asides.push(ThreadReply { code, ..reply("by-hand", text, op.sequence) });
        }
    }
    asides
}

/// The shell commands that restore what an operation moved, in the order of a rollback: the API stage first.
fn by_hand(op: &OperationState, nodes: &[Node]) -> Vec<String> {
    let done = nodes.iter().filter(|node| op.is_done(&node.id));
    let mut lines: Vec<(bool, String)> = done
        .filter_map(|node| Some((node.step.effect() != Effect::Mutate(&UPDATE_STAGE), node.step.by_hand()?)))
        .collect();
    lines.sort_by_key(|(is_later, _)| *is_later);
    lines.into_iter().map(|(_, line)| line).collect()
}
