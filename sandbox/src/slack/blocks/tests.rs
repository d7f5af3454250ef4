//! Each limit twice: a value at the limit passes, one more is refused with its pointer.

use serde_json::{Value, json};

use super::*;

fn s(length: usize) -> String {
    "x".repeat(length)
}

fn plain(length: usize) -> Value {
    json!({"type": "plain_text", "text": s(length)})
}

fn section(length: usize) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": s(length)}})
}

fn button(change: Value) -> Value {
    let mut button = json!({"type": "button", "text": plain(3), "action_id": "a"});
    for (key, value) in change.as_object().unwrap() {
        button[key] = value.clone();
    }
    json!({"type": "actions", "elements": [button]})
}

fn confirm(key: &str, length: usize) -> Value {
    let mut confirm = json!({"title": plain(1), "text": plain(1), "confirm": plain(1), "deny": plain(1)});
    confirm[key] = plain(length);
    button(json!({ "confirm": confirm }))
}

fn buttons(count: usize) -> Value {
    let one = |n| json!({"type": "button", "text": plain(1), "action_id": format!("a{n}")});
    json!({"type": "actions", "elements": (0..count).map(one).collect::<Vec<_>>()})
}

fn table(rows: usize, cells: usize) -> Value {
    let row = vec![json!({"type": "raw_text", "text": "x"}); cells];
    json!({"type": "table", "rows": vec![json!(row); rows]})
}

fn problems(blocks: Value) -> Vec<String> {
    match check(&blocks) {
        Ok(()) => vec![],
        Err(BlockError::Invalid(problems)) => problems,
        Err(other) => vec![format!("{other:?}")],
    }
}

#[test]
fn values_at_a_limit_pass_and_one_more_is_refused() {
    type Made = Box<dyn Fn(usize) -> Value>;
    let fields = |n| vec![plain(1); n];
    let cases: Vec<(&str, usize, &str, Made)> = vec![
        ("section text", 3000, "/0/text/text", Box::new(section)),
        ("fields", 10, "/0/fields", Box::new(move |n| json!({"type": "section", "fields": fields(n)}))),
        ("field", 2000, "/0/fields/0/text", Box::new(|n| json!({"type": "section", "fields": [plain(n)]}))),
        ("header", 150, "/0/text/text", Box::new(|n| json!({"type": "header", "text": plain(n)}))),
        (
            "context",
            10,
            "/0/elements",
            Box::new(|n| json!({"type": "context", "elements": vec![plain(1); n]})),
        ),
        ("actions", 25, "/0/elements", Box::new(buttons)),
        ("button text", 75, "/0/elements/0/text/text", Box::new(|n| button(json!({"text": plain(n)})))),
        ("value", 2000, "/0/elements/0/value", Box::new(|n| button(json!({"value": s(n)})))),
        ("url", 3000, "/0/elements/0/url", Box::new(|n| button(json!({"url": s(n)})))),
        ("action_id", 255, "/0/elements/0/action_id", Box::new(|n| button(json!({"action_id": s(n)})))),
        ("block_id", 255, "/0/block_id", Box::new(|n| json!({"type": "divider", "block_id": s(n)}))),
        ("confirm title", 100, "/0/elements/0/confirm/title/text", Box::new(|n| confirm("title", n))),
        ("confirm text", 300, "/0/elements/0/confirm/text/text", Box::new(|n| confirm("text", n))),
        ("confirm yes", 30, "/0/elements/0/confirm/confirm/text", Box::new(|n| confirm("confirm", n))),
        ("confirm no", 30, "/0/elements/0/confirm/deny/text", Box::new(|n| confirm("deny", n))),
        ("table rows", 100, "/0/rows", Box::new(|n| table(n, 1))),
        ("table cells", 20, "/0/rows/0", Box::new(|n| table(1, n))),
        (
            "alt text",
            2000,
            "/0/alt_text",
            Box::new(|n| json!({"type": "image", "image_url": "https://x", "alt_text": s(n)})),
        ),
    ];
    for (name, limit, pointer, make) in cases {
        assert_eq!(problems(json!([make(limit)])), Vec::<String>::new(), "{name} at {limit}");
        let over = problems(json!([make(limit + 1)]));
        let end = format!("[json-pointer:/blocks{pointer}]");
        assert_eq!(over.len(), 1, "{name} at {}: {over:?}", limit + 1);
        assert!(over[0].ends_with(&end), "{name}: {over:?} should end with {end}");
    }
}

