//! The output of a ready sandbox: the JSON of `--headless`, the bot's environment, and the files with both.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::addresses::Addresses;
use crate::aws::{ACCESS_KEY, ADMIN_KEY, OBSERVER_KEY, REGION, SECRET_KEY};
use crate::slack::{APP_TOKEN, SlackConfig};

/// The bot's token. It protects nothing: every port is on loopback.
pub const BOT_TOKEN: &str = "xoxb-0000000000-sandbox";
/// The secret that signs the requests to the bot.
pub const SIGNING_SECRET: &str = "sandbox-signing-secret-0123456789";

/// The JSON of `--headless`.
#[derive(Debug, Clone, Serialize)]
pub struct Ready {
    /// The page, with the control API below `/control`.
    pub page: String,
    /// The base URL of Slack's Web API.
    pub slack_api: String,
    /// Where the bot listens, or where the sandbox expects it.
    pub bot: String,
    /// All AWS services.
    pub aws: String,
    pub codecommit: String,
    pub codebuild: String,
    /// Repositories are at `{git}/{name}.git`.
    pub git: String,
    /// The pattern of a stage's URL, with `{pipeline}` and `{stage}`.
    pub stages: String,
    /// User ids: three operators, then one without permissions.
    pub users: Vec<String>,
    /// A channel that the bot is a member of.
    pub channel: String,
    /// The access key for tests that only observe: its calls are not logged, and no fault or rule applies to them.
    pub observer: &'static str,
    /// The variables that a bot needs to join this sandbox.
    pub env: BTreeMap<String, String>,
    /// The bot's process id, if the sandbox started it.
    pub bot_pid: Option<i32>,
    /// The folder of the logs, repositories and configuration.
    pub folder: String,
    /// The shell script with `env` and the `PATH` of the `aws` command line; relative to the repository, if it is there.
    pub env_file: String,
}

impl Ready {
    pub fn new(at: &Addresses, slack: &SlackConfig, folder: &Path, repository: &Path) -> Self {
        let env_file = folder.join("env.sh");
        Self {
            page: at.page.clone(),
            slack_api: format!("{}/api", at.page),
            bot: at.bot.clone(),
            aws: at.aws.clone(),
            codecommit: at.codecommit.clone(),
            codebuild: at.codebuild.clone(),
            git: at.git.clone(),
            stages: format!("{}/{{pipeline}}-{{stage}}", at.stages),
            users: slack.people().map(|user| user.id.clone()).collect(),
            channel: slack.channels.first().map(|channel| channel.id.clone()).unwrap_or_default(),
            observer: OBSERVER_KEY,
            env: environment(at, slack.uses_sockets, folder),
            bot_pid: None,
            folder: folder.display().to_string(),
            env_file: env_file.strip_prefix(repository).unwrap_or(&env_file).display().to_string(),
        }
    }
}

/// The variables of a bot. Both AWS files name an empty file, because none of the machine's AWS settings may apply.
fn environment(at: &Addresses, uses_sockets: bool, folder: &Path) -> BTreeMap<String, String> {
    let nothing = folder.join("aws.ini").display().to_string();
    let listen = at.bot.trim_start_matches("http://").to_owned();
    let delivery = match uses_sockets {
        true => ("SLACK_APP_TOKEN", APP_TOKEN),
        false => ("SLACK_SIGNING_SECRET", SIGNING_SECRET),
    };
    let pairs = [
        ("SLACK_BOT_TOKEN", BOT_TOKEN.to_owned()),
        (delivery.0, delivery.1.to_owned()),
        ("SLACK_API_URL", format!("{}/api", at.page)),
        ("SLUICE_LISTEN", listen),
        ("SLUICE_STATE", "dynamodb:sluice".to_owned()),
        ("SLUICE_CONFIG", folder.join("sluice.toml").display().to_string()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ENDPOINT_URL", at.aws.clone()),
        ("AWS_ENDPOINT_URL_CODECOMMIT", at.codecommit.clone()),
        ("AWS_ENDPOINT_URL_CODEBUILD", at.codebuild.clone()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_CONFIG_FILE", nothing.clone()),
        ("AWS_SHARED_CREDENTIALS_FILE", nothing),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Writes the sandbox's files: the bot's access policy, an empty AWS configuration, and the environment for a shell.
pub fn write_files(ready: &Ready, tools: &Path, folder: &Path) -> std::io::Result<()> {
    let quoted: Vec<String> = ready.users.iter().map(|user| format!("{user:?}")).collect();
    let operators = quoted.get(..3).unwrap_or(&quoted).join(", ");
    let admins = operators.clone();
    let policy = format!(
        "# Ann, Bob and Cyd are operators, admins and approvers; Eve can only read.\n\
         [access]\noperators = [{operators}]\nadmins = [{admins}]\napprovers = [{operators}]\n"
    );
    std::fs::write(folder.join("sluice.toml"), policy)?;
    std::fs::write(folder.join("aws.ini"), "")?;
    let mut shell = String::from(
        "# For the aws command line and for a bot of your own, with all permissions in this sandbox.\n",
    );
    for (name, value) in &ready.env {
        let value = if name == "AWS_ACCESS_KEY_ID" { ADMIN_KEY } else { value };
        shell.push_str(&format!("export {name}='{value}'\n"));
    }
    shell.push_str(&format!("export AWS_PAGER='' PATH='{}':\"$PATH\"\n", tools.display()));
    std::fs::write(folder.join("env.sh"), shell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_has_the_addresses_users_and_environment() {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let at = Addresses {
            page: url(1),
            aws: url(2),
            codecommit: url(3),
            codebuild: url(4),
            git: url(5),
            stages: url(6),
            bot: url(7),
        };
        let slack = SlackConfig::new(&at.page, &at.bot, BOT_TOKEN, SIGNING_SECRET);
        let folder = tempfile::tempdir().unwrap();
        let ready = Ready::new(&at, &slack, folder.path(), folder.path().parent().unwrap());
        let line = serde_json::to_value(&ready).unwrap();
        assert_eq!(line["stages"], "http://127.0.0.1:6/{pipeline}-{stage}");
        assert_eq!(line["users"].as_array().unwrap().len(), 4);
        assert_eq!(line["env"]["SLUICE_LISTEN"], "127.0.0.1:7");
        assert!(Path::new(line["env_file"].as_str().unwrap()).is_relative(), "{line}");
        assert!(!serde_json::to_string(&ready).unwrap().contains('\n'));
        write_files(&ready, Path::new("/tools"), folder.path()).unwrap();
        let policy = std::fs::read_to_string(folder.path().join("sluice.toml")).unwrap();
        assert!(policy.contains(&format!("admins = [\"{}\"", ready.users[0])), "{policy}");
        assert!(!policy.contains(&ready.users[3]), "{policy}");
    }
}
