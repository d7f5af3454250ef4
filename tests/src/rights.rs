//! A bot in a test has exactly the policies that `sluice policy` writes for its configuration.
//!
//! The sandbox authorises a call by its access key. Each set of policies gets a key of its own, made of their digest, and the
//! documents go into the world's folder under that key.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::binaries;

/// The variable of the bot's access key.
const KEY: &str = "AWS_ACCESS_KEY_ID";
/// The account of every world.
const ACCOUNT: &str = "000000000000";

/// The access key for `sluice` with these arguments and variables, in the world of that folder. `None` if the test uses a
/// key of its own, or a configuration that has no policy.
pub(crate) fn key(
    folder: &Path,
    (own, arguments): (&str, &[&str]),
    env: &BTreeMap<String, String>,
) -> Option<String> {
    if env.get(KEY).map(String::as_str) != Some(own) {
        return None;
    }
    let (prefix, more): (_, &[&str]) = match arguments.first() {
        Some(&"init") => ("AKIASLUICEINIT", &["--init"]),
        _ => ("AKIASLUICEBOT", &[]),
    };
    let draft = tempfile::tempdir_in(folder).expect("the world's folder can be written").keep();
    let mut command = Command::new(binaries::bot());
    command.args(["policy", "--account", ACCOUNT, "--out"]).arg(&draft).args(more);
    command.current_dir(folder).env_clear().envs(env).stdin(Stdio::null()).stderr(Stdio::null());
    if !command.stdout(Stdio::null()).status().expect("the bot starts").success() {
        let _ = std::fs::remove_dir_all(&draft);
        return None;
    }
    let mut key = format!("{prefix}{}", hex::encode_upper(digest(&draft)));
    key.truncate(20);
    // Atomically, since other tests of this world do the same. The first one wins.
    if std::fs::rename(&draft, folder.join("policies").join(&key)).is_err() {
        std::fs::remove_dir_all(&draft).expect("the world's folder can be written");
    }
    Some(key)
}

/// The digest of the files in a folder.
fn digest(folder: &Path) -> impl AsRef<[u8]> {
    let files = std::fs::read_dir(folder).expect("the policies are there").filter_map(Result::ok);
    let mut files: Vec<_> = files.map(|file| file.path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(std::fs::read(&file).expect("a policy can be read"));
    }
    hash.finalize()
}

/// The same variables, with that key.
pub(crate) fn with_key(mut env: BTreeMap<String, String>, key: Option<String>) -> BTreeMap<String, String> {
    env.extend(key.map(|key| (KEY.to_owned(), key)));
    env
}
