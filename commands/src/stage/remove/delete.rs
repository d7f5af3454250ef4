//! The steps that delete. Each deletes by name or id, so running it twice has the effect of running it once.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::application::Sluice;
use crate::operation::effects::{
    DELETE_ROLE, DELETE_ROLE_POLICY, DELETE_VERSION, PUT_ROLE_POLICY_NAME, of_api,
};
use crate::operation::{Context, Effect, EngineError, Observed, OperationState, Progress, Step, StepId};
use crate::resources::ours;
use crate::stage::remove::messages;
use sluice_model::{ApiKind, Class, Target};

/// Does nothing: its slot is what matters.
pub(super) struct Hold;

#[async_trait]
impl Step<Sluice> for Hold {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, _: &Context) -> Result<Progress, EngineError> {
        Progress::done(())
    }
}

/// A part of the stage.
pub(super) enum Part {
    /// An API stage. A custom domain or a usage plan of the stack may use it, and API Gateway refuses then.
    ApiStage { kind: ApiKind, api: String, stage: String, is_kept_if_used: bool },
    /// An API with everything in it.
    Api { kind: ApiKind, api: String },
    /// A function with all its versions and aliases.
    Function { function: String },
    /// The policies of a role: AWS's own are detached, and its inline policy goes last. A role can be deleted only without policies.
    RolePolicy { role: String },
    /// A role without policies.
    Role { role: String },
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
            Part::RolePolicy { .. } => &DELETE_ROLE_POLICY,
            Part::Role { .. } => &DELETE_ROLE,
        })
    }

    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (ports, at) = (&cx.world.ports, &self.target);
        match &self.part {
            Part::ApiStage { kind, api, stage, is_kept_if_used } => {
                let deleted = ports.gateway_of(*kind).delete_stage(at, api, stage).await;
                return match deleted {
                    Err(error) if *is_kept_if_used && is_of_use(error.class) => {
                        tracing::info!(operation = %cx.operation, api, stage, %error, "an API stage is left for now");
                        Progress::done(Requests { is_left: true })
                    }
                    Err(error) => Err(error.into()),
                    Ok(()) => Progress::done(Requests::default()),
                };
            }
            Part::Api { kind, api } => ports.gateway_of(*kind).delete_api(at, api).await?,
            Part::Function { function } => ports.functions.delete_function(at, function).await?,
            Part::RolePolicy { role } => {
                ports.identity.detach_role_policies(at, role).await?;
                ports.identity.delete_role_policy(at, role, PUT_ROLE_POLICY_NAME).await?;
            }
            Part::Role { role } => ports.identity.delete_role(at, role).await?,
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
            Part::RolePolicy { role } => {
                ports.identity.role_policy(at, role, PUT_ROLE_POLICY_NAME).await?.is_none()
            }
            Part::Role { role } => ports.identity.role(at, role).await?.is_none(),
        };
        if is_gone { ours(()) } else { Ok(Observed::Absent) }
    }
}

/// Whether an error of this class may say that something still uses what is to be deleted. API Gateway has no code of its own
/// for that.
fn is_of_use(class: Class) -> bool {
    matches!(class, Class::Conflict | Class::Precondition | Class::Invalid)
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
