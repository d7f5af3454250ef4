//! What of a stage is not as Sluice left it: an alias that points elsewhere, an API stage that serves something else. The
//! record says what Sluice did; AWS alone says what runs.
//!
//! Only what is recorded is judged. A function that the running release does not have keeps the alias of an earlier one, and
//! of a stage that was resolved by hand nothing is known but where its aliases were.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{PinnedApi, Stage, VersionSet};
use sluice_model::StageName;

/// What a stage's record says of its aliases and its API stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    versions: BTreeMap<String, String>,
    api: Option<PinnedApi>,
    is_empty: bool,
}

impl Recorded {
    /// Of a stage, with the version set of the release that runs there.
    pub fn of(stage: &Stage, set: Option<&VersionSet>) -> Self {
        if let Some(mixed) = &stage.mixed {
            return Self { versions: mixed.clone(), ..Self::default() };
        }
        let Some(current) = &stage.current else { return Self { is_empty: true, ..Self::default() } };
        let versions = set.map(|set| set.versions.clone()).unwrap_or_default();
        Self { versions, api: current.api.clone(), is_empty: false }
    }

    /// The functions that it says something of.
    pub fn functions(&self) -> impl Iterator<Item = &String> {
        self.versions.keys()
    }

    /// The API that it says something of.
    pub fn api(&self) -> Option<&PinnedApi> {
        self.api.as_ref()
    }

    /// Whether nothing is recorded to have run there: what is there nevertheless, others made.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// What is not as recorded of a function's alias that leads there.
    pub fn of_alias(&self, function: &str, seen: Option<String>) -> Drift {
        let moved = self.moved(self.versions.get(function), seen);
        let aliases = moved.into_iter().map(|moved| (function.to_owned(), moved)).collect();
        Drift { aliases, api: None }
    }

    /// What is not as recorded of the stage of an API that serves that deployment.
    pub fn of_api(&self, seen: Option<String>) -> Drift {
        let recorded = self.api.as_ref().map(|api| &api.deployment);
        Drift { api: self.moved(recorded, seen), ..Drift::default() }
    }

    fn moved(&self, recorded: Option<&String>, seen: Option<String>) -> Option<Moved> {
        let is_judged = recorded.is_some() || self.is_empty;
        (is_judged && recorded != seen.as_ref()).then(|| Moved { recorded: recorded.cloned(), seen })
    }
}

/// Something that was moved: where Sluice left it, and where it is. None: it was not, or is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Where Sluice left it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

/// What of a stage was moved outside Sluice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The stage's aliases, by function.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, Moved>,
    /// The API stage: deployments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Moved>,
}

impl Drift {
    /// Whether all is as recorded.
    pub fn is_none(&self) -> bool {
        self.aliases.is_empty() && self.api.is_none()
    }

    /// Both.
    pub fn and(mut self, other: Self) -> Self {
        self.aliases.extend(other.aliases);
        self.api = self.api.or(other.api);
        self
    }

    /// What is not as it was when somebody said to go on from it.
    pub fn beyond(mut self, accepted: Option<&Self>) -> Self {
        let Some(accepted) = accepted else { return self };
        self.aliases.retain(|function, moved| accepted.aliases.get(function) != Some(&*moved));
        self.api = self.api.filter(|moved| accepted.api.as_ref() != Some(moved));
        self
    }

    /// What was moved, in our own marks: an alias each, and the API stage.
    pub fn words(&self, stage: &StageName) -> String {
        let aliases = self.aliases.iter().map(|(function, moved)| {
            let name = format!("`{function}:{stage}`");
            match (&moved.recorded, &moved.seen) {
                (Some(recorded), Some(seen)) => {
                    format!("{name} points to version {} instead of {recorded}", parts(seen))
                }
                (Some(recorded), None) => format!("{name} is gone, which pointed to version {recorded}"),
                (None, seen) => {
                    let seen = seen.as_deref().map_or("nothing".to_owned(), parts);
                    format!("{name} points to version {seen}, though nothing ran there by the record")
                }
            }
        });
        let api = self.api.iter().map(|moved| {
            let name = format!("API stage `{stage}`");
            match (&moved.recorded, &moved.seen) {
                (Some(recorded), Some(seen)) => {
                    format!("{name} serves deployment `{seen}` instead of `{recorded}`")
                }
                (Some(recorded), None) => format!("{name} is gone, which served deployment `{recorded}`"),
                (None, seen) => {
                    let seen = seen.as_deref().unwrap_or("none");
                    format!("{name} serves deployment `{seen}`, though nothing ran there by the record")
                }
            }
        });
        aliases.chain(api).collect::<Vec<_>>().join("; ")
    }
}

