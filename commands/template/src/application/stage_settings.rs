//! The settings of an API stage.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigateway-stage-methodsetting.html>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigatewayv2-stage-routesettings.html>

use serde_json::{Map, Number, Value};

use super::properties::Properties;
use crate::budget;
use crate::error::{Findings, Place, TemplateCode, Violation};
use crate::shape;
use sluice_model::{ALL_ROUTES, AccessLog, ApiKind, ApiStageSettings, RouteSettings};

/// The quota of an access log's format, in bytes
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>).
const LONGEST_FORMAT: usize = 3 * 1_024;
/// How many routes may have settings of their own.
const MOST_ROUTES: usize = 300;

/// The properties of a stage that are settings.
pub(super) const HTTP: [&str; 3] = ["AccessLogSettings", "DefaultRouteSettings", "RouteSettings"];
pub(super) const REST: [&str; 4] =
    ["AccessLogSetting", "CacheClusterEnabled", "MethodSettings", "TracingEnabled"];

const OF_ROUTE: [&str; 3] = ["DetailedMetricsEnabled", "ThrottlingBurstLimit", "ThrottlingRateLimit"];
const OF_METHOD: [&str; 10] = [
    "CacheDataEncrypted",
    "CacheTtlInSeconds",
    "CachingEnabled",
    "DataTraceEnabled",
    "HttpMethod",
    "LoggingLevel",
    "MetricsEnabled",
    "ResourcePath",
    "ThrottlingBurstLimit",
    "ThrottlingRateLimit",
];

/// Reads the settings of a stage.
pub(super) fn read(
    properties: &mut Properties<'_>,
    kind: ApiKind,
    stage: &Map<String, Value>,
) -> ApiStageSettings {
    match kind {
        ApiKind::Http => of_http(properties, stage),
        ApiKind::Rest => of_rest(properties, stage),
    }
}

fn of_http(properties: &mut Properties<'_>, stage: &Map<String, Value>) -> ApiStageSettings {
    let mut settings = ApiStageSettings {
        access_log: access_log(properties, stage, "AccessLogSettings"),
        ..Default::default()
    };
    if let Some(value) = properties.value(stage, "DefaultRouteSettings") {
        let mut members = properties.members("DefaultRouteSettings", &value, &OF_ROUTE);
        settings.routes.insert(ALL_ROUTES.to_owned(), members.of_route());
    }
    let own = properties.value(stage, "RouteSettings");
    let own = properties.all("RouteSettings", own.as_ref(), shape::map, Map::len);
    for (key, value) in own.into_iter().flatten() {
        let mut members = properties.members("RouteSettings", value, &OF_ROUTE);
        settings.routes.insert(key.clone(), members.of_route());
    }
    settings
}

fn of_rest(properties: &mut Properties<'_>, stage: &Map<String, Value>) -> ApiStageSettings {
    let mut settings = ApiStageSettings {
        access_log: access_log(properties, stage, "AccessLogSetting"),
        ..Default::default()
    };
    let mut truth = |key: &str| {
        let value = properties.value(stage, key)?;
        properties.findings.take(&properties.place.key(key), truth(&value))
    };
    settings.traces = truth("TracingEnabled").unwrap_or_default();
    if truth("CacheClusterEnabled") == Some(true) {
        properties.findings.add(&properties.place.key("CacheClusterEnabled"), no_cache());
    }
    let all = properties.value(stage, "MethodSettings");
    let all = properties.all("MethodSettings", all.as_ref(), shape::list, Vec::len);
    for value in all.into_iter().flatten() {
        let mut members = properties.members("MethodSettings", value, &OF_METHOD);
        let path = members.text("ResourcePath").unwrap_or_else(|| "/*".to_owned());
        let method = members.text("HttpMethod").unwrap_or_else(|| "*".to_owned());
        if members.truth("CachingEnabled") == Some(true) {
            members.findings.add(&members.place.key("CachingEnabled"), no_cache());
        }
        let mut of_route = members.of_route();
        of_route.metrics = members.truth("MetricsEnabled");
        of_route.data_trace = members.truth("DataTraceEnabled");
        of_route.logging = members.text("LoggingLevel");
        if of_route.logging.as_deref().is_some_and(|level| !["OFF", "ERROR", "INFO"].contains(&level)) {
            let wrong =
                Violation::new(TemplateCode::Value, "the level is not known", "write OFF, ERROR or INFO");
            members.findings.add(&members.place.key("LoggingLevel"), wrong);
        }
        settings.routes.insert(format!("{method} {}", resource_path(&path)), of_route);
    }
    settings
}

/// A path as routes have it. CloudFormation writes `/~1items~1{id}`, and `/*` for all paths.
fn resource_path(path: &str) -> String {
    match path {
        "/*" | "*" => "*".to_owned(),
        "/" => "/".to_owned(),
        path => path
            .strip_prefix("/~1")
            .map_or_else(|| path.to_owned(), |path| format!("/{path}"))
            .replace("~1", "/"),
    }
}

