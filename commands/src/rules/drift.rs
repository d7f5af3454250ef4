//! Drift: an alias or an API stage that is not where Sluice left it. The record holds what Sluice did; only AWS holds what
//! runs.
//!
//! Only recorded resources are compared. A function that the running release does not have keeps its alias from an earlier
//! release. For a stage that was resolved by hand, only the positions of its aliases are recorded.

use std::collections::BTreeMap;

use crate::records::{Drift, Moved, PinnedApis, Served, Stage, VersionSet};

/// The recorded positions of a stage's aliases and API stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    versions: BTreeMap<String, String>,
    apis: PinnedApis,
    is_empty: bool,
}

impl Recorded {
    /// From a stage and the version set of the release that runs there.
    pub fn of(stage: &Stage, set: Option<&VersionSet>) -> Self {
        if let Some(mixed) = &stage.mixed {
            return Self { versions: mixed.clone(), ..Self::default() };
        }
        let Some(current) = &stage.current else { return Self { is_empty: true, ..Self::default() } };
        let versions = set.map(|set| set.versions.clone()).unwrap_or_default();
        Self { versions, apis: current.apis.clone(), is_empty: false }
    }

    /// The functions with a recorded alias.
    pub fn functions(&self) -> impl Iterator<Item = &String> {
        self.versions.keys()
    }

    /// The recorded APIs.
    pub fn apis(&self) -> &PinnedApis {
        &self.apis
    }

    /// Whether no release is recorded. Anything that exists then was created outside Sluice.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// The drift of a function's alias that points to `seen`.
    pub fn of_alias(&self, function: &str, seen: Option<String>) -> Drift {
        let moved = self.moved(self.versions.get(function), seen);
        let aliases = moved.into_iter().map(|moved| (function.to_owned(), moved)).collect();
        Drift { aliases, ..Drift::default() }
    }

    /// The drift of an API whose stage serves `seen`.
    pub fn of_api(&self, api: &str, seen: Option<&Served>) -> Drift {
        let recorded = self.apis.get(api).map(|api| &api.served);
        if recorded == seen {
            return Drift::default();
        }
        let (was, now) =
            (recorded.map(|recorded| recorded.beside(None)), seen.map(|seen| seen.beside(recorded)));
        let apis = self.moved(was.as_ref(), now).map(|moved| (api.to_owned(), moved));
        Drift { apis: apis.into_iter().collect(), ..Drift::default() }
    }

    fn moved(&self, recorded: Option<&String>, seen: Option<String>) -> Option<Moved> {
        let is_judged = recorded.is_some() || self.is_empty;
        (is_judged && recorded != seen.as_ref()).then(|| Moved { recorded: recorded.cloned(), seen })
    }
}

impl Drift {
    /// Whether everything is as recorded.
    pub fn is_none(&self) -> bool {
        self.aliases.is_empty() && self.apis.is_empty()
    }

    /// The union of two drifts.
    pub fn and(mut self, other: Self) -> Self {
        self.aliases.extend(other.aliases);
        self.apis.extend(other.apis);
        self
    }

    /// The drift that a person has not accepted: everything that differs from `accepted`.
    pub fn beyond(mut self, accepted: Option<&Self>) -> Self {
        let Some(accepted) = accepted else { return self };
        self.aliases.retain(|function, moved| accepted.aliases.get(function) != Some(&*moved));
        self.apis.retain(|api, moved| accepted.apis.get(api) != Some(&*moved));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::PinnedApi;
    use sluice_model::{ApiKind, StageName};

    const API: &str = "Web";

    fn served(deployment: &str, version: &str) -> Served {
        Served { deployment: deployment.into(), variables: [("F".to_owned(), version.to_owned())].into() }
    }

    fn recorded(versions: &[(&str, &str)], deployment: Option<&str>) -> Recorded {
        let api = |deployment: &str| PinnedApi {
            api: "a1".into(),
            kind: ApiKind::Http,
            endpoint: String::new(),
            stage: None,
            served: served(deployment, "7"),
            settings: Default::default(),
        };
        Recorded {
            versions: versions.iter().map(|(f, v)| ((*f).to_owned(), (*v).to_owned())).collect(),
            apis: deployment.map(|deployment| (API.to_owned(), api(deployment))).into_iter().collect(),
            is_empty: false,
        }
    }

    #[test]
    fn only_recorded_resources_are_compared() {
        let prod: StageName = "prod".parse().unwrap();
        let some = |text: &str| Some(text.to_owned());
        let runs = recorded(&[("f", "7")], Some("d2"));
        assert!(runs.of_alias("f", some("7")).is_none());
        assert!(runs.of_alias("left", some("3")).is_none(), "an alias of an earlier release");
        assert!(runs.of_api(API, Some(&served("d2", "7"))).is_none());
        let drift =
            runs.of_alias("f", some("5 (105/1000 to 6)")).and(runs.of_api(API, Some(&served("d1", "7"))));
        assert_eq!(
            drift.words(&prod),
            "`f:prod` points to version 5 (and sends 10.5% of calls to 6) instead of 7; the API `Web` of `prod` \
             serves deployment `d1` instead of `d2`"
        );
        let selected = runs.of_api(API, Some(&served("d2", "8"))).words(&prod);
        assert_eq!(selected, "the API `Web` of `prod` serves deployment `d2 with F=8` instead of `d2`");
        assert!(runs.of_alias("f", None).words(&prod).contains("is gone"));
        let hidden = recorded(&[("f", "7")], None);
        assert!(hidden.of_api(API, Some(&served("d1", "7"))).is_none(), "no API is recorded");

        let empty = Recorded::of(&Stage::new(prod.clone()), None);
        assert!(empty.of_alias("f", None).is_none() && empty.of_api(API, None).is_none());
        assert!(empty.of_alias("f", some("1")).words(&prod).contains("no release is recorded there"));

        let mixed = Stage { mixed: Some([("f".to_owned(), "6".to_owned())].into()), ..Stage::new(prod) };
        let mixed = Recorded::of(&mixed, None);
        assert!(mixed.of_alias("f", some("6")).is_none() && mixed.of_alias("g", some("1")).is_none());
        assert!(!mixed.of_alias("f", some("7")).is_none());
    }

    #[test]
    fn accepting_drift_covers_only_what_was_seen() {
        let runs = recorded(&[("f", "7"), ("g", "2")], None);
        let seen = |version: &str| runs.of_alias("f", Some(version.to_owned()));
        let accepted = seen("5");
        assert!(seen("5").beyond(Some(&accepted)).is_none());
        assert!(!seen("6").beyond(Some(&accepted)).is_none(), "it moved again");
        assert!(!seen("5").beyond(None).is_none());
        let both = seen("5").and(runs.of_alias("g", Some("1".into())));
        assert_eq!(both.beyond(Some(&accepted)).aliases.keys().collect::<Vec<_>>(), ["g"]);
    }
}
