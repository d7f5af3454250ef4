//! A card as plain text for a terminal. Nothing is cut, and user input cannot control the terminal.

use sluice_commands::operation::took;
use sluice_model::{Card, Part, Span, StepLine, StepState, Text};

use super::text::{emoji, length, one_line};

/// The whole card without its buttons.
pub(crate) fn page(card: &Card) -> String {
    let mut lines = vec![headline(card)];
    card.parts.iter().for_each(|part| lines.extend(self::part(part)));
    lines.extend(card.hint.iter().filter(|hint| !hint.is_empty()).map(|hint| format!("→ {}", line(hint))));
    lines.extend(card.footer.iter().map(|text| format!("  {}", line(text))));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The title alone.
pub(crate) fn headline(card: &Card) -> String {
    format!("{}{}", emoji(card.tone), line(&card.title))
}

fn part(part: &Part) -> Vec<String> {
    match part {
        Part::Text(text) => lines(&words(text)),
        Part::Fields(fields) => {
            let line = |(label, value): &(String, Text)| format!("{}: {}", one_line(label), line(value));
            fields.iter().map(line).collect()
        }
        Part::Steps(steps) => steps.iter().map(step).collect(),
        Part::Table { header, rows } => table(header, rows),
        Part::Code(code) => lines(code).into_iter().map(|line| format!("    {line}")).collect(),
        Part::Divider => vec![String::new()],
    }
}

fn step(step: &StepLine) -> String {
    let (symbol, word) = match step.state {
        StepState::Pending => ("·", ""),
        StepState::Running => ("…", ", running"),
        StepState::Waiting => ("…", ", waiting"),
        StepState::Done => ("✓", ""),
        StepState::Undone => ("↩", ", undone"),
        StepState::Failed => ("✗", ", failed"),
    };
    let took = step.took_ms.map_or_else(String::new, |ms| format!(", {}", took(ms.into())));
    let note = step.note.as_ref().filter(|note| !note.is_empty());
    let note = note.map_or_else(String::new, |note| format!(": {}", line(note)));
    format!("  {symbol} {}{word}{took}{note}", line(&step.title))
}

/// Aligned columns.
fn table(header: &[String], rows: &[Vec<Text>]) -> Vec<String> {
    let mut table = vec![header.iter().map(|name| one_line(name)).collect::<Vec<_>>()];
    table.extend(rows.iter().map(|row| row.iter().map(line).collect()));
    let width = |column: usize| table.iter().filter_map(|row| row.get(column)).map(|cell| length(cell)).max();
    let widths: Vec<_> = (0..header.len()).map(|column| width(column).unwrap_or_default()).collect();
    let row = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let pad = width.saturating_sub(length(cell));
            format!("{cell}{}", " ".repeat(pad))
        });
        format!("  {}", cells.collect::<Vec<_>>().join("  "))
    };
    table.iter().map(row).collect()
}

/// The text, with the address after each link whose label is not the address.
fn words(text: &Text) -> String {
    let span = |span: &Span| match span {
        Span::Link { url, label } if url != label => format!("{label} ({url})"),
        other => Text(vec![other.clone()]).flat(),
    };
    text.0.iter().map(span).collect()
}

fn line(text: &Text) -> String {
    one_line(&words(text))
}

/// Lines without control characters: a log may contain escape sequences.
fn lines(text: &str) -> Vec<String> {
    text.trim_matches('\n').lines().map(one_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_model::Tone;

    #[test]
    fn a_card_is_printed_from_top_to_bottom() {
        let steps = vec![
            StepLine {
                state: StepState::Done,
                title: Text::plain("publish ").code("Hello"),
                took_ms: Some(1_200),
                note: None,
            },
            StepLine {
                state: StepState::Running,
                title: Text::plain("move"),
                took_ms: None,
                note: Some(Text::plain("v2")),
            },
        ];
        let rows =
            vec![vec![Text::plain("dev"), Text::plain("r1")], vec![Text::plain("staging"), Text::plain("–")]];
        let user = "U024BE7LH".parse().unwrap();
        let card = Card::new(Tone::Good, Text::plain("Deployed ").code("orders"))
            .text(Text::plain("See ").link("https://x.y/1", "the log").then("."))
            .part(Part::Fields(vec![("Stage".into(), Text::plain("dev"))]))
            .part(Part::Steps(steps))
            .part(Part::Table { header: vec!["Stage".into(), "Runs".into()], rows })
            .part(Part::Code("one\n\ttwo\n".into()))
            .hint("Go on.")
            .foot(Text::plain("Asked by ").user(&user));
        assert_eq!(
            page(&card),
            "✅ Deployed orders\nSee the log (https://x.y/1).\nStage: dev\n  ✓ publish Hello, 1.2 s\n  … move, running: v2\n  \
             Stage    Runs\n  dev      r1\n  staging  –\n    one\n     two\n→ Go on.\n  Asked by @U024BE7LH\n"
        );
    }

    #[test]
    fn user_input_cannot_control_the_terminal() {
        let evil = "\u{1b}[2Jgone\u{7}\r";
        let card = Card::new(Tone::Neutral, Text::plain(evil))
            .text(Text::plain(evil).link("https://x.y", evil))
            .part(Part::Code(evil.into()))
            .part(Part::Table { header: vec![evil.into()], rows: vec![vec![Text::plain(evil)]] })
            .hint(Text::plain(evil))
            .foot(Text::plain(evil));
        assert!(page(&card).chars().all(|c| c == '\n' || !c.is_control()), "{:?}", page(&card));
    }
}
