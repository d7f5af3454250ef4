//! What is said without asking the service: at the door, where the bot is not, and to lines that are no command.

use sluice_commands::operation::EngineError;
use sluice_commands::ports::StoreError;
use sluice_commands::testing::samples::{self, CHANNEL};
use sluice_grammar::Names;
use sluice_model::{Answer, Class, PortError, Text};

use super::Gallery;
use crate::ingress::words;
use crate::notify::place;
use crate::render;

#[test]
fn the_bots_own_words() {
    let mut gallery = Gallery::default();
    gallery.add("the store has not confirmed", &render::answer(&words::not_confirmed()));
    gallery.add("the store cannot be reached", &render::answer(&words::try_again()));
    gallery.add("another workspace", &render::answer(&words::foreign()));
    let title = samples::all().remove(0).news().card.title;
    let invitation = place::invitation(&CHANNEL.parse().unwrap(), &title);
    gallery.add("the bot is not in the channel", &render::message(&invitation).to_json());
    gallery.snapshot("words_of_the_bot");
}

#[test]
fn help_of_everything_and_of_each_topic() {
    let mut gallery = Gallery::default();
    gallery.add("help", &render::message(&sluice_grammar::help(None, &Names::default())).to_json());
    for topic in sluice_grammar::topics() {
        let card = sluice_grammar::help(Some(&topic), &Names::default());
        gallery.add(&format!("help {topic}"), &render::message(&card).to_json());
    }
    gallery.snapshot("help");
}

#[test]
fn lines_that_are_no_command() {
    let mut gallery = Gallery::default();
    let long = format!("orders {}", "x".repeat(2_000));
    for (command, text) in [
        ("/build", ""),
        ("/biuld", "orders"),
        ("/build", "örders"),
        ("/build", "orders main extra words"),
        ("/deploy", "orders two prod"),
        ("/promote", "orders"),
        ("/stage", "ad orders prod"),
        ("/sluice", "dance"),
        ("/build", "<!channel> `x` *bold*"),
        ("/build", "שלום 🎉"),
        ("/repo", "create build"),
        ("/build", &long),
    ] {
        let Err(wrong) = sluice_grammar::parse(command, text, &Names::default()) else {
            panic!("{command} {text}")
        };
        let name: String = format!("{command} {text}").chars().take(60).collect();
        gallery.add(&name, &render::answer(&Answer::private(wrong.card(&Names::default()))));
    }
    gallery.snapshot("lines_that_are_no_command");
}

/// EngineError with AWS, in the words that a failed operation ends with.
#[test]
fn the_words_for_trouble() {
    let mut gallery = Gallery::default();
    let classes = [
        Class::Transient,
        Class::Throttled,
        Class::Busy,
        Class::Conflict,
        Class::Precondition,
        Class::Absent,
        Class::Denied,
        Class::Invalid,
        Class::Quota,
        Class::Ambiguous,
    ];
    let aws = classes.map(|class| {
        // AWS's own sentence is shown where it is the diagnosis.
        let detail = match class {
            Class::Invalid | Class::Quota => {
                "The role arn:aws:iam::123456789012:role/sluice/sluice-orders-Hello-prod is too long (Service: Lambda)"
            }
            _ => "secret internals",
        };
        EngineError::from(PortError::new("lambda:UpdateAlias", class, "SomeException", detail))
    });
    let unknown = EngineError::from(PortError::new(
        "lambda:GetAlias",
        Class::Invalid,
        "IncompleteAnswer",
        "secret internals",
    ));
    let own = [
        EngineError::from(StoreError::Again("secret internals".into())),
        EngineError::Corrupt("secret internals".into()),
    ];
    for trouble in aws.into_iter().chain([unknown]).chain(own) {
        let refusal = trouble.refusal();
        let card = sluice_model::Card::new(
            sluice_model::Tone::Bad,
            sluice_commands::operation::marked(&refusal.problem),
        )
        .hint(sluice_commands::operation::marked(&refusal.hint))
        .foot(Text::plain("code ").code(refusal.code.clone()));
        let message = render::message(&card).to_json();
        assert!(!message.to_string().contains("secret internals"), "{message}");
        gallery.add(&refusal.code, &message);
    }
    gallery.snapshot("words_for_trouble");
}
