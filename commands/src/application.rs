//! Sluice as the engine's application: the ports and types that its operations see.

use std::sync::{Arc, PoisonError, RwLock};

use crate::ports::{
    ApiKind, Builders, Directory, FunctionSettings, Functions, Gateway, Identity, Layers, Logs, Metrics,
    Objects, ParameterStore, Probe, Repositories, Stacks,
};
use crate::records::{AuditSubject, Keys};
use crate::rules::{PinnedRoles, Snapshot};

/// The application.
#[derive(Debug, Clone, Copy)]
pub struct Sluice;

impl sluice_engine::Application for Sluice {
    type Ports = Ports;
    type Keys = Keys;
    type Snapshot = Snapshot;
    type AuditSubject = AuditSubject;
}

/// The environment of operations.
pub type World = sluice_engine::World<Sluice>;
/// Drives, claims and sweeps the operations of one replica.
pub type Engine = sluice_engine::Engine<Sluice>;
/// The kinds of operations.
pub type Registry = sluice_engine::Registry<Sluice>;
/// The context of a running step.
pub type Context = sluice_engine::Context<Sluice>;
/// A step in its operation.
pub type Node = sluice_engine::Node<Sluice>;
/// One operation with its parameters decoded.
pub type BoundOperation = dyn sluice_engine::BoundOperation<Sluice>;
/// Why an operation must stop for another one.
pub type Preempt<'a> = sluice_engine::Preempt<'a, Sluice>;

/// The ports of an installation besides those of the engine.
pub struct Ports {
    /// The roles that `sluice.toml` pins. Decisions use [`Roles::read`](crate::rules::Roles::read), which adds
    /// the granted ones.
    pub pinned: Pinned,
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
    /// Lambda: settings with calls of their own.
    pub function_settings: Arc<dyn FunctionSettings>,
    /// Lambda's layers.
    pub layers: Arc<dyn Layers>,
    /// API Gateway, HTTP APIs.
    pub gateway: Arc<dyn Gateway>,
    /// API Gateway, REST APIs.
    pub rest_gateway: Arc<dyn Gateway>,
    /// CloudFormation.
    pub stacks: Arc<dyn Stacks>,
    /// Requests to what stages serve.
    pub probe: Arc<dyn Probe>,
    /// IAM and STS.
    pub identity: Arc<dyn Identity>,
    /// CloudWatch Logs.
    pub logs: Arc<dyn Logs>,
    /// CloudWatch's metrics.
    pub metrics: Arc<dyn Metrics>,
    /// Systems Manager's parameters.
    pub parameters: Arc<dyn ParameterStore>,
}

impl Ports {
    /// API Gateway for APIs of that kind.
    pub fn gateway_of(&self, kind: ApiKind) -> &dyn Gateway {
        match kind {
            ApiKind::Http => &*self.gateway,
            ApiKind::Rest => &*self.rest_gateway,
        }
    }
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
