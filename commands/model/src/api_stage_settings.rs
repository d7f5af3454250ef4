//! Settings of an API stage, beside what it serves.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Number;

/// Settings of an API stage. What is left out is API Gateway's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiStageSettings {
    /// Where each request is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log: Option<AccessLog>,
    /// Whether requests are traced with X-Ray. Only REST APIs have it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub traces: bool,
    /// The settings of routes, by the key of a route; [`ALL_ROUTES`] has those of routes without settings of their own. The keys of
    /// REST APIs are a method and a path (`GET /items/{id}`), with `*` for all methods or all paths.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub routes: BTreeMap<String, RouteSettings>,
}

impl ApiStageSettings {
    /// Whether nothing is set: records leave the settings out then.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The key of the settings of all routes.
pub const ALL_ROUTES: &str = "* *";

/// An access log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessLog {
    /// The ARN of a log group, or of a delivery stream of Data Firehose.
    pub destination: String,
    /// What is logged of a request, with variables of `$context`.
    pub format: String,
}

/// The settings of a route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteSettings {
    /// The burst of requests that is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// How many requests a second are accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Number>,
    /// Whether CloudWatch has metrics of each route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<bool>,
    /// REST APIs: `OFF`, `ERROR` or `INFO`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<String>,
    /// REST APIs: whether whole requests and responses are logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_trace: Option<bool>,
}

impl RouteSettings {
    /// Whether it sets everything that `other` sets, if to other values.
    pub fn covers(&self, other: &Self) -> bool {
        (self.burst.is_some() || other.burst.is_none())
            && (self.rate.is_some() || other.rate.is_none())
            && (self.metrics.is_some() || other.metrics.is_none())
            && (self.logging.is_some() || other.logging.is_none())
            && (self.data_trace.is_some() || other.data_trace.is_none())
    }
}

/// A change of the settings of an API stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// The settings that the stage has as far as Sluice knows.
    pub from: ApiStageSettings,
    /// The settings that it gets.
    pub to: ApiStageSettings,
}

impl SettingsChange {
    /// Whether it changes nothing.
    pub fn is_none(&self) -> bool {
        self.from == self.to
    }

    /// The routes whose settings have to be removed, because a setting goes: API Gateway merges settings with those that a route
    /// has.
    pub fn removed(&self) -> BTreeSet<&str> {
        let goes = |(key, settings): &(&String, &RouteSettings)| {
            self.to.routes.get(*key).is_none_or(|to| !to.covers(settings))
        };
        self.from.routes.iter().filter(goes).map(|(key, _)| key.as_str()).collect()
    }

    /// Whether the access log has to be removed.
    pub fn removes_access_log(&self) -> bool {
        self.from.access_log.is_some() && self.to.access_log.is_none()
    }

    /// The change back.
    pub fn reversed(&self) -> Self {
        Self { from: self.to.clone(), to: self.from.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(routes: &[(&str, RouteSettings)]) -> ApiStageSettings {
        let routes = routes.iter().map(|(key, settings)| ((*key).to_owned(), settings.clone())).collect();
        ApiStageSettings { routes, ..ApiStageSettings::default() }
    }

    #[test]
    fn settings_of_a_route_are_removed_if_one_of_them_goes() {
        let burst = |burst| RouteSettings { burst: Some(burst), ..RouteSettings::default() };
        let both = RouteSettings { rate: Some(5.into()), ..burst(1) };
        let from = settings(&[("GET /a", both.clone()), ("GET /b", burst(1)), ("GET /c", burst(1))]);
        let to = settings(&[("GET /a", burst(1)), ("GET /b", both)]);
        let change = SettingsChange { from, to };
        assert_eq!(change.removed(), ["GET /a", "GET /c"].into());
        assert!(change.reversed().removed().contains("GET /b") && !change.is_none());
    }
}
