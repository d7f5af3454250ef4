//! `key=value`: one setting of a stage's policy, as a person types it.

use std::collections::BTreeSet;

use crate::records::{Order, Policy};
use crate::rules::messages;
use sluice_model::{Member, PARAMETER, Refusal};

/// The shortest time that a request may wait, in seconds.
const SHORTEST: u64 = 60;
/// The longest time that a request may wait or a release soak, in seconds.
const LONGEST: u64 = 30 * 86_400;
/// The most approvals that a stage may need.
const MOST: u32 = 10;

// Limits of parameters: a policy is one record, and it is shown.
const MOST_PARAMETERS: usize = 50;
const LONGEST_VALUE: usize = 1_024;
const ALL_VALUES: usize = 8 * 1_024;

/// The settings, as they are typed.
pub const KEYS: [&str; 12] = [
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
    "images",
    "events",
];

/// The value that resets a setting.
const DEFAULT: &str = "default";

fn seconds(key: &str, value: &str, from: u64) -> Result<u64, Refusal> {
    let shape = || messages::bad_time(key, value, from, LONGEST);
    let found = sluice_grammar::length_of(value).ok_or_else(shape)?;
    if (from..=LONGEST).contains(&found) { Ok(found) } else { Err(shape()) }
}

fn unparsed(problem: String) -> Refusal {
    messages::unparsed(&problem)
}

fn is_off(value: &str) -> bool {
    ["off", "no", "none", "0"].contains(&value.to_ascii_lowercase().as_str())
}

fn yes_or_no(key: &str, value: &str) -> Result<bool, Refusal> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" => Ok(true),
        "no" | "off" | "false" => Ok(false),
        _ => Err(messages::bad_choice(key, value, ["yes", "no"])),
    }
}

fn on_or_off(key: &str, value: &str) -> Result<bool, Refusal> {
    yes_or_no(key, value).map_err(|_| messages::bad_choice(key, value, ["on", "off"]))
}

/// People and user groups as Slack writes them: `<@U1|ann>,<!subteam^S1|@leads>`.
fn people(key: &str, value: &str) -> Result<BTreeSet<Member>, Refusal> {
    let names = value.split([',', ' ']).filter(|name| !name.is_empty());
    let read = |name: &str| Member::marked(name.strip_prefix('<')?.strip_suffix('>')?);
    names.map(|name| read(name).ok_or_else(|| messages::bad_approver(key, name))).collect()
}

/// The most repositories of others that a stage may use.
const MOST_REPOSITORIES: usize = 20;

/// Names of repositories in ECR: `base/python,shop/orders`.
fn repositories(value: &str) -> Result<BTreeSet<String>, Refusal> {
    let names = value.split([',', ' ']).filter(|name| !name.is_empty());
    let read = |name: &str| {
        let is_name = sluice_model::is_image_repository(name) && !name.contains(".dkr.ecr.");
        if is_name { Ok(name.to_owned()) } else { Err(messages::bad_repository(name)) }
    };
    let found: BTreeSet<String> = names.map(read).collect::<Result<_, _>>()?;
    if found.len() > MOST_REPOSITORIES {
        Err(messages::too_many_repositories(MOST_REPOSITORIES))
    } else {
        Ok(found)
    }
}

