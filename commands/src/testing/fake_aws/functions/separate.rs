//! The settings of functions that have calls of their own.

use async_trait::async_trait;
use serde_json::Value;

use super::{GONE, LATEST};
use crate::operation::effects::{
    DELETE_CODE_SIGNING, DELETE_CONCURRENCY, PUT_CODE_SIGNING, PUT_CONCURRENCY, PUT_RECURSION,
    PUT_RUNTIME_MANAGEMENT, PUT_SCALING,
};
use crate::ports::{FunctionSettings, SeparateSetting};
use crate::testing::fake_aws::{FaultProxy, Made, refuse};
use sluice_model::{Class, PortResult, Target};

/// Under which version a setting is kept.
fn version_of(setting: SeparateSetting, version: &str) -> String {
    if setting.is_of_version() { version.to_owned() } else { LATEST.to_owned() }
}

/// The calls that read a setting, set it, and give it the default again.
fn calls(setting: SeparateSetting) -> (&'static str, &'static str, &'static str) {
    match setting {
        SeparateSetting::CodeSigningConfigArn => {
            ("lambda:GetFunctionCodeSigningConfig", PUT_CODE_SIGNING.call, DELETE_CODE_SIGNING.call)
        }
        SeparateSetting::FunctionScalingConfig => {
            ("lambda:GetFunctionScalingConfig", PUT_SCALING.call, PUT_SCALING.call)
        }
        SeparateSetting::RecursiveLoop => {
            ("lambda:GetFunctionRecursionConfig", PUT_RECURSION.call, PUT_RECURSION.call)
        }
        SeparateSetting::ReservedConcurrentExecutions => {
            ("lambda:GetFunctionConcurrency", PUT_CONCURRENCY.call, DELETE_CONCURRENCY.call)
        }
        SeparateSetting::RuntimeManagementConfig => {
            ("lambda:GetRuntimeManagementConfig", PUT_RUNTIME_MANAGEMENT.call, PUT_RUNTIME_MANAGEMENT.call)
        }
    }
}

#[async_trait]
impl FunctionSettings for FaultProxy {
    async fn separate_setting(
        &self,
        _: &Target,
        function: &str,
        version: &str,
        setting: SeparateSetting,
    ) -> PortResult<Option<Value>> {
        let (call, _, _) = calls(setting);
        self.look(call, &format!("{function}:{version}"), |state| match state.functions.get(function) {
            None => refuse(call, Class::Absent, GONE),
            Some(found) => Ok(found.separate.get(&(setting, version_of(setting, version))).cloned()),
        })
        .await
    }

    async fn put_separate_setting(
        &self,
        _: &Target,
        function: &str,
        version: &str,
        setting: SeparateSetting,
        value: Option<&Value>,
    ) -> PortResult<()> {
        let (_, put, delete) = calls(setting);
        let call = if value.is_some() { put } else { delete };
        let wanted = value.and_then(|value| setting.normalised(value.clone()));
        let subject = format!("{function}:{version} {} {wanted:?}", setting.name());
        self.change(call, &subject, |state| {
            let Some(found) = state.functions.get_mut(function) else {
                return refuse(call, Class::Absent, GONE);
            };
            let key = (setting, version_of(setting, version));
            let before = match wanted.clone() {
                Some(value) => found.separate.insert(key, value),
                None => found.separate.remove(&key),
            };
            Ok(if before == wanted { Made::Same(()) } else { Made::New(()) })
        })
        .await
    }
}
