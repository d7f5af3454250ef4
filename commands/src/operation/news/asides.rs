//! What deserves a notification of its own, beside the one message of an operation, and what is too long for that.

use super::{cause, headline, marked};
use crate::operation::definition::Story;
use crate::operation::effects::UPDATE_STAGE;
use crate::operation::facts::Facts;
use crate::operation::head::Status;
use crate::operation::step::{Effect, Node};
use crate::ports::Aside;
use sluice_model::Text;

/// An end that came later than this is also told by a short reply, since an edit notifies nobody (DESIGN 8).
const LONG: i64 = 20;

/// The names of replies with what the message has no room for.
const PAGES: [&str; 12] = [
    "page-01", "page-02", "page-03", "page-04", "page-05", "page-06", "page-07", "page-08", "page-09",
    "page-10", "page-11", "page-12",
];

/// A reply in the operation's thread.
fn reply(name: &'static str, text: Text, cause: u64) -> Aside {
    Aside { name, text, code: vec![], in_thread: true, broadcast: false, cause }
}

/// That it is stuck, for the whole channel.
pub(super) fn stuck(text: Text, cause: u64) -> Aside {
    Aside { broadcast: true, ..reply("stuck", text, cause) }
}

/// All of them, as far as it came.
pub(super) fn asides(story: &Story, facts: &Facts, nodes: &[Node]) -> Vec<Aside> {
    let mut asides = vec![];
    if facts.status() == Status::Waiting
        && let Some(request) = &story.request
        && let Some((_, cause)) = facts.waiting()
    {
        let text = request.clone();
        asides.push(Aside { in_thread: false, ..reply("request", text, cause) });
    }
    if facts.status() == Status::Waiting
        && let Some((_, cause)) = facts.waiting()
    {
        for (nth, (name, page)) in PAGES.into_iter().zip(&story.pages).enumerate() {
            let text = Text::plain(format!("Changes, continued ({} of {}):", nth + 1, story.pages.len()));
            asides.push(Aside { code: page.clone(), ..reply(name, text, cause) });
        }
    }
    if facts.status() == Status::Waiting
        && let Some(reminder) = &story.reminder
        && let Some((_, cause)) = facts.waits_still()
    {
        let text = reminder.clone();
        asides.push(Aside { broadcast: true, ..reply("reminder", text, cause) });
    }
    if let Some((cause, refusal)) = &facts.stuck {
        let mut text = Text::default().user(&facts.charter.actor.id).then(" ").join(headline(story, facts));
        text = text.then(": ").join(marked(&refusal.problem));
        asides.push(stuck(text, *cause));
    }
    if let Some((at, succeeded)) = facts.ended {
        let long = at.duration_since(facts.charter.accepted).as_secs() >= LONG;
        let rollback = facts.charter.kind == crate::operation::ROLLBACK;
        if !(story.quiet && succeeded) && (long || !succeeded || rollback || story.broadcast) {
            let mut text =
                Text::default().user(&facts.charter.actor.id).then(" ").join(headline(story, facts));
            if let Some(why) = cause(facts) {
                text = text.then(": ").join(why);
            }
            let broadcast = !succeeded || story.broadcast;
            asides.push(Aside { broadcast, ..reply("end", text, facts.sequence) });
        }
        let code = by_hand(facts, nodes);
        if succeeded && !code.is_empty() {
            // What is there to bring back only this operation saw.
            let text = Text::plain("Should Sluice not be there to go back, these lines do it by hand:");
            asides.push(Aside { code, ..reply("by-hand", text, facts.sequence) });
        }
    }
    asides
}

/// The lines that bring back by hand what an operation moved, in the order of a rollback: the API stage first.
fn by_hand(facts: &Facts, nodes: &[Node]) -> Vec<String> {
    let done = nodes.iter().filter(|node| facts.is_done(&node.id));
    let mut lines: Vec<(bool, String)> = done
        .filter_map(|node| Some((node.step.effect() != Effect::Mutate(&UPDATE_STAGE), node.step.by_hand()?)))
        .collect();
    lines.sort_by_key(|(is_later, _)| *is_later);
    lines.into_iter().map(|(_, line)| line).collect()
}
