//! Who has which role as it is written: people and user groups, not yet looked up.

use std::collections::BTreeSet;

use crate::domain::Access;
use sluice_model::{Member, Role};

/// The roles as `sluice.toml` pins them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PinnedRoles {
    /// Build, deploy, promote to open stages, ask for promotions.
    pub operators: BTreeSet<Member>,
    /// Stages, and everything that operators may.
    pub admins: BTreeSet<Member>,
    /// Roll any stage back through locks, windows and freezes; override.
    pub oncall: BTreeSet<Member>,
    /// Approve promotions; if there are none, the operators do.
    pub approvers: BTreeSet<Member>,
}

impl PinnedRoles {
    /// Those who are named for a role.
    pub fn of(&self, role: Role) -> &BTreeSet<Member> {
        match role {
            Role::Operators => &self.operators,
            Role::Admins => &self.admins,
            Role::Oncall => &self.oncall,
            Role::Approvers => &self.approvers,
        }
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, role: Role) -> &mut BTreeSet<Member> {
        match role {
            Role::Operators => &mut self.operators,
            Role::Admins => &mut self.admins,
            Role::Oncall => &mut self.oncall,
            Role::Approvers => &mut self.approvers,
        }
    }

    /// Everybody who is named for anything.
    pub fn all(&self) -> impl Iterator<Item = &Member> {
        Role::ALL.into_iter().flat_map(|role| self.of(role))
    }
}

/// People alone, each by name.
impl From<Access> for PinnedRoles {
    fn from(access: Access) -> Self {
        let mut pinned_roles = Self::default();
        for role in Role::ALL {
            pinned_roles.of_mut(role).extend(access.of(role).iter().cloned().map(Member::User));
        }
        pinned_roles
    }
}
