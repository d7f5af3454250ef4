//! The confirmation of a change of a stage that was moved outside Sluice.

use serde_json::Value;

use crate::installation::drift::messages;
use crate::installation::drift_cache::DriftReport;
use crate::installation::{Installation, Reject};
use crate::names;
use crate::records::PipelineState;
use crate::rules::Drift;
use sluice_grammar::{Command, DeployCommand};
use sluice_model::PipelineName;
use sluice_template::function_name;

impl Installation {
    /// Requires a confirmation for a change of a stage that was moved outside Sluice. Returns the drift that was confirmed.
    /// `seen` is the digest of the drift that the author saw.
    pub(crate) async fn confirm_drift(
        &self,
        name: &PipelineName,
        state: &PipelineState,
        command: &Command,
        params: &Value,
        seen: Option<&str>,
    ) -> Result<Option<Drift>, Reject> {
        let Some(anyway) = command.accepts_drift() else { return Ok(None) };
        let first = state.pipeline.as_ref().and_then(|pipeline| pipeline.stages.first());
        let named = command.stage();
        let Some(stage) = named.as_ref().or(first) else { return Ok(None) };
        // A deploy observes the aliases itself, so it gets no extra comparison unless drift is already known.
        let is_deploy = matches!(command, Command::Deploy(DeployCommand::Deploy { .. }));
        let report = match self.recent_report(name, state) {
            Some(known) if is_deploy && !anyway => known,
            None if is_deploy && !anyway && !state.outside.contains_key(stage) => return Ok(None),
            _ => {
                let artifact = params.pointer("/release/artifact/code").or(params.pointer("/artifact/code"));
                let functions = artifact.and_then(Value::as_object).into_iter().flatten();
                let functions = functions.map(|(logical, _)| function_name(name, stage, logical)).collect();
                let runs = state.stages.get(stage).and_then(|stage| stage.current.as_ref());
                match runs {
                    None => self.compare_first(name, state, (stage, &functions)).await?,
                    Some(_) => self.compare(name, state).await?,
                }
            }
        };
        // If AWS does not answer in time, a comparison of the last minute counts. Without one, the operation's own
        // observations decide.
        let report = match report {
            DriftReport::Unknown(_) => self.recent_report(name, state),
            seen @ DriftReport::Seen(..) => Some(seen),
        };
        let Some(DriftReport::Seen(_, mut stages)) = report else { return Ok(None) };
        let Some(outside) = stages.remove(stage).flatten() else { return Ok(None) };
        let digest = digest(&outside.drift);
        if anyway && seen.is_none_or(|seen| seen == digest) {
            return Ok(Some(outside.drift));
        }
        let line = command.clone().anyway().to_string();
        Err(Reject::answer(messages::question((name, stage), &outside, (digest, line))))
    }
}

/// Identifies drift: a confirmation is for the drift that the person saw.
fn digest(drift: &Drift) -> String {
    names::short_digest(&[&serde_json::to_string(drift).unwrap_or_default()])
}
