//! From what is recorded to what is told: the one message of an operation, its end, and its audit records.

mod asides;
mod buttons;
mod left;

pub use buttons::{CANCEL_BUTTON, RESOLVE_BUTTON, RETRY_BUTTON};

use std::collections::BTreeMap;

use crate::operation::definition::{Definition, Story};
use crate::operation::facts::{Facts, SignalFact, Verdict};
use crate::operation::head::{Head, Status};
use crate::operation::step::{Effect, Node, StepId, Trouble};
use crate::operation::world::World;
use crate::ports::News;
use sluice_model::{
    Actor, Card, Member, Part, Refusal, Span, StageName, StepLine, StepState, Text, Tone, UserId,
};

/// What is told of an operation as it stands. `notes` is what running steps said last, `own_since` the first row that
/// this process wrote.
pub(crate) fn of(
    definition: &dyn Definition,
    facts: &Facts,
    world: &World,
    notes: &BTreeMap<StepId, Text>,
    own_since: u64,
) -> Result<News, Trouble> {
    let nodes = definition.nodes(facts, &world.target)?;
    Ok(of_nodes(definition, facts, &nodes, notes, own_since))
}

/// The same, where the steps are named already.
pub(crate) fn of_nodes(
    definition: &dyn Definition,
    facts: &Facts,
    nodes: &[Node],
    notes: &BTreeMap<StepId, Text>,
    own_since: u64,
) -> News {
    let story = definition.story(facts);
    let status = facts.status();
    News {
        operation: facts.id.clone(),
        sequence: facts.sequence,
        card: card(&story, facts, nodes, notes, definition.can_cancel()),
        own_since,
        first: false,
        status,
        is_urgent: definition.is_urgent(),
        actor: facts.charter.actor.id.clone(),
        names: names([&facts.charter.actor].into_iter().chain(facts.signals.iter().map(|said| &said.actor))),
        channels: facts.charter.channels(),
        asides: asides::asides(&story, facts, nodes),
        wakes: story.wakes.filter(|_| status == Status::Waiting),
    }
}

/// The names of those who spoke in Slack. At a terminal a person is named by id.
fn names<'a>(actors: impl IntoIterator<Item = &'a Actor>) -> BTreeMap<UserId, String> {
    let in_slack = actors.into_iter().filter(|actor| !actor.terminal);
    in_slack.map(|actor| (actor.id.clone(), actor.name.clone())).collect()
}

fn tone(status: Status) -> Tone {
    match status {
        Status::Running | Status::Unwinding => Tone::Running,
        Status::Waiting => Tone::Waiting,
        Status::Succeeded => Tone::Good,
        Status::Failed | Status::Stuck => Tone::Bad,
    }
}

/// The headline: what is done, and how it stands.
fn headline(story: &Story, facts: &Facts) -> Text {
    if let Some(done) = story.done.as_ref().filter(|_| facts.status() == Status::Succeeded) {
        return done.clone();
    }
    let state = match facts.status() {
        Status::Running => "is running",
        Status::Waiting => "is waiting for approval",
        Status::Succeeded => "succeeded",
        Status::Unwinding => "is being taken back",
        Status::Failed => match facts.failure() {
            _ if facts.resolved.is_some() => "was resolved by hand",
            Some(refusal) if refusal.code == crate::operation::REJECTED => "was rejected",
            Some(refusal) if refusal.code == crate::operation::EXPIRED => "expired",
            Some(refusal) if refusal.code == crate::operation::VOID => "is void",
            Some(refusal) if refusal.code == crate::operation::CANCELLED => "was cancelled",
            _ => "failed",
        },
        Status::Stuck => "is stuck",
    };
    let stands = story.stands.filter(|_| matches!(facts.status(), Status::Waiting | Status::Succeeded));
    let title = story.title.clone().then(" ").bold(stands.unwrap_or(state));
    let tells = facts.status() == Status::Succeeded || stands.is_some();
    match story.result.as_ref().filter(|_| tells) {
        Some(result) => title.then(": ").join(result.clone()),
        None => title,
    }
}

