//! `docs/commands.md`, from the table.

use super::command::forms;
use super::form::Form;
use super::names::Names;
use super::verb::Verb;

/// The command reference in Markdown: every available form.
pub fn reference(names: &Names) -> String {
    let mut page = String::from(
        "# Commands\n\n\
         <!-- Generated from the command table (commands/grammar/src/table). To change this page, change the table and run\n     \
         SLUICE_WRITE_DOCS=1 cargo test -p sluice-grammar reference -->\n\n\
         Words in `[brackets]` are optional, and so are keywords such as `to` where the meaning is clear. `#12` or `12` is a \
         build, `r7` or `7` a release. Names of pipelines and stages consist of lower-case letters, digits and `-`. A name \
         that is also a word of a command works in quotes: `/build \"list\"`. Every command also works with `/sluice`: \
         `/sluice build orders`.\n",
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
    for argument in form.arguments {
        section.push_str(&format!("- `{}`: {}\n", argument.usage, argument.meaning));
    }
    if !form.arguments.is_empty() {
        section.push('\n');
    }
    section.push_str(&format!(
        "Who can use it: {}.\n\n```\n{}\n```\n",
        form.permission.people(),
        form.shown_examples()
    ));
    section
}
