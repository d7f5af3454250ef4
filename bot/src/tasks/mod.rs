//! Background tasks: spawning and shutdown (`spawn.rs`), and the loops that drive operations and pass wake-ups.

pub(crate) mod last_resort;
mod operations;
mod spawn;
mod wakeups;
mod workers;

pub(crate) use operations::{NoRunner, OperationDriver, Operations};
pub(crate) use spawn::{Kind, LAST_RESORT, Tasks, answers_somebody};
pub(crate) use wakeups::{WakeupSender, receive_wakeups};
pub(crate) use workers::BlockingThreads;
