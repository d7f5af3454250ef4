//! Which steps are done.

use crate::operation::{Node, OperationState};

/// Whether all of these steps are done.
pub(crate) fn all_done(op: &OperationState, nodes: &[Node]) -> bool {
    nodes.iter().all(|node| op.is_done(&node.id))
}
