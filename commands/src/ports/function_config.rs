//! What a Lambda version freezes besides its code, in one form: what Lambda reads back equals what was wanted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The configuration that a Lambda version freezes besides its code. Equal values mean equal configurations, and equal JSON,
/// if [`FunctionConfig::normalised`] made them. What has Lambda's default is not in the JSON: digests of it are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionConfig {
    /// `python3.12`, …; `None` for a container image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// `app.handler`; `None` for a container image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// The execution role's ARN.
    pub role: String,
    /// Megabytes.
    pub memory: u32,
    /// Seconds.
    pub timeout: u32,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// What the author says about the function.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The ARNs of the layers' versions, in the order in which Lambda merges them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
    /// The other members of `UpdateFunctionConfiguration` that differ from their default, by name, with the types of the API.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
    /// Members of `CreateFunction` that no later call changes, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub at_creation: BTreeMap<String, Value>,
}

/// Lambda's defaults: <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>.
impl Default for FunctionConfig {
    fn default() -> Self {
        Self {
            runtime: None,
            handler: None,
            role: String::new(),
            memory: 128,
            timeout: 3,
            architecture: "x86_64".to_owned(),
            environment: BTreeMap::new(),
            description: String::new(),
            layers: vec![],
            settings: BTreeMap::new(),
            at_creation: BTreeMap::new(),
        }
    }
}

/// The members of `UpdateFunctionConfiguration` that are [`FunctionConfig::settings`]. A test of the adapter compares the
/// list with AWS's model.
pub const SETTINGS: [&str; 11] = [
    "CapacityProviderConfig",
    "DeadLetterConfig",
    "DurableConfig",
    "EphemeralStorage",
    "FileSystemConfigs",
    "ImageConfig",
    "KMSKeyArn",
    "LoggingConfig",
    "SnapStart",
    "TracingConfig",
    "VpcConfig",
];

/// The members of `CreateFunction` that are [`FunctionConfig::at_creation`].
pub const AT_CREATION: [&str; 1] = ["TenancyConfig"];

/// What a function has from its creation or never has: the members of [`AT_CREATION`], and these. Lambda converts no function
/// to or from a container image, a capacity provider, or durable execution.
/// <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-getting-started.html>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/durable-configuration.html>.
const PERMANENT: [&str; 3] = ["CapacityProviderConfig", "DurableConfig", PACKAGE_TYPE];
/// The name of the property in which images and archives differ.
const PACKAGE_TYPE: &str = "PackageType";

impl FunctionConfig {
    /// The configuration in the form in which equal ones are equal: without defaults, without what only Lambda adds, with
    /// lists whose order means nothing in order. `function` is its name, which is part of a default.
    #[must_use]
    pub fn normalised(mut self, function: &str) -> Self {
        for map in [&mut self.settings, &mut self.at_creation] {
            *map = std::mem::take(map)
                .into_iter()
                .filter_map(|(name, value)| normalised(function, &name, value).map(|value| (name, value)))
                .collect();
        }
        self
    }

    /// Whether the code is a container image.
    pub fn is_image(&self) -> bool {
        self.runtime.is_none() && self.handler.is_none()
    }

    /// The names of what differs from Lambda's default.
    pub fn set(&self) -> BTreeSet<String> {
        let maps = self.settings.keys().chain(self.at_creation.keys()).cloned();
        maps.chain(self.is_image().then(|| PACKAGE_TYPE.to_owned())).collect()
    }
}

/// The first property that one of two functions has and the other has not, although it is decided when a function is created.
pub fn permanent_difference<'a>(before: &'a BTreeSet<String>, now: &'a BTreeSet<String>) -> Option<&'a str> {
    let is_permanent = |name: &&String| PERMANENT.iter().chain(&AT_CREATION).any(|one| *one == name.as_str());
    before.symmetric_difference(now).find(is_permanent).map(String::as_str)
}

/// The value that gives a setting Lambda's default again: `UpdateFunctionConfiguration` keeps what it is not given. `None` if
/// the setting is permanent, or is none.
pub fn reset_value(function: &str, name: &str) -> Option<Value> {
    Some(match name {
        "DeadLetterConfig" => json!({ "TargetArn": "" }),
        "EphemeralStorage" => json!({ "Size": 512 }),
        "FileSystemConfigs" => json!([]),
        "ImageConfig" => json!({}),
        "KMSKeyArn" => json!(""),
        "LoggingConfig" => json!({ "LogFormat": "Text", "LogGroup": log_group(function) }),
        "SnapStart" => json!({ "ApplyOn": "None" }),
        "TracingConfig" => json!({ "Mode": "PassThrough" }),
        "VpcConfig" => {
            json!({ "SubnetIds": [], "SecurityGroupIds": [], "Ipv6AllowedForDualStack": false })
        }
        _ => return None,
    })
}

