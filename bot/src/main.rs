//! The binary `sluice`: Slack in and out, configuration, wiring, background tasks and health checks. This crate has no
//! rules of its own: permissions and the meaning of each command are in `sluice-commands`.

mod backend;
mod cli;
mod config;
mod http;
mod log_throttle;
#[cfg(test)]
mod message_tests;
mod metrics;
mod notify;
mod render;
mod slack;
mod startup;
mod system_clock;
mod tasks;
mod wiring;

fn main() -> std::process::ExitCode {
    cli::main().into()
}
