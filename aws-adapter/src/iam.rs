//! IAM for roles and policies, and STS for the caller's identity.

use async_trait::async_trait;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::Tag;
use percent_encoding::percent_decode_str;
use sluice_commands::ports::{Identity, PolicyVersion, Role, RoleSpec, Tags};
use sluice_model::{Class, PortResult, Target};

use crate::call::{self, Call};
use crate::client::Service;
use crate::error::{failed, found, unbuildable};
use crate::values::timestamp;

pub(crate) struct Iam {
    pub(crate) iam: Service<Client>,
    pub(crate) sts: Service<aws_sdk_sts::Client>,
}

#[async_trait]
impl Identity for Iam {
    async fn create_role(&self, target: &Target, spec: &RoleSpec) -> PortResult<Role> {
        let call = call::CREATE_ROLE;
        let answer = self
            .iam
            .rate_limited(target, call)
            .await?
            .create_role()
            .role_name(&spec.name)
            .path(&spec.path)
            .description(&spec.description)
            .assume_role_policy_document(&spec.trust)
            .permissions_boundary(&spec.boundary)
            .set_tags(Some(tags(call, &spec.tags)?))
            .send()
            .await
            .map_err(failed(call))?;
        role_of(call, call.required(answer.role(), "role")?)
    }

    async fn role(&self, target: &Target, name: &str) -> PortResult<Option<Role>> {
        let call = call::GET_ROLE;
        let answer = self.iam.rate_limited(target, call).await?.get_role().role_name(name).send().await;
        match found(answer.map_err(failed(call)))? {
            Some(answer) => role_of(call, call.required(answer.role(), "role")?).map(Some),
            None => Ok(None),
        }
    }

    async fn put_role_policy(
        &self,
        target: &Target,
        role: &str,
        policy: &str,
        document: &str,
    ) -> PortResult<()> {
        let call = call::PUT_ROLE_POLICY;
        let request =
            self.iam.rate_limited(target, call).await?.put_role_policy().role_name(role).policy_name(policy);
        request.policy_document(document).send().await.map_err(failed(call))?;
        Ok(())
    }

    async fn role_policy(&self, target: &Target, role: &str, policy: &str) -> PortResult<Option<String>> {
        let call = call::GET_ROLE_POLICY;
        let request =
            self.iam.rate_limited(target, call).await?.get_role_policy().role_name(role).policy_name(policy);
        let Some(answer) = found(request.send().await.map_err(failed(call)))? else { return Ok(None) };
        decoded(call, answer.policy_document()).map(Some)
    }

    async fn create_policy(
        &self,
        target: &Target,
        name: &str,
        path: &str,
        document: &str,
    ) -> PortResult<String> {
        let call = call::CREATE_POLICY;
        let request = self.iam.rate_limited(target, call).await?.create_policy().policy_name(name).path(path);
        let answer = request.policy_document(document).send().await.map_err(failed(call))?;
        let arn = answer.policy().and_then(|policy| policy.arn());
        call.required(arn, "policy ARN").map(str::to_owned)
    }

    async fn policy_version(&self, target: &Target, arn: &str) -> PortResult<Option<String>> {
        let call = call::GET_POLICY;
        let answer = self.iam.rate_limited(target, call).await?.get_policy().policy_arn(arn).send().await;
        let Some(answer) = found(answer.map_err(failed(call)))? else { return Ok(None) };
        let version = answer.policy().and_then(|policy| policy.default_version_id());
        call.required(version, "default version").map(|version| Some(version.to_owned()))
    }

    async fn policy_document(&self, target: &Target, arn: &str, version: &str) -> PortResult<Option<String>> {
        let call = call::GET_POLICY_VERSION;
        let request = self
            .iam
            .rate_limited(target, call)
            .await?
            .get_policy_version()
            .policy_arn(arn)
            .version_id(version);
        let Some(answer) = found(request.send().await.map_err(failed(call)))? else { return Ok(None) };
        let document = answer.policy_version().and_then(|version| version.document());
        decoded(call, call.required(document, "document")?).map(Some)
    }

    async fn policy_versions(&self, target: &Target, arn: &str) -> PortResult<Vec<PolicyVersion>> {
        let call = call::LIST_POLICY_VERSIONS;
        let pages = self
            .iam
            .rate_limited(target, call)
            .await?
            .list_policy_versions()
            .policy_arn(arn)
            .into_paginator();
        let mut pages = pages.items().send();
        let mut versions = Vec::new();
        while let Some(version) = pages.next().await {
            let version = version.map_err(failed(call))?;
            let id = call.required(version.version_id(), "version id")?.to_owned();
            versions.push(PolicyVersion { id, is_default: version.is_default_version() });
        }
        Ok(versions)
    }

