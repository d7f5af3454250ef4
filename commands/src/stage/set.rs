//! `/stage set`: changes the policy of a stage.
//!
//! It holds the stage's slot while it records. A promotion that moves the stage now was judged by the policy
//! before; later ones are judged by the new policy.

use async_trait::async_trait;

use crate::operation::{Context, EngineError, OperationState, Progress, Summary};
use crate::records::{PipelineState, revised};
use crate::rules::Policy;
use crate::stage::messages;
pub use crate::stage::params::Set as Params;
use crate::steps::Change;
use sluice_model::{Actor, Refusal, StageName};

/// The operation's kind.
pub const KIND: &str = "stage-set";

/// The operation.
#[derive(Clone, Copy)]
pub struct StageSet;

#[async_trait]
impl Change for StageSet {
    type Params = Params;

    fn kind(self) -> &'static str {
        KIND
    }
    fn stage(self, params: &Params) -> Option<&StageName> {
        Some(&params.stage)
    }
    fn takes_slot(self) -> bool {
        true
    }
    fn summary(self, params: &Params, op: &OperationState) -> Summary {
        messages::updated_policy(params, op)
    }
    async fn record(self, params: &Params, _: &Actor, cx: &Context) -> Result<Progress, EngineError> {
        let Params { name, stage, settings, default, .. } = params;
        let keys = &cx.world.keys;
        let state = PipelineState::read(&*cx.world.store, keys, name).await?;
        state.stage(name, stage).map_err(EngineError::Refused)?;
        // Applied to the current policy, because somebody may have changed it meanwhile.
        let policy = changed(&state.policy(stage), default, settings).map_err(EngineError::Refused)?;
        only_what_holds(stage, default, &policy).map_err(EngineError::Refused)?;
        let key = keys.policy(name, stage);
        let revision = state.revisions.get(&key.sort).copied().unwrap_or(0);
        let write = revised(key, revision, &policy)?;
        Progress::recorded(policy, vec![write])
    }
}

/// A policy with changed settings, or the refusal of a wrong setting.
pub fn changed(before: &Policy, default: &Policy, settings: &[(String, String)]) -> Result<Policy, Refusal> {
    let mut policy = before.clone();
    for (key, value) in settings {
        policy.set(key, value, default)?;
    }
    Ok(policy)
}

/// Refuses settings that would be shown as a gate of the first stage without being one: deploys go there
/// directly.
pub fn only_what_holds(stage: &StageName, default: &Policy, after: &Policy) -> Result<(), Refusal> {
    let bare = Policy {
        window: after.window.clone(),
        freeze: after.freeze.clone(),
        smoke: after.smoke.clone(),
        parameters: after.parameters.clone(),
        wild_rights: after.wild_rights,
        images: after.images.clone(),
        events_off: after.events_off,
        ..default.clone()
    };
    match default.approvals > 0 || bare == *after {
        true => Ok(()),
        false => Err(messages::only_for_later_stages(stage)),
    }
}
