//! `sluice check --account`: what a first hour on an account would find, asked beforehand. Each service that Sluice uses is
//! asked one thing that is cheap to answer. Three probes: two items are written to the table of the state and deleted again, an
//! empty object is written to the bucket, and a deletion of an audit record that does not exist must be denied.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sluice_aws_adapter::Aws;
use sluice_commands::domain::{Pipeline, from_item};
use sluice_commands::operation::Keys;
use sluice_commands::operations::bucket;
use sluice_commands::ports::{
    Builders, FunctionQuotas, Gateway, Guards, Item, Logs, Objects, Order, Precondition, Query, QuotaUse,
    Quotas, Repositories, Store, StoreError, Write,
};
use sluice_model::{Class, PipelineName, PortError, PortResult, Target};

use crate::backend::Finding;

/// A name that nothing has, and that the bot's policy covers.
const NOBODY: &str = "sluice-account-check";
/// From so many per cent on, a quota is warned of.
const NEARLY_USED: u64 = 80;
/// What new accounts have at most; all stages of all pipelines share it.
const FEW_AT_ONCE: u64 = 50;
/// API Gateway's default quota of stages of an API. Service Quotas would tell whether it was raised.
const STAGES: u64 = 10;
/// How many items the state gives in one request.
const READ_AT_ONCE: usize = 100;
/// When a probe item goes away that could not be deleted.
const PROBE_EXPIRES: SignedDuration = SignedDuration::from_hours(1);

/// Whom to ask.
pub(super) struct Ports<'a> {
    repositories: &'a dyn Repositories,
    builders: &'a dyn Builders,
    gateway: &'a dyn Gateway,
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
            objects: &*aws.objects,
            logs: &*aws.logs,
            quotas: &*aws.quotas,
        }
    }
}

/// What the services said.
struct Answers {
    repositories: PortResult<()>,
    builds: PortResult<()>,
    apis: PortResult<usize>,
    logs: PortResult<()>,
    /// Whether the bucket gave a probe a version; `None` if there is no bucket that can be asked.
    versions: PortResult<Option<bool>>,
    functions: PortResult<FunctionQuotas>,
    roles: PortResult<QuotaUse>,
}

/// Asks all services of the account and region.
pub(super) async fn examine(ports: &Ports<'_>, target: &Target) -> Vec<Finding> {
    let group = format!("/aws/codebuild/{NOBODY}");
    let (repository, project, apis, logs, versions, functions, roles) = futures::join!(
        ports.repositories.repository(target, NOBODY),
        ports.builders.project(target, NOBODY),
        ports.gateway.apis(target),
        ports.logs.retention(target, &group),
        versions(ports.objects, target),
        ports.quotas.functions(target),
        ports.quotas.roles(target),
    );
    let answers = Answers {
        repositories: repository.map(drop),
        builds: project.map(drop),
        apis: apis.map(|apis| apis.len()),
        logs: logs.map(drop),
        versions,
        functions,
        roles,
    };
    judge(answers, target)
}

fn judge(answers: Answers, target: &Target) -> Vec<Finding> {
    let answers_here = |_| "answers".to_owned();
    let counts = |_| "answers; how many builds may run at once it does not tell".to_owned();
    let mut findings = vec![
        service("CodeCommit", answers.repositories.map(answers_here), target),
        service("CodeBuild", answers.builds.map(counts), target),
        service("API Gateway", answers.apis.map(|apis| format!("answers; {apis} HTTP APIs")), target),
        service("Log groups", answers.logs.map(answers_here), target),
    ];
    findings.extend(judge_versions(answers.versions, target));
    match answers.functions {
        Ok(told) => findings.extend([code_storage(told.code), concurrency(told.concurrency)]),
        Err(error) => findings.push(figures("Lambda", &error, target)),
    }
    findings.push(match answers.roles {
        Ok(told) => roles(told),
        Err(error) => figures("IAM roles", &error, target),
    });
    findings
}

fn service(name: &'static str, outcome: PortResult<String>, target: &Target) -> Finding {
    Finding::new(name, outcome.map_err(|error| trouble(&error, target)))
}

/// What to do about a service that does not answer as it should. The details go to the log.
fn trouble(error: &PortError, target: &Target) -> String {
    tracing::warn!(%error, "AWS");
    let (call, code, region) = (error.call, error.code.as_str(), &target.region);
    if ["OptIn", "Subscription", "OperationNotAllowed"].iter().any(|begin| code.starts_with(begin)) {
        return format!(
            "is not open to this account ({call}: {code}): finish the account's sign-up, or ask AWS support to open it"
        );
    }
    match error.class {
        Class::Denied => format!(
            "refuses these credentials ({call}: {code}): give their role what `sluice policy` prints, and look whether \
             a rule of the organisation forbids it"
        ),
        Class::Throttled | Class::Busy => format!("is busy ({call}: {code}): run this again in a minute"),
        Class::Transient | Class::Ambiguous => format!(
            "gives no answer in {region} ({call}: {code}): if the service is not there, choose another region with \
             AWS_REGION; else look at the network from here, and run this again"
        ),
        _ => format!("does not take {call} ({code}); the log says why. {}", error.sentence())
            .trim_end()
            .to_owned(),
    }
}

/// Figures that a service does not tell: nothing depends on them. Only rights that are missing are a fault.
fn figures(name: &'static str, error: &PortError, target: &Target) -> Finding {
    if error.class == Class::Denied {
        return Finding::missing(name, trouble(error, target));
    }
    tracing::warn!(%error, "AWS");
    let (call, code) = (error.call, &error.code);
    Finding::warning(name, format!("the quota could not be asked for ({call}: {code}): look in the console"))
}