/// `7 (100/1000 to 8)` as people say it.
fn parts(seen: &str) -> String {
    let Some((version, rest)) = seen.split_once(" (") else { return seen.to_owned() };
    let others = rest.trim_end_matches(')').split(", ").map(|part| {
        let (share, to) = part.split_once("/1000 to ").unwrap_or((part, "another"));
        let percent = share.parse::<u32>().map_or(share.to_owned(), |share| match share % 10 {
            0 => (share / 10).to_string(),
            tenth => format!("{}.{tenth}", share / 10),
        });
        format!("{percent} % of the calls to {to}")
    });
    format!("{version} (and sends {})", others.collect::<Vec<_>>().join(", "))
}

/// Since when a stage is known to be moved: AWS does not say when an alias was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedDrift {
    /// What was moved.
    pub drift: Drift,
    /// When that was first seen.
    pub first_seen: Timestamp,
    /// When the stage was last known to be right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_right: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(versions: &[(&str, &str)], deployment: Option<&str>) -> Recorded {
        let api = |deployment: &str| PinnedApi {
            api: "a1".into(),
            endpoint: String::new(),
            deployment: deployment.into(),
        };
        Recorded {
            versions: versions.iter().map(|(f, v)| ((*f).to_owned(), (*v).to_owned())).collect(),
            api: deployment.map(api),
            is_empty: false,
        }
    }

    #[test]
    fn only_what_is_recorded_is_judged() {
        let prod: StageName = "prod".parse().unwrap();
        let some = |text: &str| Some(text.to_owned());
        let runs = recorded(&[("f", "7")], Some("d2"));
        assert!(runs.of_alias("f", some("7")).is_none());
        assert!(runs.of_alias("left", some("3")).is_none(), "an earlier release left it");
        assert!(runs.of_api(some("d2")).is_none());
        let drift = runs.of_alias("f", some("5 (105/1000 to 6)")).and(runs.of_api(some("d1")));
        assert_eq!(
            drift.words(&prod),
            "`f:prod` points to version 5 (and sends 10.5 % of the calls to 6) instead of 7; API stage `prod` serves \
             deployment `d1` instead of `d2`"
        );
        assert!(runs.of_alias("f", None).words(&prod).contains("is gone"));
        let hidden = recorded(&[("f", "7")], None);
        assert!(hidden.of_api(some("d1")).is_none(), "of an API stage nothing is recorded");

        let empty = Recorded::of(&Stage::new(prod.clone()), None);
        assert!(empty.of_alias("f", None).is_none() && empty.of_api(None).is_none());
        assert!(empty.of_alias("f", some("1")).words(&prod).contains("nothing ran there"));

        let mixed = Stage { mixed: Some([("f".to_owned(), "6".to_owned())].into()), ..Stage::new(prod) };
        let mixed = Recorded::of(&mixed, None);
        assert!(mixed.of_alias("f", some("6")).is_none() && mixed.of_alias("g", some("1")).is_none());
        assert!(!mixed.of_alias("f", some("7")).is_none());
    }

    #[test]
    fn what_was_accepted_is_what_was_seen_and_no_more() {
        let runs = recorded(&[("f", "7"), ("g", "2")], None);
        let seen = |version: &str| runs.of_alias("f", Some(version.to_owned()));
        let accepted = seen("5");
        assert!(seen("5").beyond(Some(&accepted)).is_none());
        assert!(!seen("6").beyond(Some(&accepted)).is_none(), "it moved once more");
        assert!(!seen("5").beyond(None).is_none());
        let both = seen("5").and(runs.of_alias("g", Some("1".into())));
        assert_eq!(both.beyond(Some(&accepted)).aliases.keys().collect::<Vec<_>>(), ["g"]);
    }
}
