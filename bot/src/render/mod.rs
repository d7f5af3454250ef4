//! Renders a neutral [`Card`] as Slack's Block Kit, within Slack's limits: texts are cut with "…", lists are folded with
//! "and N more", and the whole message has a budget of characters.

mod blocks;
#[cfg(test)]
mod limit_check;
mod limits;
pub(crate) mod plain;
mod table;
pub(crate) mod text;

use serde_json::{Value, json};
use sluice_commands::ports::ThreadReply;
use sluice_model::{Answer, Audience, Card, Part, Span, Text};

#[cfg(test)]
pub(crate) use limit_check::assert_within_limits;

use blocks::{context, section};
use limits::{BLOCKS_KEPT, CHARACTERS_KEPT, CODE_BLOCKS, FALLBACK, HEADER, HINT_KEPT};

/// A message for Slack. Notifications and screen readers use `text`, Slack's windows `blocks`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) text: String,
    pub(crate) blocks: Vec<Value>,
}

impl Message {
    /// The fields `text` and `blocks` of an API call or an answer.
    pub(crate) fn to_json(&self) -> Value {
        self.clone().into_json()
    }

    /// The same, without a copy.
    pub(crate) fn into_json(self) -> Value {
        json!({ "text": self.text, "blocks": Value::Array(self.blocks) })
    }
}

pub(crate) fn message(card: &Card) -> Message {
    let tail = tail(card);
    let mut budget = Budget::reserving(&tail);
    budget.push(title(card));
    let mut parts = Parts::default();
    for (index, part) in card.parts.iter().enumerate() {
        let rendered = parts.render(part);
        if !rendered.into_iter().all(|block| budget.push(block)) {
            let left = card.parts.len() - index;
            budget
                .finish(context(&format!("… and {left} more {}", if left == 1 { "part" } else { "parts" })));
            break;
        }
    }
    let mut blocks = budget.blocks;
    blocks.extend(tail);
    Message { text: fallback(card), blocks }
}

/// A text without a headline.
fn line(text: &Text) -> Message {
    Message {
        text: text::fallback(text, FALLBACK),
        blocks: vec![section(&text::mrkdwn(text, limits::SECTION))],
    }
}

/// A reply of an operation: a text, its steps, and lines that can be copied to a shell, in as few blocks as possible.
pub(crate) fn aside(aside: &ThreadReply) -> Message {
    let mut message = line(&aside.text);
    if !aside.steps.is_empty() {
        message.blocks.extend(blocks::steps(&aside.steps));
    }
    let blocks = blocks::code_lines(&aside.code);
    let shown = blocks.iter().map(|(count, _)| count).take(CODE_BLOCKS).sum::<usize>();
    message.blocks.extend(blocks.into_iter().take(CODE_BLOCKS).map(|(_, block)| block));
    if shown < aside.code.len() {
        message.blocks.push(context(&format!("… and {} more lines", aside.code.len() - shown)));
    }
    message
}

/// The body of an acknowledgement of a slash command, or of a post to a `response_url`.
pub(crate) fn answer(answer: &Answer) -> Value {
    let mut body = message(&answer.card).into_json();
    body["response_type"] = match answer.audience {
        Audience::Author => json!("ephemeral"),
        Audience::Channel => json!("in_channel"),
    };
    body["replace_original"] = json!(false);
    body
}

/// The body of a post to a `response_url` that replaces the message that was clicked.
pub(crate) fn replacement(card: &Card) -> Value {
    let mut body = message(card).into_json();
    body["response_type"] = json!("in_channel");
    body["replace_original"] = json!(true);
    body
}

