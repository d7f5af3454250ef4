//! The settings of functions that have calls of their own.

use async_trait::async_trait;
use aws_sdk_lambda::types::{FunctionScalingConfig, RecursiveLoop, UpdateRuntimeOn};
use serde_json::{Map, Value, json};
use sluice_commands::ports::{FunctionSettings, SeparateSetting};
use sluice_model::{Class, PortResult, Target};

use super::Lambda;
use super::form::Form;
use crate::call::{self, Call};
use crate::error::{failed, found};

/// A value in the SDK's type.
fn sendable<T: Form>(call: Call, value: &Value, path: &str) -> PortResult<T> {
    T::of(value, path).map_err(|detail| call.error(Class::Invalid, "NotSendable", detail))
}

/// A value of `RuntimeManagementConfig`: the mode, and the runtime's version for `Manual`.
fn runtime_management(call: Call, value: Option<&Value>) -> PortResult<(UpdateRuntimeOn, Option<String>)> {
    let nothing = Map::new();
    let mut members = match value {
        None => nothing,
        Some(Value::Object(members)) => members.clone(),
        Some(_) => {
            return Err(call.error(
                Class::Invalid,
                "NotSendable",
                "RuntimeManagementConfig is not an object",
            ));
        }
    };
    let mut take = |name: &str| members.remove(name).unwrap_or_default();
    let mode = sendable::<Option<UpdateRuntimeOn>>(call, &take("UpdateRuntimeOn"), "UpdateRuntimeOn")?;
    let version = sendable(call, &take("RuntimeVersionArn"), "RuntimeVersionArn")?;
    if let Some(name) = members.keys().next() {
        let detail = format!("RuntimeManagementConfig.{name} is not known to this version of Sluice");
        return Err(call.error(Class::Invalid, "NotSendable", detail));
    }
    Ok((mode.unwrap_or(UpdateRuntimeOn::Auto), version))
}

#[async_trait]
impl FunctionSettings for Lambda {
    async fn separate_setting(
        &self,
        target: &Target,
        function: &str,
        version: &str,
        setting: SeparateSetting,
    ) -> PortResult<Option<Value>> {
        let call = match setting {
            SeparateSetting::CodeSigningConfigArn => call::GET_CODE_SIGNING,
            SeparateSetting::FunctionScalingConfig => call::GET_SCALING,
            SeparateSetting::RecursiveLoop => call::GET_RECURSION,
            SeparateSetting::ReservedConcurrentExecutions => call::GET_FUNCTION_CONCURRENCY,
            SeparateSetting::RuntimeManagementConfig => call::GET_RUNTIME_MANAGEMENT,
        };
        let client = self.0.rate_limited(target, call).await?;
        let value = match setting {
            SeparateSetting::CodeSigningConfigArn => {
                let request = client.get_function_code_signing_config().function_name(function);
                let answer = request.send().await.map_err(failed(call))?;
                answer.code_signing_config_arn().into()
            }
            SeparateSetting::FunctionScalingConfig => {
                let request = client.get_function_scaling_config().function_name(function).qualifier(version);
                let answer = request.send().await.map_err(failed(call))?;
                answer.requested_function_scaling_config().map_or(Value::Null, Form::json)
            }
            SeparateSetting::RecursiveLoop => {
                let request = client.get_function_recursion_config().function_name(function);
                let answer = request.send().await.map_err(failed(call))?;
                answer.recursive_loop().map(RecursiveLoop::as_str).into()
            }
            SeparateSetting::ReservedConcurrentExecutions => {
                let request = client.get_function_concurrency().function_name(function);
                let answer = request.send().await.map_err(failed(call))?;
                answer.reserved_concurrent_executions().into()
            }
            SeparateSetting::RuntimeManagementConfig => {
                let request =
                    client.get_runtime_management_config().function_name(function).qualifier(version);
                let answer = request.send().await.map_err(failed(call))?;
                let mut value = json!({
                    "RuntimeVersionArn": answer.runtime_version_arn(),
                    "UpdateRuntimeOn": answer.update_runtime_on().map(UpdateRuntimeOn::as_str),
                });
                if let Some(members) = value.as_object_mut() {
                    members.retain(|_, member| !member.is_null());
                }
                value
            }
        };
        Ok(setting.normalised(value))
    }

    async fn put_separate_setting(
        &self,
        target: &Target,
        function: &str,
        version: &str,
        setting: SeparateSetting,
        value: Option<&Value>,
    ) -> PortResult<()> {
        match (setting, value) {
            (SeparateSetting::CodeSigningConfigArn, None) => {
                let call = call::DELETE_CODE_SIGNING;
                let client = self.0.rate_limited(target, call).await?;
                let request = client.delete_function_code_signing_config().function_name(function);
                found(request.send().await.map_err(failed(call))).map(|_| ())
            }
            (SeparateSetting::CodeSigningConfigArn, Some(value)) => {
                let call = call::PUT_CODE_SIGNING;
                let arn: String = sendable(call, value, setting.name())?;
                let client = self.0.rate_limited(target, call).await?;
                let request = client.put_function_code_signing_config().function_name(function);
                request.code_signing_config_arn(arn).send().await.map_err(failed(call)).map(|_| ())
            }
            (SeparateSetting::ReservedConcurrentExecutions, None) => {
                let call = call::DELETE_FUNCTION_CONCURRENCY;
                let client = self.0.rate_limited(target, call).await?;
                let request = client.delete_function_concurrency().function_name(function);
                found(request.send().await.map_err(failed(call))).map(|_| ())
            }
            (SeparateSetting::ReservedConcurrentExecutions, Some(value)) => {
                let call = call::PUT_FUNCTION_CONCURRENCY;
                let number: i32 = sendable(call, value, setting.name())?;
                let client = self.0.rate_limited(target, call).await?;
                let request = client.put_function_concurrency().function_name(function);
                request.reserved_concurrent_executions(number).send().await.map_err(failed(call)).map(|_| ())
            }
            (SeparateSetting::RecursiveLoop, value) => {
                let call = call::PUT_RECURSION;
                let word: Option<String> =
                    value.map(|value| sendable(call, value, setting.name())).transpose()?;
                let word = word.as_deref().map_or(RecursiveLoop::Terminate, RecursiveLoop::from);
                let client = self.0.rate_limited(target, call).await?;
                let request = client.put_function_recursion_config().function_name(function);
                request.recursive_loop(word).send().await.map_err(failed(call)).map(|_| ())
            }
            (SeparateSetting::RuntimeManagementConfig, value) => {
                let call = call::PUT_RUNTIME_MANAGEMENT;
                let (mode, runtime) = runtime_management(call, value)?;
                let client = self.0.rate_limited(target, call).await?;
                let request =
                    client.put_runtime_management_config().function_name(function).qualifier(version);
                let request = request.update_runtime_on(mode).set_runtime_version_arn(runtime);
                request.send().await.map_err(failed(call)).map(|_| ())
            }
            (SeparateSetting::FunctionScalingConfig, value) => {
                let call = call::PUT_SCALING;
                let config: Option<FunctionScalingConfig> =
                    value.map(|value| sendable(call, value, setting.name())).transpose()?;
                let client = self.0.rate_limited(target, call).await?;
                let request = client.put_function_scaling_config().function_name(function).qualifier(version);
                let request = request.set_function_scaling_config(config);
                request.send().await.map_err(failed(call)).map(|_| ())
            }
        }
    }
}
