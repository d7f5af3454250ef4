//! Large contents that steps depend on. The journal keeps only their digest.
//!
//! A definition is a function of the operation's state, and some of its input is too large for a journal row,
//! such as a template with hundreds of functions. The step that produces it leaves a digest.
//! [`Operation::contents`](super::Operation::contents) lists the contents that the state refers to and how
//! to read each again; the driver attaches them before it plans. A content is immutable and is checked
//! against its digest at each read, so a replay plans the same steps.

use async_trait::async_trait;

use crate::application::Application;
use crate::content_cache::Loaded;
use crate::error::EngineError;
use crate::step::Context;

/// A content that the journal refers to.
#[async_trait]
pub trait Content<A: Application>: Send + Sync {
    /// The digest in the journal.
    fn digest(&self) -> &str;
    /// Reads it again. The result must have that digest.
    async fn read(&self, cx: &Context<A>) -> Result<Loaded, EngineError>;
}
