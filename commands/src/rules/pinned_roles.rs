//! The roles in `sluice.toml`: people and user groups, before the groups are resolved.

use std::collections::BTreeSet;

use crate::rules::Access;
use sluice_model::{Member, Role};

/// The roles as `sluice.toml` pins them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PinnedRoles {
    /// May build, deploy, promote to open stages, and request promotions.
    pub operators: BTreeSet<Member>,
    /// May change stages, and do everything that operators may.
    pub admins: BTreeSet<Member>,
    /// May roll any stage back despite locks, windows and freezes, and override gates.
    pub oncall: BTreeSet<Member>,
    /// May approve promotions. If there are none, the operators may.
    pub approvers: BTreeSet<Member>,
}

impl PinnedRoles {
    /// The people and groups of a role.
    pub fn of(&self, role: Role) -> &BTreeSet<Member> {
        match role {
            Role::Operators => &self.operators,
            Role::Admins => &self.admins,
            Role::Oncall => &self.oncall,
            Role::Approvers => &self.approvers,
        }
    }

    /// The same, mutable.
    pub fn of_mut(&mut self, role: Role) -> &mut BTreeSet<Member> {
        match role {
            Role::Operators => &mut self.operators,
            Role::Admins => &mut self.admins,
            Role::Oncall => &mut self.oncall,
            Role::Approvers => &mut self.approvers,
        }
    }

    /// The people and groups of all roles.
    pub fn all(&self) -> impl Iterator<Item = &Member> {
        Role::ALL.into_iter().flat_map(|role| self.of(role))
    }
}

/// Only people; the groups are already resolved.
impl From<Access> for PinnedRoles {
    fn from(access: Access) -> Self {
        let mut pinned_roles = Self::default();
        for role in Role::ALL {
            pinned_roles.of_mut(role).extend(access.of(role).iter().cloned().map(Member::User));
        }
        pinned_roles
    }
}
