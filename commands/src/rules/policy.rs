//! What a stage asks of people who want to change it.
//!
//! Every stage has a policy: until an admin sets something, the first stage is open and every later one needs one
//! approval by somebody else (DESIGN 11). A value that cannot be read changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::rules::{Freeze, Smoke, Window};
use sluice_grammar::Period;
use sluice_model::{Member, PARAMETER, Refusal, Text};

/// The shortest time that a request may wait: enough for who sits beside who asks.
const SHORTEST: u64 = 60;
/// The longest time that a request may wait, or a release soak.
const LONGEST: u64 = 30 * 86_400;
/// More approvals than any team collects.
const MOST: u32 = 10;

/// In which order releases come to a stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// From any earlier stage on which it ran.
    #[default]
    Any,
    /// Only what the stage before it runs now.
    Strict,
}

/// The policy of a stage. Times are seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How many different people have to approve a promotion.
    pub approvals: u32,
    /// Who may approve; if it is empty, the approvers of the installation.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub approvers: BTreeSet<Member>,
    /// Whether an approval by who asked counts.
    pub self_approval: bool,
    /// How long a request waits for its approvals; 0 for ever: it is void anyway as soon as the stage moves.
    pub expires: u64,
    /// In which order releases come.
    pub order: Order,
    /// How long a release must have run on the stage before, at the present time.
    pub soak: u64,
    /// When it may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// When it may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Freeze>,
    /// What it has to pass right after a move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoke: Option<Smoke>,
    /// The values of the template's parameters on this stage, by name.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// Whether templates may have statements that name no action or no resource.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wild_rights: bool,
}

/// Values of a template's parameters, by name.
pub type Parameters = BTreeMap<String, String>;

/// Bounds of what may be set: a policy is one record, and is shown.
const MOST_PARAMETERS: usize = 50;
const LONGEST_VALUE: usize = 1_024;
const ALL_VALUES: usize = 8 * 1_024;
/// Signs of a value where it is only mentioned.
const SHOWN: usize = 60;

/// What can be set, as it is typed.
pub const KEYS: [&str; 10] = [
    "approvals",
    "approvers",
    "self_approval",
    "expires",
    "order",
    "soak",
    "window",
    "freeze",
    "smoke",
    "wild_rights",
];

/// The word that takes a setting back to what the stage's place says.
const DEFAULT: &str = "default";

fn no(what: String, hint: impl Into<String>) -> Refusal {
    Refusal::new("bad-setting", what, hint)
}

/// As `30m`, `24h`; at least a minute, so that nothing is shown as no time at all.
pub fn span(seconds: u64) -> String {
    let seconds = if seconds > 60 { seconds.div_ceil(60) * 60 } else { 60 };
    // A day has 24 hours here: people say "24h" of a request, and days of weeks.
    match seconds {
        86_400 => "24h".to_owned(),
        _ => Period::Seconds(seconds).to_string(),
    }
}

fn seconds(key: &str, value: &str, from: u64) -> Result<u64, Refusal> {
    let shape = || {
        no(
            format!("`{key}={value}` is no length of time between {} and {}.", span(from), span(LONGEST)),
            format!("Write it as `{key}=30m`, `{key}=24h` or `{key}=2d`."),
        )
    };
    let found = sluice_grammar::length_of(value).ok_or_else(shape)?;
    if (from..=LONGEST).contains(&found) { Ok(found) } else { Err(shape()) }
}

fn is_off(value: &str) -> bool {
    ["off", "no", "none", "0"].contains(&value.to_ascii_lowercase().as_str())
}

fn yes_or_no(key: &str, value: &str) -> Result<bool, Refusal> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" => Ok(true),
        "no" | "off" | "false" => Ok(false),
        _ => Err(no(
            format!("`{key}={value}` is neither yes nor no."),
            format!("Write `{key}=yes` or `{key}=no`."),
        )),
    }
}

