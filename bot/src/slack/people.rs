//! The members of user groups, and which users are deactivated.
//!
//! Both are read from Slack and cached (`people/cache.rs`), since a command has to be answered within Slack's three seconds.

mod cache;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use sluice_commands::ports::Directory;
use sluice_commands::rules::Unknown;
use sluice_model::{GroupId, UserId};
use tokio::time::Instant;

use super::{Method, SlackError, WebApi};
use crate::tasks::Tasks;
use cache::Cache;

pub(crate) struct People {
    slack: Arc<dyn WebApi>,
    tasks: Tasks,
    groups: Arc<Cache<GroupId, BTreeSet<UserId>>>,
    deactivated: Arc<Cache<UserId, bool>>,
}

impl People {
    /// The caches start empty.
    pub(crate) fn new(slack: Arc<dyn WebApi>, tasks: Tasks) -> Self {
        Self { slack, tasks, groups: Arc::default(), deactivated: Arc::default() }
    }
}

#[async_trait]
impl Directory for People {
    async fn members(&self, group: &GroupId) -> Result<BTreeSet<UserId>, Unknown> {
        self.groups.get(group, &self.tasks, || members(Arc::clone(&self.slack), group.clone())).await
    }

    async fn is_deactivated(&self, user: &UserId) -> Option<bool> {
        let request = || is_deactivated(Arc::clone(&self.slack), user.clone());
        match self.deactivated.get(user, &self.tasks, request).await {
            Ok(deactivated) => Some(deactivated),
            // A deactivated user stays deactivated until Slack says otherwise, however long Slack is silent.
            Err(_) => self.deactivated.last(user).filter(|deactivated| *deactivated),
        }
    }

    fn seen(&self, user: &UserId) {
        self.deactivated.insert(user, false, Instant::now());
    }
}

async fn members(slack: Arc<dyn WebApi>, group: GroupId) -> Result<BTreeSet<UserId>, SlackError> {
    let answer = slack.call(Method::GroupMembers, &json!({ "usergroup": group.as_str() })).await?;
    let users = answer["users"].as_array().ok_or(SlackError::Unknown)?;
    // Some of Slack's empty lists contain an empty string.
    let users = users.iter().filter(|user| **user != "");
    users.map(|user| user.as_str()?.parse().ok()).collect::<Option<_>>().ok_or(SlackError::Unknown)
}

async fn is_deactivated(slack: Arc<dyn WebApi>, user: UserId) -> Result<bool, SlackError> {
    let answer = slack.call(Method::UserInfo, &json!({ "user": user.as_str() })).await?;
    let profile = answer["user"].as_object().ok_or(SlackError::Unknown)?;
    Ok(profile.get("deleted").and_then(serde_json::Value::as_bool).unwrap_or(false))
}
