//! Systems Manager's parameters.

use async_trait::async_trait;

use super::{FakeAws, FaultProxy, Made, refuse};
use crate::operation::effects::{DELETE_PARAMETER, PUT_PARAMETER};
use crate::ports::{ParameterInfo, ParameterStore, SecretText, Tags};
use sluice_model::{Class, PortResult, Target};

/// A parameter.
#[derive(Clone)]
pub(crate) struct ParameterState {
    value: SecretText,
    version: i64,
    tags: Tags,
}

impl FakeAws {
    /// The value of a parameter.
    pub fn secret_of(&self, name: &str) -> Option<String> {
        self.lock().parameters.get(name).map(|found| found.value.expose().to_owned())
    }

    /// Somebody made a parameter, with no tags of Sluice.
    pub fn foreign_parameter(&self, name: &str) {
        let value = SecretText::new("theirs");
        let state = ParameterState { value, version: 1, tags: Tags::new() };
        self.lock().parameters.insert(name.to_owned(), state);
    }
}

#[async_trait]
impl ParameterStore for FaultProxy {
    async fn create_secret(
        &self,
        _: &Target,
        name: &str,
        value: &SecretText,
        tags: &Tags,
    ) -> PortResult<i64> {
        self.change(PUT_PARAMETER.call, name, |state| {
            if state.parameters.contains_key(name) {
                return refuse(PUT_PARAMETER.call, Class::Conflict, "ParameterAlreadyExists");
            }
            let made = ParameterState { value: value.clone(), version: 1, tags: tags.clone() };
            state.parameters.insert(name.to_owned(), made);
            Ok(Made::New(1))
        })
        .await
    }

    async fn replace_secret(&self, _: &Target, name: &str, value: &SecretText) -> PortResult<i64> {
        // A version more is no thing made twice.
        self.change(PUT_PARAMETER.call, name, |state| {
            let Some(found) = state.parameters.get_mut(name) else {
                return refuse(PUT_PARAMETER.call, Class::Absent, "ParameterNotFound");
            };
            found.value = value.clone();
            found.version += 1;
            Ok(Made::Same(found.version))
        })
        .await
    }

    async fn parameter_tags(&self, _: &Target, name: &str) -> PortResult<Option<Tags>> {
        self.look("ssm:ListTagsForResource", name, |state| {
            Ok(state.parameters.get(name).map(|found| found.tags.clone()))
        })
        .await
    }

    async fn parameters_below(&self, _: &Target, path: &str) -> PortResult<Vec<ParameterInfo>> {
        self.look("ssm:DescribeParameters", path, |state| {
            let below = state.parameters.iter().filter(|(name, _)| name.starts_with(path));
            let info = |(name, found): (&String, &ParameterState)| ParameterInfo {
                name: name.clone(),
                version: found.version,
                changed: Some(state.time),
            };
            Ok(below.map(info).collect())
        })
        .await
    }

    async fn delete_parameter(&self, _: &Target, name: &str) -> PortResult<bool> {
        self.change(DELETE_PARAMETER.call, name, |state| {
            Ok(match state.parameters.remove(name) {
                Some(_) => Made::New(true),
                None => Made::Same(false),
            })
        })
        .await
    }
}