/// People and user groups as Slack writes them: `<@U1|ann>,<!subteam^S1|@leads>`.
fn people(key: &str, value: &str) -> Result<BTreeSet<Member>, Refusal> {
    let names = value.split([',', ' ']).filter(|name| !name.is_empty());
    let read = |name: &str| Member::marked(name.strip_prefix('<')?.strip_suffix('>')?);
    names
        .map(|name| {
            read(name).ok_or_else(|| {
                no(
                    format!("`{name}` in `{key}` is nobody that Slack knows."),
                    format!("Name people and groups by their mention, as in `{key}=@leads,@ann`."),
                )
            })
        })
        .collect()
}

impl Policy {
    /// What a stage's place says of it.
    pub fn of(is_protected: bool) -> Self {
        Self {
            approvals: u32::from(is_protected),
            approvers: BTreeSet::new(),
            self_approval: false,
            expires: 0,
            order: Order::Any,
            soak: 0,
            window: None,
            freeze: None,
            smoke: None,
            parameters: Parameters::new(),
            wild_rights: false,
        }
    }

    /// Changes one setting; `default` is what the stage's place says.
    pub fn set(&mut self, key: &str, value: &str, default: &Policy) -> Result<(), Refusal> {
        if let Some(name) = parameter(key) {
            return self.set_parameter(name, value);
        }
        let typed = key;
        let key = key.to_ascii_lowercase().replace('-', "_");
        let value = value.trim();
        let is_default = value.eq_ignore_ascii_case(DEFAULT);
        let d = default.clone();
        match key.as_str() {
            "approvals" if is_default => self.approvals = d.approvals,
            "approvals" => {
                self.approvals = value.parse().ok().filter(|count| *count <= MOST).ok_or_else(|| {
                    no(format!("`approvals={value}` is no number from 0 to {MOST}."), "Write `approvals=2`.")
                })?;
            }
            "approvers" if is_default || is_off(value) => self.approvers = d.approvers,
            "approvers" => self.approvers = people(&key, value)?,
            "self_approval" if is_default => self.self_approval = d.self_approval,
            "self_approval" => self.self_approval = yes_or_no(&key, value)?,
            "expires" if is_default || is_off(value) => self.expires = 0,
            "expires" => self.expires = seconds(&key, value, SHORTEST)?,
            "order" => {
                self.order = match value.to_ascii_lowercase().as_str() {
                    "strict" => Order::Strict,
                    "any" | DEFAULT => Order::Any,
                    _ => {
                        let what = format!("`order={value}` is neither strict nor any.");
                        return Err(no(what, "Write `order=strict` or `order=any`."));
                    }
                }
            }
            "soak" if is_default || is_off(value) => self.soak = 0,
            "soak" => self.soak = seconds(&key, value, 1)?,
            "window" if is_default || is_off(value) => self.window = None,
            "window" => {
                let window =
                    value.parse().map_err(|what: String| no(format!("{what}."), "Nothing was changed."))?;
                self.window = Some(window);
            }
            "freeze" if is_default || is_off(value) => self.freeze = None,
            "freeze" => {
                let freeze = sluice_grammar::reason(value)
                    .parse()
                    .map_err(|what: String| no(format!("{what}."), "Nothing was changed."))?;
                self.freeze = Some(freeze);
            }
            "smoke" if is_default || is_off(value) => self.smoke = None,
            "smoke" => {
                let smoke =
                    value.parse().map_err(|what: String| no(format!("{what}."), "Nothing was changed."))?;
                self.smoke = Some(smoke);
            }
            "wild_rights" if is_default => self.wild_rights = d.wild_rights,
            "wild_rights" => self.wild_rights = yes_or_no(&key, value)?,
            "events" => {
                return Err(Refusal::new(
                    "not-available",
                    format!("`{key}` is not available yet."),
                    format!("You can set {}.", KEYS.map(|key| format!("`{key}`")).join(", ")),
                ));
            }
            _ => {
                let near = sluice_grammar::closest(&key, KEYS);
                let hint = match near {
                    Some(near) => format!("Did you mean `{near}`?"),
                    None => format!(
                        "You can set {}. A parameter of the template is set with `{PARAMETER}{typed}=…`.",
                        KEYS.map(|key| format!("`{key}`")).join(", ")
                    ),
                };
                return Err(no(format!("A stage has no setting `{key}`."), hint));
            }
        }
        Ok(())
    }

