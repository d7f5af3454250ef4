//! The Slack app manifest, made from the command table: exactly the commands that are available, and exactly the scopes
//! that the code uses. `manifest.yml` at the root is its output, and a test holds it to that.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sluice_grammar::Names;
use url::Url;

use crate::slack::Method;

/// Stands in the committed manifest where an installation has its own.
pub(crate) const EXAMPLE_URL: &str = "https://sluice.example.com/slack/events";
/// What a prefix may be.
pub(crate) const PREFIX_RULE: &str = "a prefix is up to 12 of a-z, 0-9, - and _, as in `acme-`";

/// Why the app asks for each scope.
const SCOPES: [(&str, &str); 4] = [
    ("chat:write", "to post the one message of an operation and to edit it, in channels it was invited to"),
    ("commands", "to receive the slash commands"),
    ("usergroups:read", "to know who is in a user group that has a role or approves on a stage"),
    (
        "users:read",
        "to know whether who asked or approved is deactivated since; nothing else of a profile is read",
    ),
];

/// Whether it can stand before a command.
pub(crate) fn is_prefix(prefix: &str) -> bool {
    prefix.len() <= 12
        && prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
}

/// The scopes that the code uses: one for the commands, and those of the Web API methods it calls.
pub(crate) fn scopes() -> BTreeSet<&'static str> {
    Method::ALL.into_iter().filter_map(Method::scope).chain(["commands"]).collect()
}

/// The URL as Slack needs it; one without a path gets ours.
pub(crate) fn request_url(text: &str) -> Option<String> {
    let mut url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "https" | "http") && url.host().is_some())?;
    if url.path() == "/" {
        url.set_path("/slack/events");
    }
    Some(url.to_string())
}

/// The manifest in YAML. Every text is quoted as JSON quotes it, which YAML reads the same.
pub(crate) fn manifest(names: &Names, url: &str) -> String {
    let url = quoted(url);
    let mut yaml = String::from(
        "# The Slack app of Sluice: paste it at https://api.slack.com/apps → Create New App → From a manifest.\n\
         # Made by `sluice manifest`; `--url` sets where Slack reaches the bot, `--prefix acme-` renames the commands,\n\
         # `--only-umbrella` installs just one.\n\
         display_information:\n  name: Sluice\n",
    );
    let description =
        "Delivers serverless applications on AWS: build, deploy, promote, roll back, from a channel";
    // Writing to a String cannot fail.
    let _ = writeln!(yaml, "  description: {}", quoted(description));
    yaml.push_str(
        "features:\n  bot_user:\n    display_name: Sluice\n    always_online: true\n  slash_commands:\n",
    );
    for command in names.slash_commands().iter().filter(|command| !command.usage_hint.is_empty()) {
        let _ = writeln!(yaml, "    - command: {}", quoted(&command.command));
        let _ = writeln!(yaml, "      url: {url}");
        let _ = writeln!(yaml, "      description: {}", quoted(&command.description));
        let _ = writeln!(yaml, "      usage_hint: {}", quoted(&command.usage_hint));
        yaml.push_str("      should_escape: true # mentions arrive as ids, not as names that can change\n");
    }
    yaml.push_str("oauth_config:\n  scopes:\n    bot:\n");
    for scope in scopes() {
        let why = SCOPES.iter().find(|(name, _)| *name == scope).map_or("", |(_, why)| *why);
        let _ = writeln!(yaml, "      - {} # {why}", quoted(scope));
    }
    let _ = writeln!(yaml, "settings:\n  interactivity:\n    is_enabled: true\n    request_url: {url}");
    yaml.push_str(
        "  org_deploy_enabled: false\n  socket_mode_enabled: false\n  token_rotation_enabled: false\n",
    );
    yaml
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_manifest_is_what_the_table_gives() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifest.yml");
        let committed = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            committed,
            manifest(&Names::default(), EXAMPLE_URL),
            "run `sluice manifest > manifest.yml`"
        );
    }

    #[test]
    fn every_scope_is_used_and_justified() {
        assert_eq!(scopes(), SCOPES.iter().map(|(scope, _)| *scope).collect());
        assert!(SCOPES.iter().all(|(_, why)| !why.is_empty()));
    }

    #[test]
    fn it_keeps_slacks_limits() {
        for names in [Names::default(), Names { prefix: "acme-".into(), only_umbrella: false }] {
            let commands = names.slash_commands();
            assert!(commands.len() <= 50);
            for command in commands {
                assert!(
                    command.command.starts_with('/') && command.command.chars().count() <= 32,
                    "{command:?}"
                );
                assert!(
                    command.usage_hint.chars().count() <= 1_000
                        && command.description.chars().count() <= 2_000
                );
            }
        }
        let yaml = manifest(&Names::default(), EXAMPLE_URL);
        let description = yaml.lines().find_map(|line| line.strip_prefix("  description: ")).unwrap();
        assert!(description.chars().count() <= 142, "{description}");
    }

    #[test]
    fn names_and_url_are_the_installations_own() {
        let names = Names { prefix: "acme-".into(), only_umbrella: true };
        let yaml = manifest(&names, &request_url("https://bot.acme.test").unwrap());
        assert_eq!(yaml.matches("command: ").count(), 1);
        assert!(yaml.contains("\"/acme-sluice\""));
        assert!(yaml.contains("request_url: \"https://bot.acme.test/slack/events\""));
        assert_eq!(request_url("sluice.example.com"), None);
    }
}
