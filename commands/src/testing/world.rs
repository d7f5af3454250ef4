//! [`world`]: a whole [`World`] on a store alone. AWS refuses every call, so a test notices a call that it did not expect.

use std::sync::Arc;

use crate::operation::{Keys, Pinned, Ports, Settings, World};
use crate::ports::{ApiKind, Clock, NoDirectory, NoWakeups, Notifier, OnCaller, Runner, Store};
use crate::rules::PinnedRoles;
use crate::testing::{FakeAws, OnRuntime};
use sluice_model::Target;

/// The account and region of tests.
pub fn target() -> Target {
    Target { account: "123456789012".into(), region: "eu-central-1".into() }
}

/// The unguessable value of tests.
pub const NONCE: &str = "0123456789abcdef0123456789abcdef01234567";

/// A world over that store, without AWS.
pub fn world(
    settings: Settings,
    access: impl Into<PinnedRoles>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    notifier: Arc<dyn Notifier>,
    runner: Arc<dyn Runner>,
) -> World {
    let aws = Arc::new(FakeAws::new(Arc::clone(&clock)).unreachable());
    World {
        keys: Keys::new(&target()),
        target: target(),
        // Constant: two runs of the same events must be equal.
        settings: Settings { unguessable: || NONCE.to_owned(), ..settings },
        contents: Default::default(),
        store,
        clock,
        notifier,
        runner,
        wakeups: Arc::new(NoWakeups),
        workers: Arc::new(OnCaller),
        background: Arc::new(OnRuntime),
        ports: Ports {
            pinned: Pinned::new(access),
            directory: Arc::new(NoDirectory),
            repositories: aws.clone(),
            builders: aws.clone(),
            objects: aws.clone(),
            functions: aws.clone(),
            function_settings: aws.clone(),
            layers: aws.clone(),
            gateway: aws.gateway(ApiKind::Http),
            rest_gateway: aws.gateway(ApiKind::Rest),
            stacks: aws.clone(),
            probe: aws.clone(),
            identity: aws.clone(),
            logs: aws.clone(),
            metrics: aws.clone(),
            parameters: aws,
        },
    }
}
