//! The real cloud behind the bot: AWS through `sluice-aws-adapter`, the state through `sluice-state`. The only place
//! of this crate that names either.

mod account;
mod assembly;
mod audit;
mod backups;
mod bucket;
mod lanes;
mod policy;
mod probe;
mod rights;
mod seat;
mod state;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sluice_aws_adapter::{Aws, SdkConfig, config};
use sluice_commands::domain::{from_item, to_item};
use sluice_commands::operation::{Keys, Pinned};
use sluice_commands::operations::init::{self, Named};
use sluice_commands::ports::{Clock as _, Guards, Precondition, Queue, StoreError, Write};
use sluice_model::{Class, PortError, Target, UserId};

use crate::backend::{Backend, Finding, Obstacle, Parts, Tell};
use crate::config::{Base, Place, Problem};
use crate::ingress::Handles;
use crate::system_clock::SystemClock;
use crate::tasks::{Kind, Tasks};
use crate::terminal::Screen;
use backups::Backups;
use lanes::Lanes;
pub(crate) use policy::{Whose, policy};
use state::State;

/// How often a new queue is looked for, and how long it is waited between two looks: a minute in all.
const QUEUE_LOOKS: usize = 120;
const QUEUE_PAUSE: Duration = Duration::from_millis(500);

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

    /// With the state and the queue that the configuration names.
    pub(crate) fn with_state(self, base: &Base) -> FakeAws {
        let queue = base.queue.as_deref().map(|name| self.aws.queue(name));
        let pinned = Pinned::new(base.access.clone());
        FakeAws { base: base.clone(), pinned, state: State::new(base, &self.sdk), aws: self.aws, queue }
    }
}

/// AWS and the state, as one configuration names them.
pub(crate) struct FakeAws {
    base: Base,
    pinned: Pinned,
    aws: Aws,
    state: State,
    queue: Option<Arc<dyn Queue>>,
}

/// `sluice backup`: copies the state at `path`, and says what the copy is called. Only a bucket needs AWS.
pub(crate) async fn back_up(path: &Path, place: &Place) -> Result<Result<String, Obstacle>, Vec<Problem>> {
    Ok(match place {
        Place::Folder(to) if is_new_file(to) => Backups::copy(path, to).await,
        Place::Folder(folder) => Backups::in_folder(path, folder).make().await,
        Place::Bucket { .. } => {
            let aws = Account::load().await?.aws;
            match aws.identity.whoami().await {
                Ok(here) => Backups::new(path, place, aws.archive, here).make().await,
                Err(error) => Err(aws_obstacle(&error)),
            }
        }
    })
}

/// Whether a person means a file and not a folder: it has an ending as files have, and is no folder.
fn is_new_file(path: &Path) -> bool {
    let ends_as_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    path.extension().is_some() && !ends_as_folder && !path.is_dir()
}

impl FakeAws {
    /// The roles that the file pins, to be changed when it is read anew.
    pub(crate) fn pinned(&self) -> Pinned {
        self.pinned.clone()
    }

    async fn whoami(&self) -> Result<Target, Obstacle> {
        self.aws.identity.whoami().await.map_err(|error| aws_obstacle(&error))
    }

    /// The account and region that `init` recorded.
    async fn recorded(&self) -> Result<Option<Target>, Obstacle> {
        let obstacle = |error: StoreError| self.state.obstacle(&error);
        let item = self.state.store()?.get(&Keys::installation()).await.map_err(obstacle)?;
        item.map(|item| from_item(&item)).transpose().map_err(obstacle)
    }

    /// That the state was made for where we are.
    async fn same_target(&self, here: &Target) -> Result<(), Obstacle> {
        let what = self.state.what();
        match self.recorded().await? {
            Some(there) if there == *here => Ok(()),
            Some(there) => Err(Obstacle::Refused(format!(
                "{what} belongs to account and region {there}, but the credentials and AWS_REGION say {here}"
            ))),
            None => Err(self.not_set_up()),
        }
    }

    fn not_set_up(&self) -> Obstacle {
        Obstacle::Refused(format!("{} is not set up: run `sluice init`", self.state.what()))
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
        // SQS asks for a second's patience after it made a queue; what starts the bot next is to find it.
        for _ in 0..QUEUE_LOOKS {
            if queue.exists(target).await.map_err(trouble)? {
                return Ok(Some(format!("made the queue `{name}`")));
            }
            tokio::time::sleep(QUEUE_PAUSE).await;
        }
        Err(Obstacle::Passing(format!("SQS made the queue `{name}` and does not show it yet")))
    }

    /// The first admins, who may then grant roles in Slack.
    async fn name_admins(
        &self,
        target: &Target,
        people: &[UserId],
        login: &str,
    ) -> Result<Vec<String>, Obstacle> {
        if people.is_empty() {
            return Ok(vec![]);
        }
        let (store, keys) = (self.state.store()?, Keys::new(target));
        let (pinned, now) = (self.pinned.get(), SystemClock.now());
        let named = init::admins(&*store, &keys, &pinned, (people, login), now).await;
        let line = |(user, named): (UserId, Named)| match named {
            Named::Made => format!("admin: {user} is one of all pipelines now, and may `/pipeline grant`"),
            Named::Before => format!("admin: {user} was made one before"),
            Named::Pinned => format!("admin: {user} is one already, pinned in sluice.toml"),
        };
        Ok(named.map_err(|error| self.state.obstacle(&error))?.into_iter().map(line).collect())
    }

    async fn record(&self, target: &Target) -> Result<(), Obstacle> {
        let obstacle = |error: StoreError| self.state.obstacle(&error);
        let item = to_item(Keys::installation(), Guards::new(), target).map_err(obstacle)?;
        match self.state.store()?.write(Write::Put { item, when: Precondition::Absent }).await {
            Ok(()) | Err(StoreError::Lost(_)) => self.same_target(target).await,
            Err(error) => Err(obstacle(error)),
        }
    }
}

