//! Messages that need no service: of the HTTP server, of closed channels, help, and refused lines.

use sluice_commands::operation::EngineError;
use sluice_commands::ports::StoreError;
use sluice_commands::testing::samples::{self, CHANNEL};

use sluice_grammar::Names;
use sluice_model::{Answer, Class, PortError};

use super::Snapshots;
use crate::notify::invitation;
use crate::render;
use crate::slack::messages;

#[test]
fn the_messages_of_the_server_itself() {
    let mut snapshots = Snapshots::default();
    snapshots.add("the store has not confirmed", &render::answer(&messages::not_confirmed()));
    snapshots.add("the store cannot be reached", &render::answer(&messages::try_again()));
    snapshots.add("another workspace", &render::answer(&messages::foreign()));
    let title = samples::all().remove(0).update().card.title;
    let card = invitation(&CHANNEL.parse().unwrap(), &title);
    snapshots.add("the bot is not in the channel", &render::message(&card).to_json());
    snapshots.snapshot("words_of_the_bot");
}

#[test]
fn help_for_each_topic() {
    let mut snapshots = Snapshots::default();
    snapshots.add("help", &render::message(&sluice_grammar::help(None, &Names::default())).to_json());
    for topic in sluice_grammar::topics() {
        let card = sluice_grammar::help(Some(&topic), &Names::default());
        snapshots.add(&format!("help {topic}"), &render::message(&card).to_json());
    }
    snapshots.snapshot("help");
}

#[test]
fn the_answers_about_what_would_change() {
    let mut snapshots = Snapshots::default();
    for (name, card) in samples::previews() {
        snapshots.add(name, &render::answer(&Answer::private(card)));
    }
    snapshots.snapshot("answers_of_previews");
}

#[test]
fn lines_that_are_not_commands() {
    let mut snapshots = Snapshots::default();
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
        snapshots.add(&name, &render::answer(&Answer::private(wrong.card(&Names::default()))));
    }
    snapshots.snapshot("lines_that_are_no_command");
}

/// Errors of AWS and of the store, as a failed operation shows them.
#[test]
fn the_messages_of_errors() {
    let mut snapshots = Snapshots::default();
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
                "The role arn:aws:iam::123456789012:role/sluice/orders/prod/sluice-orders-prod-Hello is too long (Service: Lambda)"
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
    for error in aws.into_iter().chain([unknown]).chain(own) {
        let refusal = error.refusal();
        let card = sluice_model::Card::new(
            sluice_model::Tone::Bad,
            sluice_commands::operation::marked(&refusal.problem),
        )
        .hint(sluice_commands::operation::marked(&refusal.hint))
        .code(refusal.code.clone());
        let message = render::message(&card).to_json();
        assert!(!message.to_string().contains("secret internals"), "{message}");
        snapshots.add(&refusal.code, &message);
    }
    snapshots.snapshot("words_for_trouble");
}
