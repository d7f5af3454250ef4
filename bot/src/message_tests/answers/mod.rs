//! The answers of a service whose store contains samples.

mod commands;
mod reads;
mod roles;
mod test_service;
