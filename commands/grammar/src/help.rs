//! Help, from the table: for everything, for a verb, for one form.

use super::command::{forms, table};
use super::form::Form;
use super::markup::marked;
use super::names::Names;
use super::verb::Verb;
use sluice_model::{Card, Part, Text, Tone};

/// The topics of help: each verb, and each verb with one of its words (`build`, `build log`).
pub fn topics() -> Vec<String> {
    let own = table().filter(|form| form.word.is_some()).map(Form::topic);
    Verb::ALL.into_iter().map(|verb| verb.word().to_owned()).chain(own).collect()
}

/// The answer to `/pipeline help`, or `/pipeline help build log`. An unknown topic gets the help for everything.
pub fn help(topic: Option<&str>, names: &Names) -> Card {
    let topic = topic.unwrap_or_default();
    if let Some(verb) = Verb::from_word(topic) {
        return of_verb(verb, names);
    }
    match table().find(|form| form.topic() == topic) {
        Some(form) => of_form(form, names),
        None => of_everything(names),
    }
}

fn of_everything(names: &Names) -> Card {
    let row = |form: &Form| vec![Text::default().code(names.adapt(&form.usage())), form.summary.into()];
    let rows = table().filter(|form| form.available).map(row).collect();
    let first_steps = [
        "/repo create orders",
        "/build orders",
        "/deploy orders",
        "/stage add orders prod",
        "/promote orders prod",
    ];
    Card::new(Tone::Neutral, "Commands")
        .part(Part::Table { header: vec!["Command".into(), "What it does".into()], rows })
        .text("Words in [brackets] are optional. From nothing to production:")
        .part(Part::Code(names.adapt(&first_steps.join("\n"))))
        .hint(marked(&names.adapt("More about one command: `/build help`, or `/pipeline help stage add`")))
}

fn of_verb(verb: Verb, names: &Names) -> Card {
    let title = Text::default().code(names.verb(verb)).then(format!(": {}", verb.summary()));
    let mut card = Card::new(Tone::Neutral, title);
    for form in forms(verb).filter(|form| form.available) {
        let usage = Text::default().code(names.adapt(&form.usage())).then(format!(" — {}", form.summary));
        card = card.text(usage);
        // A verb's own form has no topic of its own.
        if form.word.is_none() {
            card = card.text(marked(&names.adapt(form.help)));
        }
        card = card.part(Part::Code(names.adapt(&form.shown_examples())));
    }
    match forms(verb).find(|form| form.available && form.word.is_some()) {
        Some(form) => card.hint(marked(
            &names.adapt(&format!("More about one command: `/pipeline help {}`", form.topic())),
        )),
        None => card,
    }
}

fn of_form(form: &Form, names: &Names) -> Card {
    if !form.available {
        let title =
            Text::default().code(names.adapt(&format!("/{}", form.topic()))).then(" is not available yet");
        return Card::new(Tone::Neutral, title).text(form.summary);
    }
    let title = Text::default().code(names.adapt(&form.usage()));
    let card = Card::new(Tone::Neutral, title).text(form.summary).text(marked(&names.adapt(form.help)));
    let arguments = form.arguments.iter();
    let fields: Vec<_> = arguments
        .map(|argument| (argument.usage.to_owned(), marked(&names.adapt(argument.meaning))))
        .collect();
    let card = if fields.is_empty() { card } else { card.part(Part::Fields(fields)) };
    card.part(Part::Code(names.adapt(&form.shown_examples())))
        .foot(format!("Who can use it: {}", form.permission.people()))
}
