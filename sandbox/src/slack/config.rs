//! The imitated workspace: its people, its channels, and where the bot listens.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use crate::aws::Strict;

/// The app's token. It protects nothing: every port is on loopback.
pub const APP_TOKEN: &str = "xapp-0-sandbox";

#[derive(Debug, Clone, Serialize)]
pub struct User {
    /// `U0ANN0001`.
    pub id: String,
    /// The name after `@`.
    pub name: String,
    pub real_name: String,
    /// A description, shown in the user menu of the page.
    pub title: String,
    /// The id of their workspace.
    pub team: String,
    /// Whether their account is deactivated.
    pub deleted: bool,
}

/// A user group. People mention it like a person.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    /// `S0LEADS01`.
    pub id: String,
    /// The name after `@`.
    pub name: String,
    pub real_name: String,
    /// The ids of its first members.
    pub users: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Channel {
    /// `C0GENERAL1`.
    pub id: String,
    /// Without the `#`.
    pub name: String,
    /// The line below the name.
    pub topic: String,
    /// Whether the bot is a member.
    pub member: bool,
    pub archived: bool,
}

#[derive(Debug, Clone)]
pub struct SlackConfig {
    /// The workspace's id.
    pub team: String,
    pub bot_user: String,
    pub app: String,
    pub channels: Vec<Channel>,
    /// All users. Deactivated users, and those of other workspaces, are known to `users.info` and absent from the page.
    pub users: Vec<User>,
    pub groups: Vec<Group>,
    /// The token that the Web API accepts.
    pub bot_token: String,
    /// The token of the app, which opens the connections of Socket Mode.
    pub app_token: String,
    /// Whether deliveries go to those connections, and not to `bot_url`.
    pub uses_sockets: bool,
    pub signing_secret: String,
    /// Where the bot listens; deliveries go to `{bot_url}/slack/events`.
    pub bot_url: String,
    /// Where the sandbox listens, without a trailing slash.
    pub base_url: String,
    /// The app's manifest: the page offers its commands, and the Web API requires its scopes.
    pub manifest: Option<PathBuf>,
    /// The JSON of `--headless`, for the links on the page.
    pub ready: Value,
    /// The rules of AWS. The control API turns them on and off.
    pub strict: Strict,
}

impl SlackConfig {
    /// The default workspace. Ann, Bob and Cyd work here, Bob and Cyd are `@leads`, Eve can only read; Dan is deactivated, and
    /// Pat belongs to another workspace.
    pub fn new(base_url: &str, bot_url: &str, bot_token: &str, signing_secret: &str) -> Self {
        let team = "T0SLUICE1";
        let user = |id: &str, name: &str, real_name: &str, title: &str| User {
            id: id.into(),
            name: name.into(),
            real_name: real_name.into(),
            title: title.into(),
            team: team.into(),
            deleted: false,
        };
        let channel = |id: &str, name: &str, topic: &str| Channel {
            id: id.into(),
            name: name.into(),
            topic: topic.into(),
            member: true,
            archived: false,
        };
        Self {
            team: team.into(),
            bot_user: "U0SLUICE0".into(),
            app: "A0SLUICE1".into(),
            channels: vec![
                channel("C0GENERAL1", "general", "Builds, deploys and promotions for everyone to see"),
                channel("C0ORDERS03", "orders", "The orders team"),
                Channel { member: false, ..channel("C0RANDOM02", "random", "Everything else") },
                Channel { archived: true, ..channel("C0OLDNEWS4", "old-news", "Archived") },
            ],
            users: vec![
                user("U0ANN0001", "ann", "Ann Aalto", "Backend"),
                user("U0BOB0002", "bob", "Bob Brandt", "Backend"),
                user("U0CYD0003", "cyd", "Cyd Castro", "Platform"),
                user("U0EVE0004", "eve", "Eve Ekman", "Guest, read only"),
                User { deleted: true, ..user("U0DAN0005", "dan", "Dan Dahl", "Deactivated") },
                User { team: "T0OTHER99".into(), ..user("U0PAT0006", "pat", "Pat Park", "Another company") },
            ],
            groups: vec![Group {
                id: "S0LEADS01".into(),
                name: "leads".into(),
                real_name: "Responsible for production".into(),
                users: vec!["U0BOB0002".into(), "U0CYD0003".into()],
            }],
            bot_token: bot_token.into(),
            app_token: APP_TOKEN.into(),
            uses_sockets: false,
            signing_secret: signing_secret.into(),
            bot_url: bot_url.trim_end_matches('/').into(),
            base_url: base_url.trim_end_matches('/').into(),
            manifest: None,
            ready: Value::Null,
            strict: Strict::default(),
        }
    }

    pub fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    pub fn group(&self, id: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }

    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    pub fn bot_id(&self) -> String {
        format!("B{}", self.bot_user.chars().skip(1).collect::<String>())
    }

    /// The people whom a visitor of the page can be.
    pub fn people(&self) -> impl Iterator<Item = &User> {
        self.users.iter().filter(|user| !user.deleted && user.team == self.team)
    }
}
