//! From an authenticated [`Invocation`] to an [`Answer`]: parse, authorise, then either read, or accept in one
//! transaction. The answer is made before any work begins; the work is the engine's.

mod invocation;

pub use invocation::*;
