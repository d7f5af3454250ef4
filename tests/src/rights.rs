//! A bot in a test has exactly the policy that `sluice policy` prints for its configuration.
//!
//! The sandbox authorises a call by its access key. Each policy gets a key of its own, made of the policy's digest, and the
//! document goes into the world's folder under that key.

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
    let mut command = Command::new(binaries::bot());
    command.args(["policy", "--account", ACCOUNT]).args(more).current_dir(folder).env_clear().envs(env);
    let printed = command.stdin(Stdio::null()).stderr(Stdio::null()).output().expect("the bot starts");
    if !printed.status.success() {
        return None;
    }
    let mut key = format!("{prefix}{}", hex::encode_upper(Sha256::digest(&printed.stdout)));
    key.truncate(20);
    let path = folder.join("policies").join(format!("{key}.json"));
    if !path.exists() {
        // Atomically, since other tests of this world do the same.
        let draft = path.with_extension(format!("{:?}", std::thread::current().id()));
        std::fs::write(&draft, printed.stdout).expect("the world's folder can be written");
        std::fs::rename(&draft, &path).expect("the world's folder can be written");
    }
    Some(key)
}

/// The same variables, with that key.
pub(crate) fn with_key(mut env: BTreeMap<String, String>, key: Option<String>) -> BTreeMap<String, String> {
    env.extend(key.map(|key| (KEY.to_owned(), key)));
    env
}
