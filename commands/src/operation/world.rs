//! The environment of operations: the ports, and the few settings that planning needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join;
use futures::stream;
use ulid::Ulid;

use crate::operation::contents::ContentCache;
use crate::operation::keys::Keys;
use crate::ports::{
    Background, Builders, Clock, Directory, Functions, Gateway, Identity, Logs, Notifier, Objects, Probe,
    Repositories, Runner, Store, StoreError, Wakeups, Workers,
};
use crate::rules::{Grants, Membership, PinnedRoles, Roles, Subjects};
use sluice_model::{GroupId, PipelineName, Target, UserId};

/// The ports of one installation.
pub struct World {
    /// The account and region it works in.
    pub target: Target,
    /// The keys of the store.
    pub keys: Keys,
    /// The roles that `sluice.toml` pins. Decisions use [`World::roles`], which adds the granted ones.
    pub pinned: Pinned,
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
    /// Knows the people in Slack.
    pub directory: Arc<dyn Directory>,
    /// CodeCommit.
    pub repositories: Arc<dyn Repositories>,
    /// CodeBuild.
    pub builders: Arc<dyn Builders>,
    /// S3.
    pub objects: Arc<dyn Objects>,
    /// Lambda.
    pub functions: Arc<dyn Functions>,
    /// API Gateway.
    pub gateway: Arc<dyn Gateway>,
    /// Requests to what stages serve.
    pub probe: Arc<dyn Probe>,
    /// IAM and STS.
    pub identity: Arc<dyn Identity>,
    /// CloudWatch Logs.
    pub logs: Arc<dyn Logs>,
}

/// The roles that `sluice.toml` pins. All clones see a reload of the file.
#[derive(Debug, Clone, Default)]
pub struct Pinned(Arc<RwLock<PinnedRoles>>);

impl Pinned {
    /// The roles according to the file.
    pub fn new(pinned_roles: impl Into<PinnedRoles>) -> Self {
        Self(Arc::new(RwLock::new(pinned_roles.into())))
    }
    /// The current roles. A decision reads them once.
    pub fn get(&self) -> PinnedRoles {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// Replaces the roles for all later decisions.
    pub fn set(&self, pinned_roles: PinnedRoles) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pinned_roles;
    }
}

/// How many groups or people are looked up side by side.
const LOOK_UPS: usize = 16;

impl World {
    /// The current roles, for one pipeline or, without a name, for the installation: one request. Nothing is
    /// cached, because a revoked role must count at once.
    pub async fn roles(&self, name: Option<&PipelineName>) -> Result<Roles, StoreError> {
        self.roles_about(name, Subjects::default()).await
    }

    /// The same, for a decision that is also about these people and groups.
    pub async fn roles_about(
        &self,
        name: Option<&PipelineName>,
        subjects: Subjects,
    ) -> Result<Roles, StoreError> {
        // The people are known in advance, so their look-up runs beside the request.
        let Subjects { groups, people } = subjects;
        let (roles, deactivated) = join(self.written(name), self.deactivated(people)).await;
        Ok(self.resolve_groups(roles?, groups, deactivated).await)
    }

    /// The roles, with the members of their groups and of these groups.
    pub(crate) async fn resolve_groups(
        &self,
        roles: Roles,
        groups: BTreeSet<GroupId>,
        deactivated: BTreeSet<UserId>,
    ) -> Roles {
        let groups: BTreeSet<_> = roles.subjects().groups.into_iter().chain(groups).collect();
        let looks = groups.into_iter().map(async |group| {
            let members = self.directory.members(&group).await;
            (group, members)
        });
        let groups: BTreeMap<_, _> = stream::iter(looks).buffer_unordered(LOOK_UPS).collect().await;
        Roles { membership: Membership { groups, deactivated }, ..roles }
    }

    /// The people among these who are known to be deactivated.
    pub(crate) async fn deactivated(&self, people: BTreeSet<UserId>) -> BTreeSet<UserId> {
        let looks = people.into_iter().map(async |user| {
            let is_gone = self.directory.is_deactivated(&user).await == Some(true);
            is_gone.then_some(user)
        });
        let found = stream::iter(looks).buffer_unordered(LOOK_UPS);
        found.filter_map(std::future::ready).collect().await
    }

    async fn written(&self, name: Option<&PipelineName>) -> Result<Roles, StoreError> {
        let (all, one) = (self.keys.grants(), name.map(|name| self.keys.pipeline_grants(name)));
        let keys: Vec<_> = one.into_iter().chain([all.clone()]).collect();
        let (everywhere, here): (Vec<_>, Vec<_>) =
            self.store.get_many(&keys).await?.into_iter().partition(|item| item.key == all);
        Ok(Roles {
            pinned: self.pinned.get(),
            everywhere: Grants::of(everywhere.first())?,
            here: Grants::of(here.first())?,
            membership: Membership::default(),
        })
    }
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
    /// How many steps of one operation run side by side: the looks at ten functions, the API and the
    /// artifact. Lambda's control plane accepts about 15 calls a second, and throttled calls are retried.
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
