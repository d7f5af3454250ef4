//! Roles in the local AWS: their policies, boundaries and tags.
//!
//! Results are cached until the next change in IAM.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::Method;
use iam_rs::IAMPolicy;
use parking_lot::Mutex;
use serde_json::Value;

use super::super::account::ACCOUNT;
use super::super::request::decode;
use super::super::upstream::Upstream;
use super::evaluation::{Principal, policy};
use super::xml;

/// IAM's description of a role.
#[derive(Debug, Clone)]
pub struct Role {
    pub name: String,
    pub arn: String,
    pub boundary: Option<String>,
    pub tags: Vec<(String, String)>,
    /// The trust policy; `null` if it cannot be read.
    pub trust: Value,
}

/// Reads and caches roles.
pub struct Roles {
    upstream: Upstream,
    /// By role and session name.
    known: Mutex<HashMap<String, Arc<Principal>>>,
}

impl Roles {
    pub fn new(upstream: Upstream) -> Self {
        Self { upstream, known: Mutex::default() }
    }

    /// Clears the cache.
    pub fn forget(&self) {
        self.known.lock().clear();
    }

    pub async fn of_name(&self, name: &str) -> Option<Role> {
        let answer = self.get(&[("Action", "GetRole"), ("RoleName", name)]).await?;
        let boundary = xml::first(&answer, "PermissionsBoundaryArn");
        let keys = xml::all(&answer, "Key").zip(xml::all(&answer, "Value"));
        let tags = keys.collect();
        let trust = xml::first(&answer, "AssumeRolePolicyDocument").and_then(|text| json(&text).ok());
        let trust = trust.unwrap_or_default();
        Some(Role { name: name.to_owned(), arn: xml::first(&answer, "Arn")?, boundary, tags, trust })
    }

    pub async fn of_arn(&self, arn: &str) -> Option<Role> {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        self.of_name(name).await.filter(|found| found.arn == arn)
    }

    /// The principal for a role. A role that does not exist or cannot be read has no permissions.
    pub async fn principal(&self, role: &str, session: &str) -> Arc<Principal> {
        let key = format!("{role} {session}");
        let known = self.known.lock().get(&key).cloned();
        if let Some(known) = known {
            return known;
        }
        let name = role.rsplit('/').next().unwrap_or(role);
        let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}");
        let read = match self.of_arn(role).await {
            Some(found) => self.read(&found, arn.clone()).await,
            None => None,
        };
        let Some(principal) = read else {
            tracing::warn!(role, "a role cannot be read; it allows nothing");
            return Arc::new(Principal { arn, ..Principal::default() });
        };
        let principal = Arc::new(principal);
        self.known.lock().insert(key, principal.clone());
        principal
    }

    async fn read(&self, role: &Role, arn: String) -> Option<Principal> {
        let mut identity = vec![];
        let inline = self.get(&[("Action", "ListRolePolicies"), ("RoleName", &role.name)]).await?;
        for name in xml::all(&inline, "member") {
            let parameters = [("Action", "GetRolePolicy"), ("RoleName", &role.name), ("PolicyName", &name)];
            let answer = self.get(&parameters).await?;
            identity.push(document(&xml::first(&answer, "PolicyDocument")?, &role.tags)?);
        }
        let attached = self.get(&[("Action", "ListAttachedRolePolicies"), ("RoleName", &role.name)]).await?;
        for arn in xml::all(&attached, "PolicyArn") {
            identity.push(self.managed(&arn, &role.tags).await?);
        }
        let boundary = match &role.boundary {
            Some(arn) => Some(self.managed(arn, &role.tags).await?),
            None => None,
        };
        Some(Principal { arn, identity, boundary, tags: role.tags.clone() })
    }

    async fn managed(&self, arn: &str, tags: &[(String, String)]) -> Option<IAMPolicy> {
        let policy = self.get(&[("Action", "GetPolicy"), ("PolicyArn", arn)]).await?;
        let version = xml::first(&policy, "DefaultVersionId")?;
        let parameters = [("Action", "GetPolicyVersion"), ("PolicyArn", arn), ("VersionId", &version)];
        document(&xml::first(&self.get(&parameters).await?, "Document")?, tags)
    }

    async fn get(&self, parameters: &[(&str, &str)]) -> Option<String> {
        let body = url::form_urlencoded::Serializer::new("Version=2010-05-08".to_owned())
            .extend_pairs(parameters)
            .finish();
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.upstream.call("iam", Method::POST, "/", &kind, body).await.ok()?;
        answer.status.is_success().then(|| String::from_utf8_lossy(&answer.body).into_owned())
    }
}

/// A policy document as IAM returns it, of a role with these tags.
fn document(text: &str, tags: &[(String, String)]) -> Option<IAMPolicy> {
    let read = json(text).and_then(|document| policy(&document, tags));
    read.inspect_err(|error| tracing::error!(error, "a policy cannot be read")).ok()
}

/// Reads JSON that may be URL-encoded.
fn json(text: &str) -> Result<Value, String> {
    let text = if text.trim_start().starts_with('{') { text.to_owned() } else { decode(text) };
    serde_json::from_str(&text).map_err(|error| error.to_string())
}
