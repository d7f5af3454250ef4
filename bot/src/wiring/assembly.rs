//! Assembles engine, notifier and service with their ports, and implements this crate's traits for them.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_aws_adapter::Aws;
use sluice_commands::installation::Invocation;
use sluice_commands::operation::{Driven, Engine, Keys, Messages, Pinned, Ports, Posted, Settings, World};
use sluice_commands::ports::{
    Background, Directory, NoDirectory, NoWakeups, Notifier, Queue, Runner, Store, StoreError, Update,
    Wakeups,
};
use sluice_commands::registry;
use sluice_commands::service::{NoAnswer, Service};
use sluice_model::{Answer, OperationId, Target};

use super::cli_runner::CliRunner;
use super::probe::HttpProbe;
use super::tidying::{Tidier, tidy_hourly};
use crate::backend::Parts;
use crate::config::{Base, State};
use crate::notify::{CliOutput, MessageStore, SlackNotifier};
use crate::slack::{CommandHandler, People, Unavailable};
use crate::system_clock::SystemClock;
use crate::tasks::{
    BlockingThreads, NoRunner, OperationDriver, Operations, Tasks, WakeupSender, receive_wakeups,
};

/// AWS and the state of one configuration, with the account and region.
pub(super) struct Environment<'a> {
    pub(super) base: &'a Base,
    pub(super) aws: &'a Aws,
    pub(super) pinned: Pinned,
    pub(super) store: Arc<dyn Store>,
    pub(super) queue: Option<Arc<dyn Queue>>,
    pub(super) target: Target,
}

impl Environment<'_> {
    /// A sweep finds an expired lease soon after it expires.
    fn sweep_interval(&self) -> std::time::Duration {
        self.base.lease / 3
    }

    fn wakeups(&self, tasks: &Tasks) -> Arc<dyn Wakeups> {
        match &self.queue {
            Some(queue) => WakeupSender::start(tasks, Arc::clone(queue), self.target.clone()),
            None => Arc::new(NoWakeups),
        }
    }
}

/// For `serve`. It starts driving operations, unless `accept_only` is set.
pub(super) fn assemble(environment: Environment<'_>, parts: Parts) -> Arc<dyn CommandHandler> {
    let Parts { slack, response_urls, tasks, accept_only } = parts;
    let settings = Settings { drive: !accept_only, ..settings(environment.base) };
    let keys = Keys::new(&environment.target);
    let messages = Messages::new(Arc::clone(&environment.store), &keys, settings.replica.clone());
    let operations = (!accept_only).then(|| Operations::new(tasks.clone()));
    let runner: Arc<dyn Runner> = match &operations {
        Some(operations) => Arc::clone(operations) as Arc<dyn Runner>,
        None => Arc::new(NoRunner),
    };
    let ports = ProcessPorts {
        settings,
        directory: Arc::new(People::new(Arc::clone(&slack), tasks.clone())),
        notifier: Arc::new(SlackNotifier::new(
            Arc::clone(&slack),
            Arc::new(messages),
            response_urls,
            tasks.clone(),
        )),
        runner: Arc::clone(&runner),
        wakeups: environment.wakeups(&tasks),
        background: Arc::new(tasks.clone()),
    };
    let engine = Arc::new(Engine::new(Arc::new(ports.world(&environment)), registry()));
    let service = Arc::new(Service::new(Arc::clone(&engine), environment.base.names.clone()));
    if let Some(operations) = operations {
        tidy_hourly(&tasks, slack, Arc::clone(&service) as Arc<dyn Tidier>);
        operations.start(Arc::clone(&engine) as Arc<dyn OperationDriver>, environment.sweep_interval());
        if let Some(queue) = environment.queue {
            receive_wakeups(&tasks, queue, environment.target, runner);
        }
    }
    service
}

/// For `run`. It drives nothing until an operation starts here.
pub(super) fn assemble_for_cli(
    environment: Environment<'_>,
    output: CliOutput,
    tasks: Tasks,
) -> Arc<dyn CommandHandler> {
    let operations = Operations::new(tasks.clone());
    let runner = Arc::new(CliRunner::new(operations, output.clone(), environment.sweep_interval()));
    let ports = ProcessPorts {
        settings: Settings { notifies: false, ..settings(environment.base) },
        directory: Arc::new(NoDirectory),
        notifier: Arc::new(output),
        runner: Arc::clone(&runner) as Arc<dyn Runner>,
        wakeups: environment.wakeups(&tasks),
        background: Arc::new(tasks),
    };
    let engine = Arc::new(Engine::new(Arc::new(ports.world(&environment)), registry()));
    runner.set_engine(Arc::clone(&engine));
    Arc::new(Service::new(engine, environment.base.names.clone()))
}

