//! `/stage set`: changes the policy of a stage.
//!
//! It holds the stage's slot while it records. A promotion that moves the stage now was judged by the policy
//! before; later ones are judged by the new policy.

use std::sync::Arc;

use async_trait::async_trait;

use crate::operation::{
    Context, Effect, EngineError, Node, Operation, OperationState, Progress, Slot, Step, StepId, Summary,
};
use crate::records::{AuditSubject, PipelineState, revised};
use crate::rules::Policy;
pub use crate::stage::params::Set as Params;
use sluice_model::{Permission, Refusal, StageName, Target, Text};

/// The operation's kind.
pub const KIND: &str = "stage-set";

/// The headline after success.
fn done(params: &Params, now: &Policy) -> Text {
    let Params { name, stage, before, .. } = params;
    let of = Text::default().code(stage.as_str()).then(" of ").code(name.as_str());
    if (now.approvals, now.self_approval) != (before.approvals, before.self_approval) {
        return of.then(format!(" now needs {} (was: {})", now.needs(), before.needs()));
    }
    let same = Policy { parameters: before.parameters.clone(), ..now.clone() };
    if same == *before {
        return Text::plain("Updated the parameters of ").join(of);
    }
    let text = Text::plain("Updated the policy of ").join(of);
    if params.is_lower { text.then(": it requires less than before") } else { text }
}

/// A policy with changed settings, or the refusal of a wrong setting.
pub fn changed(before: &Policy, default: &Policy, settings: &[(String, String)]) -> Result<Policy, Refusal> {
    let mut policy = before.clone();
    for (key, value) in settings {
        policy.set(key, value, default)?;
    }
    Ok(policy)
}

/// Settings that apply only to promotions.
const OF_PROMOTIONS: [&str; 6] = ["approvals", "approvers", "self_approval", "expires", "order", "soak"];

/// Refuses settings that would be shown as a gate of the first stage without being one: deploys go there
/// directly.
pub fn only_what_holds(stage: &StageName, default: &Policy, after: &Policy) -> Result<(), Refusal> {
    let bare = Policy {
        window: after.window.clone(),
        freeze: after.freeze.clone(),
        smoke: after.smoke.clone(),
        parameters: after.parameters.clone(),
        wild_rights: after.wild_rights,
        ..default.clone()
    };
    if default.approvals > 0 || bare == *after {
        return Ok(());
    }
    Err(Refusal::new(
        "first-stage",
        format!("`{stage}` is the first stage: deploys go there directly, and nobody is asked."),
        format!(
            "`window`, `freeze`, `smoke`, `wild_rights`, parameters and locks work there; {} are for the stages after it.",
            OF_PROMOTIONS.map(|key| format!("`{key}`")).join(", ")
        ),
    ))
}

/// The operation.
pub struct StageSet;

impl Operation for StageSet {
    type Params = Params;

    fn kind(&self) -> &'static str {
        KIND
    }
    fn nodes(
        &self,
        params: &Arc<Params>,
        _op: &OperationState,
        _: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        let slot = Slot::Stage(params.stage.clone());
        Ok(vec![Node::new(StepId::new("record"), "", Record(Params::clone(params))).holding(slot)])
    }
    fn permission(&self, _: &Params) -> Permission {
        Permission::Admins
    }
    fn can_cancel(&self) -> bool {
        false
    }
    fn audit_subject(&self, params: &Params, _op: &OperationState) -> AuditSubject {
        AuditSubject { stage: Some(params.stage.clone()), ..AuditSubject::default() }
    }
    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        let Params { name, stage, before, .. } = params;
        let title = Text::plain("Policy of ").code(stage.as_str()).then(" of ").code(name.as_str());
        let doing =
            Text::plain("Updating the policy of ").code(stage.as_str()).then(" of ").code(name.as_str());
        let summary = Summary { doing: Some(doing), ..Summary::new(title) };
        let mut summary = summary.field("Before", before.words());
        if let Some(now) = op.output::<Policy>(&StepId::new("record")).ok().flatten() {
            summary = summary.field("Now", now.words());
            summary.done = Some(done(params, &now));
        }
        summary.hint = Some(match params.default.approvals {
            _ if !params.sets_parameters() => {
                Text::plain("Check a promotion: ").code(format!("/pipeline check {name} {stage}"))
            }
            0 => {
                Text::plain("The values take effect with the next ").code(format!("/deploy {name}")).then(".")
            }
            _ => {
                let line = format!("/promote {name} {stage}");
                Text::plain("The values take effect with the next ").code(line).then(".")
            }
        });
        summary
    }
}

struct Record(Params);

#[async_trait]
impl Step for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Params { name, stage, settings, default, .. } = &self.0;
        let keys = &cx.world.keys;
        let state = PipelineState::read(&*cx.world.store, keys, name).await?;
        // Applied to the current policy, because somebody may have changed it meanwhile.
        let policy = changed(&state.policy(stage), default, settings).map_err(EngineError::Refused)?;
        only_what_holds(stage, default, &policy).map_err(EngineError::Refused)?;
        let key = keys.policy(name, stage);
        let revision = state.revisions.get(&key.sort).copied().unwrap_or(0);
        let write = revised(key, revision, &policy)?;
        Progress::recorded(policy, vec![write])
    }
}
