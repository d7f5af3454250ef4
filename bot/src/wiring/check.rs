//! `sluice check`: everything that `init` makes and `serve` needs, and with `--account` the account.

use sluice_commands::operation::Keys;
use sluice_commands::ports::{Clock as _, StoreError};
use sluice_model::Target;

use super::aws_backend::AwsBackend;
use super::state::State;
use super::{account_check, boundaries, bucket, packager};
use crate::startup::{CheckResult, StartupError};
use crate::system_clock::SystemClock;

impl AwsBackend {
    pub(super) async fn check_setup(&self) -> Vec<CheckResult> {
        let target = self.whoami().await;
        let state = self.state.exists().await;
        let state_exists = state.is_ok();
        let mut results = vec![
            result("AWS account", target.as_ref().map(Target::to_string).map_err(Clone::clone)),
            result("State", state.map(|()| format!("{} exists", self.state.description()))),
        ];
        let Ok(target) = target else { return results };
        if state_exists {
            let same = self.same_target(&target).await;
            results
                .push(result("Installation", same.map(|()| "made for this account and region".to_owned())));
        }
        let boundaries = boundaries::check(&*self.aws.identity, &self.base, &target).await;
        results.push(result("Boundaries", boundaries));
        results.push(bucket::check(&*self.aws.objects, &self.base, &target).await);
        results.push(packager::check(&*self.aws.objects, &target).await);
        if let Some(queue) = self.find_queue(&target).await.transpose() {
            results.push(result("Queue", queue.map(|name| format!("`{name}` exists"))));
        }
        results
    }

    pub(super) async fn check_services(&self) -> Vec<CheckResult> {
        // `check_setup` reports missing credentials.
        let Ok(target) = self.whoami().await else { return vec![] };
        let mut results = account_check::check(&account_check::Ports::of(&self.aws), &target).await;
        if let State::Table(store) = &self.state {
            // `check_setup` reports a missing table, too.
            if self.state.exists().await.is_err() {
                return results;
            }
            let keys = Keys::new(&target);
            results.push(account_check::audit(store.may_delete_audit_records().await, store.audit_table()));
            let probed = account_check::probe(&**store, &keys, SystemClock.now()).await;
            let probed = probed.map_err(|error| match error {
                StoreError::Refused(_) => {
                    let table = self.state.description();
                    tracing::warn!(%error, "state");
                    StartupError::Permanent(format!(
                        "{table} refuses a transaction: give the role what `sluice policy` prints; the log says more"
                    ))
                }
                other => self.state.error(&other),
            });
            results.push(result("Transaction", probed));
        }
        results
    }
}

fn result(name: &'static str, outcome: Result<String, StartupError>) -> CheckResult {
    CheckResult::new(name, outcome.map_err(|error| error.message().to_owned()))
}