    /// Sets a parameter of the template, or removes it.
    fn set_parameter(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        if name.is_empty() || name.len() > 255 || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(no(
                format!("`{name}` is not a valid parameter name."),
                "Parameters of a template have letters and digits, as in `param.LogLevel=debug`.",
            ));
        }
        if name == "Stage" {
            return Err(no(
                "The parameter `Stage` always has the name of the stage.".to_owned(),
                "Give another name to the parameter that you want to set.",
            ));
        }
        // What Slack's picker made a mention of was typed as a name.
        let value = sluice_grammar::reason(value);
        if ["", "-"].contains(&value.as_str()) {
            return match self.parameters.remove(name) {
                Some(_) => Ok(()),
                None => Err(no(
                    format!("The parameter `{name}` is not set."),
                    "Names of parameters are case-sensitive: see `/stage list NAME`.",
                )),
            };
        }
        if value.chars().count() > LONGEST_VALUE {
            return Err(no(
                format!("The value of `{name}` is longer than {LONGEST_VALUE} characters."),
                "Store it in SSM Parameter Store, and set the name under which it is stored.",
            ));
        }
        self.parameters.insert(name.to_owned(), value);
        let size: usize = self.parameters.iter().map(|(name, value)| name.len() + value.len()).sum();
        if self.parameters.len() > MOST_PARAMETERS || size > ALL_VALUES {
            return Err(no(
                format!(
                    "A stage has at most {MOST_PARAMETERS} parameters, and {ALL_VALUES} bytes of values."
                ),
                "Store larger configuration in SSM Parameter Store, and set the name under which it is stored.",
            ));
        }
        Ok(())
    }

    /// Whether a promotion needs fewer other people than it did: that has to be confirmed.
    pub fn needs_fewer_people_than(&self, before: &Policy) -> bool {
        self.approvals < before.approvals
            || before.approvals > 0 && self.approvals > 0 && self.self_approval && !before.self_approval
    }

    /// What a promotion needs: "no approval", "one approval".
    pub fn needs(&self) -> String {
        let count = match self.approvals {
            0 => return "no approval".to_owned(),
            1 => "one approval".to_owned(),
            count => format!("{count} approvals"),
        };
        if self.self_approval { format!("{count} (your own counts)") } else { count }
    }

    /// Whether it asks less than another did: that is told loudly.
    pub fn is_lower_than(&self, before: &Policy) -> bool {
        self.approvals < before.approvals
            || self.self_approval && !before.self_approval
            || self.approvers != before.approvers
            || self.order == Order::Any && before.order == Order::Strict
            || self.soak < before.soak
            || before.window.is_some() && self.window != before.window
            || before.freeze.is_some() && self.freeze != before.freeze
            || before.smoke.is_some() && self.smoke.is_none()
            || self.wild_rights && !before.wild_rights
    }

    /// In words: "2 approvals by others of @ann, @ben; only what runs on the stage before; …".
    pub fn words(&self) -> Text {
        let mut parts = vec![match (self.approvals, self.self_approval) {
            (0, _) => Text::plain("open"),
            (1, false) => Text::plain("protected: one approval by someone else"),
            (1, true) => Text::plain("protected: one approval, requesters may approve"),
            (count, false) => Text::plain(format!("protected: {count} approvals by others")),
            (count, true) => Text::plain(format!("protected: {count} approvals, requesters may approve")),
        }];
        if self.approvals > 0 && !self.approvers.is_empty() {
            let mut of = Text::plain("by ");
            for (nth, member) in self.approvers.iter().enumerate() {
                of = if nth > 0 { of.then(", ").member(member) } else { of.member(member) };
            }
            parts.push(of);
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
            parts.push(Text::plain("accepts templates with wild rights"));
        }
        parts.into_iter().reduce(|all, part| all.then("; ").join(part)).unwrap_or_default()
    }
}

