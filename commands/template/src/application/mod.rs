//! An application as a plain template describes it, for one stage: everything that Sluice creates with calls of its own.

mod apis;
mod code;
mod functions;
mod layers;
mod model;
mod openapi;
mod properties;
mod read;
mod reading;
mod roles;
mod stack;
mod stage_settings;
mod statements;

pub use model::{
    AppApi, AppFunction, AppLayer, AppLayerRef, AppRights, Application, Deploying, Images, KnownValues,
    Waiting,
};
pub use openapi::{AppRoute, version_variable};
pub use read::{errors_of_apis, read, unread};
pub use stack::AppStack;
pub use statements::POLICY_LIMIT;
