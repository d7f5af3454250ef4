//! The environment of operations: the ports, and the few settings that planning needs.

use std::sync::Arc;
use std::time::Duration;

use ulid::Ulid;

use crate::application::Application;
use crate::content_cache::ContentCache;
use crate::ports::{Background, Clock, Notifier, Runner, Store, Wakeups, Workers};
use sluice_model::Target;

/// The ports of one installation.
pub struct World<A: Application> {
    /// The account and region it works in.
    pub target: Target,
    /// The keys of the store.
    pub keys: A::Keys,
    /// Its settings.
    pub settings: Settings,
    /// The large contents that were read last.
    pub contents: ContentCache,
    /// The durable store.
    pub store: Arc<dyn Store>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Delivers updates to the channels.
    pub notifier: Arc<dyn Notifier>,
    /// Gives operations a task.
    pub runner: Arc<dyn Runner>,
    /// Wakes other replicas.
    pub wakeups: Arc<dyn Wakeups>,
    /// Threads for work that keeps a processor busy.
    pub workers: Arc<dyn Workers>,
    /// Tasks that nothing waits for.
    pub background: Arc<dyn Background>,
    /// The ports of the application.
    pub ports: A::Ports,
}

/// The settings of an installation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names this replica; a new name for each start.
    pub replica: String,
    /// How long a silent owner keeps an operation: 15 s. Its beat changes three times in that.
    pub lease: Duration,
    /// How long after its intent a mutation may still appear: 15 s.
    pub settle: Duration,
    /// How long a control plane may need to become consistent: 60 s. *Not found* and *exists already* as
    /// answers to a mutation do not count within that time.
    pub consistency: Duration,
    /// How long a failure that may pass is retried: 15 minutes.
    pub patience: Duration,
    /// How long after its success an operation is followed up ([`Operation::follow_up`](crate::Operation::follow_up)); `None`: not
    /// at all.
    pub follow_up: Option<Duration>,
    /// How many steps of one operation run side by side: the looks at ten functions, the API and the
    /// artifact. Control planes accept some 15 calls a second, and throttled calls are retried.
    pub width: usize,
    /// Whether operations are driven here, or only accepted.
    pub drive: bool,
    /// Whether no other process can reach the state, as with a locked file. Then another process that is
    /// named as an owner has died, and its lease need not be awaited.
    pub alone: bool,
    /// Whether this process can notify the channels. A process that cannot (`sluice run`) leaves its
    /// operations due and without an owner, for a replica that can.
    pub notifies: bool,
    /// Generates a text that nobody can guess: 160 random bits, in lower-case letters and digits. In tests it
    /// is always the same.
    pub unguessable: fn() -> String,
}

/// From the system's generator, through [`Ulid`], which has 80 random bits beside its time.
fn unguessable() -> String {
    format!("{:020x}{:020x}", Ulid::new().random(), Ulid::new().random())
}

impl Settings {
    /// The defaults of DESIGN 5, for a replica of that name.
    pub fn new(replica: impl Into<String>) -> Self {
        Self {
            replica: replica.into(),
            lease: Duration::from_secs(15),
            settle: Duration::from_secs(15),
            consistency: Duration::from_secs(60),
            patience: Duration::from_secs(15 * 60),
            follow_up: None,
            width: 16,
            drive: true,
            alone: false,
            notifies: true,
            unguessable,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_unguessable_text_has_enough_bits_and_differs_each_time() {
        let all: BTreeSet<String> = (0..1000).map(|_| (Settings::new("test").unguessable)()).collect();
        assert_eq!(all.len(), 1000);
        for text in all {
            assert!(text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit()), "160 bits: {text}");
        }
    }
}
