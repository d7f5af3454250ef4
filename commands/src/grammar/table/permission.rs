//! Who may ask for what (DESIGN 11), as far as the words of a command decide it.

use crate::grammar::{Command, Role};

/// Who may use a form. What depends on the pipeline (a protected stage, its own approvers) is the domain's to decide.
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
            Permission::Approvers => "approvers of the stage who did not ask for it themselves",
        }
    }
}

impl Command {
    /// Who may ask for exactly this: its form's permission, except that an override and a hard lock need more.
    pub fn permission(&self) -> Permission {
        match self {
            Command::Promote { override_reason: Some(_), .. } => Permission::AdminsOrOncall,
            Command::StageLock { hard: true, .. } => Permission::Admins,
            _ => self.form().permission,
        }
    }
}
