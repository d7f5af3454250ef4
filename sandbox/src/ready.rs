//! What the world tells when it is ready: the line of `--headless`, the environment of a bot, and the files of both.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::aws::{ACCESS_KEY, ADMIN_KEY, OBSERVER_KEY, REGION, SECRET_KEY};
use crate::slack::SlackConfig;

/// The bot's token of this world. It protects nothing: every port is on loopback.
pub const BOT_TOKEN: &str = "xoxb-0000000000-sandbox";
/// The secret that this world's deliveries are signed with.
pub const SIGNING_SECRET: &str = "sandbox-signing-secret-0123456789";

/// Where everything answers, without a slash at the end.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub page: String,
    pub aws: String,
    pub codecommit: String,
    pub codebuild: String,
    pub git: String,
    pub stages: String,
    pub bot: String,
}

/// The line of `--headless`.
#[derive(Debug, Clone, Serialize)]
pub struct Ready {
    /// The page in the browser, with the control API below `/control`.
    pub page: String,
    /// The base of Slack's Web API.
    pub slack_api: String,
    /// Where the bot listens, or is expected to.
    pub bot: String,
    /// All AWS services.
    pub aws: String,
    pub codecommit: String,
    pub codebuild: String,
    /// Repositories are at `{git}/{name}.git`.
    pub git: String,
    /// The URL of a stage, with `{pipeline}` and `{stage}` in it.
    pub stages: String,
    /// People: three who may operate, then one who may nothing.
    pub users: Vec<String>,
    /// The channel where the bot is.
    pub channel: String,
    /// The access key of whoever only looks: its calls are not on record, and no fault or rule meets them.
    pub observer: &'static str,
    /// What a bot needs to join this world.
    pub env: BTreeMap<String, String>,
    /// The bot's process, if it was started.
    pub bot_pid: Option<i32>,
    /// Logs, repositories and configuration of this world.
    pub folder: String,
}

impl Ready {
    /// Gathers it.
    pub fn new(at: &Addresses, slack: &SlackConfig, folder: &Path) -> Self {
        Self {
            page: at.page.clone(),
            slack_api: format!("{}/api", at.page),
            bot: at.bot.clone(),
            aws: at.aws.clone(),
            codecommit: at.codecommit.clone(),
            codebuild: at.codebuild.clone(),
            git: at.git.clone(),
            stages: format!("{}/{{pipeline}}/{{stage}}", at.stages),
            users: slack.people().map(|user| user.id.clone()).collect(),
            channel: slack.channels.first().map(|channel| channel.id.clone()).unwrap_or_default(),
            observer: OBSERVER_KEY,
            env: environment(at, folder),
            bot_pid: None,
            folder: folder.display().to_string(),
        }
    }
}

/// The variables of a bot in this world. Nothing of the machine's own AWS settings may leak into it, so the usual
/// files are named away.
fn environment(at: &Addresses, folder: &Path) -> BTreeMap<String, String> {
    let nothing = folder.join("aws.ini").display().to_string();
    let listen = at.bot.trim_start_matches("http://").to_owned();
    let pairs = [
        ("SLACK_BOT_TOKEN", BOT_TOKEN.to_owned()),
        ("SLACK_SIGNING_SECRET", SIGNING_SECRET.to_owned()),
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

/// Writes the files of the world: who may what, an empty AWS configuration, and the environment for a shell.
pub fn write_files(ready: &Ready, tools: &Path, folder: &Path) -> std::io::Result<()> {
    let quoted: Vec<String> = ready.users.iter().map(|user| format!("{user:?}")).collect();
    let operators = quoted.get(..3).unwrap_or(&quoted).join(", ");
    let admins = operators.clone();
    let policy = format!(
        "# The people of this world: ann, bob and cyd operate, administer and approve, eve may only look.\n\
         [access]\noperators = [{operators}]\nadmins = [{admins}]\napprovers = [{operators}]\n"
    );
    std::fs::write(folder.join("sluice.toml"), policy)?;
    std::fs::write(folder.join("aws.ini"), "")?;
    let mut shell = String::from(
        "# For a shell: the aws command line and a bot of your own, with all rights in this world.\n",
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
    fn the_line_has_all_that_programs_need() {
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
        let ready = Ready::new(&at, &slack, folder.path());
        let line = serde_json::to_value(&ready).unwrap();
        assert_eq!(line["stages"], "http://127.0.0.1:6/{pipeline}/{stage}");
        assert_eq!(line["users"].as_array().unwrap().len(), 4);
        assert_eq!(line["env"]["SLUICE_LISTEN"], "127.0.0.1:7");
        assert!(!serde_json::to_string(&ready).unwrap().contains('\n'));
        write_files(&ready, Path::new("/tools"), folder.path()).unwrap();
        let policy = std::fs::read_to_string(folder.path().join("sluice.toml")).unwrap();
        assert!(policy.contains(&format!("admins = [\"{}\"", ready.users[0])), "{policy}");
        assert!(!policy.contains(&ready.users[3]), "{policy}");
    }
}