/// A setting with the defaults that [`FunctionConfig::normalised`] left out, for a function that may have other values: Lambda
/// does not say whether it keeps the members of a setting that a request leaves out.
#[must_use]
pub fn complete(function: &str, name: &str, value: &Value) -> Value {
    let defaults = match name {
        "DurableConfig" => Some(json!({ "RetentionPeriodInDays": RETENTION })),
        _ => reset_value(function, name),
    };
    let (Some(Value::Object(mut whole)), Value::Object(members)) = (defaults, value) else {
        return value.clone();
    };
    // Lambda takes levels only for logs in JSON.
    if name == "LoggingConfig" && members.get("LogFormat").is_some_and(|format| format == "JSON") {
        for level in ["ApplicationLogLevel", "SystemLogLevel"] {
            whole.insert(level.to_owned(), "INFO".into());
        }
    }
    whole.extend(members.clone());
    Value::Object(whole)
}

/// The log group of a function that names none.
fn log_group(function: &str) -> String {
    format!("/aws/lambda/{function}")
}

/// For how many days Lambda keeps the history of a durable execution: of a function whose `DurableConfig` names no number.
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-durableconfig.html>.
const RETENTION: i64 = 14;

/// What only Lambda adds.
const ADDED: [&str; 2] = ["SnapStart.OptimizationStatus", "VpcConfig.VpcId"];
/// Lists whose order means nothing.
const UNORDERED: [&str; 2] = ["VpcConfig.SecurityGroupIds", "VpcConfig.SubnetIds"];

/// Whether a value is the default of that path. Each default is named in the documentation of its member in
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>, except that of log levels and formats:
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>.
fn is_default(function: &str, path: &str, value: &Value) -> bool {
    match path {
        "DurableConfig.RetentionPeriodInDays" => *value == RETENTION,
        "EphemeralStorage.Size" => *value == 512,
        "FileSystemConfigs[].S3FilesConfig.DirectS3Read" => value == "AUTO",
        "LoggingConfig.ApplicationLogLevel" | "LoggingConfig.SystemLogLevel" => value == "INFO",
        "LoggingConfig.LogFormat" => value == "Text",
        "LoggingConfig.LogGroup" => *value == log_group(function),
        "SnapStart.ApplyOn" => value == "None",
        "TracingConfig.Mode" => value == "PassThrough",
        "VpcConfig.Ipv6AllowedForDualStack" => *value == false,
        _ => false,
    }
}

