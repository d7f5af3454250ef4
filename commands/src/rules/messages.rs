//! What people read about the rules of a stage: its policy, its gates, its locks and its drift.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::records::{Current, Drift, Freeze, Lock, Order, Parameters, Policy, Smoke, Window};
use sluice_grammar::Period;
use sluice_model::{PARAMETER, PipelineName, Refusal, ReleaseNumber, StageName, Text, plain};

/// A time in UTC, to the minute. Refusals are stored as text, so they cannot show the reader's own time zone.
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// As `30m`, `24h`; at least a minute, because "0m" would be no time at all.
pub fn span(seconds: u64) -> String {
    let seconds = if seconds > 60 { seconds.div_ceil(60) * 60 } else { 60 };
    // People say "24h" for a request and days for longer times.
    match seconds {
        86_400 => "24h".to_owned(),
        _ => Period::Seconds(seconds).to_string(),
    }
}

// Policies.

impl Policy {
    /// In words: "2 approvals by others; approvers: @ann, @ben; only what the previous stage runs; …".
    pub fn words(&self) -> Text {
        let mut parts = vec![Text::plain(match (self.approvals, self.self_approval) {
            (0, _) => "no approval needed".to_owned(),
            (1, false) => "1 approval by someone else".to_owned(),
            (1, true) => "1 approval, requesters may approve".to_owned(),
            (count, false) => format!("{count} approvals by others"),
            (count, true) => format!("{count} approvals, requesters may approve"),
        })];
        if self.approvals > 0 && !self.approvers.is_empty() {
            let mut text = Text::plain("approvers: ");
            for (nth, member) in self.approvers.iter().enumerate() {
                text = if nth > 0 { text.then(", ").member(member) } else { text.member(member) };
            }
            parts.push(text);
        }
        if self.approvals > 0 && self.expires > 0 {
            parts.push(Text::plain(format!("requests expire after {}", span(self.expires))));
        }
        if self.order == Order::Strict {
            parts.push(Text::plain("only what the previous stage runs"));
        }
        if self.soak > 0 {
            parts.push(Text::plain(format!("only after {} on the previous stage", span(self.soak))));
        }
        if let Some(window) = &self.window {
            parts.push(Text::plain(format!("changes only within {window}")));
        }
        if let Some(freeze) = &self.freeze {
            parts.push(Text::plain(format!("frozen {freeze}")));
        }
        if let Some(smoke) = &self.smoke {
            let test = Text::plain("changes are undone unless ").code(smoke.act());
            parts.push(match smoke {
                Smoke::Request { status, .. } => test.then(format!(" answers {status}")),
                Smoke::Invoke { .. } => test.then(" succeeds"),
            });
        }
        if !self.parameters.is_empty() {
            parts.push(Text::plain("parameters ").join(parameters_text(&self.parameters)));
        }
        if self.wild_rights {
            parts.push(Text::plain("wildcard permissions are allowed"));
        }
        if !self.images.is_empty() {
            let names = self.images.iter().cloned().collect::<Vec<_>>().join(", ");
            parts.push(Text::plain("images from ").code(names));
        }
        if self.events_off {
            parts.push(Text::plain("events are off"));
        }
        parts.into_iter().reduce(|all, part| all.then("; ").join(part)).unwrap_or_default()
    }

    /// What a promotion needs: "no approval", "1 approval".
    pub fn needs(&self) -> String {
        let count = match self.approvals {
            0 => return "no approval".to_owned(),
            1 => "1 approval".to_owned(),
            count => format!("{count} approvals"),
        };
        if self.self_approval { format!("{count} (your own counts)") } else { count }
    }
}

/// The characters of a value that are shown.
const SHOWN: usize = 60;

/// A value, cut if it is long.
fn shown(value: &str) -> String {
    let mut shown: String = value.chars().take(SHOWN).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}

/// Parameters with their values: `LogLevel=debug`, `Url=…`.
pub fn parameters_text(parameters: &Parameters) -> Text {
    parameters.iter().fold(Text::default(), |text, (name, value)| {
        let text = if text.is_empty() { text } else { text.then(", ") };
        text.code(format!("{name}={}", shown(value)))
    })
}

/// What differs between two sets of parameters, a line each; nothing if they are equal.
pub fn parameters_changed(before: &Parameters, after: &Parameters) -> Option<Text> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let lines = names.into_iter().filter_map(|name| {
        let line = Text::default().code(name.clone());
        Some(match (before.get(name), after.get(name)) {
            (before, after) if before == after => return None,
            (None, Some(now)) => line.then(": ").code(shown(now)),
            (Some(was), Some(now)) => line.then(": ").code(shown(was)).then(" → ").code(shown(now)),
            (_, None) => line.then(": removed"),
        })
    });
    lines.reduce(|all, line| all.then("\n").join(line))
}

// Settings.

fn bad_setting(problem: String, hint: impl Into<String>) -> Refusal {
    Refusal::new("bad-setting", problem, hint)
}