#[async_trait]
impl Backend for FakeAws {
    async fn inspect(&self) -> Result<Target, Obstacle> {
        // A file is looked at first: it needs no AWS to be seen damaged, or held by another.
        if let State::File(_) = self.state {
            self.state.serve(&self.aws).await?;
        }
        let target = self.whoami().await?;
        self.state.serve(&self.aws).await?;
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

    fn assemble(&self, target: Target, parts: Parts) -> Result<Arc<dyn Handles>, Obstacle> {
        let store = self.state.store()?;
        if let State::File(file) = &self.state
            && let Some(plan) = file.plan.clone()
        {
            let backups = file.backups(&plan, &self.aws, target.clone());
            parts.tasks.spawn(Kind::Backup, backups.keep_making(plan));
        }
        let store = Arc::new(Lanes::new(store));
        let fake_aws = (&self.base, &self.aws, self.pinned());
        Ok(assembly::assemble(fake_aws, store, self.queue.clone(), target, parts))
    }

    fn seat(&self, target: Target, screen: Screen, tasks: Tasks) -> Result<Arc<dyn Handles>, Obstacle> {
        let store = Arc::new(Lanes::new(self.state.store()?));
        let fake_aws = (&self.base, &self.aws, self.pinned());
        Ok(assembly::seat(fake_aws, store, self.queue.clone(), target, (screen, tasks)))
    }

    async fn init(&self, admins: &[UserId], login: &str, notify: Tell<'_>) -> Result<(), Obstacle> {
        let (target, objects) = (self.whoami().await?, &*self.aws.objects);
        notify(&format!("account and region: {target}"));
        rights::refuse_a_second(&*self.aws.identity, &self.base, &target).await?;
        notify(&self.state.make(&self.aws).await?);
        self.record(&target).await?;
        notify(&format!("{} holds this account and region", self.state.what()));
        for line in rights::bring_up_to_date(&*self.aws.identity, &self.base, &target).await? {
            notify(&line);
        }
        let versioning_began = bucket::set_up(objects, &target, notify).await?;
        let queue = self.make_queue(&target).await?;
        for line in queue.into_iter().chain(self.name_admins(&target, admins, login).await?) {
            notify(&line);
        }
        // Last: it may take minutes, and nothing else needs it.
        bucket::await_versions(objects, &target, versioning_began, notify).await
    }

    async fn close(&self) {
        self.state.close().await;
    }

    async fn examine(&self) -> Vec<Finding> {
        let target = self.whoami().await;
        let state = self.state.is_there().await;
        let is_there = state.is_ok();
        let mut findings = vec![
            finding("AWS account", target.as_ref().map(Target::to_string).map_err(Clone::clone)),
            finding("State", state.map(|()| format!("{} is there", self.state.what()))),
        ];
        if let Ok(target) = target {
            if is_there {
                let same =
                    self.same_target(&target).await.map(|()| "made for this account and region".to_owned());
                findings.push(finding("Installation", same));
            }
            findings
                .push(finding("Boundaries", rights::examine(&*self.aws.identity, &self.base, &target).await));
            findings.push(bucket::examine(&*self.aws.objects, &self.base, &target).await);
            if let Some(queue) = self.find_queue(&target).await.transpose() {
                findings.push(finding("Queue", queue.map(|name| format!("`{name}` is there"))));
            }
        }
        findings
    }

    async fn examine_account(&self) -> Vec<Finding> {
        // Who does not answer here is named by `examine`.
        let Ok(target) = self.whoami().await else { return vec![] };
        let mut findings = account::examine(&account::Ports::of(&self.aws), &target).await;
        // A state that is not there is named by `examine`, too.
        let (Ok(()), Ok(store)) = (self.state.is_there().await, self.state.store()) else { return findings };
        let keys = Keys::new(&target);
        let stages = account::stages(&*store, &keys).await;
        findings.push(stages.unwrap_or_else(|error| {
            Finding::missing("Stages", self.state.obstacle(&error).words().to_owned())
        }));
        if let State::Table(store) = &self.state {
            findings.push(account::audit(store.may_delete_audit_records().await, store.audit_table()));
            let probed = account::probe(&**store, &keys, SystemClock.now()).await;
            let probed = probed.map_err(|error| match error {
                StoreError::Refused(_) => {
                    let what = self.state.what();
                    tracing::warn!(%error, "state");
                    Obstacle::Refused(format!(
                        "{what} refuses a transaction: give the role what `sluice policy` prints; the log says more"
                    ))
                }
                other => self.state.obstacle(&other),
            });
            findings.push(finding("Transaction", probed));
        }
        findings
    }
}

fn finding(name: &'static str, outcome: Result<String, Obstacle>) -> Finding {
    Finding::new(name, outcome.map_err(|obstacle| obstacle.words().to_owned()))
}

/// The details go to the log; what people read is made of the call and the code alone.
fn aws_obstacle(error: &PortError) -> Obstacle {
    tracing::warn!(%error, "AWS");
    let (call, code) = (error.call, &error.code);
    match error.class {
        Class::Denied => Obstacle::Refused(format!("AWS refuses our credentials ({call}: {code})")),
        Class::Invalid | Class::Quota | Class::Conflict | Class::Precondition | Class::Absent => {
            Obstacle::Refused(format!("AWS does not take {call} ({code})"))
        }
        Class::Transient | Class::Throttled | Class::Busy | Class::Ambiguous => {
            Obstacle::Passing(format!("AWS cannot be reached ({call}: {code})"))
        }
    }
}
