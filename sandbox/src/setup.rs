//! Installs a private Python environment with the local AWS, the `aws` command line and Node.js, at pinned versions.
//!
//! Guarantees: the environment is complete or absent (it is built in another folder, then renamed); concurrent
//! installations wait for each other; later starts read one file only.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::node;
use crate::output::run;
use crate::processes::Processes;

const REQUIREMENTS: &str = include_str!("../requirements.txt");
const MARKER: &str = ".sluice-requirements";
/// Exits with 3 if this Python is too old for the local AWS.
const PYTHON_CHECK: &str = "import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 10) else 3)";

/// Why the installation failed, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(
        "no python3 on the PATH. Install Python 3.10 or later, for example with: apt-get install python3 python3-venv"
    )]
    NoPython,
    #[error(
        "{0} is too old: the local AWS needs Python 3.10 or later. Put a newer python3 first on the PATH."
    )]
    OldPython(String),
    #[error(
        "this Python has no venv or ensurepip module. Install it, for example with: apt-get install python3-venv"
    )]
    NoVenv,
    #[error("creating the Python environment failed:\n{0}")]
    Venv(String),
    #[error(
        "installing the local AWS from PyPI failed. The first start downloads about 110 MB. For a proxy or a mirror, set \
         pip's usual variables (HTTPS_PROXY, PIP_INDEX_URL). The partial installation was removed. pip reported:\n{0}"
    )]
    Install(String),
    #[error(
        "installing the AWS SDK of Node.js from npm failed. For a proxy or a mirror, set npm's usual variables (HTTPS_PROXY, \
         npm_config_registry). The partial installation was removed. npm reported:\n{0}"
    )]
    Node(String),
    #[error(
        "installing what the packager of builds needs from PyPI failed. For a proxy or a mirror, set pip's usual variables \
         (HTTPS_PROXY, PIP_INDEX_URL). It reported:\n{0}"
    )]
    Packager(String),
    #[error("{what}: {path}: {error}", path = path.display())]
    Files { what: &'static str, path: PathBuf, error: std::io::Error },
}

/// The installed Python environment.
#[derive(Debug, Clone)]
pub struct Venv {
    /// The folder of `ministack`, `aws`, `python3`, `node` and `npm`.
    pub bin: PathBuf,
    /// The packages of npm that functions of Node.js find.
    pub node_modules: PathBuf,
}

/// Installs the environment in `folder/venv` unless it is current. Reports progress to `say`.
pub async fn set_up(
    folder: &Path,
    processes: &Processes,
    say: &(dyn Fn(&str) + Send + Sync),
) -> Result<Venv, SetupError> {
    let place = folder.join("venv");
    let venv = Venv { bin: place.join("bin"), node_modules: node::modules(&place) };
    if is_current(&place) {
        return Ok(venv);
    }
    fs::create_dir_all(folder).map_err(|error| files("cannot create the folder", folder, error))?;
    let _lock = lock(folder, say).await?;
    if is_current(&place) {
        return Ok(venv);
    }
    let python = find_python().await?;
    let began = Instant::now();
    say("Installing the local AWS, the aws command line and Node.js (about 110 MB, only once)…");
    let staging = StagingFolder::create(folder)?;
    install(&python, &staging.0, processes).await?;
    relocate(&staging.0, &place)?;
    let marker = staging.0.join(MARKER);
    fs::write(&marker, fingerprint()).map_err(|error| files("cannot write", &marker, error))?;
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| files("cannot replace", &place, error))?;
    }
    fs::rename(&staging.0, &place).map_err(|error| files("cannot move into place", &place, error))?;
    say(&format!("Installed in {:.0} s.", began.elapsed().as_secs_f64()));
    Ok(venv)
}

/// The environment under construction. Dropping it removes the folder if it was not renamed.
struct StagingFolder(PathBuf);

impl StagingFolder {
    fn create(folder: &Path) -> Result<Self, SetupError> {
        let place = folder.join("venv.new");
        // Left by an installation that was killed; we hold the lock.
        if place.exists() {
            fs::remove_dir_all(&place).map_err(|error| files("cannot remove", &place, error))?;
        }
        Ok(Self(place))
    }
}