/// The message of an operation: a pure function of what is recorded.
pub fn card(
    story: &Story,
    facts: &Facts,
    nodes: &[Node],
    notes: &BTreeMap<StepId, Text>,
    can_cancel: bool,
) -> Card {
    let status = facts.status();
    let mut card = Card::new(tone(status), headline(story, facts));
    // What went wrong comes first: on a phone the steps fill a screen.
    let failure = facts.failure().filter(|_| status != Status::Succeeded);
    if facts.faults().next().is_none() {
        // What parked it is no fault of a step.
        let stuck = facts.stuck.as_ref().map(|(_, refusal)| refusal).filter(|_| failure.is_none());
        card = failure.iter().chain(stuck).fold(card, |card, refusal| card.text(marked(&refusal.problem)));
    }
    for (_, refusal) in facts.faults() {
        card = card.text(marked(&refusal.problem));
    }
    if !story.fields.is_empty() {
        card = card.part(Part::Fields(story.fields.clone()));
    }
    card.parts.extend(story.leads.iter().cloned());
    let steps = lines(facts, nodes, notes);
    if !steps.is_empty() {
        card = card.part(Part::Steps(steps));
    }
    if matches!(status, Status::Failed | Status::Stuck) {
        card = left::told(card, facts, nodes);
    }
    card.parts.extend(story.parts.iter().cloned());
    card.hint = match &failure {
        _ if status == Status::Stuck => Some(left::what_now()),
        // What to type next follows when it is over.
        Some(_) if status == Status::Unwinding => None,
        Some(refusal) if !refusal.hint.is_empty() => Some(marked(&refusal.hint)),
        _ => story.hint.clone(),
    };
    match status {
        Status::Waiting => card.buttons = story.buttons.clone(),
        Status::Stuck => {
            card.buttons = buttons::of_stuck(&facts.id, facts.stuck.as_ref().map_or(0, |(since, _)| *since))
        }
        _ => {}
    }
    if can_cancel && matches!(status, Status::Running | Status::Waiting) {
        card.buttons.push(buttons::cancel(&facts.id, &facts.charter.command));
    }
    for signal in &facts.signals {
        let said = match signal.verdict {
            Verdict::Approve => "Approved by ",
            Verdict::Reject => "Rejected by ",
            Verdict::Cancel => "Cancelled by ",
            Verdict::GiveWay => "Gave way to a rollback by ",
            Verdict::StageMoved => "Void since the stage was moved by ",
            Verdict::Retry => "Tried again by ",
            Verdict::Resolve => "Marked as resolved by ",
            Verdict::Unlock => "Unlocked by ",
            Verdict::TakeOver => "Taken over by ",
        };
        let mut line = Text::plain(said).join(signal.actor.told()).then(" ").time(signal.at);
        if let (Verdict::Unlock | Verdict::TakeOver, Some((_, stage))) =
            (signal.verdict, signal.step.0.split_once(':'))
        {
            line = line.then(": ").code(stage);
        }
        if let Some(reason) = &signal.reason {
            line = line.then(format!(": {reason}"));
        }
        card = card.foot(line);
    }
    let charter = &facts.charter;
    let mut asked = Text::plain("Asked by ").join(charter.actor.told()).then(" ").time(charter.accepted);
    asked = asked.then(" · ").code(charter.command.clone());
    // A lock that holds is no work that takes its time.
    if let Some((at, _)) = facts.ended.filter(|_| story.stands.is_none()) {
        asked = asked.then(format!(" · took {}", took(at.duration_since(charter.accepted).as_millis())));
    }
    card = card.foot(asked);
    if let Some(refusal) = failure {
        card =
            card.foot(Text::plain("code ").code(refusal.code).then(" · operation ").code(facts.id.as_str()));
    }
    card
}

