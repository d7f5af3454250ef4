//! Who may ask for what (DESIGN 11), as far as the words of a command decide it.

use crate::Command;
use sluice_model::Permission;

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
