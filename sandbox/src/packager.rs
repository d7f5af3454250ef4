//! Installs what the packager of builds needs: once, and then builds in the sandbox need no network.
//!
//! The packager itself comes from the artifact bucket, as on AWS. It finds the folder through `SLUICE_PACKAGE_CACHE`.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::output::run;
use crate::processes::Processes;
use crate::setup::{SetupError, Venv, files, lock};

/// The file in the Python environment that says for which packager everything is installed.
const MARKER: &str = ".sluice-packager";

/// Installs the requirements of the packager in the repository `root` into `folder/packager`, for this Python; the path of that.
pub async fn prepare(
    root: &Path,
    folder: &Path,
    venv: &Venv,
    processes: &Processes,
    say: &(dyn Fn(&str) + Send + Sync),
) -> Result<PathBuf, SetupError> {
    let (packager, cache) = (root.join("packager"), folder.join("packager"));
    let (wanted, marker) = (fingerprint(&packager)?, venv.bin.join(MARKER));
    let is_current = || cache.is_dir() && fs::read_to_string(&marker).is_ok_and(|found| found == wanted);
    if is_current() {
        return Ok(cache);
    }
    let _lock = lock(folder, say).await?;
    if !is_current() {
        say("Installing what the packager of builds needs (about 15 MB, only once)…");
        let mut command = Command::new(venv.bin.join("python3"));
        command.arg("-I").arg(&packager).arg("--prepare").env("SLUICE_PACKAGE_CACHE", &cache);
        run(processes, &mut command).await.map_err(SetupError::Packager)?;
        fs::write(&marker, &wanted).map_err(|error| files("cannot write", &marker, error))?;
    }
    Ok(cache)
}

/// Of the files that decide what is installed, and where.
fn fingerprint(packager: &Path) -> Result<String, SetupError> {
    let mut hash = Sha256::new();
    for name in ["requirements.txt", "__main__.py"] {
        let path = packager.join(name);
        hash.update(fs::read(&path).map_err(|error| files("cannot read", &path, error))?);
    }
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository whose packager counts its installations, and a Python environment that is this machine's.
    struct Fixture(tempfile::TempDir);

    impl Fixture {
        fn new() -> Self {
            let fixture = Self(tempfile::tempdir().unwrap());
            let root = fixture.0.path();
            fs::create_dir_all(root.join("packager")).unwrap();
            fs::create_dir_all(root.join("bin")).unwrap();
            fixture.requires("a==1\n");
            let main = "import os, sys\nassert sys.argv[1:] == ['--prepare']\nplace = os.environ['SLUICE_PACKAGE_CACHE']\n\
                        os.makedirs(place, exist_ok=True)\nopen(place + '/count', 'a').write('x')\n";
            fs::write(root.join("packager/__main__.py"), main).unwrap();
            let python = "#!/bin/sh\nexec python3 \"$@\"\n";
            fs::write(root.join("bin/python3"), python).unwrap();
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(root.join("bin/python3"), executable).unwrap();
            fixture
        }
        fn requires(&self, text: &str) {
            fs::write(self.0.path().join("packager/requirements.txt"), text).unwrap();
        }
        /// Prepares; how often something was installed so far.
        async fn prepare(&self) -> usize {
            let (root, processes) = (self.0.path(), Processes::start().unwrap());
            let venv = Venv { bin: root.join("bin"), node_modules: root.join("node_modules") };
            let cache = prepare(root, root, &venv, &processes, &|_| {}).await.unwrap();
            fs::read_to_string(cache.join("count")).unwrap().len()
        }
    }

    #[tokio::test]
    async fn requirements_are_installed_once_and_again_after_a_change() {
        let fixture = Fixture::new();
        assert_eq!((fixture.prepare().await, fixture.prepare().await), (1, 1));
        fixture.requires("a==2\n");
        assert_eq!((fixture.prepare().await, fixture.prepare().await), (2, 2));
        // As after an installation of another Python.
        fs::remove_file(fixture.0.path().join("bin").join(MARKER)).unwrap();
        assert_eq!(fixture.prepare().await, 3);
    }
}
