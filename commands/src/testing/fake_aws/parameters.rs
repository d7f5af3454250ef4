//! Systems Manager's parameters.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{FakeAws, FaultProxy, Made, refuse};
use crate::operation::effects::{DELETE_PARAMETER, PUT_PARAMETER};
use crate::ports::{NAMES_AT_ONCE, ParameterInfo, ParameterStore, SecretText, StoredParameter, Tags};
use sluice_model::{Class, PortError, PortResult, Target};

/// A parameter.
#[derive(Clone)]
pub(crate) struct ParameterState {
    value: SecretText,
    version: i64,
    tags: Tags,
    /// The values of a plain one, the first version first; `None` for a `SecureString`.
    plain: Option<Vec<String>>,
    is_list: bool,
    is_denied: bool,
}

impl ParameterState {
    fn secret(value: SecretText, tags: Tags) -> Self {
        Self { value, version: 1, tags, plain: None, is_list: false, is_denied: false }
    }

    /// What is found under the name, or under the name with a version.
    fn stored(&self, version: Option<&str>) -> Option<StoredParameter> {
        let Some(values) = &self.plain else { return Some(StoredParameter::Secret) };
        let version = version.map_or(Some(values.len()), |version| version.parse().ok())?;
        let value = values.get(version.checked_sub(1)?)?.clone();
        Some(StoredParameter::Plain { value, version: i64::try_from(version).ok()?, is_list: self.is_list })
    }
}

impl FakeAws {
    /// The value of a parameter.
    pub fn secret_of(&self, name: &str) -> Option<String> {
        self.lock().parameters.get(name).map(|found| found.value.expose().to_owned())
    }

    /// Somebody made a parameter, with no tags of Sluice.
    pub fn foreign_parameter(&self, name: &str) {
        let value = SecretText::new("theirs");
        self.lock().parameters.insert(name.to_owned(), ParameterState::secret(value, Tags::new()));
    }

    /// Somebody stored a plain value under a name: a further version if there is one.
    pub fn store(&self, name: &str, value: &str) {
        let mut state = self.lock();
        let new = ParameterState::secret(SecretText::new(""), Tags::new());
        let found =
            state.parameters.entry(name.to_owned()).or_insert(ParameterState { plain: Some(vec![]), ..new });
        found.plain.get_or_insert_default().push(value.to_owned());
    }

    /// Somebody stored a list under a name.
    pub fn store_list(&self, name: &str, value: &str) {
        self.store(name, value);
        if let Some(found) = self.lock().parameters.get_mut(name) {
            found.is_list = true;
        }
    }

    /// Whether Sluice may read what is under a name.
    pub fn deny_parameter(&self, name: &str, is_denied: bool) {
        if let Some(found) = self.lock().parameters.get_mut(name) {
            found.is_denied = is_denied;
        }
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
            state.parameters.insert(name.to_owned(), ParameterState::secret(value.clone(), tags.clone()));
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

    async fn plain_parameters(
        &self,
        _: &Target,
        names: &BTreeSet<String>,
    ) -> PortResult<BTreeMap<String, StoredParameter>> {
        const CALL: &str = "ssm:GetParameters";
        if !(1..=NAMES_AT_ONCE).contains(&names.len()) {
            return Err(PortError::new(CALL, Class::Invalid, "ValidationException", "1 to 10 names"));
        }
        let subject = names.iter().cloned().collect::<Vec<_>>().join(",");
        self.look(CALL, &subject, |state| {
            let found = names.iter().filter_map(|asked| {
                let (name, version) =
                    asked.split_once(':').map_or((asked.as_str(), None), |(name, of)| (name, Some(of)));
                Some((asked, state.parameters.get(name)?, version))
            });
            let found: Vec<_> = found.collect();
            if found.iter().any(|(_, found, _)| found.is_denied) {
                return Err(PortError::new(CALL, Class::Denied, "AccessDeniedException", "not authorized"));
            }
            Ok(found
                .into_iter()
                .filter_map(|(asked, found, of)| Some((asked.clone(), found.stored(of)?)))
                .collect())
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
