//! What a release needs on a stage.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::names;
use crate::operation::EngineError;
use crate::ports::{FunctionCode, FunctionConfig, SeparateSetting, Tags};
use crate::resources::rights::ImmutableRole;
use sluice_model::{PinnedCode, PipelineName, StageName, Target};
use sluice_template::{AppFunction, AppLayerRef, Application};

/// An application for a stage, and what each of its functions needs. Each reading of an artifact must give the same digest,
/// also after an update of Sluice: otherwise an operation that waits for an approval during the update gets stuck. So a field
/// that is added to [`Application`] must not be serialised while it has its default.
#[derive(Debug)]
pub(crate) struct Deployable {
    pub(crate) digest: String,
    pub(crate) application: Application,
    /// The role with which the stage's APIs call the functions.
    pub(crate) api_role: ImmutableRole,
    planned: BTreeMap<String, PlannedFunction>,
}

/// The ARNs of versions of the application's layers, by logical id.
pub(crate) type LayerArns = BTreeMap<String, String>;

/// A function for a stage.
#[derive(Debug, Clone)]
pub(crate) struct PlannedFunction {
    /// Its name in AWS.
    pub(crate) name: String,
    pub(crate) code: FunctionCode,
    /// What it is tagged with when it is created.
    pub(crate) tags: Tags,
    pub(crate) role: Arc<ImmutableRole>,
    pub(crate) config: Arc<FunctionConfig>,
    /// The settings that have calls of their own, as far as they differ from Lambda's defaults.
    pub(crate) separate: BTreeMap<SeparateSetting, Value>,
    /// The digest of the configuration.
    pub(crate) print: String,
    /// Its layers, if one is of the application itself: the configuration lacks them until their ARNs are known.
    own_layers: Option<Vec<AppLayerRef>>,
}

/// The digest of a whole configuration. It is cryptographic: not even the author of a template can make two configurations
/// with the same digest.
pub(crate) fn config_digest(config: &FunctionConfig) -> String {
    names::digest(&[&serde_json::to_string(config).unwrap_or_default()])
}

/// The settings of a function that have calls of their own.
fn separate(function: &AppFunction) -> BTreeMap<SeparateSetting, Value> {
    let settings = function.separate.iter().filter_map(|(property, value)| {
        let setting = SeparateSetting::of(property)?;
        Some((setting, setting.normalised(value.clone())?))
    });
    settings.collect()
}

impl PlannedFunction {
    /// The function with all its layers; `None` while a version of a layer is not published.
    pub(crate) fn with_layers(&self, arns: &LayerArns) -> Option<Cow<'_, Self>> {
        let Some(layers) = &self.own_layers else { return Some(Cow::Borrowed(self)) };
        let arn = |layer: &AppLayerRef| match layer {
            AppLayerRef::Arn(arn) => Some(arn.clone()),
            AppLayerRef::Own { layer } => arns.get(layer).cloned(),
        };
        let layers = layers.iter().map(arn).collect::<Option<Vec<_>>>()?;
        let config = FunctionConfig { layers, ..FunctionConfig::clone(&self.config) };
        let print = config_digest(&config);
        Some(Cow::Owned(Self { print, config: Arc::new(config), own_layers: None, ..self.clone() }))
    }

    /// The digest of the configuration with this architecture. Lambda changes the architecture with the code, not with the
    /// configuration.
    pub(crate) fn digest_on(&self, architecture: &str) -> String {
        if architecture == self.config.architecture {
            return self.print.clone();
        }
        let config = FunctionConfig::clone(&self.config);
        config_digest(&FunctionConfig { architecture: architecture.to_owned(), ..config })
    }
}

