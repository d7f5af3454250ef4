//! As strict as AWS: what AWS refuses, delays or shows late, and a local AWS does not. Each [`Rule`] has a switch.
//!
//! Guarantees: every delay is bounded and depends on the seed and the resource's name alone; a call that a rule refuses
//! has no effect; a rule that is off has no effect.

mod changes;
mod delay;
mod eventual;
mod new_roles;
mod propagation;
mod quotas;
mod rates;
mod refusal;
mod roles;
mod rules;
mod stacks;
mod tags;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use tokio::time::Instant;

use super::request::AwsRequest;
use crate::calls::CallName;
use delay::delay;
pub use propagation::{alias_key, stage_key};
pub use quotas::Quotas;
pub use refusal::Refusal;
pub use rules::{Rule, rules};
pub use stacks::StackSettings;

/// How long the data plane serves the earlier state after a change, in milliseconds.
const LATE: std::ops::Range<u64> = 1000..2000;
/// How long a deployment is PENDING, in milliseconds.
const PENDING: std::ops::Range<u64> = 200..700;

/// The rules and their state; clones share both.
#[derive(Clone, Debug)]
pub struct Strict(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    settings: Settings,
    began: Instant,
    eventual: eventual::Eventual,
    rates: rates::Rates,
    changes: changes::Changes,
    roles: roles::Roles,
    propagation: propagation::Propagation,
    /// When each deployment stops being PENDING.
    pending: std::collections::HashMap<String, Instant>,
}

/// The settings in `GET /control/rules` and `POST /control/rules`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The rules that are off.
    pub lenient: BTreeSet<Rule>,
    /// Determines the delays within their bounds.
    pub seed: u64,
    /// How long a new bucket stays unversioned after versioning was enabled.
    pub new_bucket: Duration,
    pub quotas: Quotas,
    pub stacks: StackSettings,
}

/// A change of an API. Dropping it ends the change.
#[derive(Debug)]
pub struct Change {
    strict: Strict,
    api: String,
}

impl Drop for Change {
    fn drop(&mut self) {
        self.strict.state().changes.end(&self.api);
    }
}

impl Default for Strict {
    fn default() -> Self {
        Self::new(BTreeSet::new())
    }
}

impl Strict {
    /// All rules except `lenient`.
    pub fn new(lenient: BTreeSet<Rule>) -> Self {
        let settings = Settings {
            lenient,
            seed: 0,
            new_bucket: Duration::from_secs(2),
            quotas: Quotas::default(),
            stacks: StackSettings::default(),
        };
        Self(Arc::new(Mutex::new(State {
            settings,
            began: Instant::now(),
            eventual: eventual::Eventual::default(),
            rates: rates::Rates::default(),
            changes: changes::Changes::default(),
            roles: roles::Roles::default(),
            propagation: propagation::Propagation::default(),
            pending: std::collections::HashMap::new(),
        })))
    }

