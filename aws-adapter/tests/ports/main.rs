//! The ports over the server: recorded answers where the emulator is wrong, the emulator elsewhere.

mod effects;
mod emulator;
mod function_settings;
mod harness;
mod http_api;
mod lambda;
mod metrics;
mod parameters;
mod quotas;
mod recorded;
mod refusals;
mod rest_api;
mod stacks;
