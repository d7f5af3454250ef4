//! The structures of Lambda's settings as JSON under the API's names, in one table. A member that is not in the table cannot
//! be sent: the error names it, and nothing is dropped.

use aws_sdk_lambda::types::{
    ApplicationLogLevel, CapacityProviderConfig, DeadLetterConfig, DirectS3Read, DurableConfig,
    EphemeralStorage, FileSystemConfig, FunctionScalingConfig, ImageConfig,
    LambdaManagedInstancesCapacityProviderConfig, LogFormat, LoggingConfig, S3FilesConfig, SnapStart,
    SnapStartApplyOn, SystemLogLevel, TenancyConfig, TenantIsolationMode, TracingConfig, TracingMode,
    UpdateRuntimeOn, VpcConfig,
};
use serde_json::{Map, Value};

/// A value of the SDK that has a form in JSON.
pub(super) trait Form: Sized {
    /// Reads it. The error is the path of what does not fit, and why.
    fn of(value: &Value, path: &str) -> Result<Self, String>;
    /// The JSON; `null` for nothing.
    fn json(&self) -> Value;
    /// The path, and the paths of everything below it, as `function_properties.tsv` writes them.
    #[cfg(test)]
    fn paths(path: &str) -> Vec<String> {
        vec![path.to_owned()]
    }
}

fn wrong<T>(path: &str, expected: &str) -> Result<T, String> {
    Err(format!("{path} is not {expected}"))
}

impl Form for String {
    fn of(value: &Value, path: &str) -> Result<Self, String> {
        value.as_str().map(str::to_owned).map_or_else(|| wrong(path, "a string"), Ok)
    }
    fn json(&self) -> Value {
        self.as_str().into()
    }
}

impl Form for bool {
    fn of(value: &Value, path: &str) -> Result<Self, String> {
        value.as_bool().map_or_else(|| wrong(path, "true or false"), Ok)
    }
    fn json(&self) -> Value {
        (*self).into()
    }
}

impl Form for i32 {
    fn of(value: &Value, path: &str) -> Result<Self, String> {
        let number = value.as_i64().and_then(|number| Self::try_from(number).ok());
        number.map_or_else(|| wrong(path, "a whole number"), Ok)
    }
    fn json(&self) -> Value {
        (*self).into()
    }
}

impl Form for f64 {
    fn of(value: &Value, path: &str) -> Result<Self, String> {
        value.as_f64().map_or_else(|| wrong(path, "a number"), Ok)
    }
    fn json(&self) -> Value {
        (*self).into()
    }
}

impl<T: Form> Form for Vec<T> {
    fn of(value: &Value, path: &str) -> Result<Self, String> {
        let Some(items) = value.as_array() else { return wrong(path, "a list") };
        items.iter().map(|item| T::of(item, &format!("{path}[]"))).collect()
    }
    fn json(&self) -> Value {
        self.iter().map(T::json).collect()
    }
    #[cfg(test)]
    fn paths(path: &str) -> Vec<String> {
        [path.to_owned()].into_iter().chain(T::paths(&format!("{path}[]"))).collect()
    }
}

impl<T: Form> Form for Option<T> {
    fn of(value: &Value, path: &str) -> Result<Self, String> {
        if value.is_null() { Ok(None) } else { T::of(value, path).map(Some) }
    }
    fn json(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::json)
    }
}

/// Enumerations. A value that this SDK does not know is passed on in both directions.
macro_rules! words {
    ($($kind:ty),*) => {$(
        impl Form for $kind {
            fn of(value: &Value, path: &str) -> Result<Self, String> {
                String::of(value, path).map(|word| Self::from(word.as_str()))
            }
            fn json(&self) -> Value {
                self.as_str().into()
            }
        }
    )*};
}

words!(
    ApplicationLogLevel,
    DirectS3Read,
    LogFormat,
    SnapStartApplyOn,
    SystemLogLevel,
    TenantIsolationMode,
    TracingMode,
    UpdateRuntimeOn
);

/// The members of an object that are left to read.
struct Members<'a> {
    path: &'a str,
    left: Map<String, Value>,
}

impl<'a> Members<'a> {
    fn of(value: &Value, path: &'a str) -> Result<Self, String> {
        let Some(members) = value.as_object() else { return wrong(path, "an object") };
        Ok(Self { path, left: members.clone() })
    }

    fn take<T: Form>(&mut self, name: &str) -> Result<Option<T>, String> {
        let path = format!("{}.{name}", self.path);
        self.left.remove(name).map_or(Ok(None), |value| Option::of(&value, &path))
    }

