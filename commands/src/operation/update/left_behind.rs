//! The rest of a failed operation: what was undone, what stays and why that does no harm, and what is
//! uncertain.

use crate::application::Node;
use crate::operation::STAGE_REMOVE;
use crate::operation::update::marks::marked;
use sluice_engine::{Effect, OperationState, Undo};
use sluice_model::{Card, Text};

/// Adds it to the message, by the titles of the steps.
pub(super) fn add(mut card: Card, op: &OperationState, nodes: &[Node]) -> Card {
    let (mut back, mut stays, mut uncertain, mut changed) = (vec![], vec![], vec![], vec![]);
    let mut unseen = vec![];
    // Nothing was to be undone then: what was done is what the command asked for.
    let is_past = nodes.iter().any(|node| node.is_point_of_no_return && op.is_done(&node.id));
    for node in nodes.iter().filter(|node| !node.title.is_empty()) {
        let Some(fact) = op.step(&node.id) else { continue };
        if fact.is_uncertain() && op.stuck.is_some() {
            unseen.push(node.title.clone());
        }
        if fact.done.is_none() || is_past {
            continue;
        }
        let Effect::Mutate(mutation) = node.step.effect() else { continue };
        match (&fact.undone, &fact.undo_fault, mutation.undo) {
            (Some((_, None)), ..) => back.push(node.title.clone()),
            (Some((_, Some(found))), ..) => changed.push(node.title.clone().then(format!(" ({found})"))),
            (None, Some(refusal), _) => {
                let why = marked(refusal.problem.trim_end_matches('.'));
                uncertain.push(node.title.clone().then(": ").join(why));
            }
            (None, None, Undo::Stays(_)) => stays.push(node.title.clone()),
            // The effect has ended by itself, or its undo waits for one that failed.
            (None, None, Undo::By(_)) if node.is_spent => {}
            (None, None, Undo::By(_)) => uncertain.push(node.title.clone()),
        }
    }
    for (what, texts) in [
        ("Undone: ", back),
        ("Not undone, because somebody else changed it: ", changed),
        ("Not undone: ", uncertain),
        ("Unknown whether this was done: ", unseen),
        ("Kept: ", stays),
    ] {
        if !texts.is_empty() {
            card = card.text(Text::plain(what).join(listed(texts)).then("."));
        }
    }
    card
}

/// What people can do about a stuck operation.
pub(super) fn what_now(op: &OperationState) -> Text {
    let text = Text::plain("Fix the cause, then an admin can click ");
    let text = text.bold("Retry").then(". ").bold("Mark resolved");
    if op.spec.kind == STAGE_REMOVE {
        let ends =
            " ends it as it is: nothing but another removal is possible on the stage then. To continue, run ";
        return text.then(ends).code(op.spec.command.clone()).then(".");
    }
    text.then(
        " undoes nothing more: it checks what runs and records that. Rollbacks are possible in any case.",
    )
}

fn listed(texts: Vec<Text>) -> Text {
    let mut list = Text::default();
    for (n, text) in texts.into_iter().enumerate() {
        list = if n == 0 { list } else { list.then(", ") }.join(text);
    }
    list
}
