//! Moves a stage to a version set. A deploy or promotion moves all functions side by side and what they share last; a
//! rollback moves what they share first.

use crate::operation::{Node, OperationState, Slot, StepId};
use crate::resources;
use crate::resources::{Move, Part};

/// The steps that make a stage run a version set, each after `after`. What is where it should be needs no step.
pub(crate) fn move_nodes(to: &Move, after: &[StepId]) -> Vec<Node> {
    let functions = to.set.versions.keys().map(|function| Part::Function(function)).collect();
    let mut groups: [Vec<Part>; 2] = [functions, vec![Part::Shared]];
    if to.is_rollback {
        groups.reverse();
    }
    let (mut nodes, mut after) = (vec![], after.to_vec());
    for group in groups {
        let mut made = vec![];
        for part in group {
            let mut needs = after.clone();
            for node in resources::all().iter().filter_map(|kind| kind.moves(to, part)) {
                made.push(node.id.clone());
                let id = node.id.clone();
                nodes.push(node.after(needs.drain(..)).holding(Slot::Stage(to.before.stage.clone())));
                needs.push(id);
            }
        }
        after.extend(made);
    }
    nodes
}

/// Whether all of these are done.
pub(crate) fn all_done(op: &OperationState, nodes: &[Node]) -> bool {
    nodes.iter().all(|node| op.is_done(&node.id))
}
