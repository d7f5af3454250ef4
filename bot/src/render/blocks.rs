//! Blocks for the parts of a card.

use serde_json::{Value, json};
use sluice_commands::operation::took;
use sluice_model::{Button, ButtonStyle, Confirm, StepLine, StepState, Text};

use super::limits::{self, BUTTONS, CONTEXT_ELEMENTS, FIELDS, LABEL, SECTION};
use super::text::{self, cut, escape, length, mrkdwn, one_line};

/// `verbatim` keeps Slack from turning text into links and mentions.
fn markup(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

fn plain(text: &str, limit: usize) -> Value {
    let text = cut(&one_line(text), limit);
    json!({ "type": "plain_text", "text": if text.trim().is_empty() { "–" } else { &text }, "emoji": true })
}

/// A paragraph of mrkdwn within its limit.
pub(super) fn section(text: &str) -> Value {
    json!({ "type": "section", "text": markup(if text.trim().is_empty() { "–" } else { text }) })
}

/// A line of small print.
pub(super) fn context(text: &str) -> Value {
    json!({ "type": "context", "elements": [markup(text)] })
}

/// Labels and values, ten per block.
pub(super) fn fields(fields: &[(String, Text)]) -> Vec<Value> {
    let cells: Vec<Value> = fields
        .iter()
        .map(|(label, value)| {
            let label = Text::default().bold(cut(&one_line(label), LABEL));
            let value = mrkdwn(value, 1_700);
            let value = if value.trim().is_empty() { "–".to_owned() } else { value };
            markup(&format!("{}\n{value}", mrkdwn(&label, 2 * LABEL)))
        })
        .collect();
    cells.chunks(FIELDS).map(|cells| json!({ "type": "section", "fields": cells })).collect()
}

/// Steps as lines, in as few sections as possible. A long list loses pending and done steps from its middle: the first steps show
/// the order and the last ones the progress. Failed and waiting steps are never left out.
pub(super) fn steps(steps: &[StepLine]) -> Vec<Value> {
    const EDGE: usize = 30;
    let is_shown = |index: usize, step: &StepLine| {
        let is_quiet = matches!(step.state, StepState::Pending | StepState::Done);
        index < EDGE || index + EDGE >= steps.len() || !is_quiet
    };
    let shown = steps.iter().enumerate().filter(|(index, step)| is_shown(*index, step));
    let mut lines: Vec<String> = shown.map(|(_, step)| step_line(step)).collect();
    if lines.len() < steps.len() {
        lines.push(format!("… and {} more", steps.len() - lines.len()));
    }
    pack(&lines)
}

/// Joins lines into sections of at most [`SECTION`] characters.
pub(super) fn pack(lines: &[String]) -> Vec<Value> {
    let mut blocks = Vec::new();
    let mut open = String::new();
    for line in lines {
        if !open.is_empty() && length(&open) + 1 + length(line) > SECTION {
            blocks.push(section(&open));
            open.clear();
        }
        if !open.is_empty() {
            open.push('\n');
        }
        open.push_str(line);
    }
    if !open.is_empty() {
        blocks.push(section(&open));
    }
    blocks
}

fn step_line(step: &StepLine) -> String {
    let (symbol, word) = match step.state {
        StepState::Pending => ("▫️", ""),
        StepState::Running => ("⏳", " · running"),
        StepState::Waiting => ("✋", " · waiting"),
        StepState::Done => ("✅", ""),
        StepState::Undone => ("↩️", " · undone"),
        StepState::Failed => ("❌", " · failed"),
    };
    let mut line = format!("{symbol} {}{word}", mrkdwn(&step.title, 300));
    if let Some(ms) = step.took_ms {
        line.push_str(" · ");
        line.push_str(&took(ms.into()));
    }
    if let Some(note) = step.note.as_ref().filter(|note| !note.is_empty()) {
        line.push_str(" · ");
        line.push_str(&mrkdwn(note, 500));
    }
    line.replace('\n', " ")
}

/// Preformatted lines. The end is kept, because a log ends with the error.
pub(super) fn code(code: &str) -> Vec<Value> {
    const LIMIT: usize = SECTION - 20;
    let clean = code.trim_matches('\n').replace("```", "'''");
    let clean: String = clean.chars().filter(|c| !text::hides(*c)).collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut characters = 0;
    for line in clean.lines().rev() {
        characters += length(&escape(line)) + 1;
        if characters > LIMIT {
            break;
        }
        kept.push(line);
    }
    let is_cut = kept.len() < clean.lines().count();
    kept.reverse();
    let body = if kept.is_empty() { text::last(&clean, LIMIT / 5) } else { kept.join("\n") };
    let body = if body.trim().is_empty() { "–".to_owned() } else { escape(&body) };
    let dots = if is_cut { "…\n" } else { "" };
    vec![section(&format!("```{dots}{body}```"))]
}

/// Whole preformatted lines in as few blocks as possible, each with its number of lines.
pub(super) fn code_lines(lines: &[String]) -> Vec<(usize, Value)> {
    const LIMIT: usize = SECTION - 20;
    let mut blocks = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut characters = 0;
    for line in lines {
        let more = length(&escape(line)) + 1;
        if !open.is_empty() && characters + more > LIMIT {
            blocks.push(std::mem::take(&mut open));
            characters = 0;
        }
        characters += more;
        open.push(line);
    }
    blocks.extend((!open.is_empty()).then_some(open));
    blocks
        .into_iter()
        .flat_map(|lines| code(&lines.join("\n")).into_iter().map(move |b| (lines.len(), b)))
        .collect()
}

/// The first [`BUTTONS`] buttons. A button with too long a value is left out: cut, it would decide something else. The text of
/// the card says what to type instead.
pub(super) fn actions(buttons: &[Button]) -> Option<Value> {
    let is_whole = |button: &&Button| length(&button.value) <= limits::VALUE;
    let elements: Vec<Value> = buttons.iter().filter(is_whole).take(BUTTONS).map(button).collect();
    (!elements.is_empty()).then(|| json!({ "type": "actions", "elements": elements }))
}

fn button(button: &Button) -> Value {
    let mut element = json!({
        "type": "button",
        "action_id": cut(&button.action_id, limits::ACTION_ID),
        "text": plain(&button.label, limits::BUTTON),
        "value": button.value,
    });
    match button.style {
        ButtonStyle::Default => {}
        ButtonStyle::Primary => element["style"] = json!("primary"),
        ButtonStyle::Danger => element["style"] = json!("danger"),
    }
    if let Some(confirm) = &button.confirm {
        element["confirm"] = confirmation(confirm, button.style);
    }
    element
}

fn confirmation(confirm: &Confirm, style: ButtonStyle) -> Value {
    let mut dialog = json!({
        "title": plain(&confirm.title, limits::CONFIRM_TITLE),
        "text": plain(&confirm.text, limits::CONFIRM_TEXT),
        "confirm": plain(&confirm.confirm, limits::CONFIRM_LABEL),
        "deny": plain(&confirm.deny, limits::CONFIRM_LABEL),
    });
    if style == ButtonStyle::Danger {
        dialog["style"] = json!("danger");
    }
    dialog
}

/// Small print, at most ten lines.
pub(super) fn footer(lines: &[Text]) -> Option<Value> {
    let mut elements: Vec<Value> = lines
        .iter()
        .map(|line| text::mrkdwn(line, limits::SMALL_PRINT))
        .filter(|line| !line.trim().is_empty())
        .map(|line| markup(&line))
        .collect();
    elements.truncate(CONTEXT_ELEMENTS);
    (!elements.is_empty()).then(|| json!({ "type": "context", "elements": elements }))
}
