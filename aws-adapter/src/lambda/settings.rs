//! The settings of a function that its versions freeze: as requests send them, and as answers show them.

use std::collections::BTreeMap;

use aws_sdk_lambda::types::{
    CapacityProviderConfig, DeadLetterConfig, DurableConfig, EphemeralStorage, FileSystemConfig, ImageConfig,
    LoggingConfig, SnapStart, TenancyConfig, TracingConfig, VpcConfig,
};
use serde_json::Value;
use sluice_model::{Class, PortResult};

use super::form::Form;
use crate::call::Call;

/// The table: each setting with its field here and its type.
macro_rules! settings {
    ($($name:literal $field:ident $type:ty;)*) => {
        /// Settings in the SDK's types; `None` leaves a setting as it is.
        #[derive(Debug, Default)]
        pub(super) struct Settings {
            $(pub(super) $field: Option<$type>,)*
        }

        impl Settings {
            /// Reads settings by the API's names. A name, member or value that the SDK cannot send is an error.
            pub(super) fn of<'a>(
                call: Call,
                settings: impl IntoIterator<Item = (&'a String, &'a Value)>,
            ) -> PortResult<Self> {
                let mut read = Self::default();
                for (name, value) in settings {
                    let result = match name.as_str() {
                        $($name => <$type>::of(value, $name).map(|value| read.$field = Some(value)),)*
                        _ => Err(format!("{name} is not known to this version of Sluice")),
                    };
                    result.map_err(|detail| call.error(Class::Invalid, "NotSendable", detail))?;
                }
                Ok(read)
            }

            /// The settings by the API's names.
            pub(super) fn json(&self) -> BTreeMap<String, Value> {
                let all = [$(($name, self.$field.as_ref().map(Form::json)),)*];
                all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
            }

            /// The paths of everything that can be sent.
            #[cfg(test)]
            pub(super) fn paths() -> Vec<String> {
                [$(<$type>::paths($name),)*].concat()
            }
        }
    };
}

settings! {
    "CapacityProviderConfig" capacity_provider CapacityProviderConfig;
    "DeadLetterConfig" dead_letter DeadLetterConfig;
    "DurableConfig" durable DurableConfig;
    "EphemeralStorage" ephemeral_storage EphemeralStorage;
    "FileSystemConfigs" file_systems Vec<FileSystemConfig>;
    "ImageConfig" image ImageConfig;
    "KMSKeyArn" kms_key String;
    "LoggingConfig" logging LoggingConfig;
    "SnapStart" snap_start SnapStart;
    "TenancyConfig" tenancy TenancyConfig;
    "TracingConfig" tracing TracingConfig;
    "VpcConfig" vpc VpcConfig;
}

/// Adds to a request what both `CreateFunction` and `UpdateFunctionConfiguration` take: the settings except
/// `TenancyConfig`.
macro_rules! with_settings {
    ($request:expr, $settings:expr) => {{
        let $crate::lambda::settings::Settings {
            capacity_provider,
            dead_letter,
            durable,
            ephemeral_storage,
            file_systems,
            image,
            kms_key,
            logging,
            snap_start,
            tenancy: _,
            tracing,
            vpc,
        } = $settings;
        $request
            .set_capacity_provider_config(capacity_provider)
            .set_dead_letter_config(dead_letter)
            .set_durable_config(durable)
            .set_ephemeral_storage(ephemeral_storage)
            .set_file_system_configs(file_systems)
            .set_image_config(image)
            .set_kms_key_arn(kms_key)
            .set_logging_config(logging)
            .set_snap_start(snap_start)
            .set_tracing_config(tracing)
            .set_vpc_config(vpc)
    }};
}

/// The settings of an answer, without what only answers have.
macro_rules! settings_of {
    ($answer:expr) => {{
        let answer = $answer;
        let vpc = answer.vpc_config().map(|vpc| {
            aws_sdk_lambda::types::VpcConfig::builder()
                .set_ipv6_allowed_for_dual_stack(vpc.ipv6_allowed_for_dual_stack)
                .set_security_group_ids(vpc.security_group_ids.clone())
                .set_subnet_ids(vpc.subnet_ids.clone())
                .build()
        });
        let snap_start = answer.snap_start().map(|snap| {
            aws_sdk_lambda::types::SnapStart::builder().set_apply_on(snap.apply_on.clone()).build()
        });
        let tracing = answer.tracing_config().map(|tracing| {
            aws_sdk_lambda::types::TracingConfig::builder().set_mode(tracing.mode.clone()).build()
        });
        $crate::lambda::settings::Settings {
            capacity_provider: answer.capacity_provider_config().cloned(),
            dead_letter: answer.dead_letter_config().cloned(),
            durable: answer.durable_config().cloned(),
            ephemeral_storage: answer.ephemeral_storage().cloned(),
            file_systems: answer.file_system_configs.clone(),
            image: answer.image_config_response().and_then(|image| image.image_config().cloned()),
            kms_key: answer.kms_key_arn().map(str::to_owned),
            logging: answer.logging_config().cloned(),
            snap_start,
            tenancy: answer.tenancy_config().cloned(),
            tracing,
            vpc,
        }
        .json()
    }};
}

