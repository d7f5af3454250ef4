//! A requested change of roles, and where a role is from.

use serde::{Deserialize, Serialize};

use crate::records::Grant;
use sluice_model::{GroupId, Member, PipelineName, Role};

/// A requested change of roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChange {
    /// The person or group.
    pub person: Member,
    /// The role.
    pub role: Role,
    /// The pipeline; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PipelineName>,
    /// Whether to grant the role; `false` revokes it.
    pub gives: bool,
}

impl RoleChange {
    /// The kind of an operation that grants.
    pub const GRANT: &str = "access-grant";
    /// The kind of an operation that revokes.
    pub const REVOKE: &str = "access-revoke";

    /// The kind of this change.
    pub fn kind(&self) -> &'static str {
        if self.gives { Self::GRANT } else { Self::REVOKE }
    }
}

/// The source of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// `sluice.toml`.
    Pinned,
    /// A grant for all pipelines.
    Everywhere(&'a Grant),
    /// A grant for this pipeline.
    Here(&'a Grant),
    /// Membership in this group.
    Within(&'a GroupId),
}
