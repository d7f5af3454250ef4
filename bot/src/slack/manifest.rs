//! The manifest of the Slack app, generated from the command table: the available commands, and the scopes that the code
//! uses. `manifest.yml` at the root is its output; a test compares them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sluice_grammar::Names;
use url::Url;

use super::Method;

/// Why the app needs each scope.
const SCOPES: [(&str, &str); 4] = [
    ("chat:write", "to post and edit the message of each operation, in channels that the app is invited to"),
    ("commands", "to receive the slash commands"),
    ("usergroups:read", "to know the members of user groups that have a role or approve for a stage"),
    (
        "users:read",
        "to know whether a requester or approver was deactivated; nothing else of a profile is read",
    ),
];

/// The scopes that the code needs: one for slash commands, and those of the methods that it calls.
pub(crate) fn scopes() -> BTreeSet<&'static str> {
    Method::ALL.into_iter().filter_map(Method::scope).chain(["commands"]).collect()
}

/// The URL of deliveries, which Slack requires to be https; a URL without a path gets ours.
pub(crate) fn request_url(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.host().is_some())?;
    if url.path() == "/" {
        url.set_path("/slack/events");
    }
    Some(url.to_string())
}

/// How Slack delivers to the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transport {
    /// By requests to this URL.
    Http(String),
    /// By WebSockets that the bot opens.
    Socket,
}

/// The manifest in YAML. Texts are quoted as JSON, which YAML reads the same.
pub(crate) fn manifest(names: &Names, transport: &Transport) -> String {
    let url = match transport {
        Transport::Http(url) => Some(quoted(url)),
        Transport::Socket => None,
    };
    let mut yaml = String::from(
        "# The Slack app of Sluice: paste it at https://api.slack.com/apps → Create New App → From a manifest.\n\
         # Made by `sluice manifest`, which uses Socket Mode; `--url` makes Slack deliver to that address instead, `--prefix acme-`\n\
         # renames the commands, `--only-umbrella` installs just one.\n\
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
        if let Some(url) = &url {
            let _ = writeln!(yaml, "      url: {url}");
        }
        let _ = writeln!(yaml, "      description: {}", quoted(&command.description));
        let _ = writeln!(yaml, "      usage_hint: {}", quoted(&command.usage_hint));
        yaml.push_str("      should_escape: true # mentions arrive as ids, not as names that can change\n");
    }
    yaml.push_str("oauth_config:\n  scopes:\n    bot:\n");
    for scope in scopes() {
        let why = SCOPES.iter().find(|(name, _)| *name == scope).map_or("", |(_, why)| *why);
        let _ = writeln!(yaml, "      - {} # {why}", quoted(scope));
    }
    yaml.push_str("settings:\n  interactivity:\n    is_enabled: true\n");
    if let Some(url) = &url {
        let _ = writeln!(yaml, "    request_url: {url}");
    }
    let uses_sockets = *transport == Transport::Socket;
    let _ = writeln!(yaml, "  org_deploy_enabled: false\n  socket_mode_enabled: {uses_sockets}");
    yaml.push_str("  token_rotation_enabled: false\n");
    yaml
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_of_socket_mode_has_no_url() {
        let yaml = manifest(&Names::default(), &Transport::Socket);
        assert!(!yaml.contains("url:") && yaml.contains("  socket_mode_enabled: true\n"), "{yaml}");
        let http = manifest(&Names::default(), &Transport::Http("https://bot.acme.test/x".to_owned()));
        assert!(http.contains("  socket_mode_enabled: false\n"));
    }

    #[test]
    fn the_committed_manifest_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifest.yml");
        let committed = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            committed,
            manifest(&Names::default(), &Transport::Socket),
            "run `sluice manifest > manifest.yml`"
        );
    }

    #[test]
    fn every_scope_is_used_and_explained() {
        assert_eq!(scopes(), SCOPES.iter().map(|(scope, _)| *scope).collect());
        assert!(SCOPES.iter().all(|(_, why)| !why.is_empty()));
    }

    #[test]
    fn the_manifest_is_within_slacks_limits() {
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
        let yaml = manifest(&Names::default(), &Transport::Socket);
        let description = yaml.lines().find_map(|line| line.strip_prefix("  description: ")).unwrap();
        assert!(description.chars().count() <= 142, "{description}");
    }

    #[test]
    fn names_and_url_are_configurable() {
        let names = Names { prefix: "acme-".into(), only_umbrella: true };
        let yaml = manifest(&names, &Transport::Http(request_url("https://bot.acme.test").unwrap()));
        assert_eq!(yaml.matches("command: ").count(), 1);
        assert!(yaml.contains("\"/acme-sluice\""));
        assert!(yaml.contains("request_url: \"https://bot.acme.test/slack/events\""));
        for bad in ["sluice.example.com", "http://sluice.example.com", "https://"] {
            assert_eq!(request_url(bad), None, "{bad}");
        }
    }
}
