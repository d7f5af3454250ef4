//! Roles, and the permission that a command needs (DESIGN 11).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A role that can be granted (DESIGN 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Build, deploy, promote to open stages.
    Operators,
    /// Stages, locks, overrides, deletes, grants.
    Admins,
    /// Rollback of any stage; override.
    Oncall,
    /// Approve promotions.
    Approvers,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 4] = [Role::Operators, Role::Admins, Role::Oncall, Role::Approvers];

    /// As it is typed.
    pub fn word(self) -> &'static str {
        match self {
            Role::Operators => "operators",
            Role::Admins => "admins",
            Role::Oncall => "oncall",
            Role::Approvers => "approvers",
        }
    }

    /// What somebody is who has it: "an operator".
    pub fn one(self) -> &'static str {
        match self {
            Role::Operators => "an operator",
            Role::Admins => "an admin",
            Role::Oncall => "on call",
            Role::Approvers => "an approver",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The people who may use a form. The rules decide what depends on the pipeline: a protected stage, its own approvers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Everybody in the workspace: reading.
    Everyone,
    /// Operators.
    Operators,
    /// Admins.
    Admins,
    /// Operators, and those on call.
    OperatorsOrOncall,
    /// Admins, and those on call.
    AdminsOrOncall,
    /// Approvers of the stage.
    Approvers,
    /// Nobody: Sluice does it by itself.
    Sluice,
}

impl Permission {
    /// The roles of which one is enough; none is needed where the list is empty.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Permission::Everyone | Permission::Sluice => &[],
            Permission::Operators => &[Role::Operators],
            Permission::Admins => &[Role::Admins],
            Permission::OperatorsOrOncall => &[Role::Operators, Role::Oncall],
            Permission::AdminsOrOncall => &[Role::Admins, Role::Oncall],
            Permission::Approvers => &[Role::Approvers],
        }
    }

    /// As help says it: "operators and those on call".
    pub fn people(self) -> &'static str {
        match self {
            Permission::Everyone => "everybody in the workspace",
            Permission::Operators => "operators",
            Permission::Admins => "admins",
            Permission::OperatorsOrOncall => "operators and people on call",
            Permission::AdminsOrOncall => "admins and people on call",
            Permission::Sluice => "nobody; Sluice does it by itself",
            Permission::Approvers => "approvers of the stage, except the requester",
        }
    }
}
