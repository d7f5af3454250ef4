//! The parts of the app's manifest that Slack uses: slash commands with their hints, and the bot's scopes.

use std::path::Path;

use saphyr::{LoadableYamlNode, Yaml};
use serde::Serialize;

/// A slash command, as the page offers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlashCommand {
    pub command: String,
    pub description: String,
    pub usage_hint: String,
    /// Whether Slack escapes mentions, channels and links. See [`super::escape`](fn@super::escape).
    pub should_escape: bool,
}

/// The part of the manifest that Slack reads.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub commands: Vec<SlashCommand>,
    /// The bot's scopes; `None` without a manifest, which grants every scope.
    pub scopes: Option<Vec<String>>,
}

impl Manifest {
    /// Reads the file, or uses the default commands without one.
    pub fn read(path: Option<&Path>) -> std::io::Result<Self> {
        match path.filter(|path| path.exists()) {
            Some(path) => Self::parse(&std::fs::read_to_string(path)?).map_err(std::io::Error::other),
            None => Ok(Self { commands: default_commands(), scopes: None }),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let documents = Yaml::load_from_str(text).map_err(|error| format!("manifest: {error}"))?;
        let root = documents.first().ok_or("manifest: it is empty")?;
        let commands = get(root, &["features", "slash_commands"]).and_then(Yaml::as_sequence);
        let scopes = get(root, &["oauth_config", "scopes", "bot"]).and_then(Yaml::as_sequence);
        Ok(Self {
            commands: commands.map(|list| list.iter().filter_map(command).collect()).unwrap_or_default(),
            scopes: scopes.map(|list| list.iter().filter_map(|s| s.as_str().map(Into::into)).collect()),
        })
    }

    /// Whether the text of this command is escaped. Unknown commands are escaped.
    pub fn escapes(&self, command: &str) -> bool {
        self.commands.iter().find(|known| known.command == command).is_none_or(|known| known.should_escape)
    }

    pub fn grants(&self, scope: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|granted| granted == scope))
    }
}

fn get<'a>(root: &'a Yaml<'a>, path: &[&str]) -> Option<&'a Yaml<'a>> {
    path.iter().try_fold(root, |node, key| node.as_mapping_get(key))
}

fn command(node: &Yaml<'_>) -> Option<SlashCommand> {
    let text = |key| node.as_mapping_get(key).and_then(Yaml::as_str).unwrap_or_default().to_owned();
    Some(SlashCommand {
        command: node.as_mapping_get("command")?.as_str()?.to_owned(),
        description: text("description"),
        usage_hint: text("usage_hint"),
        should_escape: node.as_mapping_get("should_escape").and_then(Yaml::as_bool).unwrap_or(false),
    })
}

/// The commands that the page offers without a manifest.
fn default_commands() -> Vec<SlashCommand> {
    [
        ("/repo", "Create a service", "create NAME · list"),
        ("/build", "Build a commit", "NAME[@REF] · log NAME [#N] · list NAME"),
        ("/deploy", "Deploy a build to the first stage", "NAME [#N]"),
        ("/stage", "Add and list stages", "list NAME · add NAME STAGE [after STAGE]"),
        ("/stage", "Add and list stages", "list NAME · add NAME STAGE [after STAGE]"),
        ("/promote", "Promote a release to a stage", "NAME [to] STAGE [rN] · approve|reject NAME STAGE"),
        ("/rollback", "Roll a stage back", "NAME STAGE [[to] rN] [REASON]"),
        ("/pipeline", "Show what runs where", "status [NAME] · history NAME [STAGE] · help [COMMAND]"),
    ]
    .map(|(command, description, usage_hint)| SlashCommand {
        command: command.into(),
        description: description.into(),
        usage_hint: usage_hint.into(),
        should_escape: true,
    })
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
features:
  slash_commands:
    - command: /deploy
      description: Deploy a build
      usage_hint: NAME [#N]
      should_escape: true
    - command: /sluice
      description: All of it
oauth_config:
  scopes:
    bot: [commands, chat:write]
";

    #[test]
    fn commands_and_scopes_are_read() {
        let manifest = Manifest::parse(TEXT).unwrap();
        assert_eq!(manifest.commands[0].usage_hint, "NAME [#N]");
        assert!(manifest.escapes("/deploy") && !manifest.escapes("/sluice"));
        assert!(manifest.escapes("/unknown"));
        assert!(manifest.grants("chat:write") && !manifest.grants("channels:history"));
    }

    #[test]
    fn without_a_manifest_the_default_commands_and_all_scopes_apply() {
        let manifest = Manifest::read(None).unwrap();
        assert!(manifest.commands.iter().any(|known| known.command == "/promote"));
        assert!(manifest.grants("anything"));
    }

    #[test]
    fn a_broken_manifest_is_an_error() {
        assert!(Manifest::parse("a: [").is_err());
        assert!(Manifest::parse("").is_err());
    }
}