pub(super) use {settings_of, with_settings};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;
    use sluice_commands::ports::{AT_CREATION, SETTINGS};

    use super::*;
    use crate::call;

    /// The members of Lambda's calls, from botocore's model: `tests/function_properties.py` makes the table.
    const TABLE: &str = include_str!("../../../commands/template/src/plain/function_properties.tsv");

    fn members(call: &str) -> BTreeSet<&'static str> {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
        let rows = rows.filter_map(|row| row.strip_prefix(call)?.strip_prefix('\t')?.split('\t').next());
        rows.collect()
    }

    /// Members of the two calls that are no settings, and why.
    const OTHERS: [(&str, &str); 19] = [
        ("AcceleratorConfig", "CloudFormation's schema and this SDK do not have it yet"),
        ("Architectures", "a field of its own, sent with the code"),
        ("Code", "a field of its own"),
        ("CodeSigningConfigArn", "set by its own call"),
        ("Description", "a field of its own"),
        ("Environment", "a field of its own"),
        ("FunctionName", "the caller's"),
        ("Handler", "a field of its own"),
        ("Layers", "a field of its own"),
        ("MemorySize", "a field of its own"),
        ("PackageType", "follows from the code"),
        ("Publish", "always"),
        ("PublishTo", "never: versions have numbers"),
        ("RevisionId", "the caller's"),
        ("Role", "a field of its own"),
        ("Runtime", "a field of its own"),
        ("RuntimeConfig", "CloudFormation's schema and this SDK do not have it yet"),
        ("Tags", "the caller's"),
        ("Timeout", "a field of its own"),
    ];

    #[test]
    fn every_member_of_the_calls_is_sent() {
        let sent: BTreeSet<String> = Settings::paths().into_iter().collect();
        let is_other = |path: &str| {
            let top = path.split(['.', '[']).next().unwrap_or_default();
            OTHERS.iter().any(|(name, _)| *name == top)
        };
        for call in ["CreateFunction", "UpdateFunctionConfiguration"] {
            let members = members(call);
            assert!(members.len() > 50, "{call}: {members:?}");
            let unsent: Vec<_> =
                members.iter().filter(|path| !sent.contains(**path) && !is_other(path)).collect();
            assert!(unsent.is_empty(), "{call}: decide what becomes of {unsent:?}");
        }
        let known: BTreeSet<_> =
            members("CreateFunction").union(&members("UpdateFunctionConfiguration")).copied().collect();
        let invented: Vec<_> = sent.iter().filter(|path| !known.contains(path.as_str())).collect();
        assert!(invented.is_empty(), "{invented:?}");
    }

    #[test]
    fn the_table_has_the_settings_of_the_port() {
        let names = Settings::paths().into_iter().filter(|path| !path.contains(['.', '[']));
        let port = SETTINGS.iter().chain(&AT_CREATION).map(|name| (*name).to_owned());
        assert_eq!(names.collect::<BTreeSet<_>>(), port.collect::<BTreeSet<_>>());
    }

    #[test]
    fn a_setting_is_the_same_there_and_back() {
        let value = json!({
            "CapacityProviderConfig": { "LambdaManagedInstancesCapacityProviderConfig": {
                "CapacityProviderArn": "arn:c", "ExecutionEnvironmentMemoryGiBPerVCpu": 4.0,
                "PerExecutionEnvironmentMaxConcurrency": 8,
            } },
            "DeadLetterConfig": { "TargetArn": "arn:q" },
            "DurableConfig": { "ExecutionTimeout": 60, "KMSKeyArn": "arn:k", "RetentionPeriodInDays": 7 },
            "EphemeralStorage": { "Size": 1024 },
            "FileSystemConfigs": [
                { "Arn": "arn:a", "LocalMountPath": "/mnt/a", "S3FilesConfig": { "DirectS3Read": "ENABLED" } },
            ],
            "ImageConfig": { "Command": ["a"], "EntryPoint": ["b"], "WorkingDirectory": "/c" },
            "KMSKeyArn": "arn:k",
            "LoggingConfig": {
                "ApplicationLogLevel": "DEBUG", "LogFormat": "JSON", "LogGroup": "g", "SystemLogLevel": "WARN",
            },
            "SnapStart": { "ApplyOn": "PublishedVersions" },
            "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" },
            "TracingConfig": { "Mode": "Active" },
            "VpcConfig": { "Ipv6AllowedForDualStack": true, "SecurityGroupIds": ["s"], "SubnetIds": ["a", "b"] },
        });
        let settings: BTreeMap<String, Value> = value.as_object().unwrap().clone().into_iter().collect();
        let paths = Settings::paths();
        let tops = paths.iter().filter(|path| !path.contains(['.', '[']));
        assert_eq!(settings.len(), tops.count(), "each has an example here");
        let sent = Settings::of(call::CREATE_FUNCTION, &settings).unwrap();
        assert_eq!(sent.json(), settings);
    }

    #[test]
    fn what_cannot_be_sent_is_an_error_and_never_dropped() {
        let refused = |name: &str, value: Value| {
            let settings = BTreeMap::from([(name.to_owned(), value)]);
            let error = Settings::of(call::CREATE_FUNCTION, &settings).unwrap_err();
            assert_eq!((error.class, error.code.as_str()), (Class::Invalid, "NotSendable"));
            error.detail
        };
        for (name, value, part) in [
            ("AcceleratorConfig", json!({}), "AcceleratorConfig"),
            ("VpcConfig", json!({ "SubnetIds": ["a"], "Colour": "red" }), "VpcConfig.Colour"),
            ("VpcConfig", json!({ "SubnetIds": "a" }), "VpcConfig.SubnetIds"),
            ("EphemeralStorage", json!({ "Size": "large" }), "EphemeralStorage.Size"),
            ("EphemeralStorage", json!({}), "EphemeralStorage"),
            ("FileSystemConfigs", json!([{ "Arn": 1 }]), "FileSystemConfigs[].Arn"),
            ("KMSKeyArn", json!(["k"]), "KMSKeyArn"),
        ] {
            let detail = refused(name, value);
            assert!(detail.contains(part), "{detail}");
        }
    }
}