/// The name in `param.NAME`, which keeps its case.
pub fn parameter(key: &str) -> Option<&str> {
    let (prefix, name) = key.split_at_checked(PARAMETER.len())?;
    prefix.eq_ignore_ascii_case(PARAMETER).then_some(name)
}

/// A value as it is shown: long ones are cut.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn set(settings: &[(&str, &str)]) -> Result<Policy, Refusal> {
        let default = Policy::of(true);
        let mut policy = default.clone();
        for (key, value) in settings {
            policy.set(key, value, &default)?;
        }
        Ok(policy)
    }

    #[test]
    fn settings_are_read_as_they_are_typed_and_told_in_words() {
        let policy = set(&[
            ("Approvals", "2"),
            ("approvers", "<!subteam^S1|@leads>,<@U1|ann>,<@U2>"),
            ("self-approval", "yes"),
            ("expires", "2h"),
            ("order", "Strict"),
            ("soak", "30m"),
            ("window", "Mon-Fri 09:00-17:00 Europe/Berlin"),
            ("freeze", "2026-12-20..2027-01-02 the fair is on"),
            ("smoke", "get /health"),
        ])
        .unwrap();
        assert_eq!(
            policy.words().flat(),
            "protected: 2 approvals, requesters may approve; by @U1, @U2, @S1; requests expire after 2h; only what the \
             previous stage runs; only after 30m on the previous stage; changes only within Mon-Fri 09:00-17:00 \
             Europe/Berlin; frozen 2026-12-20..2027-01-02 UTC the fair is on; changes are undone unless GET /health \
             answers 200"
        );
        let json = serde_json::to_value(&policy).unwrap();
        assert_eq!(json["approvers"], serde_json::json!(["U1", "U2", "S1"]));
        assert_eq!(serde_json::from_value::<Policy>(json).unwrap(), policy);
        let mut back = policy.clone();
        for key in KEYS {
            back.set(key, "default", &Policy::of(true)).unwrap();
        }
        assert_eq!(back, Policy::of(true));
        assert!(
            back.is_lower_than(&policy) && policy.is_lower_than(&back),
            "an approval of one's own is less, too"
        );
    }

    #[test]
    fn a_smoke_test_is_less_without_it_and_not_with_another() {
        let tested = set(&[("smoke", "GET /health")]).unwrap();
        let other = set(&[("smoke", "invoke Hello {\"ping\":true}")]).unwrap();
        assert!(!other.is_lower_than(&tested) && !tested.is_lower_than(&Policy::of(true)));
        for off in ["off", "default"] {
            let mut without = tested.clone();
            without.set("smoke", off, &Policy::of(true)).unwrap();
            assert!(without == Policy::of(true) && without.is_lower_than(&tested));
        }
        let words = other.words().flat();
        assert!(
            words.ends_with("changes are undone unless invoke Hello {\"ping\":true} succeeds"),
            "{words}"
        );
    }

    #[test]
    fn a_parameter_keeps_its_case_and_its_value_as_typed() {
        let policy =
            set(&[("param.LogLevel", "Debug."), ("Param.Owner", "<@U1|ann>"), ("param.a", " x=y ")]).unwrap();
        let expected = [("LogLevel", "Debug."), ("Owner", "@ann"), ("a", "x=y")];
        assert_eq!(
            policy.parameters,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
        );
        let words = policy.words().flat();
        assert!(words.ends_with("parameters LogLevel=Debug., Owner=@ann, a=x=y"), "{words}");
        assert!(!policy.is_lower_than(&Policy::of(true)) && !Policy::of(true).is_lower_than(&policy));
        let mut other = policy.clone();
        other.set("param.LogLevel", "-", &Policy::of(true)).unwrap();
        other.set("param.a", "z", &Policy::of(true)).unwrap();
        other.set("param.New", "1", &Policy::of(true)).unwrap();
        let changed = parameters_changed(&policy.parameters, &other.parameters).unwrap().flat();
        assert_eq!(changed, "LogLevel: removed\nNew: 1\na: x=y → z");
        assert_eq!(parameters_changed(&other.parameters, &other.parameters), None);
    }

    #[test]
    fn parameters_are_bounded() {
        for (key, value, words) in [
            ("param.", "x", "not a valid parameter name"),
            ("param.Log-Level", "x", "not a valid parameter name"),
            ("param.Stage", "x", "always has the name of the stage"),
            ("param.Gone", "-", "is not set"),
            ("param.Gone", "", "is not set"),
            ("param.Long", &"x".repeat(1_025), "longer than 1024"),
        ] {
            let refusal = set(&[(key, value)]).unwrap_err();
            assert!(refusal.problem.contains(words), "{key}: {refusal:?}");
        }
        let long = "x".repeat(1_000);
        let names: Vec<String> = (0..9).map(|nth| format!("param.P{nth}")).collect();
        let settings: Vec<_> = names.iter().map(|name| (name.as_str(), long.as_str())).collect();
        assert!(set(&settings).unwrap_err().problem.contains("at most 50"), "too large");
        let names: Vec<String> = (0..51).map(|nth| format!("param.P{nth}")).collect();
        let settings: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
        assert!(set(&settings).unwrap_err().problem.contains("at most 50"), "too many");
    }

    #[test]
    fn fewer_people_have_to_be_confirmed_and_nothing_else() {
        let of = |settings: &[(&str, &str)]| set(settings).unwrap();
        let one = Policy::of(true);
        assert!(of(&[("approvals", "0")]).needs_fewer_people_than(&one));
        assert!(one.needs_fewer_people_than(&of(&[("approvals", "2")])));
        assert!(of(&[("self_approval", "yes")]).needs_fewer_people_than(&one));
        assert!(!of(&[("approvals", "2")]).needs_fewer_people_than(&one));
        assert!(!of(&[("soak", "1h")]).needs_fewer_people_than(&of(&[("soak", "2h")])));
        assert_eq!(of(&[("approvals", "0")]).needs(), "no approval");
    }

    #[test]
    fn wild_rights_are_less_and_are_told() {
        let wild = set(&[("wild-rights", "yes")]).unwrap();
        assert!(wild.is_lower_than(&Policy::of(true)) && !Policy::of(true).is_lower_than(&wild));
        assert!(
            wild.words().flat().ends_with("; accepts templates with wild rights"),
            "{}",
            wild.words().flat()
        );
        let mut back = wild;
        back.set("wild_rights", "no", &Policy::of(true)).unwrap();
        assert_eq!(back, Policy::of(true));
    }

    #[test]
    fn what_cannot_be_set_is_told_with_what_can() {
        for (key, value, words) in [
            ("approvals", "many", "Write `approvals=2`."),
            ("approvals", "11", "Write `approvals=2`."),
            ("approvers", "ann", "`approvers=@leads,@ann`"),
            ("approvers", "<!here>", "`approvers=@leads,@ann`"),
            ("self_approval", "maybe", "`self_approval=yes`"),
            ("expires", "1s", "`expires=30m`"),
            ("soak", "a while", "`soak=30m`"),
            ("order", "random", "`order=strict`"),
            ("window", "always open", "Nothing was changed."),
            ("aprovals", "2", "Did you mean `approvals`?"),
            ("colour", "red", "You can set `approvals`"),
            ("LogLevel", "debug", "`param.LogLevel=…`"),
            ("events", "on", "You can set"),
            ("smoke", "ping", "Nothing was changed."),
            ("wild_rights", "maybe", "`wild_rights=yes`"),
        ] {
            let refusal = set(&[(key, value)]).unwrap_err();
            assert!(refusal.hint.contains(words), "{key}={value}: {refusal:?}");
        }
    }
}
