//! From a neutral [`Card`] to Slack's Block Kit. Whatever the card holds, the result keeps Slack's limits: texts are cut
//! with "…", lists are folded with "and N more", and a budget of signs runs through the whole message.

mod blocks;
pub(crate) mod limits;
pub(crate) mod plain;
mod table;
pub(crate) mod text;

use serde_json::{Value, json};
use sluice_commands::ports::ThreadReply;
use sluice_model::{Answer, Audience, Card, Part, Span, Text, Tone};

#[cfg(test)]
pub(crate) use limits::assert_within_limits;

use blocks::{context, section};
use limits::{BLOCKS_KEPT, CODE_BLOCKS, FALLBACK, HEADER, HINT_KEPT, SIGNS_KEPT};

/// A message as Slack takes it: `text` for notifications and screen readers, `blocks` for the eye.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    /// Plain.
    pub(crate) text: String,
    /// Block Kit.
    pub(crate) blocks: Vec<Value>,
}

impl Message {
    /// The fields `text` and `blocks` of an API call or an answer.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "text": self.text, "blocks": self.blocks })
    }
}

/// The sign before a title. The words beside it say the same: nothing hangs on a sign or a colour.
fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Neutral => "",
        Tone::Running => "⏳ ",
        Tone::Waiting => "✋ ",
        Tone::Good => "✅ ",
        Tone::Bad => "❌ ",
    }
}

/// Renders a card.
pub(crate) fn message(card: &Card) -> Message {
    let mut budget = Budget::default();
    budget.reserve(&tail(card));
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
    blocks.extend(tail(card));
    Message { text: fallback(card), blocks }
}

/// A short message of running text alone: the asides of an operation.
pub(crate) fn line(text: &Text) -> Message {
    Message {
        text: text::fallback(text, FALLBACK),
        blocks: vec![section(&text::mrkdwn(text, limits::SECTION))],
    }
}

/// The same with lines below it that can be copied to a shell: whole lines, in as few blocks as they fit in.
pub(crate) fn aside(aside: &ThreadReply) -> Message {
    let mut message = line(&aside.text);
    let blocks = blocks::code_lines(&aside.code);
    let told = blocks.iter().map(|(count, _)| count).take(CODE_BLOCKS).sum::<usize>();
    message.blocks.extend(blocks.into_iter().take(CODE_BLOCKS).map(|(_, block)| block));
    if told < aside.code.len() {
        message.blocks.push(context(&format!("… and {} more lines", aside.code.len() - told)));
    }
    message
}

/// An answer as the acknowledgement of a slash command or the body for a `response_url` takes it.
pub(crate) fn answer(answer: &Answer) -> Value {
    let mut body = message(&answer.card).to_json();
    body["response_type"] = match answer.audience {
        Audience::Author => json!("ephemeral"),
        Audience::Channel => json!("in_channel"),
    };
    body["replace_original"] = json!(false);
    body
}

/// What a message becomes that was clicked, as the body for its `response_url` takes it.
pub(crate) fn replacement(card: &Card) -> Value {
    let mut body = message(card).to_json();
    body["response_type"] = json!("in_channel");
    body["replace_original"] = json!(true);
    body
}

fn title(card: &Card) -> Value {
    let sign = sign(card.tone);
    let is_wordy = |span: &Span| matches!(span, Span::Plain(_) | Span::Bold(_) | Span::Code(_));
    let flat = text::one_line(&card.title.flat());
    let fits = text::length(&flat) + text::length(sign) <= HEADER && !flat.trim().is_empty();
    if !card.parts.is_empty() && fits && card.title.0.iter().all(is_wordy) {
        return json!({ "type": "header", "text": { "type": "plain_text", "text": format!("{sign}{flat}"), "emoji": true } });
    }
    // A person, a link or a time needs mrkdwn; a card that is its title alone is a sentence, not a headline.
    let words = text::mrkdwn(&card.title, limits::TITLE);
    section(&if words.trim().is_empty() { format!("{sign}–") } else { format!("{sign}{words}") })
}

/// Hint, buttons and small print: always there, whatever else is cut.
fn tail(card: &Card) -> Vec<Value> {
    let mut tail = Vec::new();
    if let Some(hint) = card.hint.as_ref().filter(|hint| !hint.is_empty()) {
        tail.push(section(&format!("→ {}", text::mrkdwn(hint, limits::HINT))));
    }
    tail.extend(blocks::actions(&card.buttons));
    tail.extend(blocks::footer(&card.footer));
    tail
}

/// All that a notification or a screen reader gets: the headline, what is said, fields and tables line by line, and
/// what to do next, which is kept however much stands before it.
fn fallback(card: &Card) -> String {
    let mut words = format!("{}{}", sign(card.tone), text::fallback(&card.title, 600));
    let mut line = |line: String| {
        words.push('\n');
        words.push_str(&line);
    };
    for part in &card.parts {
        match part {
            Part::Text(paragraph) => line(text::fallback(paragraph, 800)),
            Part::Fields(fields) => fields.iter().for_each(|(label, value)| {
                line(format!("{}: {}", text::cut(label, limits::LABEL), text::fallback(value, 300)));
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

/// Renders parts; only the first table may be one.
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

/// What is left of the message.
#[derive(Default)]
struct Budget {
    blocks: Vec<Value>,
    signs: usize,
    reserved: usize,
}

impl Budget {
    fn reserve(&mut self, tail: &[Value]) {
        self.reserved = tail.len();
        self.signs = tail.iter().map(limits::signs).sum();
    }

    /// Takes the block if there is room, one block short of the end: that is for saying what was left out.
    fn push(&mut self, block: Value) -> bool {
        let signs = limits::signs(&block);
        let fits = self.blocks.len() + self.reserved < BLOCKS_KEPT && self.signs + signs <= SIGNS_KEPT;
        if fits {
            self.signs += signs;
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
