//! `sluice secret`: secrets of a stage, as `SecureString`s of Systems Manager. A function gets the *name* of a parameter and reads the value
//! itself.
//!
//! The value goes from the terminal to Systems Manager and nowhere else: no record, log or message has it. So these are commands of
//! the binary and not of Slack, where everything that people type is kept. What changes something is recorded before and after its
//! call.

mod key;
mod messages;
#[cfg(test)]
mod tests;

use ulid::Ulid;

use crate::names;
use crate::operation::{EngineError, Snapshot, World, audit};
use crate::ports::{ParameterInfo, SecretText};
use crate::records::{Act, AuditRecord, AuditSubject};
use sluice_model::{Actor, Class, OperationId, Permission, PipelineName, Refusal, StageName};

pub use key::{BadKey, LARGEST_VALUE, SecretKey};

/// A command about the secrets of a stage.
#[derive(Debug, Clone)]
pub struct SecretRequest {
    /// The person, at a terminal.
    pub actor: Actor,
    /// The pipeline.
    pub name: PipelineName,
    /// The stage.
    pub stage: StageName,
    /// What to do.
    pub what: SecretAction,
}

/// What to do with secrets.
#[derive(Debug, Clone)]
pub enum SecretAction {
    /// Set one, new or not.
    Set(SecretKey, SecretText),
    /// List the names.
    List,
    /// Delete one.
    Delete(SecretKey),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretOutcome {
    /// The value is set.
    Set {
        /// The name of the parameter.
        parameter: String,
        /// The number of its version: above 1 if it existed.
        version: i64,
    },
    /// The secrets of the stage by name.
    Listed(Vec<ParameterInfo>),
    /// It is gone.
    Deleted {
        /// The name of the parameter.
        parameter: String,
        /// Whether it existed.
        existed: bool,
    },
}

impl SecretAction {
    /// The line as people typed it, without the value.
    fn line(&self, name: &PipelineName, stage: &StageName) -> String {
        match self {
            Self::Set(key, _) => format!("sluice secret set {name} {stage} {key}"),
            Self::List => format!("sluice secret list {name} {stage}"),
            Self::Delete(key) => format!("sluice secret delete {name} {stage} {key}"),
        }
    }

    /// The kind in audit records.
    fn kind(&self) -> &'static str {
        match self {
            Self::Set(..) => "secret-set",
            Self::List => "secret-list",
            Self::Delete(_) => "secret-delete",
        }
    }
}

/// Carries a command out.
///
/// # Errors
///
/// A refusal for people ([`EngineError::Refused`]), or why AWS or the state could not be reached.
pub async fn carry_out(world: &World, request: &SecretRequest) -> Result<SecretOutcome, EngineError> {
    let SecretRequest { actor, name, stage, what } = request;
    let snapshot = Snapshot::read(world, name).await?;
    snapshot.state.pipeline(name).map_err(EngineError::Refused)?;
    snapshot.state.stage(name, stage).map_err(EngineError::Refused)?;
    if let SecretAction::List = what {
        return list(world, request).await;
    }
    let recorder = Recorder { world, request, id: new_id()? };
    match snapshot.access.permit(Permission::Admins, &actor.id) {
        Ok(granted) => recorder.record(Act::Asked, granted.rule(), "accepted").await?,
        Err(refusal) => {
            recorder.record(Act::Refused, "", &refusal.code).await?;
            return Err(EngineError::Refused(refusal));
        }
    }
    let outcome = match what {
        SecretAction::Delete(key) => delete(world, request, key).await,
        SecretAction::Set(key, value) => set(world, request, key, value).await,
        SecretAction::List => list(world, request).await,
    };
    match &outcome {
        Ok(_) => recorder.record(Act::Succeeded, "", "succeeded").await?,
        Err(error) => recorder.record(Act::Failed, "", &error.refusal().code).await?,
    }
    outcome
}

