//! Puts engine, telling and service together with what they reach, and gives each the trait by which the rest of this
//! crate knows it.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_aws_adapter::Aws;
use sluice_commands::operation::{Driven, Engine, Keys, Messages, Pinned, Posted, Settings, World};
use sluice_commands::operations;
use sluice_commands::ports::{
    Background, Directory, NoDirectory, NoWakeups, Notifier, Queue, Runner, Store, StoreError, Update,
    Wakeups,
};
use sluice_commands::service::{Invocation, NoAnswer, Service};
use sluice_model::{Actor, Answer, OperationId, Target};

use crate::backend::Parts;
use crate::config::{Base, State};
use crate::ingress::{Delayed, Handles};
use crate::notify::{Ledger, Notify};
use crate::people::People;
use crate::system_clock::SystemClock;
use crate::tasks::{Bell, BlockingThreads, Drives, Operations, Parked, Tasks, Tidies, listen, tidy_hourly};
use crate::terminal::Screen;
use crate::wiring::probe::Web;
use crate::wiring::seat::Seat;

#[async_trait]
impl Handles for Service {
    async fn handle(&self, invocation: Invocation) -> Result<Answer, Delayed> {
        Service::handle(self, invocation).await.map_err(|delay| match delay {
            NoAnswer::Unreachable => Delayed::Unreachable,
            NoAnswer::Unconfirmed => Delayed::Unconfirmed,
        })
    }
}

#[async_trait]
impl Tidies for Service {
    async fn tidy_due(&self, bot: &Actor) -> Option<usize> {
        Service::tidy_due(self, bot).await.ok()
    }
}

/// Makes the service, and starts driving unless told only to accept.
pub(super) fn assemble(
    (base, aws, pinned): (&Base, &Aws, Pinned),
    store: Arc<dyn Store>,
    queue: Option<Arc<dyn Queue>>,
    target: Target,
    parts: Parts,
) -> Arc<dyn Handles> {
    let settings = Settings { drive: !parts.accept_only, ..settings(base) };
    let messages = Messages::new(Arc::clone(&store), Keys::new(&target), settings.replica.clone());
    let operations = (!parts.accept_only).then(|| Operations::new(parts.tasks.clone()));
    let runner: Arc<dyn Runner> = match &operations {
        Some(operations) => Arc::clone(operations) as Arc<dyn Runner>,
        None => Arc::new(Parked),
    };
    let (tasks, slack) = (parts.tasks.clone(), Arc::clone(&parts.slack));
    let around = Around {
        settings,
        pinned,
        directory: Arc::new(People::new(Arc::clone(&parts.slack), tasks.clone())),
        notifier: Arc::new(Notify::new(parts.slack, Arc::new(messages), parts.replies, parts.tasks)),
        runner: Arc::clone(&runner),
        wakeups: wakeups(&tasks, queue.as_ref(), &target),
        background: Arc::new(tasks.clone()),
    };
    let world = around.world(aws, store, target.clone());
    let engine = Arc::new(Engine::new(Arc::new(world), operations::registry()));
    let service = Arc::new(Service::new(Arc::clone(&engine), base.names.clone()));
    if let Some(operations) = operations {
        tidy_hourly(&tasks, slack, Arc::clone(&service) as Arc<dyn Tidies>);
        operations.start(Arc::clone(&engine) as Arc<dyn Drives>, base.lease / 3);
        if let Some(queue) = queue {
            listen(&tasks, queue, target, runner);
        }
    }
    service
}

/// Makes the service of a terminal. It drives nothing before something begins there.
pub(super) fn seat(
    (base, aws, pinned): (&Base, &Aws, Pinned),
    store: Arc<dyn Store>,
    queue: Option<Arc<dyn Queue>>,
    target: Target,
    (screen, tasks): (Screen, Tasks),
) -> Arc<dyn Handles> {
    let runner = Arc::new(Seat::new(Operations::new(tasks.clone()), screen.clone(), base.lease / 3));
    let around = Around {
        settings: Settings { notifies: false, ..settings(base) },
        pinned,
        directory: Arc::new(NoDirectory),
        notifier: Arc::new(screen),
        runner: Arc::clone(&runner) as Arc<dyn Runner>,
        wakeups: wakeups(&tasks, queue.as_ref(), &target),
        background: Arc::new(tasks),
    };
    let engine = Arc::new(Engine::new(Arc::new(around.world(aws, store, target)), operations::registry()));
    runner.drive(Arc::clone(&engine));
    Arc::new(Service::new(engine, base.names.clone()))
}

