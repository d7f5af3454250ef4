use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use tokio::time::Instant;

use super::{FaultProxy, Made, State, refuse};
use crate::operation::effects::{
    ATTACH_POLICY, CREATE_POLICY, CREATE_POLICY_VERSION, CREATE_ROLE, DELETE_POLICY_VERSION, DELETE_ROLE,
    DELETE_ROLE_POLICY, DETACH_POLICY, ROLE_POLICY,
};
use crate::ports::{Identity, PolicyVersion, Role, RoleSpec};
use crate::testing::target;
use sluice_model::{Class, PortResult, Target};

/// A role. At first no service can assume it.
#[derive(Clone)]
pub(crate) struct RoleState {
    role: Role,
    policies: BTreeMap<String, String>,
    attached: BTreeSet<String>,
    made: Instant,
}

impl RoleState {
    /// Its name, if it is on that path.
    pub(super) fn name_on(&self, path: &str) -> Option<&str> {
        (self.role.path == path).then_some(self.role.name.as_str())
    }
}

impl State {
    /// Adds a role of that ARN: a copy of the role whose name its name begins with.
    pub(super) fn leave_role(&mut self, arn: &str) {
        let like =
            self.roles.values().find(|found| arn.starts_with(&found.role.arn)).expect("a role").clone();
        let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
        let role = Role { name: name.clone(), arn: arn.to_owned(), ..like.role };
        self.roles.insert(name, RoleState { role, ..like });
    }

    /// Whether a service can assume that role by now.
    pub(super) fn is_assumable(&self, arn: &str) -> bool {
        self.roles.values().any(|found| {
            found.role.arn == arn && self.now.duration_since(found.made) >= self.climate.role_delay
        })
    }
}

#[async_trait]
impl Identity for FaultProxy {
    async fn create_role(&self, target: &Target, spec: &RoleSpec) -> PortResult<Role> {
        let call = CREATE_ROLE.call;
        self.change(call, &spec.name, |state| {
            if state.roles.contains_key(&spec.name) {
                return refuse(call, Class::Conflict, "EntityAlreadyExists");
            }
            if !state.policies.contains_key(&spec.boundary) {
                return refuse(call, Class::Absent, "NoSuchEntity");
            }
            let role = Role {
                name: spec.name.clone(),
                arn: format!("arn:aws:iam::{}:role{}{}", target.account, spec.path, spec.name),
                path: spec.path.clone(),
                boundary: Some(spec.boundary.clone()),
                tags: spec.tags.clone(),
                created: state.time,
            };
            let made = RoleState {
                role: role.clone(),
                policies: BTreeMap::new(),
                attached: BTreeSet::new(),
                made: state.now,
            };
            state.roles.insert(spec.name.clone(), made);
            Ok(Made::New(role))
        })
        .await
    }

    async fn role(&self, _: &Target, name: &str) -> PortResult<Option<Role>> {
        self.look("iam:GetRole", name, |state| Ok(state.roles.get(name).map(|found| found.role.clone())))
            .await
    }

    async fn put_role_policy(&self, _: &Target, role: &str, policy: &str, document: &str) -> PortResult<()> {
        let call = ROLE_POLICY.call;
        self.change(call, role, |state| {
            let Some(found) = state.roles.get_mut(role) else {
                return refuse(call, Class::Absent, "NoSuchEntity");
            };
            match found.policies.insert(policy.to_owned(), document.to_owned()) {
                Some(before) if before == document => Ok(Made::Same(())),
                _ => Ok(Made::New(())),
            }
        })
        .await
    }

    async fn role_policy(&self, _: &Target, role: &str, policy: &str) -> PortResult<Option<String>> {
        self.look("iam:GetRolePolicy", role, |state| {
            Ok(state.roles.get(role).and_then(|found| found.policies.get(policy).cloned()))
        })
        .await
    }

    async fn create_policy(
        &self,
        target: &Target,
        name: &str,
        path: &str,
        document: &str,
    ) -> PortResult<String> {
        let call = CREATE_POLICY.call;
        self.change(call, name, |state| {
            let arn = format!("arn:aws:iam::{}:policy{path}{name}", target.account);
            if state.policies.contains_key(&arn) {
                return refuse(call, Class::Conflict, "EntityAlreadyExists");
            }
            state.policies.insert(arn.clone(), vec![(1, document.to_owned())]);
            Ok(Made::New(arn))
        })
        .await
    }

    async fn policy_version(&self, _: &Target, arn: &str) -> PortResult<Option<String>> {
        self.look("iam:GetPolicy", arn, |state| {
            Ok(state.policies.get(arn).and_then(|versions| versions.last()).map(|(nth, _)| format!("v{nth}")))
        })
        .await
    }

