//! Reading the configuration again on SIGHUP, with all checks of a start.
//!
//! Only `[access]` takes effect, for decisions from then on. Other changes are logged by name, since they need a restart. A
//! configuration with a problem changes nothing: the previous one stays in force.

use sluice_commands::operation::Pinned;
use sluice_model::Role;

use super::{Config, Problem, Sources};

/// The sources to read again, and the configuration that this process started with.
pub(crate) struct Reload {
    sources: Sources,
    running: Config,
    pinned: Pinned,
    /// Whether the file existed at the start. It is optional, but must not disappear.
    had_file: bool,
}

/// The outcome of reading it again.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// Its roles are in force.
    Taken {
        roles: Vec<&'static str>,
        /// The settings that changed and need a restart.
        restart: Vec<&'static str>,
    },
    /// The previous one stays in force.
    Refused(Vec<Problem>),
}

impl Reload {
    pub(crate) fn new(sources: Sources, running: Config, pinned: Pinned) -> Self {
        let had_file = sources.file().exists();
        Self { sources, running, pinned, had_file }
    }

    /// Reads it again and logs the outcome.
    pub(crate) fn again(&self) {
        match self.read() {
            Outcome::Taken { roles, restart } => {
                crate::metrics::reload("taken");
                if !restart.is_empty() {
                    let settings = restart.join(", ");
                    tracing::warn!(settings, "these settings changed and need a restart to take effect");
                }
                let roles = if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
                tracing::info!(changed = roles, "reloaded the roles of the configuration");
            }
            Outcome::Refused(problems) => {
                crate::metrics::reload("refused");
                let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                let problems = problems.join("; ");
                tracing::error!(problems, "the configuration is invalid: the previous one stays in force");
            }
        }
    }

    fn read(&self) -> Outcome {
        let file = self.sources.file();
        if self.had_file && !file.exists() {
            return Outcome::Refused(vec![Problem::new(file.display().to_string(), "no longer exists")]);
        }
        let next = match Config::load(self.sources.clone()) {
            Ok(next) => next,
            Err(problems) => return Outcome::Refused(problems),
        };
        let restart = changed(&self.running, &next);
        let (before, after) = (self.pinned.get(), next.base.access);
        let is_other = |role: &Role| before.of(*role) != after.of(*role);
        let roles = Role::ALL.into_iter().filter(is_other).map(Role::word).collect();
        self.pinned.set(after);
        Outcome::Taken { roles, restart }
    }
}

/// The settings that changed and are read only at the start: by their names in the file, or by the variable for those that
/// the file must not contain.
fn changed(running: &Config, next: &Config) -> Vec<&'static str> {
    let ((a, b), (slack, other)) = ((&running.base, &next.base), (&running.slack, &next.slack));
    let settings = [
        ("listen", a.listen != b.listen),
        ("metrics", a.metrics != b.metrics),
        ("state", a.state != b.state),
        ("backup", a.backup != b.backup),
        ("queue", a.queue != b.queue),
        ("boundary", a.boundary != b.boundary),
        ("lease", a.lease != b.lease),
        ("settle", a.settle != b.settle),
        ("lambda_calls", a.lambda_calls != b.lambda_calls),
        ("look_after", a.look_after != b.look_after),
        ("commands", a.names != b.names),
        ("slack.api_url", slack.api_url != other.api_url),
        ("SLACK_BOT_TOKEN", slack.bot_token != other.bot_token),
        ("SLACK_APP_TOKEN", slack.app_token != other.app_token),
        ("SLACK_SIGNING_SECRET", slack.signing_secret != other.signing_secret),
    ];
    settings.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;

    struct Installation {
        reload: Reload,
        pinned: Pinned,
        dir: tempfile::TempDir,
    }

    const ROLES: &str = "[access]\nadmins = [\"U1\"]\n";

    impl Installation {
        fn write(&self, toml: &str) {
            std::fs::write(self.dir.path().join("sluice.toml"), toml).unwrap();
        }
        fn admins(&self) -> Vec<String> {
            self.pinned.get().admins.iter().map(ToString::to_string).collect()
        }
        fn problems(&self) -> String {
            match self.reload.read() {
                Outcome::Refused(problems) => {
                    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
                }
                taken => panic!("{taken:?}"),
            }
        }
    }

    fn installation() -> Installation {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sluice.toml");
        std::fs::write(&path, ROLES).unwrap();
        let env = [("SLACK_BOT_TOKEN", "xoxb-canary"), ("SLACK_SIGNING_SECRET", "canary")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let sources = Sources { flags: Flags { config: Some(path), ..Flags::default() }, env };
        let config = Config::load(sources.clone()).unwrap();
        let pinned = Pinned::new(config.base.access.clone());
        Installation { reload: Reload::new(sources, config, pinned.clone()), pinned, dir }
    }

    #[test]
    fn roles_take_effect_and_other_changes_need_a_restart() {
        let here = installation();
        let taken = |roles: &[&'static str], restart: &[&'static str]| Outcome::Taken {
            roles: roles.to_vec(),
            restart: restart.to_vec(),
        };
        assert_eq!(here.reload.read(), taken(&[], &[]));
        here.write("lease = 20\n[access]\nadmins = [\"U1\", \"S2\"]\noncall = [\"U3\"]\n[commands]\nprefix = \"acme-\"\n");
        assert_eq!(here.reload.read(), taken(&["admins", "oncall"], &["lease", "commands"]));
        assert_eq!(here.admins(), ["U1", "S2"]);
        assert_eq!(here.reload.read(), taken(&[], &["lease", "commands"]), "the restart is still needed");
        here.write("");
        assert_eq!(here.reload.read(), taken(&["admins", "oncall"], &[]), "an empty file is valid");
        assert_eq!(here.admins(), [""; 0]);
    }

    #[test]
    fn an_invalid_file_changes_nothing_and_all_problems_are_reported() {
        let here = installation();
        here.write("colour = 1\n[access]\nadmins = [\"ann\", \"U9\"]\n");
        let problems = here.problems();
        assert!(problems.contains("colour: unknown setting"), "{problems}");
        assert!(problems.contains("\"ann\" is not a Slack user"), "{problems}");
        assert_eq!(here.admins(), ["U1"], "the valid half does not take effect");
        here.write("[access\n");
        assert!(here.problems().contains("line 1 is not valid TOML"));
        std::fs::remove_file(here.dir.path().join("sluice.toml")).unwrap();
        assert!(here.problems().contains("no longer exists"));
        assert_eq!(here.admins(), ["U1"]);
        here.write(ROLES);
        assert!(matches!(here.reload.read(), Outcome::Taken { .. }));
    }
}
