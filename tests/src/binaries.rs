//! The programs under test, built from this workspace each time a test program begins.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The sandbox.
pub(crate) fn sandbox() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("sluice-sandbox"))
}

/// The bot, as it would be shipped.
pub fn bot() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("sluice"))
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Where cargo put this very program: screenshots and figures are kept below `e2e` in it.
pub fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    folder.map_or_else(|| root().join("target"), Path::to_path_buf)
}

fn build(package: &str) -> PathBuf {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The features that everything else is built with: for one package alone, dependencies would be compiled again.
    cargo.current_dir(root()).args(["build", "--workspace", "--bin", package, "--examples"]);
    cargo.arg("--message-format=json-render-diagnostics");
    // What cargo tells *this* package would make some build scripts run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
            .iter()
            .any(|own| text.starts_with(own))
        {
            cargo.env_remove(&name);
        }
    }
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output().expect("cargo starts");
    assert!(output.status.success(), "{package} could not be built: see cargo's messages above");
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let ours = message["reason"] == "compiler-artifact" && message["target"]["name"] == package;
        message["executable"].as_str().filter(|_| ours).map(PathBuf::from)
    });
    executable.unwrap_or_else(|| panic!("cargo named no executable of {package}"))
}