pub(super) fn bad_count(value: &str, most: u32) -> Refusal {
    bad_setting(
        format!("`approvals` must be a number from 0 to {most}, not `{value}`."),
        "Write `approvals=2`.",
    )
}

pub(super) fn bad_repository(name: &str) -> Refusal {
    bad_setting(
        format!("`{name}` is not the name of a repository in ECR."),
        "Write `images=base/python,shop/orders`, without registry and tag, or `images=off`.",
    )
}

pub(super) fn too_many_repositories(most: usize) -> Refusal {
    bad_setting(
        format!("A stage may use images from at most {most} repositories of others."),
        "Push images to repositories named after the pipeline, which need no setting.",
    )
}

/// Times are seconds.
pub(super) fn bad_time(key: &str, value: &str, shortest: u64, longest: u64) -> Refusal {
    bad_setting(
        format!("`{key}` must be a time from {} to {}, not `{value}`.", span(shortest), span(longest)),
        format!("Write it as `{key}=30m`, `{key}=24h` or `{key}=2d`."),
    )
}

pub(super) fn bad_choice(key: &str, value: &str, [one, other]: [&str; 2]) -> Refusal {
    bad_setting(
        format!("`{key}` must be `{one}` or `{other}`, not `{value}`."),
        format!("Write `{key}={one}` or `{key}={other}`."),
    )
}

pub(super) fn bad_approver(key: &str, name: &str) -> Refusal {
    bad_setting(
        format!("`{name}` in `{key}` is not a person or group in Slack."),
        format!("Mention people and groups, as in `{key}=@leads,@ann`."),
    )
}

/// `problem`: why the value could not be parsed, without its period.
pub(super) fn unparsed(problem: &str) -> Refusal {
    bad_setting(format!("{problem}."), "Nothing was changed.")
}

fn settings(keys: &[&str]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    format!("You can set {}.", keys.join(", "))
}

/// `typed`: the setting as it was typed, which may be the name of a parameter. `near`: the closest setting.
pub(super) fn no_such_setting(typed: &str, key: &str, near: Option<&str>, keys: &[&str]) -> Refusal {
    let hint = match near {
        Some(near) => format!("Did you mean `{near}`?"),
        None => {
            format!("{} To set a parameter of the template, write `{PARAMETER}{typed}=…`.", settings(keys))
        }
    };
    bad_setting(format!("A stage has no setting `{key}`."), hint)
}

pub(super) fn bad_parameter(name: &str) -> Refusal {
    bad_setting(
        format!("`{name}` is not a valid parameter name."),
        "Use only letters and digits, as in `param.LogLevel=debug`.",
    )
}

pub(super) fn parameter_stage() -> Refusal {
    let problem = "The parameter `Stage` always has the name of the stage.".to_owned();
    bad_setting(problem, "Rename your parameter in the template.")
}

pub(super) fn parameter_not_set(name: &str) -> Refusal {
    bad_setting(
        format!("The parameter `{name}` is not set."),
        "Names of parameters are case-sensitive: see `/stage list NAME`.",
    )
}

pub(super) fn value_too_long(name: &str, longest: usize) -> Refusal {
    bad_setting(
        format!("The value of `{name}` is longer than {longest} characters."),
        "Store it in SSM Parameter Store, and set the parameter to its name there.",
    )
}

pub(super) fn too_many_parameters(most: usize, bytes: usize) -> Refusal {
    bad_setting(
        format!("A stage has at most {most} parameters, and {bytes} bytes of values."),
        "Store larger configuration in SSM Parameter Store, and set a parameter to its name there.",
    )
}

// Gates.

const OVERRIDE: &str = "An admin or someone on call can override it, with a reason.";

pub(super) fn not_locked() -> Text {
    Text::plain("not locked")
}

impl Lock {
    /// The refusal of a change that it blocks.
    pub fn refusal(&self, pipeline: &PipelineName) -> Refusal {
        let Self { stage, owner, reason, until, hard, .. } = self;
        let (code, who) = match hard {
            true => ("hard-locked", "Only an admin can remove the lock"),
            false => ("locked", "Only the lock's owner or an admin can remove it"),
        };
        let reason = plain(reason);
        Refusal::new(
            code,
            format!("<@{}> locked `{stage}` until {}: {reason}.", owner.id, minute(*until)),
            format!("{who}: `/stage unlock {pipeline} {stage}`."),
        )
    }
}

pub(super) fn not_frozen(freeze: &Freeze) -> Text {
    Text::plain(format!("not active now: {freeze}"))
}

pub(super) fn frozen(stage: &StageName, freeze: &Freeze) -> Refusal {
    let ends = freeze.ends().map_or(String::new(), |ends| format!(" until {}", minute(ends)));
    let problem = format!("`{stage}` is frozen{ends}: {}.", plain(&freeze.reason));
    Refusal::new("frozen", problem, format!("Wait until it ends. {OVERRIDE}"))
}