fn access_log(properties: &mut Properties<'_>, stage: &Map<String, Value>, key: &str) -> Option<AccessLog> {
    let value = properties.value(stage, key)?;
    let mut members = properties.members(key, &value, &["DestinationArn", "Format"]);
    let (destination, format) = (members.text("DestinationArn"), members.text("Format"));
    let (Some(destination), Some(format)) = (destination, format) else {
        let hint = "set DestinationArn and Format";
        let wrong = Violation::new(TemplateCode::Missing, "the access log is not complete", hint);
        members.findings.add(&members.place, wrong);
        return None;
    };
    if format.len() > LONGEST_FORMAT {
        let problem = format!("the format has more than {LONGEST_FORMAT} bytes");
        members
            .findings
            .add(&members.place.key("Format"), Violation::new(TemplateCode::Value, problem, "shorten it"));
    }
    // The ARN of a log group ends with `:*`, which API Gateway does not take.
    let destination = destination.strip_suffix(":*").map(str::to_owned).unwrap_or(destination);
    Some(AccessLog { destination, format })
}

fn no_cache() -> Violation {
    let hint = "turn it off: a cache is not supported yet";
    Violation::new(TemplateCode::Unsupported, "the stage has a cache", hint)
}

/// The members of a mapping, which are known.
pub(super) struct Members<'a> {
    place: Place,
    map: Map<String, Value>,
    findings: &'a mut Findings,
}

impl Properties<'_> {
    /// All settings of routes; `None` if the value has another shape, or there are too many.
    fn all<'v, T>(
        &mut self,
        key: &str,
        value: Option<&'v Value>,
        read: impl Fn(&'v Value) -> Result<&'v T, Violation>,
        count: impl Fn(&T) -> usize,
    ) -> Option<&'v T> {
        let place = self.place.key(key);
        let all = self.findings.take(&place, read(value?))?;
        if count(all) > MOST_ROUTES {
            self.findings.add(&place, budget::too_many("routes with settings of their own", MOST_ROUTES));
            return None;
        }
        Some(all)
    }

    /// The members of a property that is a mapping; any other is refused.
    fn members(&mut self, key: &str, value: &Value, known: &[&str]) -> Members<'_> {
        let place = self.place.key(key);
        let map = self.findings.take(&place, shape::map(value).cloned()).unwrap_or_default();
        let hint = |_: &str| "remove it; it is not supported yet".to_owned();
        shape::only(&map, known, &place, self.findings, hint);
        Members { place, map, findings: self.findings }
    }
}

impl Members<'_> {
    fn read<T>(&mut self, key: &str, read: impl Fn(&Value) -> Result<T, Violation>) -> Option<T> {
        let value = self.map.get(key)?;
        self.findings.take(&self.place.key(key), read(value))
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.read(key, shape::scalar).filter(|text| !text.is_empty())
    }

    fn truth(&mut self, key: &str) -> Option<bool> {
        self.read(key, truth)
    }

    fn of_route(&mut self) -> RouteSettings {
        RouteSettings {
            burst: self.read("ThrottlingBurstLimit", |value| parsed(value, "a whole number")),
            rate: self.read("ThrottlingRateLimit", rate),
            metrics: self.truth("DetailedMetricsEnabled"),
            ..RouteSettings::default()
        }
    }
}

fn parsed<T: std::str::FromStr>(value: &Value, wanted: &str) -> Result<T, Violation> {
    let wrong = |text: &str| {
        Violation::new(TemplateCode::Value, format!("`{text}` is not {wanted}"), format!("write {wanted}"))
    };
    let text = shape::scalar(value)?;
    text.trim().parse().map_err(|_| wrong(&text))
}

/// A whole number stays one: 100 and 100.0 are the same limit.
fn rate(value: &Value) -> Result<Number, Violation> {
    const WANTED: &str = "a number of requests a second";
    let rate: f64 = parsed(value, WANTED)?;
    let whole = rate.to_string().parse::<u32>().ok().map(Number::from);
    let number = whole.or_else(|| Number::from_f64(rate)).filter(|_| rate >= 0.0);
    number.ok_or_else(|| {
        Violation::new(TemplateCode::Value, format!("{rate} is not {WANTED}"), "write 0 or more")
    })
}

fn truth(value: &Value) -> Result<bool, Violation> {
    parsed(value, "true or false")
}

#[cfg(test)]
mod tests {
    use super::resource_path;

    #[test]
    fn paths_are_those_of_routes() {
        for (written, path) in
            [("/*", "*"), ("*", "*"), ("/", "/"), ("/~1items~1{id}", "/items/{id}"), ("/items", "/items")]
        {
            assert_eq!(resource_path(written), path);
        }
    }
}
