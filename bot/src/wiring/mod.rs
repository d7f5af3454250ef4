//! The real cloud behind the bot: AWS through `sluice-aws-adapter`, the state through `sluice-state`. The only place
//! of this crate that names either.

mod assembly;

use std::sync::Arc;

use async_trait::async_trait;
use sluice_aws_adapter::{Aws, SdkConfig, config};
use sluice_commands::domain::{from_item, to_item};
use sluice_commands::fault::{Class, PortError};
use sluice_commands::ids::Target;
use sluice_commands::operation::Keys;
use sluice_commands::ports::{Guards, Precondition, Queue, Store, StoreError, Write};
use sluice_state::{DynamoStore, TableStatus};

use crate::backend::{Backend, Finding, Obstacle, Parts};
use crate::config::{Base, Problem};
use crate::ingress::Handles;

/// What the environment says of AWS, read as every AWS SDK reads it.
pub(crate) struct Account {
    sdk: SdkConfig,
    aws: Aws,
}

impl Account {
    /// Reads `AWS_*` and the profile; sends nothing to AWS.
    pub(crate) async fn load() -> Result<Self, Vec<Problem>> {
        let sdk = config::load().await;
        let aws = Aws::new(&sdk)
            .map_err(|error| vec![Problem { name: "AWS_REGION".into(), what: error.to_string() }])?;
        Ok(Self { sdk, aws })
    }

    /// With the table that the configuration names.
    pub(crate) fn with_table(self, base: &Base) -> Cloud {
        let store = Arc::new(DynamoStore::new(&self.sdk, base.table.clone()));
        let queue = base.queue.as_deref().map(|name| self.aws.queue(name));
        Cloud { base: base.clone(), aws: self.aws, store, queue }
    }
}

/// AWS and the state, as one configuration names them.
pub(crate) struct Cloud {
    base: Base,
    aws: Aws,
    store: Arc<DynamoStore>,
    queue: Option<Arc<dyn Queue>>,
}

impl Cloud {
    async fn whoami(&self) -> Result<Target, Obstacle> {
        self.aws.identity.whoami().await.map_err(|error| aws_obstacle(&error))
    }

    async fn table(&self) -> Result<(), Obstacle> {
        let table = &self.base.table;
        match self.store.table_status().await.map_err(|error| store_obstacle(&error))? {
            TableStatus::Ready => Ok(()),
            TableStatus::Preparing => {
                Err(Obstacle::Passing(format!("the table `{table}` is being prepared")))
            }
            TableStatus::Missing => {
                Err(Obstacle::Refused(format!("there is no table `{table}`: run `sluice init`")))
            }
            TableStatus::Foreign(why) => {
                Err(Obstacle::Refused(format!("the table `{table}` is not one of Sluice's: {why}")))
            }
        }
    }

    /// The account and region that `init` recorded.
    async fn recorded(&self) -> Result<Option<Target>, Obstacle> {
        let item = self.store.get(&Keys::installation()).await.map_err(|error| store_obstacle(&error))?;
        item.map(|item| from_item(&item)).transpose().map_err(|error| store_obstacle(&error))
    }

    /// That the state was made for where we are.
    async fn same_target(&self, here: &Target) -> Result<(), Obstacle> {
        let table = &self.base.table;
        match self.recorded().await? {
            Some(there) if there == *here => Ok(()),
            Some(there) => Err(Obstacle::Refused(format!(
                "the table `{table}` belongs to account and region {there}, but the credentials and AWS_REGION say {here}"
            ))),
            None => Err(Obstacle::Refused(format!("the table `{table}` is not set up: run `sluice init`"))),
        }
    }

    /// The queue's name, if one is configured and is there.
    async fn find_queue(&self, target: &Target) -> Result<Option<&str>, Obstacle> {
        let Some(queue) = &self.queue else { return Ok(None) };
        match queue.exists(target).await.map_err(|error| aws_obstacle(&error))? {
            true => Ok(Some(queue.name())),
            false => {
                Err(Obstacle::Refused(format!("there is no queue `{}`: run `sluice init`", queue.name())))
            }
        }
    }

