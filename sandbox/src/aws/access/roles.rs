//! Roles as the local AWS has them: their policies, their boundary, their tags.
//!
//! What was read is kept until the next change of IAM by anybody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::Method;
use iam_rs::IAMPolicy;
use serde_json::Value;

use super::super::{ACCOUNT, Upstream};
use super::judge::{Principal, policy};
use super::xml;

/// What IAM says about a role itself.
#[derive(Debug, Clone)]
pub struct Role {
    pub name: String,
    pub arn: String,
    pub boundary: Option<String>,
    pub tags: Vec<(String, String)>,
}

/// A reader of roles; it remembers them.
pub struct Roles {
    upstream: Upstream,
    known: Mutex<HashMap<String, Arc<Principal>>>,
}

impl Roles {
    pub fn new(upstream: Upstream) -> Self {
        Self { upstream, known: Mutex::default() }
    }

    /// Reads everything again from now on.
    pub fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The role of that name, if there is one.
    pub async fn of_name(&self, name: &str) -> Option<Role> {
        let answer = self.ask(&[("Action", "GetRole"), ("RoleName", name)]).await?;
        let boundary = xml::first(&answer, "PermissionsBoundaryArn");
        let keys = xml::all(&answer, "Key").zip(xml::all(&answer, "Value"));
        let tags = keys.collect();
        Some(Role { name: name.to_owned(), arn: xml::first(&answer, "Arn")?, boundary, tags })
    }

    /// Who acts as that role. One that is not there, or cannot be read, is somebody without any right.
    pub async fn principal(&self, role: &str, session: &str) -> Arc<Principal> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(role).cloned();
        if let Some(known) = known {
            return known;
        }
        let name = role.rsplit('/').next().unwrap_or(role);
        let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}");
        let read = match self.of_name(name).await.filter(|found| found.arn == role) {
            Some(found) => self.read(&found, arn.clone()).await,
            None => None,
        };
        let Some(principal) = read else {
            tracing::warn!(role, "a role cannot be read: whoever has it may do nothing");
            return Arc::new(Principal { arn, ..Principal::default() });
        };
        let principal = Arc::new(principal);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(role.to_owned(), principal.clone());
        principal
    }

    async fn read(&self, role: &Role, arn: String) -> Option<Principal> {
        let mut identity = vec![];
        let inline = self.ask(&[("Action", "ListRolePolicies"), ("RoleName", &role.name)]).await?;
        for name in xml::all(&inline, "member") {
            let parameters = [("Action", "GetRolePolicy"), ("RoleName", &role.name), ("PolicyName", &name)];
            let answer = self.ask(&parameters).await?;
            identity.push(document(&xml::first(&answer, "PolicyDocument")?)?);
        }
        let attached = self.ask(&[("Action", "ListAttachedRolePolicies"), ("RoleName", &role.name)]).await?;
        for arn in xml::all(&attached, "PolicyArn") {
            identity.push(self.managed(&arn).await?);
        }
        let boundary = match &role.boundary {
            Some(arn) => Some(self.managed(arn).await?),
            None => None,
        };
        Some(Principal { arn, identity, boundary, tags: role.tags.clone() })
    }

    async fn managed(&self, arn: &str) -> Option<IAMPolicy> {
        let policy = self.ask(&[("Action", "GetPolicy"), ("PolicyArn", arn)]).await?;
        let version = xml::first(&policy, "DefaultVersionId")?;
        let parameters = [("Action", "GetPolicyVersion"), ("PolicyArn", arn), ("VersionId", &version)];
        document(&xml::first(&self.ask(&parameters).await?, "Document")?)
    }

    async fn ask(&self, parameters: &[(&str, &str)]) -> Option<String> {
        let body = url::form_urlencoded::Serializer::new("Version=2010-05-08".to_owned())
            .extend_pairs(parameters)
            .finish();
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.upstream.call("iam", Method::POST, "/", &kind, body).await.ok()?;
        answer.status.is_success().then(|| String::from_utf8_lossy(&answer.body).into_owned())
    }
}

/// A document as IAM gives it: JSON, encoded as in a URL, or as it is.
fn document(text: &str) -> Option<IAMPolicy> {
    let text = if text.trim_start().starts_with('{') { text.to_owned() } else { decode(text) };
    let read = serde_json::from_str::<Value>(&text).map_err(|error| error.to_string());
    read.and_then(|document| policy(&document))
        .inspect_err(|error| tracing::error!(error, "a policy cannot be read"))
        .ok()
}

fn decode(text: &str) -> String {
    super::super::naming::decode(text)
}
