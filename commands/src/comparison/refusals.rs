//! Why the difference between two releases is refused.

use sluice_model::Refusal;

/// `lines`: how many there are.
pub(super) fn too_many_changes(lines: usize) -> Refusal {
    Refusal::new(
        "too-many-changes",
        format!("This release has {lines} changes, more than approvers can be shown."),
        "Promote an earlier release first, or make smaller changes.",
    )
}
