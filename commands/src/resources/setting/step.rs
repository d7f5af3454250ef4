//! The step that changes one setting of a function.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::words;
use crate::application::Sluice;
use crate::operation::effects::{
    DELETE_CODE_SIGNING, DELETE_CONCURRENCY, Mutation, PUT_CODE_SIGNING, PUT_CONCURRENCY, PUT_RECURSION,
    PUT_RUNTIME_MANAGEMENT, PUT_SCALING,
};
use crate::operation::{
    Context, Effect, EngineError, Observed, OperationState, Progress, Step, StepId, Undone,
};
use crate::ports::SeparateSetting;
use crate::resources::messages;
use crate::resources::own::ours;
use crate::resources::watch::RanBefore;
use sluice_model::{Class, Target};

/// The first part of the ids of these steps.
pub(super) const STEP: &str = "setting";

/// What a setting has to be before Sluice changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    /// What the stage's release set; `None` is Lambda's default. Anything else is somebody's, and is left.
    Recorded(Option<Value>),
    /// Anything: the stage does not run that version.
    Any,
}

/// Changes one setting of a function or a version.
pub(super) struct SetSetting {
    pub(super) target: Target,
    pub(super) function: String,
    /// Matters only to settings of versions.
    pub(super) version: String,
    pub(super) setting: SeparateSetting,
    pub(super) from: From,
    /// `None`: Lambda's default.
    pub(super) to: Option<Value>,
    pub(super) ran: RanBefore,
}

/// The output of the step.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Adjusted {
    /// The value before; `None` is Lambda's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    /// What was left, in words, because somebody else set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<String>,
}

/// The settings of functions that an operation changed or was going to change.
pub(crate) fn changed_settings(op: &OperationState) -> BTreeSet<(String, SeparateSetting)> {
    let setting = |id: &StepId| {
        let (function, setting) = id.0.strip_prefix(STEP)?.strip_prefix(':')?.rsplit_once(':')?;
        Some((function.to_owned(), SeparateSetting::of(setting)?))
    };
    op.steps().filter_map(|(id, _)| setting(id)).collect()
}

/// The settings that an operation left as somebody set them, in words.
pub(crate) fn left_settings(op: &OperationState) -> Vec<String> {
    let steps = op.steps().filter(|(id, _)| id.0.split(':').next() == Some(STEP));
    steps.filter_map(|(id, _)| op.output::<Adjusted>(id).ok().flatten()?.left).collect()
}

impl SetSetting {
    /// The value now; the outer `None`: the function does not exist.
    async fn now(&self, cx: &Context) -> Result<Option<Option<Value>>, EngineError> {
        let functions = &cx.world.ports.function_settings;
        match functions.separate_setting(&self.target, &self.function, &self.version, self.setting).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.class == Class::Absent => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn put(&self, cx: &Context, value: Option<&Value>) -> Result<(), EngineError> {
        let functions = &cx.world.ports.function_settings;
        let Self { target, function, version, setting, .. } = self;
        Ok(functions.put_separate_setting(target, function, version, *setting, value).await?)
    }

    fn left(&self, now: Option<&Value>) -> String {
        let line = words::line(&self.target, &self.function, self.setting, self.to.as_ref());
        let value = |value| words::value(self.setting, value);
        messages::setting_left(
            &self.function,
            words::name(self.setting),
            (&value(now), &value(self.to.as_ref())),
            line.as_deref(),
        )
    }
}

#[async_trait]
impl Step<Sluice> for SetSetting {
    fn effect(&self) -> Effect {
        Effect::Mutate(mutation(self.setting, self.to.as_ref()))
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Some(now) = self.now(cx).await? else {
            return match self.to {
                // The release does not have the function, and somebody deleted it.
                None => Progress::done(Adjusted::default()),
                Some(_) => Err(EngineError::Refused(messages::function_gone(&self.function))),
            };
        };
        if now == self.to {
            return Progress::done(Adjusted { before: now, left: None });
        }
        if matches!(&self.from, From::Recorded(recorded) if *recorded != now) {
            let left = self.left(now.as_ref());
            return Progress::done(Adjusted { before: now, left: Some(left) });
        }
        self.put(cx, self.to.as_ref()).await?;
        Progress::done(Adjusted { before: now, left: None })
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match (self.now(cx).await?, &self.from) {
            (Some(now), From::Recorded(recorded)) if now == self.to => {
                ours(Adjusted { before: recorded.clone(), left: None })
            }
            // Nobody calls the version once the move is undone, so its value before does not matter.
            (Some(now), From::Any) if now == self.to => ours(Adjusted { before: now, left: None }),
            _ => Ok(Observed::Absent),
        }
    }
    fn by_hand(&self) -> Option<String> {
        let From::Recorded(before) = &self.from else { return None };
        words::line(&self.target, &self.function, self.setting, before.as_ref())
    }
    async fn undo(&self, cx: &Context, output: &Value) -> Result<Undone, EngineError> {
        if let Some(left) = self.ran.left_if_moved(cx).await? {
            return Ok(left);
        }
        let Adjusted { before, left } = serde_json::from_value(output.clone()).unwrap_or_default();
        if left.is_some() || before == self.to {
            return Ok(Undone::Yes);
        }
        match self.now(cx).await? {
            Some(now) if now == self.to => self.put(cx, before.as_ref()).await?,
            Some(now) if now == before => {}
            Some(now) => {
                return Ok(messages::left_setting(Some(&words::value(self.setting, now.as_ref()))));
            }
            None => return Ok(messages::left_setting(None)),
        }
        Ok(Undone::Yes)
    }
}

/// The call that gives a setting this value.
fn mutation(setting: SeparateSetting, value: Option<&Value>) -> &'static Mutation {
    match (setting, value) {
        (SeparateSetting::CodeSigningConfigArn, Some(_)) => &PUT_CODE_SIGNING,
        (SeparateSetting::CodeSigningConfigArn, None) => &DELETE_CODE_SIGNING,
        (SeparateSetting::FunctionScalingConfig, _) => &PUT_SCALING,
        (SeparateSetting::RecursiveLoop, _) => &PUT_RECURSION,
        (SeparateSetting::ReservedConcurrentExecutions, Some(_)) => &PUT_CONCURRENCY,
        (SeparateSetting::ReservedConcurrentExecutions, None) => &DELETE_CONCURRENCY,
        (SeparateSetting::RuntimeManagementConfig, _) => &PUT_RUNTIME_MANAGEMENT,
    }
}
