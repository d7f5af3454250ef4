//! Help, usage hints and the reference, all from the table.

use super::*;
use sluice_model::{Card, Part};

/// A card as plain text.
fn sketch(card: &Card) -> String {
    let mut lines = vec![card.title.flat()];
    for part in &card.parts {
        match part {
            Part::Text(text) => lines.push(text.flat()),
            Part::Fields(fields) => {
                lines.extend(fields.iter().map(|(label, text)| format!("{label}: {}", text.flat())))
            }
            Part::Table { header, rows } => {
                lines.push(header.join(" | "));
                lines.extend(
                    rows.iter().map(|row| row.iter().map(|cell| cell.flat()).collect::<Vec<_>>().join(" | ")),
                );
            }
            Part::Code(code) => lines.extend(code.lines().map(|line| format!("    {line}"))),
            Part::Steps(_) | Part::Divider => lines.push(format!("{part:?}")),
        }
    }
    lines.extend(card.hint.iter().map(|hint| format!("-> {}", hint.flat())));
    lines.extend(card.footer.iter().map(|line| format!("({})", line.flat())));
    lines.join("\n")
}

#[test]
fn examples_parse_to_their_own_form() {
    for form in table() {
        assert!(!form.examples.is_empty());
        for example in form.examples {
            let command = read(example).unwrap_or_else(|wrong| panic!("{example}: {wrong:#?}"));
            assert!(std::ptr::eq(command.form(), form), "{example} is {}", command.form().topic());
            assert!(!form.available || command.available(), "{example} is not available");
        }
    }
}

#[test]
fn a_usage_line_marks_optional_arguments() {
    for argument in table().flat_map(|form| form.arguments) {
        let usage = argument.usage.strip_prefix("[to] ").unwrap_or(argument.usage);
        assert_eq!(usage.starts_with('['), !argument.required, "{usage}");
        assert!(
            argument.keywords.is_empty()
                || argument.keywords.iter().any(|word| argument.usage.contains(word)),
            "{usage}"
        );
    }
}

#[test]
fn usage_hints_have_the_available_forms() {
    let hints: Vec<_> = Names::default()
        .slash_commands()
        .into_iter()
        .map(|c| format!("{}: {}", c.command, c.usage_hint))
        .collect();
    insta::assert_snapshot!(hints.join("\n"));
}

#[test]
fn help_of_everything_and_of_each_topic() {
    let mut page = sketch(&help(None, &Names::default()));
    for topic in topics() {
        page.push_str(&format!("\n\n=== {topic}\n{}", sketch(&help(Some(&topic), &Names::default()))));
    }
    insta::assert_snapshot!(page);
}

#[test]
fn help_uses_the_names_of_the_installation() {
    let alone = Names { prefix: String::new(), only_umbrella: true };
    insta::assert_snapshot!(sketch(&help(Some("stage add"), &alone)));
    let acme = Names { prefix: "acme-".into(), only_umbrella: false };
    for topic in topics() {
        let page = sketch(&help(Some(&topic), &acme));
        for verb in Verb::ALL {
            assert!(!page.contains(&format!("/{} ", verb.word())), "{page}");
        }
    }
}

#[test]
fn unavailable_forms_are_not_in_the_reference() {
    let page = reference(&Names::default());
    for form in table() {
        assert_eq!(page.contains(&format!("### `{}`", form.usage())), form.available, "{}", form.usage());
    }
    assert!(!page.contains("/pipeline mine"));
}

#[test]
fn answers_to_wrong_lines() {
    let lines = [
        "/promote orders prod form staging",
        "/promote orders",
        "/build",
        "/stage lock orders prod",
        "/deploy orders r7",
        "/sluice deplyo orders",
        "/pipeline history orders @ann",
        "/build \"a<b\"",
    ];
    let answers: Vec<_> = lines
        .iter()
        .map(|line| format!("=== {line}\n{}", sketch(&read(line).expect_err(line).card(&Names::default()))))
        .collect();
    insta::assert_snapshot!(answers.join("\n\n"));
}

/// `SLUICE_WRITE_DOCS=1` writes the page; without it the page must match the table.
#[test]
fn the_reference_in_docs_matches_the_table() {
    sluice_testkit::docs::hold("docs/commands.md", &reference(&Names::default()));
}