impl Drop for StagingFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until no other installation runs in this folder. The lock ends with the file.
pub async fn lock(folder: &Path, say: &(dyn Fn(&str) + Send + Sync)) -> Result<File, SetupError> {
    let path = folder.join("setup.lock");
    let file = File::create(&path).map_err(|error| files("cannot open", &path, error))?;
    if file.try_lock().is_ok() {
        return Ok(file);
    }
    say("Waiting for another installation to finish…");
    // Polling, because Ctrl-C must end the wait.
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(files("cannot lock", &path, error)),
        }
    }
}

async fn find_python() -> Result<PathBuf, SetupError> {
    let python = PathBuf::from("python3");
    let check = Command::new(&python).args(["-c", PYTHON_CHECK]).stdin(Stdio::null()).output().await;
    let check = check.map_err(|_| SetupError::NoPython)?;
    match check.status.code() {
        Some(0) => Ok(python),
        Some(3) => {
            let version = Command::new(&python).arg("--version").output().await;
            let version = version.map(|v| String::from_utf8_lossy(&v.stdout).trim().to_owned());
            Err(SetupError::OldPython(version.unwrap_or_else(|_| "python3".into())))
        }
        _ => Err(SetupError::NoVenv),
    }
}

async fn install(python: &Path, place: &Path, processes: &Processes) -> Result<(), SetupError> {
    let mut make = Command::new(python);
    make.args(["-m", "venv"]).arg(place);
    run(processes, &mut make).await.map_err(SetupError::Venv)?;
    let list = place.join("requirements.txt");
    fs::write(&list, REQUIREMENTS).map_err(|error| files("cannot write", &list, error))?;
    let mut pip = Command::new(place.join("bin/python3"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--no-deps",
        "--retries",
        "1",
    ])
    .args(["--quiet", "--only-binary", ":all:", "--requirement"])
    .arg(&list);
    run(processes, &mut pip).await.map_err(SetupError::Install)?;
    node::install(place, processes).await.map_err(SetupError::Node)
}

/// Scripts of a virtual environment contain the full path of its Python. Replaces it with the path after the rename.
fn relocate(from: &Path, to: &Path) -> Result<(), SetupError> {
    let (old, new) = (from.display().to_string(), to.display().to_string());
    let bin = from.join("bin");
    for entry in fs::read_dir(&bin).map_err(|error| files("cannot read", &bin, error))?.flatten() {
        let path = entry.path();
        let script = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
        if script
            && let Ok(text) = fs::read_to_string(&path)
            && text.contains(&old)
        {
            fs::write(&path, text.replace(&old, &new))
                .map_err(|error| files("cannot write", &path, error))?;
        }
    }
    Ok(())
}

fn is_current(place: &Path) -> bool {
    fs::read_to_string(place.join(MARKER)).is_ok_and(|found| found == fingerprint())
        && place.join("bin/python3").exists()
}

fn fingerprint() -> String {
    hex::encode(Sha256::new().chain_update(REQUIREMENTS).chain_update(node::LOCK).finalize())
}

pub fn files(what: &'static str, path: &Path, error: std::io::Error) -> SetupError {
    SetupError::Files { what, path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned() {
        for line in REQUIREMENTS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            assert!(line.contains("=="), "{line}");
        }
        assert!(REQUIREMENTS.contains("ministack==1.5.33"));
    }

    #[test]
    fn scripts_name_the_python_after_the_rename() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a.new"), folder.path().join("a"));
        fs::create_dir_all(from.join("bin")).unwrap();
        fs::write(from.join("bin/tool"), format!("#!{}/bin/python3\n", from.display())).unwrap();
        relocate(&from, &to).unwrap();
        let text = fs::read_to_string(from.join("bin/tool")).unwrap();
        assert_eq!(text, format!("#!{}/bin/python3\n", to.display()));
    }

    #[test]
    fn an_environment_without_a_marker_is_not_current() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("bin")).unwrap();
        fs::write(folder.path().join("bin/python3"), "").unwrap();
        assert!(!is_current(folder.path()));
        fs::write(folder.path().join(MARKER), fingerprint()).unwrap();
        assert!(is_current(folder.path()));
    }
}
