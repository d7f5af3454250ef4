//! No body makes the parser panic.

use proptest::prelude::*;
use sluice_testkit::fuzz::{self, Seeds};

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_body_panics(body in "\\PC{0,200}", field in 0usize..12, value in "(?s).{0,80}") {
        let mut garbled = fields();
        garbled[field].1 = value.clone();
        let mut clicked = click();
        let names: Vec<String> = clicked.as_object().unwrap().keys().cloned().collect();
        clicked[&names[field % names.len()]] = json!(value);
        for (kind, body) in [
            (payload::Encoding::Form, body.clone()),
            (payload::Encoding::Json, body.clone()),
            (payload::Encoding::Form, form(&garbled)),
            (payload::Encoding::Form, payload(&clicked)),
            (payload::Encoding::Form, form(&[("payload", body)])),
        ] {
            let _ = payload::parse(kind, &body);
        }
    }
}

/// Every signed body gives an error or a delivery within bounds.
fn within_bounds(encoding: payload::Encoding, body: &str) -> Result<(), TestCaseError> {
    if let Ok(Payload::Delivery(delivery)) = payload::parse(encoding, body) {
        let verb = delivery.verb();
        prop_assert!(!verb.is_empty() && verb.len() <= 40, "{verb}");
        prop_assert!(delivery.invocation.delivery.len() <= 300 && !delivery.teams.is_empty());
        prop_assert!(delivery.invocation.actor.name.chars().count() <= 80);
        prop_assert!(delivery.response_url.is_none_or(|url| matches!(url.scheme(), "https" | "http")));
    }
    Ok(())
}

const WORDS: &[&str] = &[
    "type",
    "block_actions",
    "view_submission",
    "block_suggestion",
    "team",
    "user",
    "id",
    "team_id",
    "channel",
    "container",
    "message",
    "view",
    "actions",
    "action_id",
    "value",
    "trigger_id",
    "response_url",
    "https://x",
    "http://127.0.0.1:1",
    "null",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "&",
    "=",
    "%",
    "%22",
    "%00",
    "+",
    "T0HOME",
    "U0ANN",
    "C0GENERAL",
    "ssl_check=1",
    "url_verification",
    "challenge",
    "enterprise",
    "\\u0000",
    "\\ud800",
    "é",
    "🧨",
    "\u{202e}",
];

#[test]
fn fuzz_ingress_bodies() {
    let (command, clicked) = (form(&fields()), payload(&click()));
    let event = json!({ "type": "event_callback", "event": { "type": "app_mention" } }).to_string();
    let seeds =
        Seeds::new(&[&command, &clicked, &event, r#"{"type":"url_verification","challenge":"x"}"#], WORDS);
    // Found by fuzzing: a command without a name.
    let nameless = command.replace("command=%2Fbuild", "command=%2F");
    assert_ne!(nameless, command);
    within_bounds(payload::Encoding::Form, &nameless).expect("counted as other");
    fuzz::run("ingress bodies", &fuzz::damaged(&seeds), |body| {
        within_bounds(payload::Encoding::Form, &body)?;
        within_bounds(payload::Encoding::Json, &body)
    });
}

#[test]
fn fuzz_ingress_payloads() {
    let mut organization = click();
    organization["team"] = json!(null);
    let seeds = Seeds::new(&[&click().to_string(), &organization.to_string()], WORDS);
    fuzz::run("ingress payloads", &fuzz::damaged(&seeds), |text| {
        within_bounds(payload::Encoding::Form, &form(&[("payload", text)]))
    });
}
