//! Slash commands: who types, where, what, and what a test falsifies.

use serde::Deserialize;

use super::deliver::{DeliveryError, DeliveryOptions, DeliveryResult, bot_url, deliver};
use super::directory::DOMAIN;
use super::state::Slack;
use super::workspace::Delivery;
use super::{clock, escape};

/// `POST /control/command`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    pub user: String,
    pub channel: String,
    /// `/deploy`.
    pub command: String,
    #[serde(default)]
    pub text: String,
    /// Another workspace.
    pub team: Option<String>,
    /// Another name; with it the user may be unknown.
    pub user_name: Option<String>,
    /// Another name; with it the channel may be unknown.
    pub channel_name: Option<String>,
    /// The URL of the replica to deliver to, instead of the next one.
    pub bot: Option<String>,
    /// The body to send instead of the form.
    pub raw_body: Option<String>,
    /// The timestamp to send instead of now.
    pub timestamp: Option<String>,
    /// The signature to send instead of the right one.
    pub signature: Option<String>,
}

pub async fn command(slack: &Slack, command: Command) -> Result<DeliveryResult, DeliveryError> {
    let config = slack.config();
    let bot = command.bot.as_deref().map(bot_url).transpose()?;
    if !command.command.starts_with('/') && command.raw_body.is_none() {
        return Err(DeliveryError::BadRequest(format!(
            "`command` must begin with a slash: {:?}",
            command.command
        )));
    }
    let user_name = match (&command.user_name, config.user(&command.user)) {
        (Some(name), _) => name.clone(),
        (None, Some(user)) => user.name.clone(),
        (None, None) => return Err(unknown_user(slack, &command.user)),
    };
    let channel_name = match (&command.channel_name, config.channel(&command.channel)) {
        (Some(name), _) => name.clone(),
        (None, Some(channel)) => channel.name.clone(),
        (None, None) => return Err(unknown_channel(slack, &command.channel)),
    };
    let text = if slack.manifest().escapes(&command.command) {
        escape::escape(&command.text, config)
    } else {
        command.text.clone()
    };
    let trigger_id = new_trigger_id(&config.team);
    let hook = slack.workspace().new_response_url(&command.user, &command.channel, None, &trigger_id);
    let body = command.raw_body.unwrap_or_else(|| {
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("token", VERIFICATION_TOKEN)
            .append_pair("team_id", command.team.as_ref().unwrap_or(&config.team))
            .append_pair("team_domain", DOMAIN)
            .append_pair("channel_id", &command.channel)
            .append_pair("channel_name", &channel_name)
            .append_pair("user_id", &command.user)
            .append_pair("user_name", &user_name)
            .append_pair("command", &command.command)
            .append_pair("text", &text)
            .append_pair("api_app_id", &config.app)
            .append_pair("is_enterprise_install", "false")
            .append_pair("response_url", &format!("{}/response/{hook}", config.base_url))
            .append_pair("trigger_id", &trigger_id)
            .finish()
    });
    let sent = Delivery {
        trigger_id,
        body,
        user: command.user,
        channel: command.channel,
        command: Some(command.command),
        answered: false,
    };
    let options = DeliveryOptions { bot, timestamp: command.timestamp, signature: command.signature };
    Ok(deliver(slack, sent, options).await)
}

/// Slack's deprecated way to prove that a delivery is its own. Slack still sends it.
pub const VERIFICATION_TOKEN: &str = "verification-token-of-old";

pub fn new_trigger_id(team: &str) -> String {
    let number: u32 = team.bytes().fold(7, |sum, b| sum.wrapping_mul(31).wrapping_add(u32::from(b)));
    format!("{}.{number}.{:032x}", clock::micros(), rand::random::<u128>())
}

pub fn unknown_user(slack: &Slack, id: &str) -> DeliveryError {
    let known: Vec<&str> = slack.config().users.iter().map(|user| user.id.as_str()).collect();
    DeliveryError::BadRequest(format!("no user {id:?}; the users are {}", known.join(", ")))
}

pub fn unknown_channel(slack: &Slack, id: &str) -> DeliveryError {
    let known: Vec<&str> = slack.config().channels.iter().map(|channel| channel.id.as_str()).collect();
    DeliveryError::BadRequest(format!("no channel {id:?}; the channels are {}", known.join(", ")))
}