/// The name of the parameter of a secret.
fn parameter(request: &SecretRequest, key: &SecretKey) -> String {
    format!("{}{key}", names::secrets_path(&request.name, &request.stage))
}

async fn set(
    world: &World,
    request: &SecretRequest,
    key: &SecretKey,
    value: &SecretText,
) -> Result<SecretOutcome, EngineError> {
    if let Some(refusal) = unusable(value) {
        return Err(EngineError::Refused(refusal));
    }
    let parameter = parameter(request, key);
    let (store, target) = (&world.ports.parameters, &world.target);
    let tags = names::stage_tags(&request.name, &request.stage);
    let version = match store.create_secret(target, &parameter, value, &tags).await {
        Err(error) if error.class == Class::Conflict => {
            own(world, request, &parameter).await?;
            store.replace_secret(target, &parameter, value).await?
        }
        version => version?,
    };
    Ok(SecretOutcome::Set { parameter, version })
}

async fn delete(
    world: &World,
    request: &SecretRequest,
    key: &SecretKey,
) -> Result<SecretOutcome, EngineError> {
    let parameter = parameter(request, key);
    let exists = own(world, request, &parameter).await?;
    let existed = exists && world.ports.parameters.delete_parameter(&world.target, &parameter).await?;
    Ok(SecretOutcome::Deleted { parameter, existed })
}

async fn list(world: &World, request: &SecretRequest) -> Result<SecretOutcome, EngineError> {
    let path = names::secrets_path(&request.name, &request.stage);
    Ok(SecretOutcome::Listed(world.ports.parameters.parameters_below(&world.target, &path).await?))
}

/// Whether a parameter exists. One without the tags of the stage is somebody else's, and no function of the stage may read it.
async fn own(world: &World, request: &SecretRequest, parameter: &str) -> Result<bool, EngineError> {
    let Some(tags) = world.ports.parameters.parameter_tags(&world.target, parameter).await? else {
        return Ok(false);
    };
    // An empty list may also be about what does not exist.
    if tags.is_empty() {
        let path = names::secrets_path(&request.name, &request.stage);
        let found = world.ports.parameters.parameters_below(&world.target, &path).await?;
        if !found.iter().any(|info| info.name == parameter) {
            return Ok(false);
        }
    }
    let wanted = names::stage_tags(&request.name, &request.stage);
    if wanted.iter().all(|(key, value)| tags.get(key) == Some(value)) {
        return Ok(true);
    }
    Err(EngineError::Refused(messages::not_ours(parameter)))
}

/// Why Systems Manager would not take a value. The text does not have it.
fn unusable(value: &SecretText) -> Option<Refusal> {
    match value.expose().len() {
        0 => Some(messages::empty()),
        size if size > LARGEST_VALUE => Some(messages::too_large(size, LARGEST_VALUE)),
        _ => None,
    }
}

fn new_id() -> Result<OperationId, EngineError> {
    OperationId::new(Ulid::new().to_string()).map_err(|error| EngineError::Corrupt(error.to_string()))
}

/// Writes the audit records of one command.
struct Recorder<'a> {
    world: &'a World,
    request: &'a SecretRequest,
    /// Stands for the operation.
    id: OperationId,
}

impl Recorder<'_> {
    async fn record(&self, act: Act, rule: &str, outcome: &str) -> Result<(), EngineError> {
        let SecretRequest { actor, name, stage, what } = self.request;
        let record = AuditRecord {
            at: self.world.clock.now(),
            act,
            actor: actor.clone(),
            channel: None,
            pipeline: Some(name.clone()),
            operation: self.id.clone(),
            kind: what.kind().to_owned(),
            command: what.line(name, stage),
            rule: rule.to_owned(),
            outcome: outcome.to_owned(),
            about: AuditSubject { stage: Some(stage.clone()), ..AuditSubject::default() },
        };
        self.world.store.write(audit(&record, &self.world.keys)?).await?;
        Ok(())
    }
}
