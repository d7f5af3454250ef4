//! The Web API's reads of users, groups, channels and the team.

use serde_json::{Value, json};

use super::args::{Answer, Args};
use super::config::{Channel, User};
use super::state::Slack;

/// The workspace's name in URLs.
pub const DOMAIN: &str = "sluice";

pub fn auth_test(slack: &Slack, _: &Args) -> Answer {
    let config = slack.config();
    Ok(json!({
        "url": format!("{}/", config.base_url),
        "team": "Sluice sandbox",
        "user": "sluice",
        "team_id": config.team,
        "user_id": config.bot_user,
        "bot_id": config.bot_id(),
        "is_enterprise_install": false,
    }))
}

pub fn team_info(slack: &Slack, args: &Args) -> Answer {
    let team = &slack.config().team;
    if args.text("team").is_some_and(|id| id != team) {
        return Err("team_not_found".into());
    }
    Ok(json!({"team": {"id": team, "name": "Sluice sandbox", "domain": DOMAIN, "email_domain": ""}}))
}

pub fn users_info(slack: &Slack, args: &Args) -> Answer {
    let config = slack.config();
    match args.text("user") {
        Some(id) if id == config.bot_user => Ok(json!({"user": bot(slack)})),
        Some(id) => Ok(json!({"user": user(slack, config.user(id).ok_or("user_not_found")?)})),
        None => Err("user_not_found".into()),
    }
}

pub fn users_list(slack: &Slack, _: &Args) -> Answer {
    let mut members: Vec<Value> = slack.config().users.iter().map(|one| user(slack, one)).collect();
    members.push(bot(slack));
    Ok(json!({"members": members, "response_metadata": {"next_cursor": ""}}))
}

/// The members of a user group; deactivated users are left out.
pub fn usergroups_users_list(slack: &Slack, args: &Args) -> Answer {
    let workspace = slack.workspace();
    let users = args.text("usergroup").and_then(|id| workspace.groups.get(id)).ok_or("no_such_subteam")?;
    let is_active = |id: &&String| {
        let left = slack.config().user(id).is_none_or(|user| user.deleted);
        !left && !workspace.deactivated.contains(*id)
    };
    Ok(json!({"users": users.iter().filter(is_active).collect::<Vec<_>>()}))
}

pub fn conversations_info(slack: &Slack, args: &Args) -> Answer {
    Ok(json!({"channel": conversation(channel(slack, args)?)}))
}

pub fn conversations_members(slack: &Slack, args: &Args) -> Answer {
    let channel = channel(slack, args)?;
    let config = slack.config();
    let mut members: Vec<&str> = config.people().map(|user| user.id.as_str()).collect();
    if channel.member {
        members.push(&config.bot_user);
    }
    Ok(json!({"members": members, "response_metadata": {"next_cursor": ""}}))
}

fn channel<'a>(slack: &'a Slack, args: &Args) -> Result<&'a Channel, &'static str> {
    args.text("channel").and_then(|id| slack.config().channel(id)).ok_or("channel_not_found")
}

fn conversation(channel: &Channel) -> Value {
    json!({
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "created": 1_700_000_000,
        "creator": "U0ANN0001",
        "is_channel": true,
        "is_group": false,
        "is_im": false,
        "is_mpim": false,
        "is_private": false,
        "is_archived": channel.archived,
        "is_general": channel.name == "general",
        "is_shared": false,
        "is_org_shared": false,
        "is_member": channel.member,
        "topic": {"value": channel.topic, "creator": "U0ANN0001", "last_set": 1_700_000_000},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    })
}

fn user(slack: &Slack, user: &User) -> Value {
    let deleted = user.deleted || slack.workspace().deactivated.contains(&user.id);
    json!({
        "id": user.id,
        "team_id": user.team,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": deleted,
        "is_bot": false,
        "is_app_user": false,
        "tz": "Etc/UTC",
        "tz_label": "UTC",
        "tz_offset": 0,
        "profile": {
            "real_name": user.real_name,
            "display_name": user.name,
            "title": user.title,
            "team": user.team,
        },
    })
}

fn bot(slack: &Slack) -> Value {
    let config = slack.config();
    json!({
        "id": config.bot_user,
        "team_id": config.team,
        "name": "sluice",
        "real_name": "Sluice",
        "deleted": false,
        "is_bot": true,
        "profile": {"real_name": "Sluice", "display_name": "Sluice", "team": config.team},
    })
}
