//! What people do in the console, past Sluice. None of it is an effect of ours.

use std::collections::BTreeMap;

use super::FakeAws;
use super::functions::{AliasState, FunctionState};
use crate::ports::{ApiStage, Deployment, DeploymentState};
use crate::testing::target;

impl FakeAws {
    /// Somebody moves an alias to that version, and has so many thousandths of its calls go to another.
    ///
    /// # Panics
    /// If there is no such alias: the test means another one.
    pub fn move_by_hand(&self, function: &str, alias: &str, version: &str, besides: Option<(&str, u32)>) {
        let mut state = self.lock();
        let found = state.functions.get_mut(function).expect("a function");
        let revision = found.change();
        let alias = found.aliases.get_mut(alias).expect("an alias");
        alias.version = version.to_owned();
        alias.weights = besides.into_iter().map(|(version, part)| (version.to_owned(), part)).collect();
        alias.revision = revision;
    }

    /// Somebody has that stage of the API serve another of its deployments; gives which.
    ///
    /// # Panics
    /// If there is no other: the test means another world.
    pub fn serve_by_hand(&self, stage: &str) -> String {
        let mut state = self.lock();
        let api = state.apis.iter_mut().find(|api| api.stages.contains_key(stage)).expect("an API stage");
        let now = api.stages.get(stage).and_then(|stage| stage.deployment.clone());
        let mut all = api.deployments.iter().map(|(deployment, _)| deployment.id.clone());
        let other = all.rfind(|id| Some(id) != now.as_ref()).expect("another deployment");
        if let Some(stage) = api.stages.get_mut(stage) {
            stage.deployment = Some(other.clone());
        }
        other
    }

    /// Somebody freezes the API as it is and has that stage serve it; gives the deployment.
    ///
    /// # Panics
    /// If there is no such stage.
    pub fn serve_a_copy(&self, stage: &str) -> String {
        let mut state = self.lock();
        let now = state.now;
        let api = state.apis.iter_mut().find(|api| api.stages.contains_key(stage)).expect("an API stage");
        let made = Deployment {
            id: "by-hand".to_owned(),
            description: "by hand".to_owned(),
            state: DeploymentState::Deployed,
        };
        api.deployments.push((made.clone(), now));
        if let Some(stage) = api.stages.get_mut(stage) {
            stage.deployment = Some(made.id.clone());
        }
        made.id
    }

    /// Somebody makes an alias.
    ///
    /// # Panics
    /// If there is no such function.
    pub fn make_by_hand(&self, function: &str, alias: &str, version: &str) {
        let mut state = self.lock();
        let found = state.functions.get_mut(function).expect("a function");
        found.aliases.insert(alias.to_owned(), AliasState::at(version));
    }

    /// What attempts that came to nothing leave: a version of each function that no alias points to, with a role of its own,
    /// and a log group whose events never expire.
    ///
    /// # Panics
    /// If there is no such function, or it has no version.
    pub fn leave_behind(&self, functions: &[&str]) {
        let mut state = self.lock();
        for function in functions {
            let found = state.functions.get_mut(*function).expect("a function");
            let role = found.leave_version(None);
            state.leave_role(&role);
            state.retentions.insert(format!("/aws/lambda/{function}"), 0);
        }
    }

    /// What an attempt that came to nothing leaves: a version with that role.
    ///
    /// # Panics
    /// If there is no such function, or it has no version.
    pub fn leave_version(&self, function: &str, role: &str) {
        self.lock().functions.get_mut(function).expect("a function").leave_version(Some(role));
    }

    /// What a deploy leaves that failed before it recorded a release: a function without aliases. One version of it names a
    /// role, and `$LATEST` another.
    pub fn leave_function(&self, function: &str, published: &str, latest: &str) {
        let arn = sluice_template::function_arn(&target(), function);
        let mut state = self.lock();
        let made = FunctionState::unreleased(arn, published, latest, state.now);
        state.functions.insert(function.to_owned(), made);
    }

    /// A function is there, with aliases that point to those versions, and nothing else of it.
    pub fn place(&self, function: &str, aliases: &[(&str, &str)]) {
        let aliases =
            aliases.iter().map(|(alias, version)| ((*alias).to_owned(), AliasState::at(version))).collect();
        let arn = sluice_template::function_arn(&target(), function);
        let mut state = self.lock();
        let now = state.now;
        state.functions.insert(function.to_owned(), FunctionState::bare(arn, aliases, now));
    }

    /// An API is there, with stages that serve those deployments, and nothing else of it.
    pub fn place_api(&self, id: &str, stages: &[(&str, &str)]) {
        let stage = |name: &str, deployment: &str| ApiStage {
            name: name.to_owned(),
            deployment: Some(deployment.to_owned()),
            variables: BTreeMap::new(),
        };
        let stages = stages.iter().map(|(name, at)| ((*name).to_owned(), stage(name, at))).collect();
        let mut state = self.lock();
        let now = state.now;
        state.apis.push(super::gateway::ApiState::bare(id, stages, now));
    }
}
