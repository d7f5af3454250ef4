//! Help, from the table: of everything, of a verb, of one form.

use super::misunderstanding::marked;
use super::names::{Names, Verb};
use super::table::{Form, forms, table};
use sluice_model::{Card, Part, Text, Tone};

/// What help can be asked about: each verb, and each verb with a word of its own (`build`, `build log`).
pub fn topics() -> Vec<String> {
    let own = table().iter().filter(|form| form.word.is_some()).map(|form| form.topic());
    Verb::ALL.into_iter().map(|verb| verb.word().to_owned()).chain(own).collect()
}

/// `/pipeline help`, and `/pipeline help build log`; of a topic that is none, the help of everything.
pub fn help(command: Option<&str>, names: &Names) -> Card {
    let topic = command.unwrap_or_default();
    if let Some(verb) = Verb::from_word(topic) {
        return of_verb(verb, names);
    }
    match table().iter().find(|form| form.topic() == topic) {
        Some(form) => of_form(form, names),
        None => of_everything(names),
    }
}

fn of_everything(names: &Names) -> Card {
    let row = |form: &&Form| vec![Text::default().code(names.adapt(&form.usage())), form.summary.into()];
    let rows = table().iter().copied().filter(|form| form.available).map(|form| row(&form)).collect();
    let story = [
        "/repo create orders",
        "/build orders",
        "/deploy orders",
        "/stage add orders prod",
        "/promote orders prod",
    ];
    Card::new(Tone::Neutral, "What you can type")
        .part(Part::Table { header: vec!["Command".into(), "What it does".into()], rows })
        .text("Words in [brackets] may be left out. From nothing to production:")
        .part(Part::Code(names.adapt(&story.join("\n"))))
        .hint(marked(&names.adapt("More of one command: `/build help`, or `/pipeline help stage add`")))
}

fn of_verb(verb: Verb, names: &Names) -> Card {
    let title = Text::default().code(names.verb(verb)).then(format!(": {}", verb.summary()));
    let mut card = Card::new(Tone::Neutral, title);
    for form in forms(verb).filter(|form| form.available) {
        let usage = Text::default().code(names.adapt(&form.usage())).then(format!(" — {}", form.summary));
        card = card.text(usage);
        // A verb's own form has no page of its own.
        if form.word.is_none() {
            card = card.text(marked(&names.adapt(form.help)));
        }
        card = card.part(Part::Code(names.adapt(&shown(form.examples))));
    }
    match forms(verb).find(|form| form.available && form.word.is_some()) {
        Some(form) => {
            card.hint(marked(&names.adapt(&format!("More of one: `/pipeline help {}`", form.topic()))))
        }
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
    let fields: Vec<_> =
        arguments(form).map(|(usage, meaning)| (usage.to_owned(), marked(&names.adapt(meaning)))).collect();
    let card = if fields.is_empty() { card } else { card.part(Part::Fields(fields)) };
    card.part(Part::Code(names.adapt(&shown(form.examples))))
        .foot(format!("Who may: {}", form.permission.people()))
}

/// Examples as people read them: with a person's name where Slack puts an id.
pub(super) fn shown(examples: &[&str]) -> String {
    examples.join("\n").replace("<@U012AB3CD>", "@ann")
}

/// The arguments that can be used, with what they mean.
pub(super) fn arguments(form: &Form) -> impl Iterator<Item = (&'static str, &'static str)> {
    let available = form.arguments.iter();
    available.map(|argument| (argument.usage, argument.meaning))
}
