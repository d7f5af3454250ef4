//! Who people are, as Slack knows it now: who is in a user group, and whether somebody is deactivated.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::domain::Unknown;
use sluice_model::{GroupId, UserId};

/// Knows the people. It answers within a second or so, from what it knows if that is fresh, and never with what is
/// too old to go by.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Who is in that group.
    async fn members(&self, group: &GroupId) -> Result<BTreeSet<UserId>, Unknown>;
    /// Whether that person is deactivated; `None` if nobody says.
    async fn is_deactivated(&self, user: &UserId) -> Option<bool>;
    /// Slack just signed something that this person did: they are active.
    fn seen(&self, user: &UserId);
}

/// Where there is no Slack to ask.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDirectory;

#[async_trait]
impl Directory for NoDirectory {
    async fn members(&self, _: &GroupId) -> Result<BTreeSet<UserId>, Unknown> {
        Err(Unknown::Apart)
    }
    async fn is_deactivated(&self, _: &UserId) -> Option<bool> {
        None
    }
    fn seen(&self, _: &UserId) {}
}
