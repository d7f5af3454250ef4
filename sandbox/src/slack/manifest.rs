//! What the app's manifest grants: slash commands with their hints, and the bot's scopes.

use std::path::Path;

use saphyr::{LoadableYamlNode, Yaml};
use serde::Serialize;

/// A slash command, as the page offers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlashCommand {
    /// With its slash.
    pub command: String,
    /// What it is for.
    pub description: String,
    /// What comes after it.
    pub usage_hint: String,
    /// Whether mentions, channels and links arrive in their unambiguous form.
    pub should_escape: bool,
}

/// The part of the manifest that Slack itself acts upon.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The commands.
    pub commands: Vec<SlashCommand>,
    /// The bot's scopes; `None` if there is no manifest, and then nothing is held against it.
    pub scopes: Option<Vec<String>>,
}

impl Manifest {
    /// Reads the file, or takes the usual commands if there is none.
    pub fn read(path: Option<&Path>) -> std::io::Result<Self> {
        match path.filter(|path| path.exists()) {
            Some(path) => Self::parse(&std::fs::read_to_string(path)?).map_err(std::io::Error::other),
            None => Ok(Self { commands: usual_commands(), scopes: None }),
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

    /// Whether the text of this command is escaped. A command that is not in the manifest is treated as the safe ones.
    pub fn escapes(&self, command: &str) -> bool {
        self.commands.iter().find(|known| known.command == command).is_none_or(|known| known.should_escape)
    }

    /// Whether the bot was granted this scope.
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

/// What the page offers while no manifest is there to read.
fn usual_commands() -> Vec<SlashCommand> {
    [
        ("/repo", "Create a service", "create NAME · list"),
        ("/build", "Build a commit", "NAME[@REF] · log NAME [#N] · list NAME"),
        ("/deploy", "Deploy a build to the first stage", "NAME [#N]"),
        ("/stage", "Add and list stages", "list NAME · add NAME STAGE [after STAGE]"),
        ("/promote", "Let a stage run a release", "NAME [to] STAGE [rN] · approve|reject NAME STAGE"),
        ("/rollback", "Take a stage back", "NAME STAGE [[to] rN] [REASON]"),
        ("/pipeline", "See what runs where", "status [NAME] · history NAME [STAGE] · help [COMMAND]"),
        ("/sluice", "All of the above", "help · deploy NAME"),
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
    fn without_a_manifest_there_are_the_usual_commands_and_no_scope_is_missed() {
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