/// What is told of an operation that cannot go on and whose steps cannot be named.
pub(crate) fn of_parked(head: &Head, is_urgent: bool, why: &Refusal) -> News {
    let title = Text::default().code(head.charter.command.clone()).then(" ").bold("is stuck");
    let mut card = Card::new(Tone::Bad, title).text(marked(&why.problem));
    let hint =
        marked(&why.hint).then(" Then an admin clicks ").bold("Retry").then(". ").bold("Mark resolved");
    card.hint = Some(
        hint.then(" ends it: if it held a stage, that counts as mixed. A rollback goes ahead in any case."),
    );
    card.buttons = buttons::of_stuck(&head.id, head.sequence);
    let text = Text::default().user(&head.charter.actor.id).then(" ").code(head.charter.command.clone());
    let text = text.then(" ").bold("is stuck").then(": ").join(marked(&why.problem));
    let news = without_journal(head, card, &why.code);
    News { is_urgent, asides: vec![asides::stuck(text, head.sequence)], ..news }
}

/// What is told of an operation that was ended without its journal. `by`: who marked it as resolved, if that is known.
pub(crate) fn of_forced(head: &Head, by: Option<&SignalFact>, stages: &[StageName]) -> News {
    let title = Text::default().code(head.charter.command.clone()).then(" ").bold("was resolved by hand");
    let mut card = Card::new(Tone::Bad, title);
    card = card.text(Text::plain(
        "Its record could not be carried on, so it was ended without looking at what runs.",
    ));
    if !stages.is_empty() {
        let names = stages.iter().fold(Text::default(), |text, stage| text.code(stage.as_str()).then(" "));
        let words = "Nobody knows what runs on ";
        let text =
            Text::plain(words).join(names).then("now: deploy, promote or roll back to make it one release.");
        card = card.text(text);
    }
    if let Some(by) = by {
        card = card.foot(Text::plain("Marked as resolved by ").join(by.actor.told()).then(" ").time(by.at));
    }
    without_journal(head, card, "resolved-by-force")
}

fn without_journal(head: &Head, card: Card, code: &str) -> News {
    let Head { id, charter, sequence, status, .. } = head;
    let card = card.foot(Text::plain("code ").code(code).then(" · operation ").code(id.as_str()));
    News {
        operation: id.clone(),
        sequence: *sequence,
        card,
        own_since: *sequence,
        first: false,
        status: *status,
        is_urgent: false,
        actor: charter.actor.id.clone(),
        names: names([&charter.actor]),
        channels: charter.channels(),
        asides: vec![],
        wakes: None,
    }
}

