//! Where settings come from, and the reading of each. Problems are collected, never returned early.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sluice_commands::domain::PinnedRoles;
use sluice_commands::operations::boundaries;
use sluice_grammar::Names;
use sluice_model::Member;
use toml::Value;
use url::{Host, Url};

use super::file::File;
use super::{Base, Problem, Secret, SlackAccess};
use crate::cli::Flags;

/// Variables of ours; every other `SLUICE_*` is a typing error that would otherwise be silently without effect.
const VARIABLES: [&str; 12] = [
    "SLUICE_BACKUP",
    "SLUICE_BACKUP_EVERY",
    "SLUICE_BACKUP_KEEP",
    "SLUICE_BOUNDARY",
    "SLUICE_CONFIG",
    "SLUICE_LEASE",
    "SLUICE_LISTEN",
    "SLUICE_LOG",
    "SLUICE_METRICS",
    "SLUICE_QUEUE",
    "SLUICE_SETTLE",
    "SLUICE_STATE",
];
const LONGEST_SECONDS: u64 = 3_600;

/// The raw material of a configuration.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sources {
    /// The command line.
    pub(crate) flags: Flags,
    /// The environment.
    pub(crate) env: BTreeMap<String, String>,
}

impl Sources {
    /// The flags given and this process's environment. A variable that is not UTF-8 is left out: ours all are.
    pub(crate) fn of_process(flags: Flags) -> Self {
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { flags, env }
    }

    fn named_file(&self) -> Option<PathBuf> {
        let variable = || self.env.get("SLUICE_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        self.flags.config.clone().or_else(variable)
    }

    /// The file that is read, whether it is there or not.
    pub(super) fn file(&self) -> PathBuf {
        self.named_file().unwrap_or_else(|| PathBuf::from("sluice.toml"))
    }

    /// Begins the reading: finds the file.
    pub(super) fn read(mut self) -> Reading {
        self.env.retain(|_, value| !value.is_empty());
        let mut problems: Vec<Problem> = self
            .env
            .keys()
            .filter(|name| name.starts_with("SLUICE_") && !VARIABLES.contains(&name.as_str()))
            .map(|name| Problem { name: name.clone(), what: "unknown variable".to_owned() })
            .collect();
        let named = self.named_file();
        let path = self.file();
        let shown = path.display().to_string();
        let parsed = match std::fs::read_to_string(&path) {
            Ok(text) => File::parse(&shown, &text),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Ok(File::default())
            }
            Err(error) => Err(Problem { name: shown, what: format!("cannot be read: {}", error.kind()) }),
        };
        let file = parsed.unwrap_or_else(|problem| {
            problems.push(problem);
            File::default()
        });
        Reading { flags: self.flags, env: self.env, file, problems }
    }
}

/// A number as it was read.
pub(super) struct Number {
    /// The number, or the default; `None` if it is not right.
    pub(super) value: Option<u64>,
    /// The name it was given under, and what was given.
    pub(super) given: Option<(String, String)>,
}

/// A reading under way.
pub(super) struct Reading {
    pub(super) flags: Flags,
    env: BTreeMap<String, String>,
    file: File,
    problems: Vec<Problem>,
}

impl Reading {
    pub(super) fn problem(&mut self, name: impl Into<String>, what: impl Into<String>) {
        self.problems.push(Problem { name: name.into(), what: what.into() });
    }

