//! The ports over the server: recorded answers where the emulator is wrong, the emulator elsewhere.

mod effects;
mod emulator;
mod harness;
mod lambda;
mod quotas;
mod recorded;
mod refusals;
mod stacks;
