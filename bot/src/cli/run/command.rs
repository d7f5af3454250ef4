//! The command of `sluice run` and its actor.
//!
//! Names cannot be looked up without Slack, so the actor is given by id. Anybody who can read the bot's configuration can
//! name any user: the record says that the command was typed at a terminal, and the login there.

use std::collections::BTreeMap;

use sluice_commands::installation::{Input, Invocation};
use sluice_grammar::{Action, Names, parse_line};
use sluice_model::{Actor, Permission};
use ulid::Ulid;

use crate::cli::identity::{login, user};
use crate::config::Problem;

#[derive(Debug)]
pub(super) struct CliCommand {
    pub(super) invocation: Invocation,
    expects_failure: bool,
    needs_role: bool,
}

impl CliCommand {
    /// `words` are joined to one line; `who` is the value of `--as`.
    pub(super) fn new(words: &[String], who: &str, env: &BTreeMap<String, String>) -> Result<Self, Problem> {
        let actor = Actor::at_terminal(user("--as", who)?, login(env));
        let line = words.join(" ");
        let line = line.trim();
        let (command, text) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let input = Input::Slash { command: command.to_owned(), text: text.to_owned() };
        // A new id each time: a repeated command is meant, and not a redelivery.
        let delivery = format!("run-{}", Ulid::new());
        let invocation = Invocation { delivery, actor, channel: None, input };
        Ok(Self { invocation, expects_failure: false, needs_role: false })
    }

    /// Parses it with the command names of this installation.
    pub(super) fn parsed_with(mut self, names: &Names) -> Self {
        if let Input::Slash { command, text } = &self.invocation.input {
            let command = parse_line(&format!("{command} {text}"), names);
            self.needs_role =
                command.as_ref().is_ok_and(|command| command.permission() != Permission::Everyone);
            self.expects_failure =
                command.is_ok_and(|command| matches!(command.form().action, Action::End(_)));
        }
        self
    }

    pub(super) fn needs_role(&self) -> bool {
        self.needs_role
    }

    /// Whether the command succeeds when its operation fails, as a cancel does.
    pub(super) fn expects_failure(&self) -> bool {
        self.expects_failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str, who: &str) -> Result<CliCommand, Problem> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let env = [("USER".to_owned(), "ro\u{7}ot".to_owned())].into();
        Ok(CliCommand::new(&words, who, &env)?.parsed_with(&Names::default()))
    }

    #[test]
    fn an_invocation_has_no_channel_and_a_new_delivery_id_each_time() {
        let command = parse("/rollback orders prod it is  slow", "U024BE7LH").unwrap();
        let Invocation { delivery, actor, channel, input } = &command.invocation;
        assert_eq!((actor.id.as_str(), actor.name.as_str(), actor.terminal), ("U024BE7LH", "root", true));
        assert_eq!(*channel, None);
        let text = "orders prod it is  slow".to_owned();
        assert_eq!(*input, Input::Slash { command: "/rollback".into(), text });
        let again = parse("/rollback orders prod it is  slow", "U024BE7LH").unwrap();
        assert_ne!(*delivery, again.invocation.delivery);
        assert!(command.needs_role() && !parse("/repo list", "U024BE7LH").unwrap().needs_role());
        assert!(!command.expects_failure());
    }

    #[test]
    fn a_name_instead_of_an_id_is_refused_with_an_example() {
        for wrong in ["ann", "@ann", "U", "ANN", "C024BE7LH", "<@U024BE7LH>", ""] {
            let problem = parse("/repo list", wrong).unwrap_err();
            assert!(problem.to_string().contains("give the ID, as in `--as U024BE7LH`"), "{problem:?}");
        }
    }

    #[test]
    fn cancel_and_reject_expect_a_failed_operation() {
        for (line, expected) in [
            ("/promote cancel orders prod", true),
            ("/promote reject orders prod", true),
            ("/build cancel orders", true),
            ("/deploy cancel orders", true),
            ("/promote approve orders prod", false),
            ("/promote orders", false),
        ] {
            assert_eq!(parse(line, "U1X").unwrap().expects_failure(), expected, "{line}");
            let is_complete = line != "/promote orders";
            assert_eq!(parse(line, "U1X").unwrap().needs_role(), is_complete, "{line}");
        }
    }
}