/// Probes the bucket, if it is there and ours; if not, `sluice check` says so in another line.
async fn versions(objects: &dyn Objects, target: &Target) -> PortResult<Option<bool>> {
    match bucket::ready(objects, target).await? {
        Ok(()) => bucket::probe(objects, target).await.map(Some),
        Err(_) => Ok(None),
    }
}

fn judge_versions(told: PortResult<Option<bool>>, target: &Target) -> Option<Finding> {
    const NAME: &str = "Versions";
    Some(match told {
        Ok(None) => return None,
        Ok(Some(true)) => Finding::good(NAME, "the bucket gave a probe object a version".to_owned()),
        Ok(Some(false)) => Finding::missing(
            NAME,
            "the bucket gave a probe object no version, so builds are refused: S3 may take 15 minutes after \
             versioning was turned on. `sluice init` waits for it"
                .to_owned(),
        ),
        Err(error) => Finding::missing(NAME, trouble(&error, target)),
    })
}

/// Whether audit records could be deleted.
pub(super) fn audit(may_delete: Result<bool, StoreError>, table: &str) -> Finding {
    const NAME: &str = "Audit records";
    match may_delete {
        Ok(false) => Finding::good(NAME, format!("a deletion in `{table}` was denied, as it must be")),
        Ok(true) => Finding::missing(
            NAME,
            format!(
                "these credentials may delete audit records in `{table}`: run the bot with a role that has what \
                 `sluice policy` prints and nothing else. If this was run as an admin, run it as the bot's role"
            ),
        ),
        Err(error) => {
            tracing::warn!(%error, "audit records");
            let words =
                format!("it could not be tried whether a deletion in `{table}` is denied; the log says why");
            Finding::missing(NAME, words)
        }
    }
}

fn code_storage(code: QuotaUse) -> Finding {
    let gigabytes = |bytes: u64| {
        let tenths = bytes / (1 << 30) * 10 + bytes % (1 << 30) * 10 / (1 << 30);
        format!("{}.{} GB", tenths / 10, tenths % 10)
    };
    let stand = format!("{} of {} used by all functions", gigabytes(code.used), gigabytes(code.of));
    quota(
        "Lambda code",
        code,
        stand,
        "delete versions that nothing needs (`/pipeline tidy NAME`), or have the quota \"Function and layer storage\" raised",
    )
}

fn roles(roles: QuotaUse) -> Finding {
    let stand = format!("{} of {} used", roles.used, roles.of);
    let way_on = "each function has one for each stage and policy: delete those that nothing needs (`/pipeline tidy NAME`), \
                  or have the quota \"Roles per account\" raised";
    quota("IAM roles", roles, stand, way_on)
}

fn quota(name: &'static str, figures: QuotaUse, stand: String, way_on: &str) -> Finding {
    let percent = figures.used.saturating_mul(100) / figures.of.max(1);
    if percent > NEARLY_USED {
        Finding::warning(name, format!("{stand} ({percent} %): {way_on}"))
    } else {
        Finding::good(name, stand)
    }
}

fn concurrency(at_once: u64) -> Finding {
    const NAME: &str = "Concurrency";
    if at_once <= FEW_AT_ONCE {
        let way_on = "all stages share them, so load on dev slows prod: have the quota \"Concurrent executions\" raised";
        Finding::warning(NAME, format!("{at_once} functions at the same time; {way_on}"))
    } else {
        Finding::good(NAME, format!("{at_once} functions at the same time"))
    }
}

/// How near the pipelines are to the quota of stages of an API, by what is recorded: an API's stages are its pipeline's.
pub(super) async fn stages(store: &dyn Store, keys: &Keys) -> Result<Finding, StoreError> {
    const NAME: &str = "Stages";
    let catalog = Query {
        partition: keys.catalog_partition(),
        prefix: String::new(),
        order: Order::Ascending,
        limit: None,
        after: None,
    };
    let names = store.query(catalog).await?.items.into_iter().map(|item| PipelineName::new(item.key.sort));
    let names: Vec<_> =
        names.collect::<Result<_, _>>().map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let (mut most, mut nearly) = (0, vec![]);
    for names in names.chunks(READ_AT_ONCE) {
        let wanted: Vec<_> = names.iter().map(|name| keys.pipeline(name)).collect();
        for item in store.get_many(&wanted).await? {
            let pipeline: Pipeline = from_item(&item)?;
            let count = u64::try_from(pipeline.stages.len()).unwrap_or(u64::MAX);
            most = most.max(count);
            if count * 100 > STAGES * NEARLY_USED {
                nearly.push(format!("`{}` has {count}", pipeline.name));
            }
        }
    }
    if nearly.is_empty() {
        return Ok(Finding::good(NAME, format!("{most} of {STAGES} used by the pipeline with the most")));
    }
    nearly.sort();
    Ok(Finding::warning(
        NAME,
        format!(
            "{}; API Gateway allows an API {STAGES} unless the quota \"Stages per API\" was raised: have it raised before \
             you add more",
            nearly.join(", ")
        ),
    ))
}

/// Writes two items of a probe's own in one transaction, reads them, and deletes them in another.
pub(super) async fn probe(store: &dyn Store, keys: &Keys, now: Timestamp) -> Result<String, StoreError> {
    let id = ulid::Ulid::new().to_string();
    let both = ["first", "second"].map(|half| keys.probe(&id, half));
    let item = |key| Item {
        key,
        schema: 1,
        guards: Guards::new(),
        body: json!({}),
        due: None,
        expires: Some(now + PROBE_EXPIRES),
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
