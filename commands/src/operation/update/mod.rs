//! From the recorded state to what people read: the one message of an operation and its thread replies.

mod buttons;
mod card;
mod headline;
mod left_behind;
mod marks;
mod steps;
mod thread_replies;

use std::collections::BTreeMap;

use crate::application::Sluice;
use crate::ports::Update;
use sluice_engine::{Head, RecordedSignal, Report, Status};
use sluice_model::{Actor, Card, Refusal, StageName, Text, Tone, UserId};

pub use card::card;
pub use marks::marked;
pub use steps::took;

/// The update for the current state.
pub(crate) fn of(report: &Report<'_, Sluice>) -> Update {
    let Report { definition, op, nodes, notes, own_since } = *report;
    let summary = definition.summary(op);
    let status = op.status();
    Update {
        operation: op.id.clone(),
        sequence: op.sequence,
        card: card(&summary, op, nodes, notes, definition.can_cancel()),
        own_since,
        first: false,
        status,
        is_urgent: definition.is_urgent(),
        actor: op.spec.actor.id.clone(),
        names: names([&op.spec.actor].into_iter().chain(op.signals.iter().map(|signal| &signal.actor))),
        channels: op.spec.channels(),
        asides: thread_replies::all(&summary, op, nodes),
        only_replies: op.followed_up.is_some(),
        wakes: summary.wakes.filter(|_| status == Status::Waiting),
    }
}

/// The names of the people who acted in Slack. At a terminal a person is named by id.
fn names<'a>(actors: impl IntoIterator<Item = &'a Actor>) -> BTreeMap<UserId, String> {
    let in_slack = actors.into_iter().filter(|actor| !actor.terminal);
    in_slack.map(|actor| (actor.id.clone(), actor.name.clone())).collect()
}

/// The update for an operation that was parked and whose steps cannot be computed.
pub(crate) fn of_parked(head: &Head, is_urgent: bool, why: &Refusal) -> Update {
    let title = Text::default().code(head.spec.command.clone()).then(" ").bold("is stuck");
    let mut card = Card::new(Tone::Bad, title).text(marked(&why.problem));
    let hint =
        marked(&why.hint).then(" Then an admin can click ").bold("Retry").then(". ").bold("Mark resolved");
    card.hint = Some(hint.then(
        " ends it; a stage that it was moving then counts as mixed. Rollbacks are possible in any case.",
    ));
    card.buttons = buttons::of_stuck(&head.id, &head.spec.kind, head.sequence);
    let text = Text::default().user(&head.spec.actor.id).then(" ").code(head.spec.command.clone());
    let text = text.then(" ").bold("is stuck").then(": ").join(marked(&why.problem));
    let news = without_journal(head, card, &why.code);
    Update { is_urgent, asides: vec![thread_replies::stuck(text, head.sequence)], ..news }
}

/// The update for an operation that was ended without its journal. `by`: the signal that marked it as
/// resolved, if it is known; `left`: what people must know about what it leaves.
pub(crate) fn of_forced(head: &Head, by: Option<&RecordedSignal>, left: Option<Text>) -> Update {
    let title = Text::default().code(head.spec.command.clone()).then(" ").bold("was marked as resolved");
    let card = Card::new(Tone::Bad, title)
        .text("Sluice could not continue its record, so it was ended without a check of what runs.");
    let mut card = left.into_iter().fold(card, Card::text);
    if let Some(by) = by {
        card = card
            .foot(Text::plain("Marked as resolved by ").join(by.actor.attribution()).then(" ").time(by.at));
    }
    without_journal(head, card, "resolved-by-force")
}

/// What people must know about the stages that an operation held when it was ended without its journal.
pub(super) fn mixed_stages(names: &[&StageName]) -> Option<Text> {
    if names.is_empty() {
        return None;
    }
    let names = names.iter().fold(Text::default(), |text, stage| text.code(stage.as_str()).then(" "));
    let what_now = "now. Deploy, promote or roll back to bring each to one release.";
    Some(Text::plain("It is unknown what runs on ").join(names).then(what_now))
}

fn without_journal(head: &Head, card: Card, code: &str) -> Update {
    let Head { id, spec, sequence, status, .. } = head;
    let card = card.code_of(id, code);
    Update {
        operation: id.clone(),
        sequence: *sequence,
        card,
        own_since: *sequence,
        first: false,
        status: *status,
        is_urgent: false,
        actor: spec.actor.id.clone(),
        names: names([&spec.actor]),
        channels: spec.channels(),
        asides: vec![],
        only_replies: false,
        wakes: None,
    }
}