impl Policy {
    /// Changes one setting. An invalid value changes nothing. `default`: the default policy for the stage's position.
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
                let count = value.parse().ok().filter(|count| *count <= MOST);
                self.approvals = count.ok_or_else(|| messages::bad_count(value, MOST))?;
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
                    _ => return Err(messages::bad_choice(&key, value, ["strict", "any"])),
                }
            }
            "soak" if is_default || is_off(value) => self.soak = 0,
            "soak" => self.soak = seconds(&key, value, 1)?,
            "window" if is_default || is_off(value) => self.window = None,
            "window" => self.window = Some(value.parse().map_err(unparsed)?),
            "freeze" if is_default || is_off(value) => self.freeze = None,
            "freeze" => self.freeze = Some(sluice_grammar::reason(value).parse().map_err(unparsed)?),
            "smoke" if is_default || is_off(value) => self.smoke = None,
            "smoke" => self.smoke = Some(value.parse().map_err(unparsed)?),
            "wild_rights" if is_default => self.wild_rights = d.wild_rights,
            "wild_rights" => self.wild_rights = yes_or_no(&key, value)?,
            "images" if is_default || is_off(value) => self.images = d.images,
            "images" => self.images = repositories(value)?,
            "events" if is_default => self.events_off = d.events_off,
            "events" => self.events_off = !on_or_off(&key, value)?,
            _ => {
                let near = sluice_grammar::closest(&key, KEYS);
                return Err(messages::no_such_setting(typed, &key, near, &KEYS));
            }
        }
        Ok(())
    }

    /// Sets a parameter of the template, or removes it.
    fn set_parameter(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        if name.is_empty() || name.len() > 255 || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(messages::bad_parameter(name));
        }
        if name == "Stage" {
            return Err(messages::parameter_stage());
        }
        // Slack's picker may have turned a typed name into a mention.
        let value = sluice_grammar::reason(value);
        if ["", "-"].contains(&value.as_str()) {
            return match self.parameters.remove(name) {
                Some(_) => Ok(()),
                None => Err(messages::parameter_not_set(name)),
            };
        }
        if value.chars().count() > LONGEST_VALUE {
            return Err(messages::value_too_long(name, LONGEST_VALUE));
        }
        self.parameters.insert(name.to_owned(), value);
        let size: usize = self.parameters.iter().map(|(name, value)| name.len() + value.len()).sum();
        if self.parameters.len() > MOST_PARAMETERS || size > ALL_VALUES {
            return Err(messages::too_many_parameters(MOST_PARAMETERS, ALL_VALUES));
        }
        Ok(())
    }
}

/// The name in `param.NAME`, which keeps its case.
pub fn parameter(key: &str) -> Option<&str> {
    let (prefix, name) = key.split_at_checked(PARAMETER.len())?;
    prefix.eq_ignore_ascii_case(PARAMETER).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::parameters_changed;

    fn set(settings: &[(&str, &str)]) -> Result<Policy, Refusal> {
        let default = Policy::of(true);
        let mut policy = default.clone();
        for (key, value) in settings {
            policy.set(key, value, &default)?;
        }
        Ok(policy)
    }

    #[test]
    fn settings_are_parsed_and_described_in_words() {
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
            "2 approvals, requesters may approve; approvers: @U1, @U2, @S1; requests expire after 2h; only what the \
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
            "self-approval is less strict, too"
        );
    }

    #[test]
    fn only_a_policy_without_its_smoke_test_is_less_strict() {
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
    fn only_a_policy_that_needs_fewer_people_must_be_confirmed() {
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
    fn a_policy_with_wild_rights_is_less_strict_and_says_so() {
        let wild = set(&[("wild-rights", "yes")]).unwrap();
        assert!(wild.is_lower_than(&Policy::of(true)) && !Policy::of(true).is_lower_than(&wild));
        assert!(
            wild.words().flat().ends_with("; wildcard permissions are allowed"),
            "{}",
            wild.words().flat()
        );
        let mut back = wild;
        back.set("wild_rights", "no", &Policy::of(true)).unwrap();
        assert_eq!(back, Policy::of(true));
    }

    #[test]
    fn a_policy_with_more_images_is_less_strict_and_says_so() {
        let some = set(&[("images", "shop/base,tools")]).unwrap();
        let fewer = set(&[("images", "tools")]).unwrap();
        assert!(some.is_lower_than(&fewer) && !fewer.is_lower_than(&some));
        assert!(some.words().flat().ends_with("; images from shop/base, tools"), "{}", some.words().flat());
        let mut back = some;
        back.set("images", "off", &Policy::of(true)).unwrap();
        assert_eq!(back, Policy::of(true));
        let many: Vec<String> = (0..=MOST_REPOSITORIES).map(|nth| format!("r{nth}")).collect();
        assert!(set(&[("images", &many.join(","))]).unwrap_err().problem.contains("at most 20"));
    }

    #[test]
    fn an_invalid_setting_is_refused_with_a_valid_one() {
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
            ("events", "some", "`events=on`"),
            ("smoke", "ping", "Nothing was changed."),
            ("wild_rights", "maybe", "`wild_rights=yes`"),
            ("images", "Base", "`images=base/python,shop/orders`"),
            ("images", "1.dkr.ecr.r.amazonaws.com/base", "`images=base/python,shop/orders`"),
        ] {
            let refusal = set(&[(key, value)]).unwrap_err();
            assert!(refusal.hint.contains(words), "{key}={value}: {refusal:?}");
        }
    }
}