fn title(card: &Card) -> Value {
    let emoji = text::emoji(card.tone);
    let is_text = |span: &Span| matches!(span, Span::Plain(_) | Span::Bold(_) | Span::Code(_));
    let flat = text::one_line(&card.title.flat());
    let fits = text::length(&flat) + text::length(emoji) <= HEADER && !flat.trim().is_empty();
    if !card.parts.is_empty() && fits && card.title.0.iter().all(is_text) {
        return json!({ "type": "header", "text": { "type": "plain_text", "text": format!("{emoji}{flat}"), "emoji": true } });
    }
    // Users, links and times need mrkdwn. The title of a card without parts is a sentence, not a headline.
    let words = text::mrkdwn(&card.title, limits::TITLE);
    section(&if words.trim().is_empty() { format!("{emoji}–") } else { format!("{emoji}{words}") })
}

/// Hint, buttons and small print, which are never cut.
fn tail(card: &Card) -> Vec<Value> {
    let mut tail = Vec::new();
    if let Some(hint) = card.hint.as_ref().filter(|hint| !hint.is_empty()) {
        tail.push(section(&format!("→ {}", text::mrkdwn(hint, limits::HINT))));
    }
    tail.extend(blocks::actions(&card.buttons));
    tail.extend(blocks::footer(&card.footer));
    tail
}

/// The text for notifications and screen readers: headline, paragraphs, fields and tables line by line, and the hint, which is
/// kept however long the rest is.
fn fallback(card: &Card) -> String {
    let mut words = format!("{}{}", text::emoji(card.tone), text::fallback(&card.title, 600));
    let mut line = |line: String| {
        words.push('\n');
        words.push_str(&line);
    };
    for part in &card.parts {
        match part {
            Part::Text(paragraph) => line(text::fallback(paragraph, 800)),
            Part::Fields(fields) => fields.iter().for_each(|(label, value)| {
                line(format!(
                    "{}: {}",
                    text::cut(&text::one_line(label), limits::LABEL),
                    text::fallback(value, 300)
                ));
            }),
            Part::Table { rows, .. } => {
                rows.iter().take(limits::TABLE_ROWS).for_each(|row| line(table::spoken(row)))
            }
            Part::Steps(_) | Part::Code(_) | Part::Divider => {}
        }
    }
    let hint = card.hint.as_ref().filter(|hint| !hint.is_empty());
    let hint = hint.map_or_else(String::new, |hint| text::cut_bytes(&text::fallback(hint, 400), HINT_KEPT));
    let words = text::cut_bytes(words.trim(), FALLBACK - HINT_KEPT);
    let words = format!("{words}\n{hint}").trim().to_owned();
    if words.is_empty() { "–".to_owned() } else { words }
}

/// Renders parts. Slack allows one table per message, so further ones become lines.
#[derive(Default)]
struct Parts {
    has_table: bool,
}

impl Parts {
    fn render(&mut self, part: &Part) -> Vec<Value> {
        match part {
            Part::Text(text) if text.is_empty() => vec![],
            Part::Text(text) => vec![section(&text::mrkdwn(text, limits::SECTION))],
            Part::Fields(fields) => blocks::fields(fields),
            Part::Steps(steps) => blocks::steps(steps),
            Part::Table { header, rows } if !self.has_table && table::fits(header) => {
                self.has_table = true;
                table::table(header, rows)
            }
            Part::Table { header, rows } => table::lines(header, rows),
            Part::Code(code) => blocks::code(code),
            Part::Divider => vec![json!({ "type": "divider" })],
        }
    }
}

/// The blocks so far, and the size of the message.
struct Budget {
    blocks: Vec<Value>,
    characters: usize,
    reserved: usize,
}

impl Budget {
    fn reserving(tail: &[Value]) -> Self {
        Self { blocks: vec![], characters: tail.iter().map(limits::characters).sum(), reserved: tail.len() }
    }

    /// Adds the block if it fits. One more block is kept free to say what was left out.
    fn push(&mut self, block: Value) -> bool {
        let characters = limits::characters(&block);
        let fits = self.blocks.len() + self.reserved < BLOCKS_KEPT
            && self.characters + characters <= CHARACTERS_KEPT;
        if fits {
            self.characters += characters;
            self.blocks.push(block);
        }
        fits
    }

    fn finish(&mut self, block: Value) {
        self.blocks.push(block);
    }
}

#[cfg(test)]
mod tests;
