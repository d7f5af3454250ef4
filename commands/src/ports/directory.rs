//! What Slack currently knows about people: the members of a user group, and whether a person is deactivated.

use std::collections::BTreeSet;

use async_trait::async_trait;

use sluice_model::{GroupId, UserId};

/// Why the members of a group are unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// Slack did not answer in time, and its last answer is too old.
    Silent,
    /// The app lacks this scope.
    Scope(&'static str),
    /// Slack reports that the group does not exist, or no longer exists.
    Gone,
    /// Slack refuses to answer, with this error code.
    Refused(String),
    /// A terminal has no connection to Slack.
    Apart,
}

/// Knows the people. It answers within about a second, from its cache if that is fresh, and never from a
/// cache that is too old to trust.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The members of a group.
    async fn members(&self, group: &GroupId) -> Result<BTreeSet<UserId>, Unknown>;
    /// Whether a person is deactivated; `None` if that is unknown.
    async fn is_deactivated(&self, user: &UserId) -> Option<bool>;
    /// Records that Slack just signed an action of this person: they are active.
    fn seen(&self, user: &UserId);
}

/// The directory without Slack.
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
