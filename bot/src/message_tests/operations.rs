//! The messages of operations: each kind in each state that a channel can show.

use std::collections::{BTreeMap, BTreeSet};

use sluice_commands::operation::Status;
use sluice_commands::registry;
use sluice_commands::testing::samples::{self, Sample};
use sluice_model::Click;

use super::Snapshots;
use crate::render;

fn add(snapshots: &mut Snapshots, sample: &Sample) {
    let news = sample.update();
    snapshots.add(sample.name, &render::message(&news.card).to_json());
    for aside in &news.asides {
        let place = match (aside.in_thread, aside.broadcast) {
            (false, _) => "in the channel",
            (true, false) => "in the thread",
            (true, true) => "in the thread and the channel",
        };
        snapshots.add(&format!("{}, beside it {place}", sample.name), &render::aside(aside).to_json());
    }
}

#[test]
fn the_messages_of_every_operation() {
    let mut all_snapshots: BTreeMap<String, Snapshots> = BTreeMap::new();
    for sample in samples::all() {
        add(all_snapshots.entry(sample.op.spec.kind.clone()).or_default(), &sample);
    }
    let parked = all_snapshots.entry("of_no_known_kind".to_owned()).or_default();
    parked.add("parked", &render::message(&samples::parked().card).to_json());
    for (kind, snapshots) in all_snapshots {
        snapshots.snapshot(&format!("operation_{kind}"));
    }
}

/// Fails for a new kind of operation, or a state, without a sample.
#[test]
fn every_kind_and_state_has_a_sample() {
    let mut shown: BTreeSet<(String, &str)> = BTreeSet::new();
    for sample in samples::all() {
        shown.insert((sample.op.spec.kind.clone(), sample.op.status().as_str()));
    }
    let mut wanted = BTreeSet::new();
    for definition in registry().all() {
        for status in [Status::Running, Status::Succeeded, Status::Failed] {
            wanted.insert((definition.kind().to_owned(), status.as_str()));
        }
    }
    // Unwinding and stuck operations look the same for every kind.
    for status in [Status::Waiting, Status::Unwinding, Status::Stuck] {
        wanted.insert(("promote".to_owned(), status.as_str()));
    }
    wanted.insert(("build".to_owned(), Status::Unwinding.as_str()));
    wanted.insert(("stage-lock".to_owned(), Status::Waiting.as_str()));
    // After the move, when triggers cannot be connected.
    wanted.insert(("deploy".to_owned(), Status::Stuck.as_str()));
    // A stack that cannot be deleted.
    wanted.insert(("stage-remove".to_owned(), Status::Stuck.as_str()));
    assert_eq!(shown, wanted);
    for sample in samples::all() {
        for button in sample.update().card.buttons {
            let click = Click::decode(&button.action_id, &button.value).unwrap();
            let moves_a_stage = matches!(click, Click::Promote(_) | Click::RollBack(_));
            if click.next_step().is_none() {
                assert_eq!(click.operation(), Some(&sample.op.id), "{button:?}");
            }
            assert!(button.confirm.is_some() || click.next_step().is_some() && !moves_a_stage, "{button:?}");
        }
    }
}

/// The end-to-end tests look for these headlines, and so do people who search a channel.
#[test]
fn the_headlines_of_common_operations() {
    let texts: Vec<String> =
        samples::all().iter().map(|sample| render::message(&sample.update().card).text).collect();
    for wanted in [
        "Built orders #1",
        "orders r1 is live on dev",
        "Waiting for 1 approval: orders r2 to prod",
        "orders r2 is live on prod",
        "orders r1 is live on prod again",
        "Added stage prod to orders",
    ] {
        assert!(texts.iter().any(|text| text.contains(wanted)), "{wanted}");
    }
}

/// The JSON for Slack, of a message with every kind of block.
#[test]
fn the_json_of_a_request_for_approval() {
    let sample = samples::all().into_iter().find(|sample| sample.name == "waiting for approval").unwrap();
    let message = render::message(&sample.update().card).to_json();
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("raw_request_for_approval", serde_json::to_string_pretty(&message).unwrap());
    });
}