    async fn create_policy_version(&self, target: &Target, arn: &str, document: &str) -> PortResult<String> {
        let call = call::CREATE_POLICY_VERSION;
        let request = self
            .iam
            .rate_limited(target, call)
            .await?
            .create_policy_version()
            .policy_arn(arn)
            .set_as_default(true);
        let answer = request.policy_document(document).send().await.map_err(failed(call))?;
        let version = answer.policy_version().and_then(|version| version.version_id());
        call.required(version, "version id").map(str::to_owned)
    }

    async fn delete_policy_version(&self, target: &Target, arn: &str, version: &str) -> PortResult<()> {
        let call = call::DELETE_POLICY_VERSION;
        let request = self
            .iam
            .rate_limited(target, call)
            .await?
            .delete_policy_version()
            .policy_arn(arn)
            .version_id(version);
        found(request.send().await.map_err(failed(call))).map(drop)
    }

    async fn role_names(&self, target: &Target, path: &str) -> PortResult<Vec<String>> {
        let call = call::LIST_ROLES;
        let client = self.iam.rate_limited(target, call).await?;
        let (mut names, mut marker) = (Vec::new(), None);
        loop {
            let page = client.list_roles().path_prefix(path).set_marker(marker).send().await;
            let page = page.map_err(failed(call))?;
            names.extend(page.roles().iter().map(|role| role.role_name().to_owned()));
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(names);
            }
        }
    }

    async fn attach_role_policy(&self, target: &Target, role: &str, policy: &str) -> PortResult<()> {
        let call = call::ATTACH_ROLE_POLICY;
        let request = self.iam.rate_limited(target, call).await?.attach_role_policy().role_name(role);
        request.policy_arn(policy).send().await.map_err(failed(call))?;
        Ok(())
    }

    async fn detach_role_policies(&self, target: &Target, role: &str) -> PortResult<()> {
        let (list, detach) = (call::LIST_ATTACHED_ROLE_POLICIES, call::DETACH_ROLE_POLICY);
        // Those that are detached are no longer listed, so the first page is always the next one.
        loop {
            let request =
                self.iam.rate_limited(target, list).await?.list_attached_role_policies().role_name(role);
            let Some(page) = found(request.send().await.map_err(failed(list)))? else { return Ok(()) };
            let arns: Vec<_> =
                page.attached_policies().iter().filter_map(|policy| policy.policy_arn()).collect();
            if arns.is_empty() {
                return Ok(());
            }
            for arn in arns {
                let request =
                    self.iam.rate_limited(target, detach).await?.detach_role_policy().role_name(role);
                found(request.policy_arn(arn).send().await.map_err(failed(detach)))?;
            }
        }
    }

    async fn delete_role_policy(&self, target: &Target, role: &str, policy: &str) -> PortResult<()> {
        let call = call::DELETE_ROLE_POLICY;
        let request = self
            .iam
            .rate_limited(target, call)
            .await?
            .delete_role_policy()
            .role_name(role)
            .policy_name(policy);
        found(request.send().await.map_err(failed(call))).map(|_| ())
    }

    async fn delete_role(&self, target: &Target, role: &str) -> PortResult<()> {
        let call = call::DELETE_ROLE;
        let answer = self.iam.rate_limited(target, call).await?.delete_role().role_name(role).send().await;
        found(answer.map_err(failed(call))).map(|_| ())
    }

    async fn whoami(&self) -> PortResult<Target> {
        let call = call::GET_CALLER_IDENTITY;
        let answer = self.sts.untargeted(call).get_caller_identity().send().await.map_err(failed(call))?;
        let account = call.required(answer.account(), "account")?.to_owned();
        Ok(Target { account, region: self.sts.region.clone() })
    }
}

/// IAM returns policy documents URL-encoded.
fn decoded(call: Call, document: &str) -> PortResult<String> {
    let text = percent_decode_str(document).decode_utf8();
    text.map(|text| text.into_owned())
        .map_err(|error| call.error(Class::Invalid, "UnreadablePolicy", error.to_string()))
}

fn role_of(call: Call, role: &aws_sdk_iam::types::Role) -> PortResult<Role> {
    Ok(Role {
        name: role.role_name().to_owned(),
        arn: role.arn().to_owned(),
        path: role.path().to_owned(),
        boundary: role
            .permissions_boundary()
            .and_then(|boundary| boundary.permissions_boundary_arn())
            .map(str::to_owned),
        tags: role.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect(),
        created: call.required(timestamp(role.create_date()), "creation time")?,
    })
}

fn tags(call: Call, tags: &Tags) -> PortResult<Vec<Tag>> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build().map_err(unbuildable(call)))
        .collect()
}
