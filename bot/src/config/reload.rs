//! SIGHUP: the configuration is read again, with the checks of a start.
//!
//! Only what `[access]` says takes effect, for whatever is decided from then on; what else changed is named, since it needs
//! a restart. A configuration with a problem changes nothing: the one before stays in force.

use sluice_commands::operation::Pinned;
use sluice_model::Role;

use super::{Config, Problem, Sources};

/// What is read again, and what it is held against.
pub(crate) struct Reload {
    sources: Sources,
    running: Config,
    pinned: Pinned,
    /// Whether there was a file at the start: it may be left out, but not vanish.
    had_file: bool,
}

/// What came of reading it again.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// It is in force.
    Taken {
        /// The roles that others have now.
        roles: Vec<&'static str>,
        /// What changed besides, and needs a restart.
        restart: Vec<&'static str>,
    },
    /// The one before stays.
    Refused(Vec<Problem>),
}

impl Reload {
    /// Of what this process was started with.
    pub(crate) fn new(sources: Sources, running: Config, pinned: Pinned) -> Self {
        let had_file = sources.file().exists();
        Self { sources, running, pinned, had_file }
    }

    /// Reads it again, and says in the log what came of it.
    pub(crate) fn again(&self) {
        match self.read() {
            Outcome::Taken { roles, restart } => {
                crate::metrics::reload("taken");
                if !restart.is_empty() {
                    let settings = restart.join(", ");
                    tracing::warn!(settings, "these settings changed: they need a restart to take effect");
                }
                let roles = if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
                tracing::info!(changed = roles, "the roles that the configuration pins were read anew");
            }
            Outcome::Refused(problems) => {
                crate::metrics::reload("refused");
                let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                let problems = problems.join("; ");
                tracing::error!(problems, "the configuration is not right: the one before stays in force");
            }
        }
    }

    fn read(&self) -> Outcome {
        let file = self.sources.file();
        if self.had_file && !file.exists() {
            let (name, what) = (file.display().to_string(), "is not there any more".to_owned());
            return Outcome::Refused(vec![Problem { name, what }]);
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

/// What differs that was read once, by the names of the file, or of the variable for what the file may not hold.
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
        ("commands", a.names != b.names),
        ("slack.api_url", slack.api_url != other.api_url),
        ("SLACK_BOT_TOKEN", slack.bot_token != other.bot_token),
        ("SLACK_SIGNING_SECRET", slack.signing_secret != other.signing_secret),
    ];
    settings.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Flags;

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
    fn only_roles_take_effect_and_what_else_changed_is_named() {
        let here = installation();
        let taken = |roles: &[&'static str], restart: &[&'static str]| Outcome::Taken {
            roles: roles.to_vec(),
            restart: restart.to_vec(),
        };
        assert_eq!(here.reload.read(), taken(&[], &[]));
        here.write("lease = 20\n[access]\nadmins = [\"U1\", \"S2\"]\noncall = [\"U3\"]\n[commands]\nprefix = \"acme-\"\n");
        assert_eq!(here.reload.read(), taken(&["admins", "oncall"], &["lease", "commands"]));
        assert_eq!(here.admins(), ["U1", "S2"]);
        assert_eq!(here.reload.read(), taken(&[], &["lease", "commands"]), "they still need it");
        here.write("");
        assert_eq!(here.reload.read(), taken(&["admins", "oncall"], &[]), "an empty file is no bad one");
        assert_eq!(here.admins(), [""; 0]);
    }

    #[test]
    fn a_bad_file_changes_nothing_and_all_of_it_is_told() {
        let here = installation();
        here.write("colour = 1\n[access]\nadmins = [\"ann\", \"U9\"]\n");
        let told = here.problems();
        assert!(
            told.contains("colour: unknown setting") && told.contains("\"ann\" is no Slack user"),
            "{told}"
        );
        assert_eq!(here.admins(), ["U1"], "not the half of it that is right");
        here.write("[access\n");
        assert!(here.problems().contains("line 1 is not valid TOML"));
        std::fs::remove_file(here.dir.path().join("sluice.toml")).unwrap();
        assert!(here.problems().contains("not there any more"));
        assert_eq!(here.admins(), ["U1"]);
        here.write(ROLES);
        assert!(matches!(here.reload.read(), Outcome::Taken { .. }));
    }
}
