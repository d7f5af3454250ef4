//! A rendered message in a short form: the kind of each block, then its text.

use serde_json::Value;
use sluice_model::Click;

fn text(value: &Value) -> &str {
    value["text"].as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn lines(out: &mut String, label: &str, words: &str) {
    for line in words.lines() {
        let line = without_id(line);
        out.push_str(&format!("{label:>8} | {line}\n"));
    }
}

/// Removes operation ids, which contain a time and a random part.
fn without_id(line: &str) -> String {
    match line.split_once("operation `") {
        Some((before, after)) => {
            let rest = after.split_once('`').map_or("", |(_, rest)| rest);
            format!("{before}operation `…`{rest}")
        }
        None => line.to_owned(),
    }
}

pub(super) fn message(message: &Value) -> String {
    let mut out = String::new();
    if let Some(who) = message["response_type"].as_str() {
        lines(&mut out, "to", who);
    }
    lines(&mut out, "text", text(message));
    for block in list(&message["blocks"]) {
        match block["type"].as_str().unwrap_or_default() {
            "section" if block.get("fields").is_some() => {
                for field in list(&block["fields"]) {
                    lines(&mut out, "field", &text(field).replace('\n', " "));
                }
            }
            "context" => list(&block["elements"]).for_each(|element| lines(&mut out, "small", text(element))),
            "table" => {
                for row in list(&block["rows"]) {
                    let cells: Vec<_> = list(row).map(cell).collect();
                    lines(&mut out, "table", &cells.join(" | "));
                }
            }
            "actions" => list(&block["elements"]).for_each(|element| button(&mut out, element)),
            "divider" => lines(&mut out, "divider", "—"),
            kind => lines(&mut out, kind, text(&block["text"])),
        }
    }
    out
}

fn cell(cell: &Value) -> String {
    if cell["type"] == "raw_text" {
        return text(cell).to_owned();
    }
    let elements = list(&cell["elements"]).flat_map(|section| list(&section["elements"]));
    elements
        .map(|element| match element["type"].as_str().unwrap_or_default() {
            "user" => format!("<@{}>", element["user_id"].as_str().unwrap_or_default()),
            "usergroup" => format!("<!subteam^{}>", element["usergroup_id"].as_str().unwrap_or_default()),
            "channel" => format!("<#{}>", element["channel_id"].as_str().unwrap_or_default()),
            "date" => element["fallback"].as_str().unwrap_or_default().to_owned(),
            "link" => format!("<{}>", element["url"].as_str().unwrap_or_default()),
            _ if element["style"]["code"] == true => format!("`{}`", text(element)),
            _ => text(element).to_owned(),
        })
        .collect()
}

fn button(out: &mut String, button: &Value) {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let style = word(&button["style"]);
    let (ask, action) = (&button["confirm"], word(&button["action_id"]));
    let value = word(&button["value"]);
    // The id of a request for a role has a random part, too.
    let value = match Click::decode(&action, &value) {
        Ok(Click::GrantAccess(request) | Click::DeclineAccess(request)) => {
            value.replace(request.id.as_str(), "…")
        }
        _ => value,
    };
    let mut shown = format!("[{}] {action} {style} {value}", text(&button["text"]));
    if ask.is_object() {
        let [title, question, yes, no] = ["title", "text", "confirm", "deny"].map(|part| text(&ask[part]));
        shown.push_str(&format!(": asks \"{title} {question}\" [{yes}] [{no}]"));
    }
    lines(out, "button", &shown);
}
