//! What an operation can reach: the ports, and the few settings that judgement needs.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Access, Grants, Roles};
use crate::ids::{PipelineName, Target};
use crate::operation::keys::Keys;
use crate::ports::{
    Builders, Clock, Functions, Gateway, Herald, Identity, Logs, Objects, Probe, Repositories, Runner, Store,
    StoreError, Wakeups,
};

/// The ports of one installation.
pub struct World {
    /// The account and region it works in.
    pub target: Target,
    /// Its keys.
    pub keys: Keys,
    /// Who may do what, as far as `sluice.toml` says: [`World::roles`] is what counts.
    pub pinned: Access,
    /// Its settings.
    pub settings: Settings,
    /// The durable memory.
    pub store: Arc<dyn Store>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Who tells the channel.
    pub herald: Arc<dyn Herald>,
    /// Who gives operations a task.
    pub runner: Arc<dyn Runner>,
    /// Who wakes other replicas.
    pub wakeups: Arc<dyn Wakeups>,
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

impl World {
    /// The roles as they stand, for one pipeline or for what is of none: one request. Nothing of it is kept, since who
    /// lost a role must not pass by it.
    pub async fn roles(&self, name: Option<&PipelineName>) -> Result<Roles, StoreError> {
        let (all, one) = (self.keys.grants(), name.map(|name| self.keys.pipeline_grants(name)));
        let keys: Vec<_> = one.into_iter().chain([all.clone()]).collect();
        let (everywhere, here): (Vec<_>, Vec<_>) =
            self.store.get_many(&keys).await?.into_iter().partition(|item| item.key == all);
        Ok(Roles {
            pinned: self.pinned.clone(),
            everywhere: Grants::of(everywhere.first())?,
            here: Grants::of(here.first())?,
        })
    }
}

/// What an installation sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Names this replica; a new name for each start.
    pub replica: String,
    /// How long a silent owner keeps an operation: 15 s. Its beat changes three times in that.
    pub lease: Duration,
    /// How long after its intent a mutation may still appear: 15 s.
    pub settle: Duration,
    /// How long trouble that may pass is tried again: 15 minutes.
    pub patience: Duration,
    /// How many steps of one operation run side by side: the looks at ten functions, the API and the artifact. Lambda's
    /// control plane takes about 15 calls a second, and what it throttles is tried again.
    pub width: usize,
    /// Whether operations are driven here, or only accepted.
    pub drive: bool,
    /// Whether what happens can be told in the channels from here. A process that cannot (`sluice run`) leaves what it
    /// carried due and without an owner, for a replica that can.
    pub tells: bool,
}

impl Settings {
    /// The defaults of DESIGN 5, for a replica of that name.
    pub fn new(replica: impl Into<String>) -> Self {
        Self {
            replica: replica.into(),
            lease: Duration::from_secs(15),
            settle: Duration::from_secs(15),
            patience: Duration::from_secs(15 * 60),
            width: 16,
            drive: true,
            tells: true,
        }
    }
}