/// For `secret`: nothing is driven, and nobody is notified.
pub(super) fn world_for_secrets(environment: &Environment<'_>) -> World {
    let (output, _) = CliOutput::new();
    let ports = ProcessPorts {
        settings: Settings { drive: false, notifies: false, ..settings(environment.base) },
        directory: Arc::new(NoDirectory),
        notifier: Arc::new(output),
        runner: Arc::new(NoRunner),
        wakeups: Arc::new(NoWakeups),
        background: Arc::new(Tasks::new()),
    };
    ports.world(environment)
}

/// The ports that this process implements itself.
struct ProcessPorts {
    settings: Settings,
    directory: Arc<dyn Directory>,
    notifier: Arc<dyn Notifier>,
    runner: Arc<dyn Runner>,
    wakeups: Arc<dyn Wakeups>,
    background: Arc<dyn Background>,
}

impl ProcessPorts {
    fn world(self, environment: &Environment<'_>) -> World {
        let (aws, target) = (environment.aws, environment.target.clone());
        World {
            keys: Keys::new(&target),
            target,
            settings: self.settings,
            contents: Default::default(),
            store: Arc::clone(&environment.store),
            clock: Arc::new(SystemClock),
            notifier: self.notifier,
            runner: self.runner,
            wakeups: self.wakeups,
            workers: Arc::new(BlockingThreads::new()),
            background: self.background,
            ports: Ports {
                pinned: environment.pinned.clone(),
                directory: self.directory,
                repositories: Arc::clone(&aws.repositories),
                builders: Arc::clone(&aws.builders),
                objects: Arc::clone(&aws.objects),
                functions: Arc::clone(&aws.functions),
                function_settings: Arc::clone(&aws.function_settings),
                layers: Arc::clone(&aws.layers),
                gateway: Arc::clone(&aws.gateway),
                rest_gateway: Arc::clone(&aws.rest_gateway),
                stacks: Arc::clone(&aws.stacks),
                probe: Arc::new(HttpProbe::new()),
                identity: Arc::clone(&aws.identity),
                logs: Arc::clone(&aws.logs),
                metrics: Arc::clone(&aws.metrics),
                parameters: Arc::clone(&aws.parameters),
            },
        }
    }
}

/// The replica gets a new name at each start: after a restart it is a different owner.
fn settings(base: &Base) -> Settings {
    let replica = ulid::Ulid::new().to_string();
    // The table names owners by it.
    tracing::info!(replica, "the name of this replica");
    // In the proportion of the defaults, 15 s and 60 s.
    let consistency = base.settle * 4;
    // The process that serves a file holds its lock.
    let alone = matches!(base.state, State::File(_));
    let (lease, settle, follow_up) = (base.lease, base.settle, base.look_after);
    Settings { lease, settle, consistency, alone, follow_up, ..Settings::new(replica) }
}

#[async_trait]
impl OperationDriver for Engine {
    async fn drive(&self, operation: &OperationId) {
        match Engine::drive(self, operation).await {
            Driven::Stuck => tracing::error!(%operation, "an operation is stuck"),
            driven => tracing::debug!(%operation, ?driven, "driven"),
        }
    }

    fn nudge(&self, operation: &OperationId) {
        Engine::nudge(self, operation);
    }

    async fn sweep(&self) -> Vec<OperationId> {
        Engine::sweep(self).await.unwrap_or_else(|error| {
            crate::metrics::store_error("sweep");
            tracing::warn!(%error, "cannot find operations without an owner");
            vec![]
        })
    }

    fn stop(&self) {
        Engine::stop(self);
    }
}

#[async_trait]
impl MessageStore for Messages {
    async fn find(&self, operation: &OperationId, name: &str) -> Result<Option<Posted>, StoreError> {
        Messages::find(self, operation, name).await
    }

    async fn record(&self, operation: &OperationId, name: &str, posted: &Posted) -> Result<(), StoreError> {
        Messages::posted(self, operation, name, posted).await
    }

    async fn newest_row(&self, operation: &OperationId) -> Result<u64, StoreError> {
        Messages::newest_row(self, operation).await
    }

    async fn record_delivered(&self, update: &Update) -> Result<(), StoreError> {
        Messages::settled(self, update).await
    }

    async fn record_undelivered(&self, update: &Update, undelivered_since: u64) -> Result<(), StoreError> {
        Messages::left(self, update, undelivered_since).await
    }
}

#[async_trait]
impl CommandHandler for Service {
    async fn handle(&self, invocation: Invocation) -> Result<Answer, Unavailable> {
        Service::handle(self, invocation).await.map_err(|delay| match delay {
            NoAnswer::Unreachable => Unavailable::Unreachable,
            NoAnswer::Unconfirmed => Unavailable::Unconfirmed,
        })
    }
}
