//! The blocks that parts of a card become.

use serde_json::{Value, json};
use sluice_commands::operation::took;
use sluice_model::{Button, ButtonStyle, Confirm, StepLine, StepState, Text};

use super::limits::{self, BUTTONS, CONTEXT_ELEMENTS, FIELDS, LABEL, SECTION};
use super::text::{self, cut, escape, length, mrkdwn, one_line};

/// `verbatim`: Slack makes no links or mentions of its own out of what it reads.
fn markup(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

fn plain(text: &str, limit: usize) -> Value {
    let text = cut(&one_line(text), limit);
    json!({ "type": "plain_text", "text": if text.trim().is_empty() { "–" } else { &text }, "emoji": true })
}

/// A paragraph of mrkdwn that is within its limit already.
pub(super) fn section(text: &str) -> Value {
    json!({ "type": "section", "text": markup(if text.trim().is_empty() { "–" } else { text }) })
}

/// A line of small print.
pub(super) fn context(text: &str) -> Value {
    json!({ "type": "context", "elements": [markup(text)] })
}

/// Labels and values, ten a block.
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

/// Steps as lines, packed into as few sections as they fit in. A long list loses quiet steps from its middle: the first
/// ones give the order, the last ones the news, and what failed or waits is never left out.
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

/// Joins lines into sections of at most [`SECTION`] signs.
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
    let (sign, word) = match step.state {
        StepState::Pending => ("▫️", ""),
        StepState::Running => ("⏳", " · running"),
        StepState::Waiting => ("✋", " · waiting"),
        StepState::Done => ("✅", ""),
        StepState::Undone => ("↩️", " · taken back"),
        StepState::Failed => ("❌", " · failed"),
    };
    let mut line = format!("{sign} {}{word}", mrkdwn(&step.title, 300));
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

/// Lines in a fixed width. The end is kept: it is where a log says what went wrong.
pub(super) fn code(code: &str) -> Vec<Value> {
    const ROOM: usize = SECTION - 20;
    let clean = code.trim_matches('\n').replace("```", "'''");
    let clean: String =
        clean.chars().filter(|sign| *sign == '\n' || *sign == '\t' || !sign.is_control()).collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut signs = 0;
    for line in clean.lines().rev() {
        signs += length(&escape(line)) + 1;
        if signs > ROOM {
            break;
        }
        kept.push(line);
    }
    let is_cut = kept.len() < clean.lines().count();
    kept.reverse();
    let body = if kept.is_empty() { last_signs(&clean, ROOM / 5) } else { kept.join("\n") };
    let body = if body.trim().is_empty() { "–".to_owned() } else { escape(&body) };
    let dots = if is_cut { "…\n" } else { "" };
    vec![section(&format!("```{dots}{body}```"))]
}

/// Whole lines in a fixed width, in as few blocks as they fit in; each with how many are in it.
pub(super) fn code_lines(lines: &[String]) -> Vec<(usize, Value)> {
    const ROOM: usize = SECTION - 20;
    let mut blocks = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut signs = 0;
    for line in lines {
        let more = length(&escape(line)) + 1;
        if !open.is_empty() && signs + more > ROOM {
            blocks.push(std::mem::take(&mut open));
            signs = 0;
        }
        signs += more;
        open.push(line);
    }
    blocks.extend((!open.is_empty()).then_some(open));
    blocks
        .into_iter()
        .flat_map(|lines| code(&lines.join("\n")).into_iter().map(move |b| (lines.len(), b)))
        .collect()
}

fn last_signs(text: &str, count: usize) -> String {
    text.chars().skip(length(text).saturating_sub(count)).collect()
}

/// The buttons; what has too many loses the last ones. One whose value is too long is none: cut, it would decide something
/// else. The code that makes it says in words what to type.
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

/// Small print, ten lines at most.
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
