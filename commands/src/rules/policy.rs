//! Comparisons of policies.

use crate::records::{Order, Policy};

impl Policy {
    /// Whether a promotion needs fewer other people than before. The author must confirm that.
    pub fn needs_fewer_people_than(&self, before: &Policy) -> bool {
        self.approvals < before.approvals
            || before.approvals > 0 && self.approvals > 0 && self.self_approval && !before.self_approval
    }

    /// Whether it is less strict than before in any respect. The message says so.
    pub fn is_lower_than(&self, before: &Policy) -> bool {
        self.approvals < before.approvals
            || self.self_approval && !before.self_approval
            || self.approvers != before.approvers
            || self.order == Order::Any && before.order == Order::Strict
            || self.soak < before.soak
            || before.window.is_some() && self.window != before.window
            || before.freeze.is_some() && self.freeze != before.freeze
            || before.smoke.is_some() && self.smoke.is_none()
            || self.wild_rights && !before.wild_rights
            || !self.images.is_subset(&before.images)
    }
}
