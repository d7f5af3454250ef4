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