    /// The text of a setting from the first source that has it, with the name it goes by there. Takes it from the
    /// file in any case, or it would count as unknown.
    pub(super) fn text(
        &mut self,
        flag: Option<(&str, Option<String>)>,
        variable: &str,
        path: &str,
    ) -> Option<(String, String)> {
        let from_file = self.file.take(path).and_then(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            Value::Integer(number) => Some((name, number.to_string())),
            _ => {
                self.problem(name, "expected a text or a whole number");
                None
            }
        });
        flag.and_then(|(name, value)| Some((name.to_owned(), value?)))
            .or_else(|| self.env.get(variable).map(|value| (variable.to_owned(), value.clone())))
            .or(from_file)
    }

    /// All but Slack.
    pub(super) fn base(&mut self) -> Option<Base> {
        let listen = self.listen();
        let metrics = self.metrics(listen);
        let state = self.state();
        let backup = self.backup(state.as_ref());
        let queue = self.queue();
        let boundary = self.boundary();
        let lease = self.seconds("SLUICE_LEASE", "lease", 15, 1);
        let settle = self.seconds("SLUICE_SETTLE", "settle", 15, 0);
        let access = PinnedRoles {
            operators: self.people("access.operators"),
            admins: self.people("access.admins"),
            approvers: self.people("access.approvers"),
            oncall: self.people("access.oncall"),
        };
        let names = self.names();
        Some(Base {
            listen: listen?,
            metrics: metrics?,
            state: state?,
            backup: backup?,
            queue: queue?,
            boundary: boundary?,
            lease: lease?,
            settle: settle?,
            access,
            names: names?,
        })
    }

    fn listen(&mut self) -> Option<SocketAddr> {
        let flag = self.flags.listen.clone();
        let Some((name, text)) = self.text(Some(("--listen", flag)), "SLUICE_LISTEN", "listen") else {
            return Some(SocketAddr::from(([127, 0, 0, 1], 8080)));
        };
        let address = text.parse().ok();
        if address.is_none() {
            self.problem(name, format!("`{text}` is no address and port, as in `127.0.0.1:8080`"));
        }
        address
    }

    /// Not the address that Slack is given: what it says is nobody's outside.
    fn metrics(&mut self, listen: Option<SocketAddr>) -> Option<Option<SocketAddr>> {
        let Some((name, text)) = self.text(None, "SLUICE_METRICS", "metrics") else { return Some(None) };
        if text == "none" {
            return Some(None);
        }
        let Ok(address) = text.parse::<SocketAddr>() else {
            self.problem(
                name,
                format!("`{text}` is neither `none` nor an address and port, as in `127.0.0.1:9464`"),
            );
            return None;
        };
        if address.port() != 0 && Some(address) == listen {
            self.problem(
                name,
                format!("`{text}` is the address that Slack delivers to; metrics need another one"),
            );
            return None;
        }
        Some(Some(address))
    }

    /// The queue's full name: `sqs:wake` and `sqs:wake.fifo` are the same queue, as only a FIFO queue will do.
    fn queue(&mut self) -> Option<Option<String>> {
        let Some((name, text)) = self.text(None, "SLUICE_QUEUE", "queue") else { return Some(None) };
        if text == "none" {
            return Some(None);
        }
        let Some(given) = text.strip_prefix("sqs:") else {
            self.problem(name, format!("`{text}` is no queue: `none`, or as in `sqs:sluice`"));
            return None;
        };
        let bare = given.strip_suffix(".fifo").unwrap_or(given);
        let fits = (1..=75).contains(&bare.len())
            && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if !fits {
            self.problem(
                name,
                format!(
                    "`{given}` is no queue name: 1 to 75 of a-z, A-Z, 0-9, _ and -, then `.fifo` or nothing"
                ),
            );
            return None;
        }
        Some(Some(format!("{bare}.fifo")))
    }

    /// The boundary of the organisation's own, out of its file. The inner `None`: Sluice's.
    fn boundary(&mut self) -> Option<Option<Vec<serde_json::Value>>> {
        let flag = self.flags.boundary.clone();
        let Some((name, path)) = self.text(Some(("--boundary", flag)), "SLUICE_BOUNDARY", "boundary") else {
            return Some(None);
        };
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("cannot be read: {}", error.kind()));
        match text.and_then(|text| boundaries::statements(&text)) {
            Ok(statements) => Some(Some(statements)),
            Err(what) => {
                self.problem(name, format!("`{path}` {what}"));
                None
            }
        }
    }

    fn seconds(&mut self, variable: &str, path: &str, default: u64, least: u64) -> Option<Duration> {
        let range = least..=LONGEST_SECONDS;
        self.number(variable, path, "number of seconds", default, range).value.map(Duration::from_secs)
    }

    /// A whole number within its range; `what` it is, for the person who gave another.
    pub(super) fn number(
        &mut self,
        variable: &str,
        path: &str,
        what: &str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Number {
        let Some((name, text)) = self.text(None, variable, path) else {
            return Number { value: Some(default), given: None };
        };
        let value = text.parse().ok().filter(|number| range.contains(number));
        if value.is_none() {
            let (least, most) = (range.start(), range.end());
            self.problem(name.clone(), format!("`{text}` is no {what} from {least} to {most}"));
        }
        Number { value, given: Some((name, text)) }
    }

    fn people(&mut self, path: &str) -> BTreeSet<Member> {
        let Some((name, value)) = self.file.take(path) else { return BTreeSet::new() };
        let Value::Array(members) = value else {
            self.problem(
                name,
                "expected a list of Slack user or group ids, as in [\"U024BE7LH\", \"S0604QSJC\"]",
            );
            return BTreeSet::new();
        };
        let mut people = BTreeSet::new();
        for member in members {
            match member.as_str().map(|id| Member::try_from(id.to_owned())) {
                Some(Ok(member)) => {
                    people.insert(member);
                }
                _ => self.problem(
                    &name,
                    format!("{member} is no Slack user or group id, as in \"U024BE7LH\" or \"S0604QSJC\""),
                ),
            }
        }
        people
    }

    fn names(&mut self) -> Option<Names> {
        let prefix = match self.file.take("commands.prefix") {
            None => Some(String::new()),
            Some((name, value)) => {
                let prefix =
                    value.as_str().filter(|prefix| crate::manifest::is_prefix(prefix)).map(str::to_owned);
                if prefix.is_none() {
                    self.problem(name, crate::manifest::PREFIX_RULE);
                }
                prefix
            }
        };
        let only_umbrella = match self.file.take("commands.only_umbrella") {
            None => Some(false),
            Some((_, Value::Boolean(only))) => Some(only),
            Some((name, _)) => {
                self.problem(name, "expected true or false");
                None
            }
        };
        Some(Names { prefix: prefix?, only_umbrella: only_umbrella? })
    }

    /// Slack's side.
    pub(super) fn slack(&mut self) -> Option<SlackAccess> {
        let app_token =
            ["SLACK_APP_TOKEN", "SLACK_APP_TOKEN_FILE"].into_iter().find(|name| self.env.contains_key(*name));
        if let Some(name) = app_token {
            self.problem(name, "Socket Mode is not available yet; use HTTP with SLACK_SIGNING_SECRET");
        }
        let api_url = self.api_url();
        let bot_token = self.secret("SLACK_BOT_TOKEN");
        let signing_secret = match app_token {
            Some(_) if !self.is_given("SLACK_SIGNING_SECRET") => None,
            _ => self.secret("SLACK_SIGNING_SECRET"),
        };
        Some(SlackAccess { api_url: api_url?, bot_token: bot_token?, signing_secret: signing_secret? })
    }

    /// The value is not repeated in a problem: a URL may hold a password.
    fn api_url(&mut self) -> Option<Url> {
        let default = || "https://slack.com/api".to_owned();
        let (name, text) = self
            .text(None, "SLACK_API_URL", "slack.api_url")
            .unwrap_or_else(|| ("SLACK_API_URL".to_owned(), default()));
        let url = match Url::parse(text.trim_end_matches('/')) {
            Ok(url) if url.host().is_some() && url.query().is_none() && url.fragment().is_none() => url,
            _ => {
                self.problem(name, "is no URL, as in `https://slack.com/api`");
                return None;
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.problem(name, "must not hold a user or a password");
            return None;
        }
        match url.scheme() {
            "https" => Some(url),
            "http" if is_loopback_http(&url) => Some(url),
            _ => {
                self.problem(
                    name,
                    "must be https: the bot's token goes over it (http is for this machine alone)",
                );
                None
            }
        }
    }

    fn is_given(&self, variable: &str) -> bool {
        self.env.contains_key(variable) || self.env.contains_key(&format!("{variable}_FILE"))
    }

    fn secret(&mut self, variable: &str) -> Option<Secret> {
        let file_variable = format!("{variable}_FILE");
        let text = match (self.env.get(variable).cloned(), self.env.get(&file_variable).cloned()) {
            (Some(_), Some(_)) => {
                self.problem(variable, format!("is given twice: here and as {file_variable}"));
                return None;
            }
            (None, None) => {
                self.problem(
                    variable,
                    format!("is required (or {file_variable}, the path of a file that holds it)"),
                );
                return None;
            }
            (Some(text), None) => text,
            (None, Some(path)) => match std::fs::read_to_string(Path::new(&path)) {
                Ok(text) => text.trim_end_matches(['\r', '\n']).to_owned(),
                Err(error) => {
                    self.problem(file_variable, format!("the file cannot be read: {}", error.kind()));
                    return None;
                }
            },
        };
        let well_formed = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !well_formed {
            self.problem(variable, "is empty or has blanks or other signs that no token has");
        }
        well_formed.then(|| Secret::new(text))
    }

    /// Ends the reading; what nobody asked for is unknown.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        // `init` reads no Slack settings; they are known all the same.
        self.file.take("slack.api_url");
        let mut problems = self.problems;
        problems.extend(self.file.unknown());
        problems.sort_by(|a, b| a.name.cmp(&b.name));
        problems
    }
}

/// Whether a URL is plain HTTP that never leaves this machine.
pub(crate) fn is_loopback_http(url: &Url) -> bool {
    if url.scheme() != "http" {
        return false;
    }
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
