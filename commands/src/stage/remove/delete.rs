//! The steps that delete. Each deletes by name or id, so running it twice has the effect of running it once.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::application::Sluice;
use crate::operation::effects::{DELETE_VERSION, of_api};
use crate::operation::{Context, Effect, EngineError, Observed, OperationState, Progress, Step, StepId};
use crate::ports::may_be_in_use;
use crate::resources::ours;
use crate::stage::remove::messages;
use sluice_model::{ApiKind, Class, Target};

/// A part of the stage.
pub(super) enum Part {
    /// An API stage. A custom domain or a usage plan of the stack may use it, and API Gateway refuses then.
    ApiStage { kind: ApiKind, api: String, stage: String, is_kept_if_used: bool },
    /// An API with everything in it.
    Api { kind: ApiKind, api: String },
    /// A function with all its versions and aliases.
    Function { function: String },
}

/// The output of a step that ends the requests to an API stage.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Requests {
    /// Whether the API stage is left, because something in the stack uses it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_left: bool,
}

/// Whether API Gateway kept that API stage.
pub(super) fn is_left(op: &OperationState, id: &StepId) -> Result<bool, EngineError> {
    Ok(op.output::<Requests>(id)?.is_some_and(|requests| requests.is_left))
}

/// Deletes a part of the stage.
pub(super) struct Remove {
    pub(super) target: Target,
    pub(super) part: Part,
}

#[async_trait]
impl Step<Sluice> for Remove {
    fn effect(&self) -> Effect {
        Effect::Mutate(match &self.part {
            Part::ApiStage { kind, .. } => of_api(*kind).delete_stage,
            Part::Api { kind, .. } => of_api(*kind).delete,
            Part::Function { .. } => &DELETE_VERSION,
        })
    }

    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (ports, at) = (&cx.world.ports, &self.target);
        match &self.part {
            Part::ApiStage { kind, api, stage, is_kept_if_used } => {
                let deleted = ports.gateway_of(*kind).delete_stage(at, api, stage).await;
                return match deleted {
                    Err(error) if *is_kept_if_used && may_be_in_use(&error) => {
                        tracing::info!(operation = %cx.operation, api, stage, %error, "an API stage is left for now");
                        Progress::done(Requests { is_left: true })
                    }
                    Err(error) => Err(error.into()),
                    Ok(()) => Progress::done(Requests::default()),
                };
            }
            Part::Api { kind, api } => ports.gateway_of(*kind).delete_api(at, api).await?,
            Part::Function { function } => ports.functions.delete_function(at, function).await?,
        }
        Progress::done(())
    }

    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let (ports, at) = (&cx.world.ports, &self.target);
        let is_gone = match &self.part {
            // API Gateway does not find the stages of an API that is gone.
            Part::ApiStage { kind, api, stage, .. } => {
                match ports.gateway_of(*kind).stage(at, api, stage).await {
                    Ok(None) => return ours(Requests::default()),
                    Err(error) if error.class == Class::Absent => return ours(Requests::default()),
                    Err(error) => return Err(error.into()),
                    Ok(Some(_)) => false,
                }
            }
            Part::Api { kind, api } => {
                let apis = ports.gateway_of(*kind).apis(at).await?;
                !apis.iter().any(|known| known.id == *api)
            }
            Part::Function { function } => ports.functions.version(at, function, "$LATEST").await?.is_none(),
        };
        if is_gone { ours(()) } else { Ok(Observed::Absent) }
    }
}

/// Refuses to go on after CloudFormation could not delete the stack, until somebody wants another attempt.
pub(super) struct Verdict {
    pub(super) name: String,
    pub(super) failure: String,
    pub(super) is_retried: bool,
}

#[async_trait]
impl Step<Sluice> for Verdict {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, _: &Context) -> Result<Progress, EngineError> {
        match self.is_retried {
            true => Progress::done(()),
            false => Err(EngineError::Refused(messages::stack_left(&self.name, &self.failure))),
        }
    }
}
