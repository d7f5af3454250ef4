//! Documents that are made from code: held equal by tests, written by the same tests under `SLUICE_WRITE_DOCS=1`.

use std::path::Path;

/// Fails unless the file below the workspace's root says exactly that; writes it instead if asked to.
pub fn hold(file: &str, content: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    if std::env::var_os("SLUICE_WRITE_DOCS").is_some() {
        std::fs::write(&path, content).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == content,
        "{file} is not what the code says; write it with SLUICE_WRITE_DOCS=1 and this test"
    );
}
