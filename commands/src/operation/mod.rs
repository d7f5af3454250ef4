//! The operation engine.