    async fn policy_document(&self, _: &Target, arn: &str, version: &str) -> PortResult<Option<String>> {
        self.look("iam:GetPolicyVersion", arn, |state| {
            let found = state.policies.get(arn).into_iter().flatten();
            let mut found = found.filter(|(nth, _)| format!("v{nth}") == version);
            Ok(found.next().map(|(_, document)| document.clone()))
        })
        .await
    }

    async fn policy_versions(&self, _: &Target, arn: &str) -> PortResult<Vec<PolicyVersion>> {
        self.look("iam:ListPolicyVersions", arn, |state| {
            let found = state.policies.get(arn).map(Vec::as_slice).unwrap_or_default();
            let newest = found.last().map(|(nth, _)| *nth);
            let version = |(nth, _): &(usize, String)| PolicyVersion {
                id: format!("v{nth}"),
                is_default: Some(*nth) == newest,
            };
            Ok(found.iter().map(version).collect())
        })
        .await
    }

    async fn create_policy_version(&self, _: &Target, arn: &str, document: &str) -> PortResult<String> {
        let call = CREATE_POLICY_VERSION.call;
        self.change(call, arn, |state| {
            let Some(versions) = state.policies.get_mut(arn) else {
                return refuse(call, Class::Absent, "NoSuchEntity");
            };
            if versions.len() >= 5 {
                return refuse(call, Class::Invalid, "LimitExceeded");
            }
            let next = versions.last().map_or(1, |(nth, _)| nth + 1);
            versions.push((next, document.to_owned()));
            Ok(Made::New(format!("v{next}")))
        })
        .await
    }

    async fn delete_policy_version(&self, _: &Target, arn: &str, version: &str) -> PortResult<()> {
        let call = DELETE_POLICY_VERSION.call;
        self.change(call, version, |state| {
            let versions = state.policies.entry(arn.to_owned()).or_default();
            if versions.last().is_some_and(|(nth, _)| format!("v{nth}") == version) {
                return refuse(call, Class::Conflict, "DeleteConflict");
            }
            let before = versions.len();
            versions.retain(|(nth, _)| format!("v{nth}") != version);
            Ok(if versions.len() < before { Made::New(()) } else { Made::Same(()) })
        })
        .await
    }

    async fn role_names(&self, _: &Target, path: &str) -> PortResult<Vec<String>> {
        self.look("iam:ListRoles", path, |state| {
            let found = state.roles.values().filter(|found| found.role.path.starts_with(path));
            Ok(found.map(|found| found.role.name.clone()).collect())
        })
        .await
    }

    async fn attach_role_policy(&self, _: &Target, role: &str, policy: &str) -> PortResult<()> {
        let call = ATTACH_POLICY.call;
        self.change(call, role, |state| {
            let Some(found) = state.roles.get_mut(role) else {
                return refuse(call, Class::Absent, "NoSuchEntity");
            };
            Ok(if found.attached.insert(policy.to_owned()) { Made::New(()) } else { Made::Same(()) })
        })
        .await
    }

    async fn detach_role_policies(&self, _: &Target, role: &str) -> PortResult<()> {
        self.change(DETACH_POLICY.call, role, |state| {
            let attached = state.roles.get_mut(role).map(|found| std::mem::take(&mut found.attached));
            Ok(if attached.is_some_and(|attached| !attached.is_empty()) {
                Made::New(())
            } else {
                Made::Same(())
            })
        })
        .await
    }

    async fn delete_role_policy(&self, _: &Target, role: &str, policy: &str) -> PortResult<()> {
        self.change(DELETE_ROLE_POLICY.call, role, |state| {
            let policies = state.roles.get_mut(role).map(|found| &mut found.policies);
            match policies.and_then(|policies| policies.remove(policy)) {
                Some(_) => Ok(Made::New(())),
                None => Ok(Made::Same(())),
            }
        })
        .await
    }

    async fn delete_role(&self, _: &Target, role: &str) -> PortResult<()> {
        let call = DELETE_ROLE.call;
        self.change(call, role, |state| match state.roles.get(role) {
            None => Ok(Made::Same(())),
            Some(found) if !(found.policies.is_empty() && found.attached.is_empty()) => {
                refuse(call, Class::Conflict, "DeleteConflict")
            }
            Some(_) => {
                state.roles.remove(role);
                Ok(Made::New(()))
            }
        })
        .await
    }

    async fn whoami(&self) -> PortResult<Target> {
        self.look("sts:GetCallerIdentity", "", |_| Ok(target())).await
    }
}
