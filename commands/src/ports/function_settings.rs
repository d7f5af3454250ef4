//! The settings of a function that have calls of their own.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use sluice_model::{PortResult, Target};

/// A setting with calls of its own. Each is named after the property of `AWS::Lambda::Function`, and its value has the form
/// of the property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SeparateSetting {
    /// The ARN of a code signing configuration, which Lambda applies to code that is uploaded later.
    CodeSigningConfigArn,
    /// `{MinExecutionEnvironments, MaxExecutionEnvironments}` of one version on a capacity provider.
    FunctionScalingConfig,
    /// `Allow`; Lambda stops recursive loops by default.
    RecursiveLoop,
    /// A number of concurrent executions, which other functions of the account cannot use.
    ReservedConcurrentExecutions,
    /// `{UpdateRuntimeOn, RuntimeVersionArn}` of `$LATEST` or a version. A version gets that of `$LATEST` when it is published.
    RuntimeManagementConfig,
}

impl SeparateSetting {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::CodeSigningConfigArn,
        Self::FunctionScalingConfig,
        Self::RecursiveLoop,
        Self::ReservedConcurrentExecutions,
        Self::RuntimeManagementConfig,
    ];

    /// The name of the property.
    pub fn name(self) -> &'static str {
        match self {
            Self::CodeSigningConfigArn => "CodeSigningConfigArn",
            Self::FunctionScalingConfig => "FunctionScalingConfig",
            Self::RecursiveLoop => "RecursiveLoop",
            Self::ReservedConcurrentExecutions => "ReservedConcurrentExecutions",
            Self::RuntimeManagementConfig => "RuntimeManagementConfig",
        }
    }

    /// The setting with that name.
    pub fn of(property: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.name() == property)
    }

    /// Whether it belongs to one version; otherwise it belongs to the function, and applies to all its versions at once.
    pub fn is_of_version(self) -> bool {
        matches!(self, Self::FunctionScalingConfig | Self::RuntimeManagementConfig)
    }

    /// The value, or `None` if it is Lambda's default.
    pub fn normalised(self, value: Value) -> Option<Value> {
        let is_default = match self {
            Self::RecursiveLoop => value == "Terminate",
            Self::RuntimeManagementConfig => value.get("UpdateRuntimeOn").is_none_or(|on| on == "Auto"),
            Self::FunctionScalingConfig => value.as_object().is_some_and(|map| map.is_empty()),
            Self::CodeSigningConfigArn => value == "",
            Self::ReservedConcurrentExecutions => false,
        };
        (!is_default && !value.is_null()).then_some(value)
    }
}

/// The settings of functions that have calls of their own. None has a revision, so the caller looks, holds the
/// stage's slot, and sets one value: to set it again changes nothing.
#[async_trait]
pub trait FunctionSettings: Send + Sync {
    /// `lambda:GetFunctionConcurrency`, `GetFunctionRecursionConfig`, `GetFunctionCodeSigningConfig`,
    /// `GetRuntimeManagementConfig` or `GetFunctionScalingConfig`: the value, `None` if it is Lambda's default. `version` is
    /// `$LATEST` or a number, and matters only to the last two. No such function: absent.
    async fn separate_setting(
        &self,
        target: &Target,
        function: &str,
        version: &str,
        setting: SeparateSetting,
    ) -> PortResult<Option<Value>>;
    /// The `Put…` call of the setting, or for `None` what gives it Lambda's default again: `DeleteFunctionConcurrency`,
    /// `DeleteFunctionCodeSigningConfig`, or `Put…` with the default. A value of another form: invalid.
    async fn put_separate_setting(
        &self,
        target: &Target,
        function: &str,
        version: &str,
        setting: SeparateSetting,
        value: Option<&Value>,
    ) -> PortResult<()>;
}
