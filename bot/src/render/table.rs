//! Tables. Block Kit allows one per message; further ones, and those with too many columns, become lines.

use serde_json::{Value, json};
use sluice_model::{Span, Text};

use super::blocks::{context, pack};
use super::limits::{TABLE_CELLS, TABLE_CHARACTERS, TABLE_ROWS, characters};
use super::text::{cut, fallback, is_linkable, length, mrkdwn, one_line};

const CELL: usize = 300;
/// The most lines in place of a table, so the rest of the message fits.
const LINES: usize = 40;

/// Whether Slack can show it as a table.
pub(super) fn fits(header: &[String]) -> bool {
    (1..=TABLE_CELLS).contains(&header.len())
}

/// The table, and a line with the number of rows that it leaves out.
pub(super) fn table(header: &[String], rows: &[Vec<Text>]) -> Vec<Value> {
    let mut cells = vec![header.iter().map(|name| raw(&Text::plain(name))).collect::<Vec<_>>()];
    let mut spent: usize = cells.iter().flatten().map(characters).sum();
    for row in rows.iter().take(TABLE_ROWS - 1) {
        let empty = Text::default();
        let row: Vec<Value> =
            (0..header.len()).map(|column| cell(row.get(column).unwrap_or(&empty))).collect();
        spent += row.iter().map(characters).sum::<usize>();
        if spent > TABLE_CHARACTERS {
            break;
        }
        cells.push(row);
    }
    let left = rows.len() + 1 - cells.len();
    let mut blocks = vec![json!({ "type": "table", "rows": cells })];
    if left > 0 {
        blocks.push(context(&format!("… and {left} more")));
    }
    blocks
}

fn cell(text: &Text) -> Value {
    let is_raw = text.0.iter().all(|span| matches!(span, Span::Plain(_)));
    if is_raw || length(&text.flat()) > CELL { raw(text) } else { rich(text) }
}

fn raw(text: &Text) -> Value {
    let words = cut(&one_line(&text.flat()), CELL);
    json!({ "type": "raw_text", "text": if words.trim().is_empty() { "–" } else { &words } })
}

/// Rich text has no markup, so user input needs no escaping.
fn rich(text: &Text) -> Value {
    let elements: Vec<Value> = text.0.iter().filter_map(element).collect();
    if elements.is_empty() {
        return raw(text);
    }
    json!({ "type": "rich_text", "elements": [{ "type": "rich_text_section", "elements": elements }] })
}

fn element(span: &Span) -> Option<Value> {
    let words = |words: &String| Some(one_line(words)).filter(|words| !words.is_empty());
    Some(match span {
        Span::Plain(text) => json!({ "type": "text", "text": words(text)? }),
        Span::Bold(text) => json!({ "type": "text", "text": words(text)?, "style": { "bold": true } }),
        Span::Code(text) => json!({ "type": "text", "text": words(text)?, "style": { "code": true } }),
        Span::User(user) => json!({ "type": "user", "user_id": user.as_str() }),
        Span::Group(group) => json!({ "type": "usergroup", "usergroup_id": group.as_str() }),
        Span::Channel(channel) => json!({ "type": "channel", "channel_id": channel.as_str() }),
        Span::Link { url, label } if is_linkable(url) => {
            json!({ "type": "link", "url": url, "text": words(label).unwrap_or_else(|| url.clone()) })
        }
        Span::Link { label, .. } => json!({ "type": "text", "text": words(label)? }),
        Span::Time(at) => json!({
            "type": "date",
            "timestamp": at.as_second(),
            "format": "{date_short_pretty} {time}",
            "fallback": at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        }),
    })
}

/// A row as text: its cells without the empty ones.
pub(super) fn spoken(row: &[Text]) -> String {
    let cells = row.iter().map(|cell| one_line(&fallback(cell, 200)));
    cells.filter(|cell| !matches!(cell.trim(), "" | "–")).collect::<Vec<_>>().join(" · ")
}

/// A table as lines: the first cell, then the others with their column names.
pub(super) fn lines(header: &[String], rows: &[Vec<Text>]) -> Vec<Value> {
    let mut lines: Vec<String> = rows
        .iter()
        .take(LINES)
        .map(|row| {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let name =
                    header.get(column).filter(|_| column > 0).map(|name| format!("{}: ", cut(name, 40)));
                mrkdwn(&Text::plain(name.unwrap_or_default()).join(cell.clone()), 200)
            });
            cut_cells(cells.collect())
        })
        .collect();
    if rows.len() > LINES {
        lines.push(format!("… and {} more", rows.len() - LINES));
    }
    pack(&lines)
}

/// The cells that fit into a line.
fn cut_cells(cells: Vec<String>) -> String {
    let mut line = String::from("•");
    for cell in cells {
        if length(&line) + length(&cell) > 1_000 {
            line.push_str(" · …");
            break;
        }
        line.push_str(if line == "•" { " " } else { " · " });
        line.push_str(&cell.replace('\n', " "));
    }
    line
}
