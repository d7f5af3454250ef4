//! `sluice check --account`: what the first hour on an account would find.
//!
//! Each service that Sluice uses gets one cheap request. Three probes follow: two items are written to the table of the state and
//! deleted again, an empty object is written to the bucket, and the deletion of an audit record that does not exist has to be
//! denied.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sluice_aws_adapter::Aws;
use sluice_commands::operation::Keys;
use sluice_commands::ports::{
    Builders, FunctionQuotas, Gateway, Guards, Item, Logs, Objects, Precondition, QuotaUse, Quotas,
    Repositories, Store, StoreError, Write,
};
use sluice_commands::setup::bucket;
use sluice_model::{Class, PortError, PortResult, Target};

use crate::startup::CheckResult;

/// A name that does not exist, within the bot's policy.
const ABSENT: &str = "sluice-account-check";
/// Above this percentage, a quota is a warning.
const NEARLY_USED: u64 = 80;
/// The concurrency of many new accounts. All stages of all pipelines share it.
const LOW_CONCURRENCY: u64 = 50;
/// The regional APIs of an account in a region; the quota cannot be raised
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>).
const APIS: u64 = 600;
/// When a probe item expires that could not be deleted.
const PROBE_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct Ports<'a> {
    repositories: &'a dyn Repositories,
    builders: &'a dyn Builders,
    gateway: &'a dyn Gateway,
    rest_gateway: &'a dyn Gateway,
    objects: &'a dyn Objects,
    logs: &'a dyn Logs,
    quotas: &'a dyn Quotas,
}

impl<'a> Ports<'a> {
    pub(super) fn of(aws: &'a Aws) -> Self {
        Self {
            repositories: &*aws.repositories,
            builders: &*aws.builders,
            gateway: &*aws.gateway,
            rest_gateway: &*aws.rest_gateway,
            objects: &*aws.objects,
            logs: &*aws.logs,
            quotas: &*aws.quotas,
        }
    }
}

struct Answers {
    repositories: PortResult<()>,
    builds: PortResult<()>,
    apis: PortResult<usize>,
    logs: PortResult<()>,
    /// Whether the bucket kept a version of a probe object; `None` if there is no usable bucket.
    versions: PortResult<Option<bool>>,
    functions: PortResult<FunctionQuotas>,
    roles: PortResult<QuotaUse>,
}

/// Checks all services, in parallel.
pub(super) async fn check(ports: &Ports<'_>, target: &Target) -> Vec<CheckResult> {
    let group = format!("/aws/codebuild/{ABSENT}");
    let (repository, project, apis, logs, versions, functions, roles) = futures::join!(
        ports.repositories.repository(target, ABSENT),
        ports.builders.project(target, ABSENT),
        apis_of_both_kinds(ports, target),
        ports.logs.retention(target, &group),
        versions(ports.objects, target),
        ports.quotas.functions(target),
        ports.quotas.roles(target),
    );
    let answers = Answers {
        repositories: repository.map(drop),
        builds: project.map(drop),
        apis,
        logs: logs.map(drop),
        versions,
        functions,
        roles,
    };
    judge(answers, target)
}

fn judge(answers: Answers, target: &Target) -> Vec<CheckResult> {
    let answers_here = |_| "answers".to_owned();
    let builds = |_| "answers; it does not report how many builds may run at the same time".to_owned();
    let mut results = vec![
        service("CodeCommit", answers.repositories.map(answers_here), target),
        service("CodeBuild", answers.builds.map(builds), target),
        match answers.apis {
            Ok(count) => apis(count),
            Err(error) => CheckResult::failed("API Gateway", failure(&error, target)),
        },
        service("Log groups", answers.logs.map(answers_here), target),
    ];
    results.extend(judge_versions(answers.versions, target));
    match answers.functions {
        Ok(quotas) => results.extend([code_storage(quotas.code), concurrency(quotas.concurrency)]),
        Err(error) => results.push(unknown_quota("Lambda", &error, target)),
    }
    results.push(match answers.roles {
        Ok(quota) => roles(quota),
        Err(error) => unknown_quota("IAM roles", &error, target),
    });
    results
}

fn service(name: &'static str, outcome: PortResult<String>, target: &Target) -> CheckResult {
    CheckResult::new(name, outcome.map_err(|error| failure(&error, target)))
}

/// The failure of a service, and what to do. The details go to the log.
fn failure(error: &PortError, target: &Target) -> String {
    tracing::warn!(%error, "AWS");
    let (call, code, region) = (error.call, error.code.as_str(), &target.region);
    if ["OptIn", "Subscription", "OperationNotAllowed"].iter().any(|begin| code.starts_with(begin)) {
        return format!(
            "is not available to this account ({call}: {code}): complete the sign-up of the account, or ask AWS Support to enable it"
        );
    }
    match error.class {
        Class::Denied => format!(
            "refuses these credentials ({call}: {code}): give their role the policies of `sluice policy`, and check whether a \
             policy of the organisation denies it"
        ),
        Class::Throttled | Class::Busy => format!("is busy ({call}: {code}): run this again in a minute"),
        Class::Transient | Class::Ambiguous => format!(
            "does not answer in {region} ({call}: {code}): if the region does not have the service, choose another one with \
             AWS_REGION; else check the network here, and run this again"
        ),
        _ => format!("rejects {call} ({code}); the log says why. {}", error.sentence()).trim_end().to_owned(),
    }
}

