//! The codes of ends without success that people caused.

/// An operation that was rejected.
pub const REJECTED: &str = "rejected";
/// A request that was not decided in time.
pub const EXPIRED: &str = "expired";
/// An operation that was cancelled.
pub const CANCELLED: &str = "cancelled";
/// A void operation: what it was bound to changed.
pub const VOID: &str = "void";
