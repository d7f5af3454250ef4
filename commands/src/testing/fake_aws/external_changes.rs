//! External changes: what people do in the console. None of them counts as an effect.

use super::FakeAws;
use super::functions::{AliasState, FunctionState};
use crate::names::API_STAGE;
use crate::ports::{ApiStage, Deployment, DeploymentState};
use crate::records::Served;
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

    /// Makes the API of that name serve another version of a function.
    ///
    /// # Panics
    /// If there is no such API with a stage.
    pub fn select_by_hand(&self, api: &str, function: &str, version: &str) {
        let mut state = self.lock();
        let stage = state.apis.iter_mut().find(|found| found.api.name == api);
        let stage = stage.and_then(|found| found.stages.get_mut(API_STAGE)).expect("an API stage");
        stage.variables.insert(function.to_owned(), version.to_owned());
    }

    /// Deploys the API of that name as it is; gives the deployment.
    ///
    /// # Panics
    /// If there is no such API with a stage.
    pub fn serve_a_copy(&self, api: &str) -> String {
        let mut state = self.lock();
        let now = state.now;
        let api = state.apis.iter_mut().find(|found| found.api.name == api).expect("an API");
        let made = Deployment {
            id: "by-hand".to_owned(),
            description: "by hand".to_owned(),
            state: DeploymentState::Deployed,
        };
        api.deployments.push((made.clone(), now));
        api.stages.get_mut(API_STAGE).expect("an API stage").deployment = Some(made.id.clone());
        made.id
    }

    /// Sets whether the repositories' policies keep Lambda from reading images.
    pub fn denies_images(&self, are_denied: bool) {
        self.lock().are_images_denied = are_denied;
    }

    /// Makes a version inactive, as Lambda does after weeks without a call. Lambda restores it at a call if the reason is
    /// `Idle`, and never otherwise.
    ///
    /// # Panics
    /// If there is no such function or version.
    pub fn fall_idle(&self, function: &str, version: &str, reason: &str) {
        self.lock().functions.get_mut(function).expect("a function").fall_idle(version, reason);
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

    /// Adds an API whose stage serves this, and nothing else.
    pub fn place_api(&self, id: &str, name: &str, served: &Served) {
        let stage = ApiStage {
            name: API_STAGE.to_owned(),
            deployment: Some(served.deployment.clone()),
            variables: served.variables.clone(),
            settings: Default::default(),
        };
        let stages = [(API_STAGE.to_owned(), stage)].into();
        let mut state = self.lock();
        let now = state.now;
        state.apis.push(super::gateway::ApiState::bare(id, name, stages, now));
    }
}