/// Quotas that cannot be read are a warning, since nothing depends on them; missing permissions are a failure.
fn unknown_quota(name: &'static str, error: &PortError, target: &Target) -> CheckResult {
    if error.class == Class::Denied {
        return CheckResult::failed(name, failure(error, target));
    }
    tracing::warn!(%error, "AWS");
    let (call, code) = (error.call, &error.code);
    CheckResult::warning(
        name,
        format!("the quota cannot be read ({call}: {code}): look it up in the AWS console"),
    )
}

/// Probes the bucket, if it exists and is ours; another line of `sluice check` says if not.
async fn versions(objects: &dyn Objects, target: &Target) -> PortResult<Option<bool>> {
    match bucket::ready(objects, target).await? {
        Ok(()) => bucket::probe(objects, target).await.map(Some),
        Err(_) => Ok(None),
    }
}

fn judge_versions(kept: PortResult<Option<bool>>, target: &Target) -> Option<CheckResult> {
    const NAME: &str = "Versions";
    Some(match kept {
        Ok(None) => return None,
        Ok(Some(true)) => CheckResult::ok(NAME, "the bucket kept a version of a probe object".to_owned()),
        Ok(Some(false)) => CheckResult::failed(
            NAME,
            "the bucket kept no version of a probe object, so builds would be refused. S3 may take 15 minutes after \
             versioning was turned on; `sluice init` waits for it"
                .to_owned(),
        ),
        Err(error) => CheckResult::failed(NAME, failure(&error, target)),
    })
}

/// Judges the attempt to delete an audit record.
pub(super) fn audit(may_delete: Result<bool, StoreError>, table: &str) -> CheckResult {
    const NAME: &str = "Audit records";
    match may_delete {
        Ok(false) => CheckResult::ok(NAME, format!("a deletion in `{table}` was denied, as required")),
        Ok(true) => CheckResult::failed(
            NAME,
            format!(
                "these credentials can delete audit records in `{table}`: run the bot with a role that has only the policies of \
                 `sluice policy`. If you ran this check as an admin, run it with the bot's role"
            ),
        ),
        Err(error) => {
            tracing::warn!(%error, "audit records");
            let message = format!("cannot check whether a deletion in `{table}` is denied; the log says why");
            CheckResult::failed(NAME, message)
        }
    }
}

fn code_storage(code: QuotaUse) -> CheckResult {
    let gigabytes = |bytes: u64| {
        let tenths = bytes / (1 << 30) * 10 + bytes % (1 << 30) * 10 / (1 << 30);
        format!("{}.{} GB", tenths / 10, tenths % 10)
    };
    let usage = format!("{} of {} used by all functions", gigabytes(code.used), gigabytes(code.of));
    quota(
        "Lambda code",
        code,
        usage,
        "delete unused versions (`/pipeline tidy NAME`), or request a higher quota \"Function and layer storage\"",
    )
}

fn roles(roles: QuotaUse) -> CheckResult {
    let usage = format!("{} of {} used", roles.used, roles.of);
    let next_step = "each function has one per stage and policy: delete unused ones (`/pipeline tidy NAME`), or request a \
                     higher quota \"Roles per account\"";
    quota("IAM roles", roles, usage, next_step)
}

/// How many APIs there are. The quota counts both kinds together.
async fn apis_of_both_kinds(ports: &Ports<'_>, target: &Target) -> PortResult<usize> {
    let (http, rest) =
        futures::future::try_join(ports.gateway.apis(target), ports.rest_gateway.apis(target)).await?;
    Ok(http.len() + rest.len())
}

fn apis(count: usize) -> CheckResult {
    let used = u64::try_from(count).unwrap_or(u64::MAX);
    let next_step =
        "each stage with routes has one: delete unused ones, or set up Sluice in another account or region";
    let usage = format!("answers; {used} of {APIS} APIs");
    quota("API Gateway", QuotaUse { used, of: APIS }, usage, next_step)
}

fn quota(name: &'static str, quota: QuotaUse, usage: String, next_step: &str) -> CheckResult {
    let percent = quota.used.saturating_mul(100) / quota.of.max(1);
    if percent > NEARLY_USED {
        CheckResult::warning(name, format!("{usage} ({percent} %): {next_step}"))
    } else {
        CheckResult::ok(name, usage)
    }
}

fn concurrency(limit: u64) -> CheckResult {
    const NAME: &str = "Concurrency";
    if limit <= LOW_CONCURRENCY {
        let next_step = "all stages share them, so load on dev slows down prod: request a higher quota \"Concurrent executions\"";
        CheckResult::warning(NAME, format!("{limit} concurrent executions; {next_step}"))
    } else {
        CheckResult::ok(NAME, format!("{limit} concurrent executions"))
    }
}

/// Writes two items in one transaction, reads them, and deletes them in another transaction.
pub(super) async fn probe(store: &dyn Store, keys: &Keys, now: Timestamp) -> Result<String, StoreError> {
    let id = ulid::Ulid::new().to_string();
    let both = ["first", "second"].map(|half| keys.probe(&id, half));
    let item = |key| Item {
        key,
        schema: 1,
        guards: Guards::new(),
        body: json!({}),
        due: None,
        expires: Some(now + PROBE_LIFETIME),
    };
    let puts = both.clone().map(|key| Write::Put { item: item(key), when: Precondition::Absent });
    let deletes = both.clone().map(|key| Write::Delete { key, when: Precondition::Present });
    store.transact(&format!("{id}-put"), puts.into()).await?;
    let seen = store.get_many(&both).await?.len();
    store.transact(&format!("{id}-delete"), deletes.into()).await?;
    match seen {
        2 => Ok("two probe items were written, read and deleted".to_owned()),
        seen => Err(StoreError::Corrupt(format!("{seen} of 2 probe items were read back"))),
    }
}

#[cfg(test)]
mod tests;