    async fn make_queue(&self, target: &Target) -> Result<Option<String>, Obstacle> {
        let Some(queue) = &self.queue else { return Ok(None) };
        let name = queue.name();
        let trouble = |error: PortError| aws_obstacle(&error);
        if queue.exists(target).await.map_err(trouble)? {
            return Ok(Some(format!("queue: `{name}` is there")));
        }
        queue.create(target).await.map_err(trouble)?;
        Ok(Some(format!("made the queue `{name}`")))
    }

    async fn record(&self, target: &Target) -> Result<(), Obstacle> {
        let item =
            to_item(Keys::installation(), Guards::new(), target).map_err(|error| store_obstacle(&error))?;
        match self.store.write(Write::Put { item, when: Precondition::Absent }).await {
            Ok(()) | Err(StoreError::Lost(_)) => self.same_target(target).await,
            Err(error) => Err(store_obstacle(&error)),
        }
    }
}

#[async_trait]
impl Backend for Cloud {
    async fn inspect(&self) -> Result<Target, Obstacle> {
        let target = self.whoami().await?;
        self.table().await?;
        self.same_target(&target).await?;
        match self.find_queue(&target).await {
            // Hints help, but nothing needs them: an outage of the queue is no reason to wait.
            Ok(_) | Err(Obstacle::Passing(_)) => Ok(target),
            Err(missing) => Err(missing),
        }
    }

    async fn ping(&self) -> Result<(), Obstacle> {
        self.recorded().await.map(drop)
    }

    fn assemble(&self, target: Target, parts: Parts) -> Arc<dyn Handles> {
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        assembly::assemble(&self.base, &self.aws, store, self.queue.clone(), target, parts)
    }

    async fn init(&self) -> Result<Vec<String>, Obstacle> {
        let target = self.whoami().await?;
        let mut done = vec![format!("account and region: {target}")];
        self.store.create_table().await.map_err(|error| store_obstacle(&error))?;
        done.push(format!("table: `{}` is there", self.base.table));
        self.record(&target).await?;
        done.push("table: holds this account and region".to_owned());
        done.push(assembly::make_boundary(&self.aws, &target).await?);
        done.extend(self.make_queue(&target).await?);
        Ok(done)
    }

    async fn examine(&self) -> Vec<Finding> {
        let target = self.whoami().await;
        let table = self.table().await;
        let is_there = table.is_ok();
        let mut findings = vec![
            finding("AWS account", target.as_ref().map(Target::to_string).map_err(Clone::clone)),
            finding("State table", table.map(|()| format!("`{}` is there", self.base.table))),
        ];
        if let Ok(target) = target {
            if is_there {
                let same =
                    self.same_target(&target).await.map(|()| "made for this account and region".to_owned());
                findings.push(finding("Installation", same));
            }
            findings.push(finding("Boundary", assembly::find_boundary(&self.aws, &target).await));
            if let Some(queue) = self.find_queue(&target).await.transpose() {
                findings.push(finding("Queue", queue.map(|name| format!("`{name}` is there"))));
            }
        }
        findings
    }
}

fn finding(name: &'static str, outcome: Result<String, Obstacle>) -> Finding {
    Finding { name, outcome: outcome.map_err(|obstacle| obstacle.words().to_owned()) }
}

/// The details go to the log; what people read is made of the call and the code alone.
fn aws_obstacle(error: &PortError) -> Obstacle {
    tracing::warn!(%error, "AWS");
    let (call, code) = (error.call, &error.code);
    match error.class {
        Class::Denied => Obstacle::Refused(format!("AWS refuses our credentials ({call}: {code})")),
        Class::Invalid | Class::Conflict | Class::Absent => {
            Obstacle::Refused(format!("AWS does not take {call} ({code})"))
        }
        Class::Transient | Class::Throttled | Class::Ambiguous => {
            Obstacle::Passing(format!("AWS cannot be reached ({call}: {code})"))
        }
    }
}

fn store_obstacle(error: &StoreError) -> Obstacle {
    crate::metrics::store_error("start");
    tracing::warn!(%error, "state");
    match error {
        StoreError::Refused(_) => Obstacle::Refused("DynamoDB refuses us; the log says why".into()),
        StoreError::Corrupt(_) => {
            Obstacle::Refused("the table holds something that this Sluice cannot read".into())
        }
        StoreError::Again(_) | StoreError::Unknown(_) | StoreError::Lost(_) => {
            Obstacle::Passing("DynamoDB cannot be reached, or is throttled".into())
        }
    }
}
