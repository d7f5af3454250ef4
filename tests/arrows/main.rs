//! The arrows of `docs/ARCHITECTURE.md`: which crate may depend on which other, that no two modules of a crate depend on
//! each other, and the terms that the product never uses.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "test code: it panics where an expectation is broken"
)]

mod circles;
mod crates;
mod english;
mod modules;
mod paths;
mod source;
mod tree;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The packages of the workspace, as `cargo metadata` has them.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}
