//! `docs/commands.md`, from the table.

use super::help::{arguments, shown};
use super::names::{Names, Verb};
use super::table::{Form, forms};

/// The command reference in Markdown: every form that can be used.
pub fn reference(names: &Names) -> String {
    let mut page = String::from(
        "# Commands\n\n\
         <!-- Made from the command table (commands/grammar/src/table). Change that, then write this page again:\n     \
         SLUICE_WRITE_DOCS=1 cargo test -p sluice-grammar reference -->\n\n\
         Words in `[brackets]` may be left out, small words such as `to` too where the sense is clear. `#12` or `12` is a \
         build, `r7` or `7` a release. Names of pipelines and stages are small letters, digits and `-`; one that is also a \
         word of a command works in quotes: `/build \"list\"`. Everything works as `/sluice` too: `/sluice build \
         orders`.\n",
    );
    for verb in Verb::ALL {
        page.push_str(&format!("\n## `/{}`\n\n{}.\n", verb.word(), verb.summary()));
        for form in forms(verb).filter(|form| form.available) {
            page.push_str(&section(form));
        }
    }
    names.adapt(&page)
}

fn section(form: &Form) -> String {
    let mut section = format!("\n### `{}`\n\n{}. {}\n\n", form.usage(), form.summary, form.help);
    for (usage, meaning) in arguments(form) {
        section.push_str(&format!("- `{usage}`: {meaning}\n"));
    }
    if !form.arguments.is_empty() {
        section.push('\n');
    }
    section.push_str(&format!(
        "Who may: {}.\n\n```\n{}\n```\n",
        form.permission.people(),
        shown(form.examples)
    ));
    section
}
