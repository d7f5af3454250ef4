//! Each check can fail: sound evidence passes, and the same evidence with one thing wrong does not.

use serde_json::json;

use super::*;

const ID: &str = "op-1";

fn item(pk: &str, sk: &str, body: &Value) -> Value {
    json!({"pk": {"S": format!("T{pk}")}, "sk": {"S": sk}, "b": {"S": body.to_string()}})
}

fn message(status: &str, text: &str) -> Message {
    let payload = json!({"operation": ID, "status": status, "continued": false});
    Message(json!({"ts": "1", "text": text, "metadata": {"event_payload": payload}, "blocks": []}).into())
}

fn audit(act: &str) -> Value {
    let record = json!({
        "act": act, "operation": ID, "pipeline": "orders", "stage": "prod", "after": 2, "at": "2026-11-27T05:00:00Z",
    });
    item("/audit/orders", &format!("000001795755600/{ID}/{act}/ann"), &record)
}

fn head(status: &str) -> Head {
    Head { id: ID.into(), status: status.into(), pipeline: "orders".into(), ..Head::default() }
}

/// A promotion of `orders` r2 to `prod` on which everything agrees.
fn sound() -> Evidence {
    let set =
        json!({"versions": {"f": "2"}, "api": {"api": "a", "deployment": "d", "variables": {"F": "2"}}});
    Evidence {
        items: vec![
            item("/pipeline/orders", "stage/prod", &json!({"current": {"release": 2}})),
            item("/releases/orders", "0000000002/prod", &set),
            audit("succeeded"),
            item("/inbox/t:trigger", "inbox", &json!({"operation": ID})),
        ],
        heads: vec![head("succeeded")],
        messages: vec![message("succeeded", "orders r2 is live on prod")],
        once: vec!["a build of op-0".into(), "a build of op-1".into()],
        aliases: BTreeMap::from([("f".into(), BTreeMap::from([("prod".into(), "2".into())]))]),
        served: BTreeMap::from([("a".into(), json!({"deployment": "d", "variables": {"F": "2"}}))]),
        builds: vec![(ID.into(), "STOPPED".into())],
        ..Evidence::default()
    }
}

fn wrong(evidence: &Evidence) -> Vec<String> {
    [wrong_messages(&evidence.heads, &evidence.messages), wrong_stages(evidence)].concat()
}

fn acknowledged(trigger: &str) -> Vec<Acknowledged> {
    vec![Acknowledged { line: "/promote orders prod".into(), trigger: trigger.into() }]
}

#[test]
fn sound_evidence_passes() {
    let evidence = sound();
    assert_eq!(wrong(&evidence), Vec::<String>::new());
    assert_eq!(doubled(&evidence), Vec::<String>::new());
    assert_eq!(running_on(&evidence), Vec::<String>::new());
    assert_eq!(lost(&acknowledged("trigger"), &evidence.items, &evidence.heads), Vec::<String>::new());
}

#[test]
fn a_second_build_and_a_second_message_are_duplicates() {
    let mut evidence = sound();
    evidence.once.push("a build of op-1".into());
    assert_eq!(doubled(&evidence), ["a build of op-1"]);

    let mut evidence = sound();
    evidence.messages.push(message("running", "Promoting orders r2 to prod"));
    assert_eq!(doubled(&evidence).len(), 1);
}

#[test]
fn an_acknowledged_command_without_delivery_or_operation_is_lost() {
    let evidence = sound();
    assert_eq!(lost(&acknowledged("another"), &evidence.items, &evidence.heads).len(), 1);
    assert_eq!(lost(&acknowledged("trigger"), &evidence.items, &[]).len(), 1);
}

#[test]
fn a_message_with_another_state_than_the_record_is_wrong() {
    for status in ["failed", "running", "unwinding", "stuck", "waiting"] {
        let mut evidence = sound();
        evidence.messages = vec![message(status, "orders r2 is live on prod")];
        assert!(!wrong_messages(&evidence.heads, &evidence.messages).is_empty(), "{status}");
    }
    let mut evidence = sound();
    evidence.heads = vec![head("failed")];
    assert!(!wrong(&evidence).is_empty());
}

#[test]
fn a_stage_that_differs_in_alias_api_record_or_message_is_wrong() {
    let mut alias = sound();
    alias.aliases.get_mut("f").unwrap().insert("prod".into(), "3".into());
    let mut api = sound();
    api.served.insert("a".into(), json!({"deployment": "d", "variables": {"F": "1"}}));
    let mut record = sound();
    record.items[0] = item("/pipeline/orders", "stage/prod", &json!({"current": {"release": 1}}));
    let mut message_of_r3 = sound();
    message_of_r3.messages = vec![message("succeeded", "orders r3 is live on prod")];
    for (what, evidence) in [("alias", alias), ("API", api), ("record", record), ("message", message_of_r3)] {
        assert!(!wrong_stages(&evidence).is_empty(), "{what}");
    }
}

#[test]
fn a_build_that_outlives_its_operation_is_found() {
    let mut evidence = sound();
    evidence.heads = vec![head("failed")];
    evidence.builds = vec![(ID.into(), "IN_PROGRESS".into())];
    assert_eq!(running_on(&evidence).len(), 1);
}

#[test]
fn a_takeover_after_more_than_thirty_seconds_or_never_is_too_late() {
    let orphan = Head { fence: 1, ..head("running") };
    let kills = [Kill { at_us: 1_000_000, orphans: vec![orphan.clone()] }];
    let ended = Head { fence: 2, ..head("succeeded") };
    let claimed = |end_us: u64, result: &str| {
        let call = json!({
            "seq": 1, "service": "dynamodb", "method": "UpdateItem", "start_us": end_us - 1000,
            "end_us": end_us, "detail": format!("T/operation/{ID} head {{g_fence}}"), "mutating": true,
            "result": result, "effect": true,
        });
        let calls = vec![serde_json::from_value(call).unwrap()];
        Evidence { calls, heads: vec![ended.clone()], ..sound() }
    };
    assert!(too_late(&takeovers(&claimed(31_000_000, "ok"), &kills)).is_empty());
    assert!(too_late(&takeovers(&claimed(31_000_000, "dropped"), &kills)).is_empty());
    assert_eq!(too_late(&takeovers(&claimed(31_000_001, "ok"), &kills)).len(), 1);
    for left in [orphan, ended] {
        let never = Evidence { heads: vec![left], ..sound() };
        assert_eq!(too_late(&takeovers(&never, &kills)).len(), 1);
    }
    let last_write = Evidence { heads: vec![Head { fence: 1, ..head("succeeded") }], ..sound() };
    assert!(takeovers(&last_write, &kills).is_empty());
}
