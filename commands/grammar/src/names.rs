//! The names of the slash commands in this installation: two apps of a workspace may not share a slash command.

use super::command::usage_hint;
use super::verb::Verb;

/// The names of the slash commands in this installation (`sluice manifest --prefix acme- --only-umbrella`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The prefix of every command: `acme-` makes `/acme-repo`.
    pub prefix: String,
    /// Only `/sluice` is installed.
    pub only_umbrella: bool,
}

/// One slash command to install, for `manifest.yml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlashCommand {
    /// `/acme-repo`
    pub command: String,
    /// Its purpose.
    pub description: String,
    /// Its available forms.
    pub usage_hint: String,
}

/// The meaning of a slash command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slash {
    Verb(Verb),
    Umbrella,
}

impl Names {
    pub(super) const UMBRELLA: &str = "sluice";

    /// The meaning of `/repo`, `/acme-repo` or `/sluice`. The names without a prefix work in every installation.
    pub(super) fn slash(&self, slash: &str) -> Option<Slash> {
        let slash = slash.trim().to_lowercase();
        let bare = slash.trim_start_matches('/');
        let word = bare.strip_prefix(&self.prefix.to_lowercase()).unwrap_or(bare);
        [word, bare].into_iter().find_map(|word| match word {
            Self::UMBRELLA => Some(Slash::Umbrella),
            word => Verb::from_word(word).map(Slash::Verb),
        })
    }

    /// The name of a verb in this installation: `/acme-build`, or `/sluice build`.
    pub fn verb(&self, verb: Verb) -> String {
        if self.only_umbrella {
            format!("{} {}", self.umbrella(), verb.word())
        } else {
            format!("/{}{}", self.prefix, verb.word())
        }
    }

    /// The name of the umbrella command in this installation.
    pub fn umbrella(&self) -> String {
        format!("/{}{}", self.prefix, Self::UMBRELLA)
    }

    /// A text that names commands as `/build`, with the names of this installation instead.
    pub fn adapt(&self, text: &str) -> String {
        if *self == Names::default() {
            return text.to_owned();
        }
        let mut adapted = String::new();
        for (index, piece) in text.split('/').enumerate() {
            if index == 0 {
                adapted.push_str(piece);
                continue;
            }
            let at_a_word =
                !adapted.ends_with(|before: char| before.is_alphanumeric() || "/-_.:".contains(before));
            let word: String =
                piece.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_/".contains(*c)).collect();
            let name = match Verb::from_word(&word) {
                Some(verb) => Some(self.verb(verb)),
                None if word == Self::UMBRELLA => Some(self.umbrella()),
                None => None,
            };
            match name.zip(piece.strip_prefix(word.as_str())).filter(|_| at_a_word) {
                Some((name, rest)) => adapted.extend([name.as_str(), rest]),
                None => adapted.extend(["/", piece]),
            }
        }
        adapted
    }

    /// The slash commands to install.
    pub fn slash_commands(&self) -> Vec<SlashCommand> {
        let umbrella = SlashCommand {
            command: self.umbrella(),
            description: "Deliver serverless apps: every command of Sluice, and help".into(),
            usage_hint: format!("help | {}", Verb::ALL.map(Verb::word).join(" | ")),
        };
        let verbs = Verb::ALL.into_iter().filter(|_| !self.only_umbrella).map(|verb| SlashCommand {
            command: self.verb(verb),
            description: verb.summary().into(),
            usage_hint: usage_hint(verb),
        });
        verbs.chain([umbrella]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_renames_every_command() {
        let acme = Names { prefix: "acme-".into(), only_umbrella: false };
        assert_eq!(acme.slash("/acme-repo"), Some(Slash::Verb(Verb::Repo)));
        assert_eq!(acme.slash("/Acme-Sluice"), Some(Slash::Umbrella));
        assert_eq!(acme.slash("/repo"), Some(Slash::Verb(Verb::Repo)));
        assert_eq!(acme.slash("/reap"), None);
        assert_eq!(
            acme.adapt("type `/build orders@feature/build`"),
            "type `/acme-build orders@feature/build`"
        );
    }

    #[test]
    fn an_umbrella_alone_precedes_the_verb() {
        let alone = Names { prefix: String::new(), only_umbrella: true };
        assert_eq!(
            alone.adapt("/build orders, then /deploy orders"),
            "/sluice build orders, then /sluice deploy orders"
        );
        assert_eq!(alone.slash_commands().len(), 1);
    }

    #[test]
    fn the_manifest_respects_slacks_limits() {
        for command in Names::default().slash_commands() {
            assert!(command.description.len() <= 140 && command.usage_hint.len() <= 1000, "{command:?}");
        }
    }
}
