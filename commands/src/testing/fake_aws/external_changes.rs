//! External changes: what people do in the console. None of them counts as an effect.

use std::collections::BTreeMap;

use super::FakeAws;
use super::functions::{AliasState, FunctionState};
use crate::ports::{ApiStage, Deployment, DeploymentState};
use crate::testing::target;

impl FakeAws {
    /// Moves an alias to that version, with a share of its calls, in thousandths, for another.
    ///
    /// # Panics
    /// If there is no such alias.
    pub fn move_by_hand(&self, function: &str, alias: &str, version: &str, besides: Option<(&str, u32)>) {
        let mut state = self.lock();
        let found = state.functions.get_mut(function).expect("a function");
        let revision = found.change();
        let alias = found.aliases.get_mut(alias).expect("an alias");
        alias.version = version.to_owned();
        alias.weights = besides.into_iter().map(|(version, part)| (version.to_owned(), part)).collect();
        alias.revision = revision;
    }

    /// Makes that stage of the API serve another of its deployments; gives the deployment.
    ///
    /// # Panics
    /// If there is no other deployment.
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

    /// Deploys the API as it is to that stage; gives the deployment.
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

    /// Creates an alias.
    ///
    /// # Panics
    /// If there is no such function.
    pub fn make_by_hand(&self, function: &str, alias: &str, version: &str) {
        let mut state = self.lock();
        let found = state.functions.get_mut(function).expect("a function");
        found.aliases.insert(alias.to_owned(), AliasState::at(version));
    }

    /// The leftovers of failed attempts: a version of each function that no alias points to, with a role of its own, and a log
    /// group whose events never expire.
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

    /// The leftover of a failed attempt: a version with that role.
    ///
    /// # Panics
    /// If there is no such function, or it has no version.
    pub fn leave_version(&self, function: &str, role: &str) {
        self.lock().functions.get_mut(function).expect("a function").leave_version(Some(role));
    }

    /// The leftover of a deploy that failed before it recorded a release: a function without aliases, whose version has one role
    /// and `$LATEST` another.
    pub fn leave_function(&self, function: &str, published: &str, latest: &str) {
        let arn = sluice_template::function_arn(&target(), function);
        let mut state = self.lock();
        let made = FunctionState::unreleased(arn, published, latest, state.now);
        state.functions.insert(function.to_owned(), made);
    }

    /// Adds a function with aliases for those versions, and nothing else.
    pub fn place(&self, function: &str, aliases: &[(&str, &str)]) {
        let aliases =
            aliases.iter().map(|(alias, version)| ((*alias).to_owned(), AliasState::at(version))).collect();
        let arn = sluice_template::function_arn(&target(), function);
        let mut state = self.lock();
        let now = state.now;
        state.functions.insert(function.to_owned(), FunctionState::bare(arn, aliases, now));
    }

    /// Adds an API with stages that serve those deployments, and nothing else.
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
