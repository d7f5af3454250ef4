//! A click on a button: on the message as it is, or as somebody's outdated screen still shows it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::command::{VERIFICATION_TOKEN, new_trigger_id, unknown_channel, unknown_user};
use super::config::{Channel, User};
use super::deliver::{Delivered, Manner, Undeliverable, bot_url, deliver};
use super::directory::DOMAIN;
use super::message::{Content, Message, find_action};
use super::workspace::Sent;
use super::{Slack, clock};

/// `POST /control/click`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Click {
    /// Who clicks, by id.
    pub user: String,
    /// Where, by id.
    pub channel: String,
    /// The message; one that only this user sees will do.
    pub ts: String,
    /// The button.
    pub action_id: String,
    /// The button's value, where several have the same `action_id`.
    pub value: Option<String>,
    /// Look at the versions before the present one, the newest first: a screen that was not refreshed.
    #[serde(default)]
    pub stale: bool,
    /// Another workspace than the user's.
    pub team: Option<String>,
    /// Another name than the user's; with it the user may be unknown.
    pub user_name: Option<String>,
    /// The bot to deliver to, by its URL, instead of the next one.
    pub bot: Option<String>,
    /// A body to send instead of the form.
    pub raw_body: Option<String>,
    /// A timestamp to send instead of now.
    pub timestamp: Option<String>,
    /// A signature to send instead of the right one.
    pub signature: Option<String>,
}

/// Delivers a click.
pub async fn click(slack: &Slack, click: Click) -> Result<Delivered, Undeliverable> {
    let config = slack.config();
    let bot = click.bot.as_deref().map(bot_url).transpose()?;
    let channel = config.channel(&click.channel).ok_or_else(|| unknown_channel(slack, &click.channel))?;
    let user = match (&click.user_name, config.user(&click.user)) {
        (Some(name), _) => {
            User { id: click.user.clone(), name: name.clone(), team: config.team.clone(), ..nobody() }
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
    let sent =
        Sent { trigger_id, body, user: click.user, channel: click.channel, command: None, answered: false };
    let manner = Manner { bot, timestamp: click.timestamp, signature: click.signature };
    Ok(deliver(slack, sent, manner).await)
}

fn payload(
    slack: &Slack,
    click: &Click,
    user: &User,
    channel: &Channel,
    trigger_id: &str,
) -> Result<Value, Undeliverable> {
    let config = slack.config();
    let mut workspace = slack.workspace();
    let absent =
        || Undeliverable::Absent(format!("{} sees no message {} in this channel", user.id, click.ts));
    let message = workspace
        .any_message(&click.channel, &click.ts)
        .filter(|message| click.stale || !message.deleted)
        .filter(|message| message.to.as_ref().is_none_or(|to| *to == user.id))
        .ok_or_else(absent)?
        .clone();
    let (version, block, element) = find(&message, click).ok_or_else(|| {
        let hint =
            if click.stale { "never had" } else { "does not have (`stale` looks at earlier versions)" };
        Undeliverable::Absent(format!("message {} {hint} the button {}", click.ts, click.action_id))
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
    let hook = workspace.hook(&user.id, &channel.id, Some(&click.ts), trigger_id);
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

/// The version that has the button, the block and the button.
fn find<'a>(message: &'a Message, click: &Click) -> Option<(&'a Content, &'a Value, &'a Value)> {
    let earlier = message.earlier.iter().rev().take(if click.stale { usize::MAX } else { 0 });
    earlier.chain([&message.content]).find_map(|version| {
        find_action(version, &click.action_id, click.value.as_deref())
            .map(|(block, element)| (version, block, element))
    })
}

fn nobody() -> User {
    User {
        id: String::new(),
        name: String::new(),
        real_name: String::new(),
        title: String::new(),
        team: String::new(),
        deleted: false,
    }
}
