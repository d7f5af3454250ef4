//! The API stage. One call changes the deployment that it serves and the versions that its variables select, and so moves all
//! routes and functions together. An undo changes both back only if the stage still serves ours.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;

use crate::application::Sluice;
use crate::operation::effects::of_api;
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step, Undone};
use crate::ports::{ApiStage, ApiStageSettings, Gateway, SettingsChange, StageChange};
use crate::records::Served;
use crate::resources::messages::{self, foreign};
use crate::resources::own::{ours, shell_line};
use crate::resources::seen::ApiPlace;
use crate::resources::watch::RanBefore;
use sluice_model::{ApiKind, PortResult, StageName, Target};

/// Makes an API stage serve a deployment with these variables, or creates it.
pub(super) struct ServeDeployment {
    pub(super) target: Target,
    pub(super) place: ApiPlace,
    /// The stage whose API it is.
    pub(super) stage: StageName,
    pub(super) served: Served,
    /// What the API stage served at the look; `None` if it did not exist.
    pub(super) before: Option<Served>,
    /// The settings that it gets. They are not compared with AWS: people may tune them in between.
    pub(super) settings: SettingsChange,
    pub(super) ran: RanBefore,
}

/// The variables that an update sends to get from one set to another: API Gateway merges them with those that the API stage has,
/// and removes one with an empty value.
fn change(from: &Served, to: &Served) -> BTreeMap<String, String> {
    let removed = from.variables.keys().map(|name| (name.clone(), String::new()));
    removed.chain(to.variables.clone()).collect()
}

/// What an API stage serves now; `None` if it does not exist.
pub(super) async fn serves(cx: &Context, target: &Target, place: &ApiPlace) -> PortResult<Option<Served>> {
    let found = cx.world.ports.gateway_of(place.kind).stage(target, &place.api, &place.stage).await?;
    Ok(found.map(|stage| Served::of(stage).unwrap_or_default()))
}

/// The `aws` line that makes an API stage serve a deployment. `verb`: `create-stage` or `update-stage`. An empty variable is
/// removed.
pub(super) fn by_hand(
    target: &Target,
    place: &ApiPlace,
    verb: &str,
    served: &Served,
    variables: &BTreeMap<String, String>,
) -> String {
    let ApiPlace { kind, api, stage } = place;
    let mut words = match kind {
        ApiKind::Http => vec!["aws", "apigatewayv2", verb, "--api-id", api, "--stage-name", stage],
        ApiKind::Rest => vec!["aws", "apigateway", verb, "--rest-api-id", api, "--stage-name", stage],
    };
    let sets: Vec<_> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (sets, patches) = (sets.join(","), patches(served, variables));
    if *kind == ApiKind::Rest && verb == "update-stage" {
        words.push("--patch-operations");
        words.extend(patches.iter().map(String::as_str));
    } else {
        words.extend(["--deployment-id", &served.deployment]);
        if !variables.is_empty() {
            words.push(if *kind == ApiKind::Http { "--stage-variables" } else { "--variables" });
            words.push(&sets);
        }
    }
    words.extend(["--region", &target.region]);
    shell_line(&words)
}

/// The patch operations of a REST API's stage, as the command line takes them.
fn patches(served: &Served, variables: &BTreeMap<String, String>) -> Vec<String> {
    let deployment = format!("op=replace,path=/deploymentId,value={}", served.deployment);
    let variables = variables.iter().map(|(name, value)| match value.as_str() {
        "" => format!("op=remove,path=/variables/{name}"),
        value => format!("op=replace,path=/variables/{name},value={value}"),
    });
    std::iter::once(deployment).chain(variables).collect()
}

/// An API stage to be created.
pub(super) fn created(name: &str, served: &Served, settings: &ApiStageSettings) -> ApiStage {
    ApiStage {
        name: name.to_owned(),
        deployment: Some(served.deployment.clone()),
        variables: served.variables.clone(),
        settings: settings.clone(),
    }
}

impl ServeDeployment {
    fn gateway<'a>(&self, cx: &'a Context) -> &'a dyn Gateway {
        cx.world.ports.gateway_of(self.place.kind)
    }

    async fn now(&self, cx: &Context) -> PortResult<Option<Served>> {
        serves(cx, &self.target, &self.place).await
    }

    async fn update(
        &self,
        cx: &Context,
        (from, to): (&Served, &Served),
        settings: SettingsChange,
    ) -> PortResult<()> {
        let ApiPlace { api, stage, .. } = &self.place;
        let deployment = to.deployment.clone();
        let change = StageChange { deployment, variables: change(from, to), settings };
        self.gateway(cx).update_stage(&self.target, api, stage, &change).await?;
        Ok(())
    }
}

#[async_trait]
impl Step<Sluice> for ServeDeployment {
    fn effect(&self) -> Effect {
        let mutations = of_api(self.place.kind);
        Effect::Mutate(if self.before.is_some() { mutations.update_stage } else { mutations.create_stage })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let ApiPlace { api, stage, .. } = &self.place;
        let Some(before) = &self.before else {
            // An attempt before may have created it, and not set all of its settings.
            if !self.settings.is_none() && self.now(cx).await?.as_ref() == Some(&self.served) {
                self.update(cx, (&self.served, &self.served), self.settings.clone()).await?;
                return Progress::done(());
            }
            let made = created(stage, &self.served, &self.settings.to);
            self.gateway(cx).create_stage(&self.target, api, &made).await?;
            return Progress::done(());
        };
        // The call has no precondition, so the stage is read once more right before it.
        let now = self.now(cx).await?;
        if now.as_ref() != Some(before) && now.as_ref() != Some(&self.served) {
            let now = now.map(|now| now.beside(Some(before)));
            return Err(EngineError::Refused(messages::api_moved_outside(&self.stage, now.as_deref())));
        }
        self.update(cx, (before, &self.served), self.settings.clone()).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match self.now(cx).await? {
            // A look does not tell the settings.
            Some(now) if now == self.served && self.settings.is_none() => ours(()),
            Some(now) if now == self.served => Ok(Observed::Absent),
            // If there was no stage at the look, somebody else created this one.
            Some(_) if self.before.is_none() => Ok(foreign(messages::api_stage(&self.stage))),
            _ => Ok(Observed::Absent),
        }
    }
    fn by_hand(&self) -> Option<String> {
        let before = self.before.as_ref()?;
        Some(by_hand(&self.target, &self.place, "update-stage", before, &change(&self.served, before)))
    }
    async fn undo(&self, cx: &Context, _: &Value) -> Result<Undone, EngineError> {
        if let Some(left) = self.ran.left_if_moved(cx).await? {
            return Ok(left);
        }
        let (gateway, ApiPlace { api, stage, .. }) = (self.gateway(cx), &self.place);
        match (&self.before, self.now(cx).await?) {
            (Some(before), Some(now)) if now == *before && self.settings.is_none() => {}
            (Some(before), Some(now)) if now == self.served || now == *before => {
                self.update(cx, (&now, before), self.settings.reversed()).await?;
            }
            (None, Some(now)) if now == self.served => {
                gateway.delete_stage(&self.target, api, stage).await?;
            }
            // Reads may lag. Deleting a stage that does not exist is not an error.
            (None, None) => gateway.delete_stage(&self.target, api, stage).await?,
            (before, now) => {
                let now = now.map(|now| now.beside(before.as_ref()));
                return Ok(messages::left_api(now.as_deref()));
            }
        }
        Ok(Undone::Yes)
    }
}
