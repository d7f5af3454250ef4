//! The approvals of a promotion: how many, by whom, until when. An approver's role is checked at the click, when approvals are
//! counted, and once more before the stage moves: a person who lost the role or was deactivated does not count. One person is one
//! approval, and the requester's own counts only if the stage's policy allows it.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::application::Sluice;
use crate::operation::{Context, Effect, EngineError, OperationState, Progress, SignalKind, Step, marked};
use crate::promote::outdated::is_outdated;
use crate::promote::{Params, refusals};
use crate::records::PipelineState;
use crate::rules::{Access, DEACTIVATED, GROUP_UNKNOWN, Roles, Subjects};
use sluice_model::{Refusal, UserId};

/// Whether the policy is no stricter than when the promotion was requested.
pub(super) fn enough(params: &Params, state: &PipelineState) -> Result<(), Refusal> {
    let policy = state.policy(&params.to);
    let now = usize::try_from(policy.approvals).unwrap_or(usize::MAX);
    if params.override_reason.is_some() || now == 0 {
        return Ok(());
    }
    let are_others = policy.approvers != params.named || params.self_approval && !policy.self_approval;
    if params.approvals > 0 && are_others {
        return Err(refusals::other_approvers(params));
    }
    if now <= params.approvals {
        return Ok(());
    }
    Err(refusals::more_approvals(params, now))
}

/// Whether enough of the approvers still have their role.
pub(super) fn valid(params: &Params, op: &OperationState, access: &Access) -> Result<(), Refusal> {
    let asked = params.asked(&op.spec.actor.id);
    let approved = params.approved(op);
    let refused: Vec<Refusal> =
        approved.iter().filter_map(|user| access.approve(user, &asked).err()).collect();
    let may = approved.len() - refused.len();
    if may >= params.approvals {
        return Ok(());
    }
    Err(refusals::too_few_valid(params, may, refused.iter().filter(|refusal| says_why(refusal))))
}

/// Whether the reason is about the person's state in Slack.
fn says_why(refusal: &Refusal) -> bool {
    [DEACTIVATED, GROUP_UNKNOWN].contains(&refusal.code.as_str())
}

/// How long until a signal is checked again if the groups of its author could not be read. The person would not click again.
const RECHECK: Duration = Duration::from_secs(15);

/// Waits for approvals.
pub(super) struct Approval {
    pub(super) params: Params,
    pub(super) requester: UserId,
    /// The stage's mark before the first look at it.
    pub(super) seen: Option<Value>,
}

#[async_trait]
impl Step<Sluice> for Approval {
    fn effect(&self) -> Effect {
        Effect::Await
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { params, requester, seen } = self;
        let state = PipelineState::read(&*cx.world.store, &cx.world.keys, &params.name).await?;
        if is_outdated(params, seen.as_ref(), &state) {
            return Err(EngineError::Refused(refusals::stage_moved(&params.name, &params.to, &state)));
        }
        let asked = params.asked(requester);
        let mut approvers = BTreeSet::new();
        let access = match cx.signals.is_empty() {
            true => Access::default(),
            false => {
                let authors = cx.signals.iter().map(|signal| &signal.actor.id);
                let subjects = Subjects::people(authors).naming(&params.named);
                Roles::read_about(&cx.world, Some(&params.name), subjects).await?.access()
            }
        };
        let mut unresolved = None;
        for signal in &cx.signals {
            let is_late = params.expires.is_some_and(|expires| expires <= signal.at);
            if is_late {
                continue;
            }
            if let Err(refusal) = access.approve(&signal.actor.id, &asked) {
                unresolved = unresolved.or(Some(refusal).filter(|refusal| refusal.code == GROUP_UNKNOWN));
                continue;
            }
            match signal.kind {
                SignalKind::Reject => {
                    return Err(EngineError::Refused(refusals::rejected(&signal.actor.id, &params.to)));
                }
                SignalKind::Approve => drop(approvers.insert(&signal.actor.id)),
                _ => {}
            }
            if approvers.len() >= params.approvals {
                return Progress::done(());
            }
        }
        if params.expires.is_some_and(|expires| expires <= cx.world.clock.now()) {
            return Err(EngineError::Refused(refusals::expired(params, approvers.len())));
        }
        if let Some(unresolved) = unresolved {
            // The person had the role at the click, or the signal would not be recorded. It counts once Slack answers again.
            return Ok(Progress::NotYet { after: RECHECK, note: Some(marked(&unresolved.problem)) });
        }
        Ok(Progress::Await { until: params.expires })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{operation_id, spec};
    use crate::operation::{RecordedSignal, VOID};
    use crate::testing::samples::{access, actor, change, promotion};

    #[test]
    fn an_approver_who_lost_the_role_does_not_count() {
        let params = promotion("orders", change(2), &["Hello"]);
        let mut op = OperationState::new(operation_id(1), spec("promote"));
        let (step, at) = (crate::operation::StepId::new("approval"), jiff::Timestamp::UNIX_EPOCH);
        for name in ["ben", "cleo"] {
            let (step, actor) = (step.clone(), actor(name));
            op.signals.push(RecordedSignal {
                step,
                actor,
                kind: SignalKind::Approve,
                reason: None,
                refusal: None,
                at,
            });
        }
        let mut access = access();
        let code = |access: &Access, approvals| {
            let params = Params { approvals, ..params.clone() };
            valid(&params, &op, access).map_err(|refusal| refusal.code)
        };
        assert_eq!(code(&access, 2), Ok(()));
        access.approvers.remove(&actor("ben").id);
        assert_eq!(code(&access, 2), Err(VOID.into()));
        assert_eq!(code(&access, 1), Ok(()));
        access.approvers.remove(&actor("cleo").id);
        assert_eq!(code(&access, 1), Err(VOID.into()));
        assert_eq!(code(&access, 0), Ok(()), "no approval is needed");
    }
}
