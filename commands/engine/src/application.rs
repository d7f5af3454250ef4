//! The types of the application whose operations the engine drives.

use std::fmt::Debug;
use std::ops::Deref;

use serde::Serialize;

use crate::keys::Keys;

/// An application. Its steps and gates see the world through these types; what the engine asks of it are the
/// functions in [`Hooks`](crate::Hooks).
pub trait Application: Send + Sync + Sized + 'static {
    /// The ports that its steps need besides those of the engine.
    type Ports: Send + Sync + 'static;
    /// The keys of its records. Those of operations are in [`Keys`].
    type Keys: Deref<Target = Keys> + Clone + Send + Sync + 'static;
    /// What a decision about a pipeline depends on.
    type Snapshot: Clone + Send + Sync;
    /// The objects that an audit record names.
    type AuditSubject: Serialize + Default + Clone + Debug + Send + Sync;
}