    fn finish(self) -> Result<(), String> {
        match self.left.keys().next() {
            Some(name) => Err(format!("{}.{name} is not known to this version of Sluice", self.path)),
            None => Ok(()),
        }
    }
}

/// What `build` of an SDK's builder gives: the structure, or an error if a required member is missing.
trait Built<T> {
    fn built(self, path: &str) -> Result<T, String>;
}

impl<T> Built<T> for T {
    fn built(self, _: &str) -> Result<T, String> {
        Ok(self)
    }
}

impl<T> Built<T> for Result<T, aws_smithy_types::error::operation::BuildError> {
    fn built(self, path: &str) -> Result<T, String> {
        self.map_err(|error| format!("{path}: {error}"))
    }
}

/// The table: structures, and their members as name, field, setter and type.
macro_rules! forms {
    ($($kind:ident { $($name:literal $field:ident $set:ident $type:ty;)* })*) => {$(
        impl Form for $kind {
            fn of(value: &Value, path: &str) -> Result<Self, String> {
                let mut members = Members::of(value, path)?;
                let builder = Self::builder();
                $(let builder = builder.$set(members.take::<$type>($name)?);)*
                members.finish()?;
                Built::<Self>::built(builder.build(), path)
            }
            fn json(&self) -> Value {
                let mut members = Map::new();
                $(members.insert($name.to_owned(), self.$field.json());)*
                members.retain(|_, value| !value.is_null());
                Value::Object(members)
            }
            #[cfg(test)]
            fn paths(path: &str) -> Vec<String> {
                let mut paths = vec![path.to_owned()];
                $(paths.extend(<$type>::paths(&format!("{path}.{}", $name)));)*
                paths
            }
        }
    )*};
}

forms! {
    CapacityProviderConfig {
        "LambdaManagedInstancesCapacityProviderConfig" lambda_managed_instances_capacity_provider_config
            set_lambda_managed_instances_capacity_provider_config LambdaManagedInstancesCapacityProviderConfig;
    }
    LambdaManagedInstancesCapacityProviderConfig {
        "CapacityProviderArn" capacity_provider_arn set_capacity_provider_arn String;
        "ExecutionEnvironmentMemoryGiBPerVCpu" execution_environment_memory_gib_per_v_cpu
            set_execution_environment_memory_gib_per_v_cpu f64;
        "PerExecutionEnvironmentMaxConcurrency" per_execution_environment_max_concurrency
            set_per_execution_environment_max_concurrency i32;
    }
    DeadLetterConfig {
        "TargetArn" target_arn set_target_arn String;
    }
    DurableConfig {
        "ExecutionTimeout" execution_timeout set_execution_timeout i32;
        "KMSKeyArn" kms_key_arn set_kms_key_arn String;
        "RetentionPeriodInDays" retention_period_in_days set_retention_period_in_days i32;
    }
    EphemeralStorage {
        "Size" size set_size i32;
    }
    FileSystemConfig {
        "Arn" arn set_arn String;
        "LocalMountPath" local_mount_path set_local_mount_path String;
        "S3FilesConfig" s3_files_config set_s3_files_config S3FilesConfig;
    }
    S3FilesConfig {
        "DirectS3Read" direct_s3_read set_direct_s3_read DirectS3Read;
    }
    ImageConfig {
        "Command" command set_command Vec<String>;
        "EntryPoint" entry_point set_entry_point Vec<String>;
        "WorkingDirectory" working_directory set_working_directory String;
    }
    LoggingConfig {
        "ApplicationLogLevel" application_log_level set_application_log_level ApplicationLogLevel;
        "LogFormat" log_format set_log_format LogFormat;
        "LogGroup" log_group set_log_group String;
        "SystemLogLevel" system_log_level set_system_log_level SystemLogLevel;
    }
    SnapStart {
        "ApplyOn" apply_on set_apply_on SnapStartApplyOn;
    }
    TenancyConfig {
        "TenantIsolationMode" tenant_isolation_mode set_tenant_isolation_mode TenantIsolationMode;
    }
    TracingConfig {
        "Mode" mode set_mode TracingMode;
    }
    VpcConfig {
        "Ipv6AllowedForDualStack" ipv6_allowed_for_dual_stack set_ipv6_allowed_for_dual_stack bool;
        "SecurityGroupIds" security_group_ids set_security_group_ids Vec<String>;
        "SubnetIds" subnet_ids set_subnet_ids Vec<String>;
    }
    FunctionScalingConfig {
        "MaxExecutionEnvironments" max_execution_environments set_max_execution_environments i32;
        "MinExecutionEnvironments" min_execution_environments set_min_execution_environments i32;
    }
}
