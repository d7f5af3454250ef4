//! The moving of a stage to a version set: all aliases side by side, and the API stage last.

use crate::operation::{Node, OperationState, Slot, StepId};
use crate::operations::steps::{PermitApi, PointAlias, RanBefore, ReadySet, ServeDeployment};
use sluice_model::{Target, Text};

/// The steps that make a stage run a version set, each after `after`. What is as it shall be needs no step.
pub(crate) fn move_nodes(
    target: &Target,
    before: &RanBefore,
    ready: &ReadySet,
    after: &[StepId],
) -> Vec<Node> {
    let stage = &before.stage;
    let slot = Slot::Stage(stage.clone());
    let mut nodes = vec![];
    let mut before_api: Vec<StepId> = after.to_vec();
    for (function, version) in &ready.set.versions {
        let look = ready.looks.get(function);
        let seen = look.and_then(|look| look.alias.clone());
        let weights = look.map(|look| look.weights.clone()).unwrap_or_default();
        let alias = StepId::of("alias", function);
        let stands = weights.is_empty() && seen.as_ref().is_some_and(|(at, _)| at == version);
        if !stands {
            let title =
                Text::plain("move ").code(format!("{function}:{stage}")).then(format!(" to {version}"));
            let step = PointAlias {
                target: target.clone(),
                function: function.clone(),
                stage: stage.clone(),
                version: version.clone(),
                seen,
                weights,
                before: before.clone(),
            };
            nodes.push(
                Node::new(alias.clone(), title, step).after(after.iter().cloned()).holding(slot.clone()),
            );
            before_api.push(alias.clone());
        }
        if let Some(api) = &ready.set.api
            && !look.is_some_and(|look| look.permitted)
        {
            let needs = if stands { after.to_vec() } else { vec![alias] };
            let permit = StepId::of("permit", function);
            let step = PermitApi {
                target: target.clone(),
                function: function.clone(),
                stage: stage.clone(),
                api: api.api.clone(),
                before: before.clone(),
            };
            let title = Text::plain("let the API call ").code(format!("{function}:{stage}"));
            nodes.push(Node::new(permit.clone(), title, step).after(needs).holding(slot.clone()));
            // Until then its requests are answered with 500.
            before_api.push(permit);
        }
    }
    if let Some(api) = &ready.set.api
        && ready.serves.as_ref() != Some(&api.deployment)
    {
        let step = ServeDeployment {
            target: target.clone(),
            api: api.api.clone(),
            stage: stage.clone(),
            deployment: api.deployment.clone(),
            before: ready.serves.clone(),
            ran: before.clone(),
        };
        let title = Text::plain("serve it on API stage ").code(stage.as_str());
        nodes.push(Node::new(StepId::new("api-stage"), title, step).after(before_api).holding(slot));
    }
    nodes
}

/// Whether all of these are done.
pub(crate) fn all_done(op: &OperationState, nodes: &[Node]) -> bool {
    nodes.iter().all(|node| op.is_done(&node.id))
}