impl Deployable {
    pub(crate) fn new(
        target: &Target,
        pipeline: &PipelineName,
        stage: &StageName,
        application: Application,
    ) -> Result<Self, EngineError> {
        let content = serde_json::to_vec(&application).map_err(|e| EngineError::Corrupt(e.to_string()))?;
        let mut hash = Sha256::new();
        for part in [&target.account, &target.region, pipeline.as_str(), stage.as_str()] {
            hash.update(format!("{part}\n"));
        }
        hash.update(&content);
        let planned = application.functions.values().map(|function| {
            let role =
                ImmutableRole::of_function(target, (pipeline, stage), &function.name, &function.rights);
            let layers = function.layers.iter().map(|layer| match layer {
                AppLayerRef::Arn(arn) => Some(arn.clone()),
                AppLayerRef::Own { .. } => None,
            });
            let layers: Option<Vec<String>> = layers.collect();
            let own_layers = layers.is_none().then(|| function.layers.clone());
            let config = FunctionConfig {
                runtime: function.runtime.clone(),
                handler: function.handler.clone(),
                role: role.arn(target),
                memory: function.memory,
                timeout: function.timeout,
                architecture: function.architecture.clone(),
                environment: function.environment.clone(),
                description: function.description.clone(),
                layers: layers.unwrap_or_default(),
                settings: function.settings.clone(),
                at_creation: function.at_creation.clone(),
            }
            .normalised(&function.name);
            let planned = PlannedFunction {
                name: function.name.clone(),
                code: match &function.code {
                    PinnedCode::Archive(object) => FunctionCode::Archive {
                        object: object.clone(),
                        settings: function.code_settings.clone(),
                    },
                    PinnedCode::Image { image } => image.into(),
                },
                tags: function.tags.clone().into_iter().chain(names::stage_tags(pipeline, stage)).collect(),
                separate: separate(function),
                print: config_digest(&config),
                role: Arc::new(role),
                config: Arc::new(config),
                own_layers,
            };
            (function.logical_id.clone(), planned)
        });
        let planned = planned.collect();
        let api_role = ImmutableRole::of_api(target, pipeline, stage);
        Ok(Self { digest: hex::encode(hash.finalize()), planned, api_role, application })
    }

    /// The function with this logical id.
    pub(crate) fn planned(&self, logical: &str) -> Result<&PlannedFunction, EngineError> {
        self.planned.get(logical).ok_or_else(|| EngineError::Corrupt(format!("no function {logical}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{samples, target};

    fn planned(change: impl FnOnce(&mut sluice_template::AppFunction)) -> Deployable {
        let (pipeline, stage) = ("orders".parse().unwrap(), "prod".parse().unwrap());
        let mut application = samples::application(&pipeline, &stage, &["Hello"]);
        change(application.functions.get_mut("Hello").unwrap());
        Deployable::new(&target(), &pipeline, &stage, application).unwrap()
    }

    fn text(value: &str) -> String {
        value.to_owned()
    }

    #[test]
    fn tags_storage_and_what_is_decided_at_creation_are_planned() {
        let plan = planned(|hello| {
            hello.tags = [(text("team"), text("a"))].into();
            hello.code_settings = [(text("S3ObjectStorageMode"), text("REFERENCE"))].into();
            hello.at_creation =
                [(text("TenancyConfig"), serde_json::json!({ "TenantIsolationMode": "X" }))].into();
        });
        let hello = plan.planned("Hello").unwrap();
        assert_eq!(hello.tags["team"], "a");
        assert!(hello.tags.values().any(|value| value == "orders"), "Sluice's own stay: {:?}", hello.tags);
        let FunctionCode::Archive { settings, .. } = &hello.code else { panic!("{:?}", hello.code) };
        assert_eq!(settings["S3ObjectStorageMode"], "REFERENCE");
        assert!(hello.config.set().contains("TenancyConfig"));
    }

    #[test]
    fn a_configuration_has_the_layers_of_the_application_once_they_exist() {
        let layers = vec![AppLayerRef::Arn(text("arn:a")), AppLayerRef::Own { layer: text("Tools") }];
        let plan = planned(|hello| hello.layers = layers);
        let hello = plan.planned("Hello").unwrap();
        assert!(hello.with_layers(&LayerArns::new()).is_none());
        let known = hello.with_layers(&[(text("Tools"), text("arn:t"))].into()).unwrap();
        assert_eq!(known.config.layers, ["arn:a", "arn:t"]);
        // The digest is that of the same layers by their ARNs.
        let arns = vec![AppLayerRef::Arn(text("arn:a")), AppLayerRef::Arn(text("arn:t"))];
        let same = planned(|hello| hello.layers = arns);
        let same = same.planned("Hello").unwrap();
        assert_eq!(known.print, same.with_layers(&LayerArns::new()).unwrap().print);
    }
}
