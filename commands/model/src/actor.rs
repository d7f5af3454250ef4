//! The person behind a command, a click or a signal.

use serde::{Deserialize, Serialize};

use crate::{Text, UserId};

/// The person behind a request, as Slack names them.
///
/// At a terminal a person names themselves, and Slack does not confirm it. So both are recorded: the person they named and
/// the account they are logged in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The Slack user.
    pub id: UserId,
    /// Their name when they asked: audit records must be readable after they left. At a terminal, their login.
    pub name: String,
    /// Whether they are at a terminal of the machine, and not in Slack.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub terminal: bool,
}

impl Actor {
    /// Somebody in Slack.
    pub fn in_slack(id: UserId, name: impl Into<String>) -> Self {
        Self { id, name: name.into(), terminal: false }
    }
    /// Somebody at a terminal, by the login they have there.
    pub fn at_terminal(id: UserId, login: impl Into<String>) -> Self {
        Self { id, name: login.into(), terminal: true }
    }
    /// The person who runs `sluice init` at a terminal. Who they are in Slack nobody knows: the record has the person whom they
    /// named, and their login.
    pub fn at_init(named: UserId, login: &str) -> Self {
        Self { id: named, name: format!("{INIT} by {login}"), terminal: true }
    }
    /// `@ann`, or `@ann from a terminal`: for whatever tells that they did something.
    pub fn attribution(&self) -> Text {
        if self.terminal && self.name.starts_with(INIT) {
            return Text::plain(format!("{} at a terminal", self.name));
        }
        let who = Text::default().user(&self.id);
        if self.terminal { who.then(" from a terminal") } else { who }
    }
    /// Their name in a list: `ann`, or `root (terminal)`.
    pub fn listed(&self) -> String {
        if self.terminal { format!("{} (terminal)", self.name) } else { self.name.clone() }
    }
}

/// How the name begins of the person who set an installation up.
const INIT: &str = "sluice init";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_at_a_terminal_is_marked_and_nobody_else_changes() {
        let id: UserId = "U024BE7LH".parse().unwrap();
        let slack = Actor::in_slack(id.clone(), "ann");
        let terminal = Actor::at_terminal(id, "root");
        let recorded = |actor: &Actor| serde_json::to_string(actor).unwrap();
        // As it was recorded before there were terminals.
        assert_eq!(recorded(&slack), r#"{"id":"U024BE7LH","name":"ann"}"#);
        assert_eq!(recorded(&terminal), r#"{"id":"U024BE7LH","name":"root","terminal":true}"#);
        for actor in [&slack, &terminal] {
            assert_eq!(serde_json::from_str::<Actor>(&recorded(actor)).unwrap(), *actor);
        }
        assert_eq!((slack.attribution().flat(), slack.listed()), ("@U024BE7LH".into(), "ann".into()));
        assert_eq!(terminal.attribution().flat(), "@U024BE7LH from a terminal");
        assert_eq!(terminal.listed(), "root (terminal)");
        let init = Actor::at_init(terminal.id, "root");
        assert_eq!(init.attribution().flat(), "sluice init by root at a terminal");
    }
}
