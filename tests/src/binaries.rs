//! The programs under test, built from this workspace when a test program first needs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The programs under test.
#[derive(Debug)]
struct Binaries {
    sandbox: PathBuf,
    bot: PathBuf,
}

/// The sandbox.
pub(crate) fn sandbox() -> &'static Path {
    &built().sandbox
}

/// The bot.
pub fn bot() -> &'static Path {
    &built().bot
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Cargo's target folder. Screenshots and figures are in its folder `e2e`.
pub fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    folder.map_or_else(|| root().join("target"), Path::to_path_buf)
}

fn built() -> &'static Binaries {
    static BUILT: OnceLock<Binaries> = OnceLock::new();
    BUILT.get_or_init(build)
}

fn build() -> Binaries {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The same choice of features as `cargo test --workspace`, as in `sandbox/src/bot.rs`: nothing is compiled twice.
    cargo.current_dir(root()).args(["build", "--workspace", "--bins", "--examples"]);
    cargo.arg("--message-format=json-render-diagnostics");
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // Cargo's variables about *this* package would make some build scripts run again.
    let own = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    for (name, _) in std::env::vars_os() {
        if own.iter().any(|own| name.to_string_lossy().starts_with(own)) {
            cargo.env_remove(&name);
        }
    }
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output().expect("cargo starts");
    assert!(output.status.success(), "the build failed: see cargo's messages above");
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = |name: &str| {
        let path = messages.lines().rev().find_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let is_it = message["reason"] == "compiler-artifact" && message["target"]["name"] == name;
            message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
        });
        path.unwrap_or_else(|| panic!("cargo named no executable for {name}"))
    };
    Binaries { sandbox: executable("sluice-sandbox"), bot: executable("sluice") }
}