    pub fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.state().settings);
    }

    pub fn is_on(&self, rule: Rule) -> bool {
        self.state().is_on(rule)
    }

    /// Runs an admitted call and records what it created. A change of an API is refused while another is in progress.
    pub async fn run<F>(&self, call: &CallName, request: AwsRequest, effect: F) -> Response
    where
        F: AsyncFnOnce(AwsRequest) -> Response,
    {
        let change = match self.begin(call) {
            Ok(change) => change,
            Err(refusal) => return refusal.response(call.protocol),
        };
        let (response, ()) = tokio::join!(effect(request), async {
            if change.is_some() {
                tokio::time::sleep(changes::TAKES).await;
            }
        });
        self.learn(call, response).await
    }

    /// Refuses a call for what it contains. It runs before any fault: the first call a fault applies to is one that the service
    /// would execute.
    pub fn admit(&self, call: &CallName, request: &AwsRequest) -> Result<(), Refusal> {
        self.admit_at(call, request, Instant::now())
    }

    fn admit_at(&self, call: &CallName, request: &AwsRequest, now: Instant) -> Result<(), Refusal> {
        let mut state = self.state();
        let state = &mut *state;
        let seed = state.settings.seed;
        if state.is_on(Rule::Rates) {
            let micros = u64::try_from((now - state.began).as_micros()).unwrap_or(u64::MAX);
            state.rates.take(call, micros)?;
        }
        let tags = || tags::refusal(call, request);
        let unseen = || state.eventual.refusal(seed, call, request, now);
        let is_role = call.service == "iam" && call.method == "CreateRole";
        let quota = || if is_role { state.settings.quotas.role(state.roles.count()) } else { None };
        let checks: [(Rule, &dyn Fn() -> Option<Refusal>); 3] =
            [(Rule::Tags, &tags), (Rule::Eventual, &unseen), (Rule::Quotas, &quota)];
        for (rule, check) in checks {
            if state.is_on(rule)
                && let Some(refusal) = check()
            {
                return Err(refusal);
            }
        }
        Ok(())
    }

    fn begin(&self, call: &CallName) -> Result<Option<Change>, Refusal> {
        let mut state = self.state();
        if !state.is_on(Rule::ApiConflict) {
            return Ok(None);
        }
        Ok(state.changes.begin(call)?.map(|api| Change { strict: self.clone(), api }))
    }

    /// Records what a call created, from its answer.
    async fn learn(&self, call: &CallName, response: Response) -> Response {
        let others = ["DeleteRole", "ImportApi", "PublishVersion", "UpdateFunctionCode"];
        let creates = call.method.starts_with("Create") || others.contains(&call.method.as_str());
        if !creates || !response.status().is_success() {
            return response;
        }
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        let answer = serde_json::from_slice(&body).unwrap_or(Value::Null);
        self.learned(call, &answer, Instant::now());
        Response::from_parts(parts, body.into())
    }

    fn learned(&self, call: &CallName, answer: &Value, now: Instant) {
        let mut state = self.state();
        let seed = state.settings.seed;
        state.eventual.learn(seed, call, answer, now);
        let role = call.detail.as_deref().unwrap_or_default();
        match (call.service.as_str(), call.method.as_str()) {
            ("iam", "CreateRole") => state.roles.created(role, now),
            ("iam", "DeleteRole") => state.roles.deleted(role),
            _ => {}
        }
    }

    /// Records that an alias or a stage changed.
    pub fn moved(&self, key: &str, old: Value, new: Value) {
        let mut state = self.state();
        if state.is_on(Rule::DataPlane) {
            let now = Instant::now();
            let seen = now + delay(state.settings.seed, key, LATE);
            state.propagation.moved(key, old, new, now, seen);
        }
    }

    /// Records that an alias or a stage was deleted.
    pub fn deleted(&self, key: &str) {
        self.state().propagation.forget(key);
    }

    /// The earlier state that the data plane still sees; `None` if it sees the present one.
    pub fn seen(&self, key: &str) -> Option<Value> {
        let state = self.state();
        if state.is_on(Rule::DataPlane) { state.propagation.seen(key, Instant::now()) } else { None }
    }

    /// Records that a deployment was created.
    pub fn deployed(&self, id: &str) {
        let mut state = self.state();
        let until = Instant::now() + delay(state.settings.seed, id, PENDING);
        state.pending.insert(id.to_owned(), until);
    }

    pub fn is_pending(&self, id: &str) -> bool {
        let state = self.state();
        state.is_on(Rule::States) && state.pending.get(id).is_some_and(|until| Instant::now() < *until)
    }

    /// Refuses a resource above a quota.
    pub fn quota(&self, over: impl FnOnce(Quotas) -> Option<Refusal>) -> Result<(), Refusal> {
        let state = self.state();
        if !state.is_on(Rule::Quotas) {
            return Ok(());
        }
        over(state.settings.quotas).map_or(Ok(()), Err)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl State {
    fn is_on(&self, rule: Rule) -> bool {
        !self.settings.lenient.contains(&rule)
    }
}