pub(super) fn within_window(window: &Window) -> Text {
    Text::plain(format!("open: {window}"))
}

pub(super) fn outside_window(stage: &StageName, window: &Window, at: Timestamp) -> Refusal {
    let opens = window.opens(at).map_or(String::new(), |opens| format!(" It opens at {}.", minute(opens)));
    let problem = format!("`{stage}` can change only in its window, {window}.{opens}");
    Refusal::new("outside-window", problem, format!("Try again when it opens. {OVERRIDE}"))
}

pub(super) fn in_order(from: &StageName) -> Text {
    Text::default().code(from.as_str()).then(" runs it")
}

/// `before`: the previous stage. `runs`: what it runs.
pub(super) fn out_of_order(
    (pipeline, stage): (&PipelineName, &StageName),
    release: ReleaseNumber,
    (before, runs): (&StageName, Option<&Current>),
) -> Refusal {
    let runs = runs.map_or("nothing yet".to_owned(), |current| format!("`{}`", current.release));
    Refusal::new(
        "out-of-order",
        format!("`{stage}` accepts only what runs on `{before}`. `{before}` runs {runs}."),
        format!("Promote `{release}` to `{before}` first: `/promote {pipeline} {before} {release}`."),
    )
}

pub(super) fn soaked(soak: u64) -> Text {
    Text::plain(format!("it has run there for more than {}", span(soak)))
}

/// `ran`: how long the release has run there, in seconds; `None` if it does not run there now.
pub(super) fn soaking(release: ReleaseNumber, from: &StageName, soak: u64, ran: Option<u64>) -> Refusal {
    let how_long = match ran {
        None => "It does not run there now".to_owned(),
        Some(ran) => format!("It has run there for {}", span(ran)),
    };
    let left = soak.saturating_sub(ran.unwrap_or(0));
    Refusal::new(
        "soaking",
        format!("`{release}` must run on `{from}` for {} first. {how_long}.", span(soak)),
        format!("Try again in {}.", span(left)),
    )
}

pub(super) fn requested_again() -> Text {
    Text::plain("you requested it again after a rollback")
}

pub(super) fn rolled_back(
    (pipeline, stage): (&PipelineName, &StageName),
    from: &StageName,
    release: ReleaseNumber,
) -> Refusal {
    Refusal::new(
        "rolled-back",
        format!("`{stage}` was rolled back from `{release}`."),
        format!("To promote it again, run `/promote {pipeline} {stage} from {from} {release} again`."),
    )
}

// Locks.

/// `others`: how many locks of other people would have to be kept.
pub(super) fn too_many_locks(lock: &Lock, others: usize) -> Refusal {
    let Lock { stage, until, .. } = lock;
    Refusal::new(
        "too-many-locks",
        format!("{others} people have locked `{stage}`. The last lock ends at {}.", minute(*until)),
        "Ask an admin to lock it: an admin's lock replaces all of them.",
    )
}

// Drift.

impl Drift {
    /// A description with Slack marks: each alias, then the API stage.
    pub fn words(&self, stage: &StageName) -> String {
        let aliases = self.aliases.iter().map(|(function, moved)| {
            let name = format!("`{function}:{stage}`");
            match (&moved.recorded, &moved.seen) {
                (Some(recorded), Some(seen)) => {
                    format!("{name} points to version {} instead of {recorded}", parts(seen))
                }
                (Some(recorded), None) => format!("{name}, which pointed to version {recorded}, is gone"),
                (None, seen) => {
                    let seen = seen.as_deref().map_or("nothing".to_owned(), parts);
                    format!("{name} points to version {seen}, but no release is recorded there")
                }
            }
        });
        let apis = self.apis.iter().map(|(api, moved)| {
            let name = format!("the API `{api}` of `{stage}`");
            match (&moved.recorded, &moved.seen) {
                (Some(recorded), Some(seen)) => {
                    format!("{name} serves deployment `{seen}` instead of `{recorded}`")
                }
                (Some(recorded), None) => format!("{name}, which served deployment `{recorded}`, is gone"),
                (None, seen) => {
                    let seen = seen.as_deref().unwrap_or("none");
                    format!("{name} serves deployment `{seen}`, but no release is recorded there")
                }
            }
        });
        aliases.chain(apis).collect::<Vec<_>>().join("; ")
    }
}

/// `7 (100/1000 to 8)`, the notation of the port, in words.
fn parts(seen: &str) -> String {
    let Some((version, rest)) = seen.split_once(" (") else { return seen.to_owned() };
    let others = rest.trim_end_matches(')').split(", ").map(|part| {
        let (share, to) = part.split_once("/1000 to ").unwrap_or((part, "another"));
        let percent = share.parse::<u32>().map_or(share.to_owned(), |share| match share % 10 {
            0 => (share / 10).to_string(),
            tenth => format!("{}.{tenth}", share / 10),
        });
        format!("{percent}% of calls to {to}")
    });
    format!("{version} (and sends {})", others.collect::<Vec<_>>().join(", "))
}