fn wakeups(tasks: &Tasks, queue: Option<&Arc<dyn Queue>>, target: &Target) -> Arc<dyn Wakeups> {
    match queue {
        Some(queue) => Bell::start(tasks, Arc::clone(queue), target.clone()),
        None => Arc::new(NoWakeups),
    }
}

/// What of a world is this process's own.
struct Around {
    settings: Settings,
    pinned: Pinned,
    directory: Arc<dyn Directory>,
    notifier: Arc<dyn Notifier>,
    runner: Arc<dyn Runner>,
    wakeups: Arc<dyn Wakeups>,
    background: Arc<dyn Background>,
}

impl Around {
    fn world(self, aws: &Aws, store: Arc<dyn Store>, target: Target) -> World {
        World {
            keys: Keys::new(&target),
            target,
            pinned: self.pinned,
            settings: self.settings,
            contents: Default::default(),
            store,
            clock: Arc::new(SystemClock),
            notifier: self.notifier,
            runner: self.runner,
            wakeups: self.wakeups,
            workers: Arc::new(BlockingThreads::new()),
            background: self.background,
            directory: self.directory,
            repositories: Arc::clone(&aws.repositories),
            builders: Arc::clone(&aws.builders),
            objects: Arc::clone(&aws.objects),
            functions: Arc::clone(&aws.functions),
            gateway: Arc::clone(&aws.gateway),
            probe: Arc::new(Web::new()),
            identity: Arc::clone(&aws.identity),
            logs: Arc::clone(&aws.logs),
        }
    }
}

/// A new name for each start: an owner that died and came back is not the same owner.
fn settings(base: &Base) -> Settings {
    let replica = ulid::Ulid::new().to_string();
    // By it an owner in the table is found among the processes.
    tracing::info!(replica, "the name of this replica");
    // As the defaults are to each other: 15 s and 60 s.
    let consistency = base.settle * 4;
    // A file is locked by the process that serves it.
    let alone = matches!(base.state, State::File(_));
    Settings { lease: base.lease, settle: base.settle, consistency, alone, ..Settings::new(replica) }
}

#[async_trait]
impl Drives for Engine {
    async fn drive(&self, operation: &OperationId) {
        match Engine::drive(self, operation).await {
            Driven::Stuck => tracing::error!(%operation, "an operation is stuck"),
            driven => tracing::debug!(%operation, ?driven, "carried"),
        }
    }

    fn nudge(&self, operation: &OperationId) {
        Engine::nudge(self, operation);
    }

    async fn sweep(&self) -> Vec<OperationId> {
        Engine::sweep(self).await.unwrap_or_else(|error| {
            crate::metrics::store_error("sweep");
            tracing::warn!(%error, "cannot look for operations without an owner");
            vec![]
        })
    }

    fn stop(&self) {
        Engine::stop(self);
    }
}

#[async_trait]
impl Ledger for Messages {
    async fn find(&self, operation: &OperationId, what: &str) -> Result<Option<Posted>, StoreError> {
        Messages::find(self, operation, what).await
    }

    async fn posted(&self, operation: &OperationId, what: &str, posted: &Posted) -> Result<(), StoreError> {
        Messages::posted(self, operation, what, posted).await
    }

    async fn settled(&self, news: &Update) -> Result<(), StoreError> {
        Messages::settled(self, news).await
    }

    async fn left(&self, news: &Update, untold_since: u64) -> Result<(), StoreError> {
        Messages::left(self, news, untold_since).await
    }
}
