//! Who says what at the terminal.
//!
//! Nobody's name can be looked up without Slack, so a person is named by id. A person who may read the bot's configuration may
//! name anybody: the record says that it came from a terminal, and as whom they were logged in there.

use std::collections::BTreeMap;

use sluice_commands::service::{Input, Invocation};
use sluice_grammar::{Command, Names, parse_line};
use sluice_model::{Actor, Permission, UserId};
use ulid::Ulid;

use crate::config::Problem;

/// Longer than any login.
const LONGEST_LOGIN: usize = 80;

/// A command from a terminal.
#[derive(Debug)]
pub(crate) struct Order {
    /// What is asked of the service.
    pub(crate) invocation: Invocation,
    asks_for_an_end: bool,
    changes: bool,
}

impl Order {
    /// Reads the words of the command line, and as whom they are said.
    pub(crate) fn read(
        words: &[String],
        who: &str,
        env: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<Problem>> {
        let actor = Actor::at_terminal(user("--as", who)?, login(env));
        let line = words.join(" ");
        let line = line.trim();
        let (command, text) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let said = Input::Slash { command: command.to_owned(), text: text.to_owned() };
        // Never the same twice: who types it again means it.
        let delivery = format!("run-{}", Ulid::new());
        Ok(Self {
            invocation: Invocation { delivery, actor, channel: None, said },
            asks_for_an_end: false,
            changes: false,
        })
    }

    /// In the words of this installation.
    pub(crate) fn called(mut self, names: &Names) -> Self {
        if let Input::Slash { command, text } = &self.invocation.said {
            let command = parse_line(&format!("{command} {text}"), names);
            self.changes = command.as_ref().is_ok_and(|command| command.permission() != Permission::Everyone);
            self.asks_for_an_end = matches!(
                command,
                Ok(Command::BuildCancel { .. }
                    | Command::DeployCancel { .. }
                    | Command::PromoteCancel { .. }
                    | Command::PromoteReject { .. })
            );
        }
        self
    }

    /// Whether it asks for a role.
    pub(crate) fn changes(&self) -> bool {
        self.changes
    }

    /// Whether an operation that ends without having succeeded is what was asked for.
    pub(crate) fn asks_for_an_end(&self) -> bool {
        self.asks_for_an_end
    }
}

/// The Slack user that an option names.
pub(crate) fn user(option: &str, who: &str) -> Result<UserId, Vec<Problem>> {
    let is_persons = who.starts_with(['U', 'W']) && who.len() > 2;
    UserId::new(who).ok().filter(|_| is_persons).ok_or_else(|| {
        let what = format!(
            "`{}` is no Slack user id. Without Slack nobody's name can be looked up: write the id, as in \
             `{option} U024BE7LH`. It stands in sluice.toml, and in Slack under a person's profile, ⋮, Copy member ID",
            crate::render::text::one_line(who)
        );
        vec![Problem { name: option.to_owned(), what }]
    })
}

/// As whom they are logged in at the terminal.
pub(crate) fn login(env: &BTreeMap<String, String>) -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| env.get(*name));
    let signs = named.into_iter().flat_map(|name| name.chars()).filter(|sign| !sign.is_control());
    let login: String = signs.take(LONGEST_LOGIN).collect();
    if login.trim().is_empty() { "somebody".to_owned() } else { login }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, who: &str) -> Result<Order, Vec<Problem>> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let env = [("USER".to_owned(), "ro\u{7}ot".to_owned())].into();
        Ok(Order::read(&words, who, &env)?.called(&Names::default()))
    }

    #[test]
    fn a_line_is_said_by_somebody_nowhere_and_each_time_anew() {
        let order = read("/rollback orders prod it is  slow", "U024BE7LH").unwrap();
        let Invocation { delivery, actor, channel, said } = &order.invocation;
        assert_eq!((actor.id.as_str(), actor.name.as_str(), actor.terminal), ("U024BE7LH", "root", true));
        assert_eq!(*channel, None);
        let text = "orders prod it is  slow".to_owned();
        assert_eq!(*said, Input::Slash { command: "/rollback".into(), text });
        let again = read("/rollback orders prod it is  slow", "U024BE7LH").unwrap();
        assert_ne!(*delivery, again.invocation.delivery);
        assert!(order.changes() && !read("/repo list", "U024BE7LH").unwrap().changes());
        assert!(!order.asks_for_an_end());
    }

    #[test]
    fn a_name_is_no_id_and_is_told_what_to_write() {
        for wrong in ["ann", "@ann", "U", "ANN", "C024BE7LH", "<@U024BE7LH>", ""] {
            let problems = read("/repo list", wrong).unwrap_err();
            assert!(problems[0].to_string().contains("write the id, as in `--as U024BE7LH`"), "{problems:?}");
        }
    }

    #[test]
    fn who_cancels_or_rejects_wants_an_end() {
        for (line, wanted) in [
            ("/promote cancel orders prod", true),
            ("/promote reject orders prod", true),
            ("/build cancel orders", true),
            ("/deploy cancel orders", true),
            ("/promote approve orders prod", false),
            ("/promote orders", false),
        ] {
            assert_eq!(read(line, "U1X").unwrap().asks_for_an_end(), wanted, "{line}");
            let is_whole = line != "/promote orders";
            assert_eq!(read(line, "U1X").unwrap().changes(), is_whole, "{line}");
        }
    }
}