#[test]
fn fifty_blocks_pass_and_one_more_is_refused() {
    let blocks = |n| Value::from(vec![json!({"type": "divider"}); n]);
    assert_eq!(check(&blocks(50)), Ok(()));
    assert_eq!(problems(blocks(51)), ["no more than 50 items allowed [json-pointer:/blocks]"]);
}

#[test]
fn all_texts_together_have_a_limit() {
    let blocks = |last| json!([section(3000), section(3000), section(3000), section(3000), section(last)]);
    assert_eq!(check(&blocks(1200)), Ok(()));
    assert_eq!(check(&blocks(1201)), Err(BlockError::TooLong));
}

#[test]
fn limits_count_characters_not_bytes() {
    let header = |text: String| json!([{"type": "header", "text": {"type": "plain_text", "text": text}}]);
    assert_eq!(check(&header("é".repeat(150))), Ok(()));
    assert!(check(&header("é".repeat(151))).is_err());
}

#[test]
fn missing_empty_and_unknown_fields_are_refused_with_their_pointer() {
    let cases = [
        (json!([{"type": "section"}]), "missing required field: text [json-pointer:/blocks/0]"),
        (json!([section(0)]), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        (json!([{"text": "x"}]), "missing required field: type [json-pointer:/blocks/0]"),
        (json!([{"type": "marquee"}]), "unsupported type: marquee [json-pointer:/blocks/0/type]"),
        (
            json!([{"type": "divider"}, {"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]),
            "unsupported type: mrkdwn [json-pointer:/blocks/1/text/type]",
        ),
        (
            json!([{"type": "divider", "colour": "red"}]),
            "invalid additional property: colour [json-pointer:/blocks/0]",
        ),
        (
            json!([{"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": true}}]),
            "invalid additional property: emoji [json-pointer:/blocks/0/text]",
        ),
        (
            json!([{"type": "image", "image_url": "https://x"}]),
            "missing required field: alt_text [json-pointer:/blocks/0]",
        ),
        (
            json!([button(json!({"style": "loud"}))]),
            "must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]",
        ),
        (
            json!([{"type": "context", "elements": []}]),
            "no less than 1 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (json!([table(1, 1), table(1, 1)]), "only_one_table_allowed [json-pointer:/blocks/1]"),
        (
            json!([{"type": "divider", "block_id": "b"}, {"type": "divider", "block_id": "b"}]),
            "`block_id` \"b\" already exists [json-pointer:/blocks/1]",
        ),
    ];
    for (blocks, expected) in cases {
        assert_eq!(problems(blocks.clone()), [expected], "{blocks}");
    }
}

#[test]
fn two_elements_of_one_block_need_different_ids() {
    let one = json!({"type": "button", "text": plain(1), "action_id": "a"});
    assert!(check(&json!([{"type": "actions", "elements": [one, one]}])).is_err());
    let two = json!([{"type": "actions", "elements": [one]}, {"type": "actions", "elements": [one]}]);
    assert_eq!(check(&two), Ok(()), "two blocks may use the same id");
}

#[test]
fn blocks_must_be_a_list_of_objects() {
    for wrong in [json!({}), json!("[]"), json!(["x"]), json!([1])] {
        assert_eq!(check(&wrong), Err(BlockError::Format), "{wrong}");
    }
    assert_eq!(check(&json!([])), Ok(()));
}

#[test]
fn rich_text_is_checked_down_to_its_runs() {
    let rich = |run: Value| json!([{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [run]}]}]);
    assert_eq!(check(&rich(json!({"type": "text", "text": "hi", "style": {"bold": true}}))), Ok(()));
    assert_eq!(
        problems(rich(json!({"type": "link"}))),
        ["missing required field: url [json-pointer:/blocks/0/elements/0/elements/0]"]
    );
}

#[test]
fn missing_ids_are_added() {
    let mut blocks = vec![json!({"type": "divider"}), buttons(1)];
    blocks[1]["elements"][0].as_object_mut().unwrap().remove("action_id");
    number(&mut blocks);
    assert_eq!(blocks[0]["block_id"], "b0");
    assert_eq!(blocks[1]["elements"][0]["action_id"], "b1e0");
}
