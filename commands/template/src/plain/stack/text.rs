//! Strings in JSON: changed one by one, and put together where parts of them became known.

use serde_json::{Value, json};

/// The value with each string in it changed. Keys stay.
pub(super) fn map_strings(value: Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => change(&text).into(),
        Value::Array(items) => items.into_iter().map(|item| map_strings(item, change)).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, map_strings(value, change))).collect(),
        other => other,
    }
}

/// The value with adjacent strings of a `Fn::Join` without a delimiter put together: `a{{resolve:ssm:x}}b` is one string again.
pub(super) fn merged(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(merged).collect(),
        Value::Object(map) => {
            let map: serde_json::Map<String, Value> =
                map.into_iter().map(|(key, value)| (key, merged(value))).collect();
            match map.get("Fn::Join").and_then(Value::as_array).map(Vec::as_slice) {
                Some([Value::String(delimiter), Value::Array(parts)]) if delimiter.is_empty() => join(parts),
                _ => Value::Object(map),
            }
        }
        other => other,
    }
}

fn join(parts: &[Value]) -> Value {
    let mut merged: Vec<Value> = Vec::new();
    for part in parts {
        match (merged.last_mut(), part) {
            (Some(Value::String(open)), Value::String(text)) => open.push_str(text),
            (_, part) => merged.push(part.clone()),
        }
    }
    match merged.as_slice() {
        [] => "".into(),
        [Value::String(text)] => text.clone().into(),
        _ => json!({ "Fn::Join": ["", merged] }),
    }
}

/// Whether a sign continues a name: `orders` is not a word of `orders-archive`.
pub(super) fn continues(sign: Option<char>) -> bool {
    sign.is_some_and(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_'))
}

/// The text with each whole-word occurrence of `word` replaced by what `replace` makes of the text before and after it: the
/// replacement, and how many bytes after the word it replaces too. `None` leaves the occurrence.
pub(super) fn replace_words(
    text: &str,
    word: &str,
    replace: impl Fn(&str, &str) -> Option<(String, usize)>,
) -> String {
    let mut out = String::new();
    let mut done = 0;
    if word.is_empty() {
        return text.to_owned();
    }
    for (at, _) in text.match_indices(word) {
        let (Some(before), Some(after)) = (text.get(..at), text.get(at + word.len()..)) else { continue };
        let is_whole = !continues(before.chars().next_back()) && !continues(after.chars().next());
        if at < done || !is_whole {
            continue;
        }
        if let Some((replacement, more)) = replace(before, after) {
            out.push_str(text.get(done..at).unwrap_or_default());
            out.push_str(&replacement);
            done = at + word.len() + more;
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_and_replaced_once() {
        let shout = |text: &str| replace_words(text, "ab", |_, _| Some(("AB".to_owned(), 0)));
        assert_eq!(shout("ab/ab-c/cab/ab:é ab"), "AB/ab-c/cab/AB:é AB");
        let more = |text: &str| {
            replace_words(text, "ab", |_, after| after.starts_with(":x").then(|| ("_".to_owned(), 2)))
        };
        assert_eq!(more("ab:x,ab:y"), "_,ab:y");
        assert_eq!(replace_words("é", "", |_, _| None), "é");
    }

    #[test]
    fn parts_of_a_join_without_a_delimiter_are_put_together() {
        let join = |parts: Value| json!({ "Fn::Join": ["", parts] });
        assert_eq!(merged(join(json!(["a", "b"]))), json!("ab"));
        assert_eq!(merged(join(json!(["a", join(json!(["b", "c"]))]))), json!("abc"));
        assert_eq!(merged(join(json!(["a", { "Ref": "X" }, "b"]))), join(json!(["a", { "Ref": "X" }, "b"])));
        let comma = json!({ "Fn::Join": [",", ["a", "b"]] });
        assert_eq!(merged(comma.clone()), comma);
    }
}
