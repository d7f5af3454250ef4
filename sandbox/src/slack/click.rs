//! Clicks on buttons: on the current message, or on an earlier version that a stale screen still shows.

use serde::Deserialize;
use serde_json::{Value, json};

use super::clock;
use super::command::{VERIFICATION_TOKEN, new_trigger_id, unknown_channel, unknown_user};
use super::config::{Channel, User};
use super::deliver::{DeliveryError, DeliveryOptions, DeliveryResult, bot_url, deliver};
use super::directory::DOMAIN;
use super::message::{Content, Message, find_action};
use super::state::Slack;
use super::workspace::Delivery;

/// `POST /control/click`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Click {
    pub user: String,
    pub channel: String,
    /// The message. It may be an ephemeral message for this user.
    pub ts: String,
    pub action_id: String,
    /// The button's value, if several buttons have the same `action_id`.
    pub value: Option<String>,
    /// Looks at earlier versions first, the latest first: a screen that was not refreshed.
    #[serde(default)]
    pub stale: bool,
    /// Another workspace.
    pub team: Option<String>,
    /// Another name; with it the user may be unknown.
    pub user_name: Option<String>,
    /// The URL of the replica to deliver to, instead of the next one.
    pub bot: Option<String>,
    /// The body to send instead of the form.
    pub raw_body: Option<String>,
    /// The timestamp to send instead of now.
    pub timestamp: Option<String>,
    /// The signature to send instead of the right one.
    pub signature: Option<String>,
}

pub async fn click(slack: &Slack, click: Click) -> Result<DeliveryResult, DeliveryError> {
    let config = slack.config();
    let bot = click.bot.as_deref().map(bot_url).transpose()?;
    let channel = config.channel(&click.channel).ok_or_else(|| unknown_channel(slack, &click.channel))?;
    let user = match (&click.user_name, config.user(&click.user)) {
        (Some(name), _) => {
            User { id: click.user.clone(), name: name.clone(), team: config.team.clone(), ..unnamed_user() }
        }
        (None, Some(user)) => user.clone(),
        (None, None) => return Err(unknown_user(slack, &click.user)),
    };
    let user = User { team: click.team.clone().unwrap_or(user.team), ..user };
    let trigger_id = new_trigger_id(&config.team);
    let payload = payload(slack, &click, &user, channel, &trigger_id)?;
    let body = click.raw_body.unwrap_or_else(|| {
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish()
    });
    let sent = Delivery {
        trigger_id,
        body,
        user: click.user,
        channel: click.channel,
        command: None,
        answered: false,
    };
    let options = DeliveryOptions { bot, timestamp: click.timestamp, signature: click.signature };
    Ok(deliver(slack, sent, options).await)
}

fn payload(
    slack: &Slack,
    click: &Click,
    user: &User,
    channel: &Channel,
    trigger_id: &str,
) -> Result<Value, DeliveryError> {
    let config = slack.config();
    let mut workspace = slack.workspace();
    let absent =
        || DeliveryError::NotFound(format!("{} sees no message {} in this channel", user.id, click.ts));
    let message = workspace
        .any_message(&click.channel, &click.ts)
        .filter(|message| click.stale || !message.deleted)
        .filter(|message| message.to.as_ref().is_none_or(|to| *to == user.id))
        .ok_or_else(absent)?
        .clone();
    let (version, block, element) = find(&message, click).ok_or_else(|| {
        let hint =
            if click.stale { "never had" } else { "does not have (`stale` looks at earlier versions)" };
        DeliveryError::NotFound(format!("message {} {hint} the button {}", click.ts, click.action_id))
    })?;
    let mut action = json!({
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "type": element["type"],
        "action_ts": clock::ts(clock::micros()),
    });
    for key in ["text", "value", "style"] {
        if let Some(value) = element.get(key) {
            action[key] = value.clone();
        }
    }
    let hook = workspace.new_response_url(&user.id, &channel.id, Some(&click.ts), trigger_id);
    let mut payload = json!({
        "type": "block_actions",
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team},
        "api_app_id": config.app,
        "token": VERIFICATION_TOKEN,
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": message.to.is_some(),
        },
        "trigger_id": trigger_id,
        "team": {"id": config.team, "domain": DOMAIN},
        "enterprise": null,
        "is_enterprise_install": false,
        "channel": {"id": channel.id, "name": channel.name},
        "state": {"values": {}},
        "response_url": format!("{}/response/{hook}", config.base_url),
        "actions": [action],
    });
    if message.to.is_none() {
        let bot = (config.bot_user.as_str(), config.bot_id());
        payload["message"] = message.wire(version, &config.team, &config.app, (bot.0, &bot.1));
    }
    if let Some(thread) = &message.thread_ts {
        payload["container"]["thread_ts"] = thread.as_str().into();
    }
    Ok(payload)
}

/// The version with the button, its block, and the button.
fn find<'a>(message: &'a Message, click: &Click) -> Option<(&'a Content, &'a Value, &'a Value)> {
    let earlier = message.earlier.iter().rev().take(if click.stale { usize::MAX } else { 0 });
    earlier.chain([&message.content]).find_map(|version| {
        find_action(version, &click.action_id, click.value.as_deref())
            .map(|(block, element)| (version, block, element))
    })
}

fn unnamed_user() -> User {
    User {
        id: String::new(),
        name: String::new(),
        real_name: String::new(),
        title: String::new(),
        team: String::new(),
        deleted: false,
    }
}