/// A duration as people say it: `12 ms`, `1.2 s`, `45 s`, `2 min 30 s`, `2 h 5 min`.
pub fn took(milliseconds: i128) -> String {
    let milliseconds = milliseconds.max(0);
    let seconds = milliseconds / 1_000;
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..10 => format!("{seconds}.{} s", milliseconds % 1_000 / 100),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

fn lines(facts: &Facts, nodes: &[Node], notes: &BTreeMap<StepId, Text>) -> Vec<StepLine> {
    let over = facts.ended.is_some();
    nodes
        .iter()
        .filter(|node| !node.title.is_empty())
        .filter_map(|node| {
            let fact = facts.step(&node.id);
            let ready = node.needs.iter().all(|need| facts.is_done(need));
            let begun = fact.and_then(|fact| fact.intent.or(fact.waiting.map(|(at, _)| at)));
            let ended =
                fact.and_then(|f| f.done.as_ref().map(|(at, _)| *at).or(f.fault.as_ref().map(|(at, _)| *at)));
            let state = match fact {
                Some(fact) if matches!(fact.undone, Some((_, None))) => StepState::Undone,
                Some(fact) if fact.undone.is_some() => StepState::Done,
                Some(fact) if fact.undo_fault.is_some() => StepState::Failed,
                Some(fact) if fact.undo.is_some() => StepState::Running,
                Some(fact) if fact.done.is_some() => StepState::Done,
                Some(fact) if fact.fault.is_some() => StepState::Failed,
                _ if over => return None,
                Some(fact) if fact.waiting.is_some() => StepState::Waiting,
                // An intent may be recorded ahead: it runs once it is ready.
                Some(fact) if fact.intent.is_some() && ready => StepState::Running,
                _ if notes.contains_key(&node.id) => StepState::Running,
                _ if ready && !matches!(node.step.effect(), Effect::Mutate(_)) => StepState::Running,
                _ => StepState::Pending,
            };
            // A step that only looks has no intent: it began when the last of what it needs was done.
            let began = begun.or_else(|| {
                let needs =
                    node.needs.iter().filter_map(|id| facts.step(id)?.done.as_ref().map(|(at, _)| *at));
                needs.max().or(Some(facts.charter.accepted))
            });
            let awaits = node.step.effect() == Effect::Await;
            let took_ms = match (began, ended) {
                // What people took counts from when they were asked.
                (Some(began), Some(ended)) if awaits => {
                    u64::try_from(ended.duration_since(began).as_millis()).ok()
                }
                _ if fact.is_some_and(|fact| fact.took.is_some()) => {
                    fact.and_then(|fact| u64::try_from(fact.took?.as_millis()).ok())
                }
                (Some(began), Some(ended)) => u64::try_from(ended.duration_since(began).as_millis()).ok(),
                _ => None,
            };
            Some(StepLine { state, title: node.title.clone(), took_ms, note: notes.get(&node.id).cloned() })
        })
        .collect()
}

/// Our own sentences mark code with backticks, people as `<@U…>` and groups as `<!subteam^S…>`; what people typed never comes this way unchecked.
pub fn marked(words: &str) -> Text {
    let mut text = Text::default();
    for (n, piece) in words.split('`').enumerate() {
        if n % 2 == 1 {
            text = text.code(piece);
            continue;
        }
        let mut rest = piece;
        while let Some((before, member, behind)) = mention(rest) {
            text = text.then(before).member(&member);
            rest = behind;
        }
        if !rest.is_empty() {
            text = text.then(rest);
        }
    }
    text.0.retain(|span| !matches!(span, Span::Plain(words) if words.is_empty()));
    text
}

/// The first person or group that is mentioned, with what stands before and behind.
fn mention(words: &str) -> Option<(&str, Member, &str)> {
    words.match_indices('<').find_map(|(at, _)| {
        let (before, after) = words.split_at(at);
        let (mark, behind) = after.strip_prefix('<')?.split_once('>')?;
        Some((before, Member::marked(mark)?, behind))
    })
}

/// Why it failed, in a line; but nobody else is mentioned: that is for the one message alone.
fn cause(facts: &Facts) -> Option<Text> {
    let refusal = facts.failure().filter(|_| !matches!(facts.ended, Some((_, true))))?;
    let why = marked(refusal.problem.lines().next()?.trim_end_matches(':'));
    let mentions = why.0.iter().any(|span| matches!(span, Span::User(_) | Span::Group(_)));
    (!mentions && !why.is_empty()).then_some(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_a_span_too_and_what_is_no_mark_hides_none() {
        let group: sluice_model::GroupId = "S1".parse().unwrap();
        let text = marked("1 < 2: ask <!subteam^S1> or <!here>");
        assert_eq!(text, Text::plain("1 < 2: ask ").group(&group).then(" or <!here>"));
    }

    #[test]
    fn our_own_marks_become_spans_and_nothing_else_does() {
        let text = marked("Type `/repo list`, or ask <@U0ANN0001>.");
        assert_eq!(
            text,
            Text::plain("Type ")
                .code("/repo list")
                .then(", or ask ")
                .user(&"U0ANN0001".parse().unwrap())
                .then(".")
        );
        assert_eq!(marked("<@not a user> <@"), Text::plain("<@not a user> <@"));
    }

    #[test]
    fn durations_read_like_speech() {
        let said = [0, 999, 1_234, 45_000, 150_000, 7_500_000].map(took);
        assert_eq!(said, ["0 ms", "999 ms", "1.2 s", "45 s", "2 min 30 s", "2 h 5 min"]);
    }
}
