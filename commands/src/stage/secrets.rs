//! Parameters that a template marks as secret (`NoEcho`).

use std::time::Duration;

use serde_json::Value;

use crate::installation::{Installation, Reject};
use crate::operation::EngineError;
use crate::records::{Build, Pinned, PipelineState, from_item};
use crate::stage::messages;
use crate::steps::ARTIFACT_LIMIT;
use sluice_model::PipelineName;

/// How long a change waits for the template.
const PATIENCE: Duration = Duration::from_secs(1);

impl Installation {
    /// Refuses a parameter that the newest green build marks as a secret, because everyone can see parameter values. If the
    /// template cannot be read in time, the change is allowed, and the deploy of the template is refused later.
    pub(super) async fn refuse_secrets(
        &self,
        state: &PipelineState,
        name: &PipelineName,
        names: &[&str],
    ) -> Result<(), Reject> {
        let Ok(secrets) = tokio::time::timeout(PATIENCE, self.secrets(state, name)).await else {
            return Ok(());
        };
        let secrets = secrets.unwrap_or_else(|error| {
            tracing::warn!(%error, pipeline = %name, "the template could not be checked for secrets");
            None
        });
        match names.iter().find(|name| secrets.iter().flatten().any(|secret| secret == **name)) {
            None => Ok(()),
            Some(secret) => Err(messages::secret_parameter(secret).into()),
        }
    }

    /// The parameters with `NoEcho` in the newest green build's template.
    async fn secrets(
        &self,
        state: &PipelineState,
        name: &PipelineName,
    ) -> Result<Option<Vec<String>>, EngineError> {
        let (Some(number), Some(pipeline)) = (state.counters.newest_green(), &state.pipeline) else {
            return Ok(None);
        };
        let world = self.engine.world();
        let Some(item) = world.store.get(&world.keys.build(name, number)).await? else { return Ok(None) };
        let Some(artifact) = from_item::<Build>(&item)?.artifact else { return Ok(None) };
        let Pinned { key, version, .. } = &artifact.packaged;
        let found = world
            .ports
            .objects
            .object(&world.target, &pipeline.bucket, key, Some(version), ARTIFACT_LIMIT)
            .await?;
        let template = found.and_then(|found| serde_json::from_slice::<Value>(&found.content).ok());
        let declared = template.as_ref().and_then(|template| template.get("Parameters")?.as_object());
        Ok(declared.map(|declared| {
            let is_secret = |value: &Value| match value.get("NoEcho") {
                Some(Value::Bool(yes)) => *yes,
                Some(Value::String(yes)) => yes.eq_ignore_ascii_case("true"),
                _ => false,
            };
            declared.iter().filter(|(_, value)| is_secret(value)).map(|(name, _)| name.clone()).collect()
        }))
    }
}
