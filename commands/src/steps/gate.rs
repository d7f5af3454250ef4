//! The checks when an operation acquires the stage's slot: what it prepared, and what was approved, must still be valid. If
//! not, the operation is void.

use serde_json::Value;

use crate::operation::{OperationState, StepId, VOID};
use crate::records::{PipelineState, StackChoices};
use crate::resources::mark;
use crate::rules::{Parameters, Policy, Smoke};
use crate::steps::artifact_reference::read_artifact;
use crate::steps::messages;
use crate::steps::record::STAGE_REVISION;
use sluice_model::{PipelineName, Refusal, StageName};

/// The stage must exist, and nobody may be removing it. Checked at every slot: what is prepared for a stage that is gone would be
/// left behind.
pub(crate) fn still_there(
    pipeline: &PipelineName,
    stage: &StageName,
    state: &PipelineState,
) -> Result<(), Refusal> {
    let refusal = |refusal: Refusal| Refusal { code: VOID.to_owned(), ..refusal };
    state.stage(pipeline, stage).map(drop).map_err(refusal)
}

/// The stage must be as the operation's looks saw it: the moves start from that state, and an undo returns to it.
pub(crate) fn same_stage(
    op: &OperationState,
    pipeline: &PipelineName,
    stage: &StageName,
    state: &PipelineState,
) -> Result<(), Refusal> {
    let seen = op.output::<Value>(&StepId::new(STAGE_REVISION)).ok().flatten();
    let now = mark(stage, state);
    if seen.is_none_or(|seen| seen == now) { Ok(()) } else { Err(messages::stage_moved(pipeline, stage)) }
}

/// The stage's policy must still accept what was prepared: versions are prepared and approved for certain parameter values. A
/// smoke test that was turned off since is no reason to stop. Wildcard rights and images of others were accepted when the template was
/// read.
pub(crate) fn same_policy(
    op: &OperationState,
    smoke: Option<&Smoke>,
    (parameters, choices): (&Parameters, StackChoices),
    (policy, stage): (&Policy, &StageName),
) -> Result<(), Refusal> {
    if policy.smoke.is_some() && policy.smoke.as_ref() != smoke {
        return Err(messages::smoke_test_changed(stage));
    }
    if policy.parameters != *parameters {
        return Err(messages::parameters_changed(stage));
    }
    if policy.events_off != choices.events_off {
        return Err(messages::events_changed(stage));
    }
    let Some(read) = read_artifact(op).ok().flatten() else { return Ok(()) };
    if !policy.wild_rights && read.wild_rights {
        return Err(messages::wild_rights_refused(stage));
    }
    if let Some(repository) = read.images.difference(&policy.images).next() {
        return Err(messages::images_refused(stage, repository));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{operation_id, spec};

    #[test]
    fn a_smoke_test_that_changed_since_the_request_voids_it() {
        let stage = "prod".parse().unwrap();
        let policy = |smoke: &str| {
            let mut policy = Policy::of(true);
            policy.set("smoke", smoke, &Policy::of(true)).unwrap();
            policy
        };
        let health: Smoke = "GET /health".parse().unwrap();
        let op = OperationState::new(operation_id(1), spec("promote"));
        let code = |asked: Option<&Smoke>, now: &str| {
            let same = same_policy(
                &op,
                asked,
                (&Parameters::new(), StackChoices::default()),
                (&policy(now), &stage),
            );
            same.map_err(|refusal| refusal.code)
        };
        assert_eq!(code(Some(&health), "GET /health 200"), Ok(()));
        assert_eq!(code(None, "off"), Ok(()));
        assert_eq!(code(Some(&health), "off"), Ok(()), "the test still runs");
        assert_eq!(code(Some(&health), "GET /health 204"), Err(VOID.into()));
        assert_eq!(code(None, "GET /health"), Err(VOID.into()));
    }
}