/// A value without what is default, empty or added by Lambda; `None` if nothing is left. Nothing in these settings
/// distinguishes an empty text, list or object from none.
fn normalised(function: &str, path: &str, value: Value) -> Option<Value> {
    if ADDED.contains(&path) || is_default(function, path, &value) {
        return None;
    }
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) => {
            let below = format!("{path}[]");
            let items = items.into_iter().filter_map(|item| normalised(function, &below, item));
            let mut items: Vec<Value> = items.collect();
            if UNORDERED.contains(&path) {
                items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                items.dedup();
            }
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(members) => {
            let below = members.into_iter().filter_map(|(name, value)| {
                let value = normalised(function, &format!("{path}.{name}"), value)?;
                Some((name, value))
            });
            // In order of their names: equal objects must have equal JSON.
            let members: BTreeMap<String, Value> = below.collect();
            (!members.is_empty()).then(|| Value::Object(members.into_iter().collect()))
        }
        // `4` and `4.0` are the same number of gigabytes.
        Value::Number(number) if path.ends_with(".ExecutionEnvironmentMemoryGiBPerVCpu") => {
            Some(number.as_f64().map_or(Value::Number(number), Value::from))
        }
        same => Some(same),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &Value) -> FunctionConfig {
        let settings = settings.as_object().unwrap().clone().into_iter().collect();
        FunctionConfig { settings, ..FunctionConfig::default() }.normalised("f")
    }

    /// What a template says, and what Lambda reads back of it, with everything that it adds.
    #[test]
    fn what_is_read_back_equals_what_was_wanted() {
        let wanted = json!({
            "DeadLetterConfig": { "TargetArn": "arn:q" },
            "DurableConfig": { "ExecutionTimeout": 60 },
            "EphemeralStorage": { "Size": 1024 },
            "FileSystemConfigs": [{ "Arn": "arn:a", "LocalMountPath": "/mnt/a" }],
            "LoggingConfig": { "LogFormat": "JSON", "SystemLogLevel": "WARN" },
            "SnapStart": { "ApplyOn": "PublishedVersions" },
            "TracingConfig": { "Mode": "Active" },
            "VpcConfig": { "SubnetIds": ["b", "a"], "SecurityGroupIds": ["s"] },
        });
        let read = json!({
            "VpcConfig": {
                "VpcId": "vpc-1", "SecurityGroupIds": ["s"], "SubnetIds": ["a", "b"], "Ipv6AllowedForDualStack": false,
            },
            "TracingConfig": { "Mode": "Active" },
            "SnapStart": { "OptimizationStatus": "On", "ApplyOn": "PublishedVersions" },
            "LoggingConfig": {
                "LogGroup": "/aws/lambda/f", "SystemLogLevel": "WARN", "ApplicationLogLevel": "INFO", "LogFormat": "JSON",
            },
            "FileSystemConfigs": [
                { "LocalMountPath": "/mnt/a", "Arn": "arn:a", "S3FilesConfig": { "DirectS3Read": "AUTO" } },
            ],
            "EphemeralStorage": { "Size": 1024 },
            "DurableConfig": { "RetentionPeriodInDays": 14, "ExecutionTimeout": 60 },
            "DeadLetterConfig": { "TargetArn": "arn:q" },
            "KMSKeyArn": "",
        });
        let (wanted, read) = (of(&wanted), of(&read));
        assert_eq!(wanted, read);
        let text = |config: &FunctionConfig| serde_json::to_string(config).unwrap();
        assert_eq!(text(&wanted), text(&read), "digests are of the text");
        assert_eq!(of(&json!({ "VpcConfig": { "SubnetIds": ["a"] } })).settings.len(), 1, "one is kept");
    }

    #[test]
    fn lambdas_defaults_are_no_settings() {
        let read = json!({
            "DeadLetterConfig": {},
            "EphemeralStorage": { "Size": 512 },
            "FileSystemConfigs": [],
            "ImageConfig": { "Command": [], "EntryPoint": [], "WorkingDirectory": "" },
            "KMSKeyArn": null,
            "LoggingConfig": { "LogFormat": "Text", "LogGroup": "/aws/lambda/f" },
            "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
            "TracingConfig": { "Mode": "PassThrough" },
            "VpcConfig": { "SubnetIds": [], "SecurityGroupIds": [], "VpcId": "" },
        });
        assert_eq!(of(&read), FunctionConfig::default());
        assert!(!of(&json!({ "LoggingConfig": { "LogGroup": "/aws/lambda/g" } })).settings.is_empty());
    }

    #[test]
    fn every_setting_is_permanent_or_can_be_reset() {
        for name in SETTINGS {
            let reset = reset_value("f", name);
            assert_eq!(reset.is_none(), PERMANENT.contains(&name), "{name}");
            let default = reset.map_or(json!({}), |value| json!({ name: value }));
            assert_eq!(of(&default), FunctionConfig::default(), "{name}");
        }
        assert!(AT_CREATION.iter().all(|name| reset_value("f", name).is_none()));
    }

    #[test]
    fn a_changed_setting_is_sent_whole() {
        let vpc = complete("f", "VpcConfig", &json!({ "SubnetIds": ["a"], "SecurityGroupIds": ["s"] }));
        assert_eq!(vpc["Ipv6AllowedForDualStack"], false);
        assert_eq!(vpc["SubnetIds"], json!(["a"]));
        let logs = complete("f", "LoggingConfig", &json!({ "LogFormat": "JSON" }));
        assert_eq!(
            (&logs["ApplicationLogLevel"], &logs["LogGroup"]),
            (&json!("INFO"), &json!("/aws/lambda/f"))
        );
        let logs = complete("f", "LoggingConfig", &json!({ "LogGroup": "g" }));
        assert_eq!(logs, json!({ "LogFormat": "Text", "LogGroup": "g" }));
        let durable = complete("f", "DurableConfig", &json!({ "ExecutionTimeout": 9 }));
        assert_eq!(durable["RetentionPeriodInDays"], 14);
    }

    /// Digests of configurations are in journals and records.
    #[test]
    fn the_digest_of_an_earlier_configuration_is_kept() {
        let config = FunctionConfig {
            runtime: Some("python3.12".into()),
            handler: Some("app.handler".into()),
            role: "arn:r".into(),
            environment: [("A".to_owned(), "1".to_owned())].into(),
            ..FunctionConfig::default()
        };
        let text = r#"{"runtime":"python3.12","handler":"app.handler","role":"arn:r","memory":128,"timeout":3,"architecture":"x86_64","environment":{"A":"1"}}"#;
        assert_eq!(serde_json::to_string(&config).unwrap(), text);
        assert_eq!(serde_json::from_str::<FunctionConfig>(text).unwrap(), config);
    }

    #[test]
    fn what_is_decided_at_creation_is_found() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let difference = |before: &[&str], now: &[&str]| {
            let (before, now) = (set(before), set(now));
            permanent_difference(&before, &now).map(str::to_owned)
        };
        assert_eq!(difference(&["VpcConfig"], &["TracingConfig"]), None);
        assert_eq!(difference(&["VpcConfig"], &["DurableConfig"]).as_deref(), Some("DurableConfig"));
        assert_eq!(difference(&["TenancyConfig"], &[]).as_deref(), Some("TenancyConfig"));
        assert_eq!(difference(&["PackageType"], &[]).as_deref(), Some("PackageType"));
        assert!(FunctionConfig::default().set().contains("PackageType"), "an image has no runtime");
    }
}
