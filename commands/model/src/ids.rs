//! Typed identifiers that print as people type them: pipeline `orders`, build `#12`, release `r7`, stage `prod`.
//!
//! An identifier that exists is valid: the only way in is through its checked constructor, which serde uses too.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is no identifier of the kind that was asked for; worded for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a valid {what}: {rule}", self.shown())]
pub struct InvalidId {
    /// What was typed.
    pub given: String,
    /// The kind of identifier, as people call it: "pipeline name".
    pub what: &'static str,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl InvalidId {
    fn shown(&self) -> String {
        if self.given.is_empty() { "an empty text".to_owned() } else { format!("`{}`", self.given) }
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the rule of this identifier; the error is worded for the person who typed it.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(InvalidId { given: text, what: $what, rule: $rule }) }
            }
            /// The identifier as it is typed and stored.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            /// Takes the number with or without its sign: `#12` and `12`, `r7` and `7`.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let digits = text.strip_prefix($prefix).unwrap_or(text);
                match digits.parse::<u32>() {
                    Ok(number) if number > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(number)),
                    _ => Err(InvalidId { given: text.into(), what: $what, rule: "use a whole number from 1" }),
                }
            }
        }
    };
}

/// A slug of DESIGN 2: `[a-z][a-z0-9-]{0,38}[a-z0-9]`.
fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    (2..=40).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && bytes[bytes.len() - 1] != b'-'
}

fn is_short_slug(text: &str) -> bool {
    is_slug(text) && text.len() <= 20
}

/// What Slack gives its users, channels and teams: a capital letter, then capitals and digits.
fn is_slack_id(text: &str) -> bool {
    (2..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

text_id!(
    /// The name of a pipeline, which is also the name of its service.
    PipelineName, "pipeline name", "use 2 to 40 characters of a-z, 0-9 and -, with a letter first and no - at the end", is_slug
);
text_id!(
    /// The name of a stage (`dev`, `staging`, `prod`): an alias on every function and a stage of the API.
    StageName, "stage name", "use 2 to 20 characters of a-z, 0-9 and -, with a letter first and no - at the end", is_short_slug
);
text_id!(
    /// A Slack user, as in `<@U024BE7LH>`.
    UserId, "Slack user", "use its id from Slack: capital letters and digits", is_slack_id
);
text_id!(
    /// A Slack user group, as in `<!subteam^S0604QSJC>`.
    GroupId, "Slack user group", "use its id from Slack: an S, then capital letters and digits",
    |text| text.starts_with('S') && is_slack_id(text)
);
text_id!(
    /// A Slack channel, private group or direct message.
    ChannelId, "Slack channel", "use its id from Slack: capital letters and digits", is_slack_id
);
text_id!(
    /// A Slack workspace.
    TeamId, "Slack workspace", "use its id from Slack: capital letters and digits", is_slack_id
);
text_id!(
    /// The durable unit of work behind a command: a ULID. Ids sort by the time of their creation.
    OperationId, "operation", "use its id of 26 characters", |text| ulid::Ulid::from_string(text).is_ok()
);
text_id!(
    /// A full commit id, 40 hex digits.
    CommitId, "commit", "use all 40 hex digits",
    |text| text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
);
number_id!(
    /// A build of one pipeline: `#12`. Allocated when a build is accepted, never used again.
    BuildNumber, "#", "build number"
);
number_id!(
    /// A release of one pipeline: `r7`. Allocated when a deploy is accepted, never used again.
    ReleaseNumber, "r", "release number"
);

/// A holder of a role: a person, or everybody in a user group. Stored as the bare id: Slack's groups begin with S, its
/// people with U or W.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Member {
    /// A person.
    User(UserId),
    /// Everybody in that group.
    Group(GroupId),
}

impl Member {
    /// From the inside of Slack's mark for one: `@U024BE7LH|ann` or `!subteam^S0604QSJC|@leads`, with or without the name.
    pub fn marked(mark: &str) -> Option<Self> {
        let mark = mark.split_once('|').map_or(mark, |(mark, _)| mark);
        match mark.strip_prefix("!subteam^") {
            Some(id) => GroupId::new(id).ok().map(Self::Group),
            // What is kept as a bare id must be read back as what it is.
            None => {
                let id = mark.strip_prefix('@').filter(|id| id.starts_with(['U', 'W']))?;
                UserId::new(id).ok().map(Self::User)
            }
        }
    }
    /// The mark itself: `<@U024BE7LH>`, `<!subteam^S0604QSJC>`.
    pub fn mention(&self) -> String {
        match self {
            Self::User(user) => format!("<@{user}>"),
            Self::Group(group) => format!("<!subteam^{group}>"),
        }
    }
    /// The person, if it is one.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Group(_) => None,
        }
    }
    /// The group, if it is one.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::User(_) => None,
            Self::Group(group) => Some(group),
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => user.fmt(f),
            Self::Group(group) => group.fmt(f),
        }
    }
}

impl TryFrom<String> for Member {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        match text.starts_with('S') {
            true => GroupId::new(text).map(Self::Group),
            false => UserId::new(text).map(Self::User),
        }
    }
}

impl From<Member> for String {
    fn from(member: Member) -> String {
        member.to_string()
    }
}

impl From<UserId> for Member {
    fn from(user: UserId) -> Self {
        Self::User(user)
    }
}

impl CommitId {
    /// The first seven digits, as people quote a commit.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

/// The AWS account and region that a call or a key is for. There is one per installation for now, which
/// `sluice init` records. Every call of a port carries it, which leaves room for a second one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The twelve digits of the AWS account.
    pub account: String,
    /// The region, as in `eu-central-1`.
    pub region: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_name_is_a_slug() {
        for good in ["orders", "o2", "a-b-c", &"a".repeat(40)] {
            assert!(PipelineName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "o", "Orders", "2fast", "orders-", "or_ders", "ördérs", &"a".repeat(41)] {
            assert!(PipelineName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_are_read_with_and_without_their_sign() {
        assert_eq!("#12".parse(), Ok(BuildNumber(12)));
        assert_eq!("12".parse(), Ok(BuildNumber(12)));
        assert_eq!("r7".parse(), Ok(ReleaseNumber(7)));
        assert_eq!(ReleaseNumber(7).to_string(), "r7");
        for bad in ["0", "#", "-1", "+1", "r-7", "99999999999", "१"] {
            assert!(bad.parse::<BuildNumber>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_member_is_kept_as_its_bare_id_and_read_from_slacks_mark() {
        for (mark, id) in
            [("@U024BE7LH|ann", "U024BE7LH"), ("!subteam^S1|@leads", "S1"), ("!subteam^S1", "S1")]
        {
            let member = Member::marked(mark).unwrap();
            assert_eq!(
                serde_json::to_string(&member).unwrap(),
                format!("\"{id}\""),
                "as people alone were kept"
            );
            assert_eq!(serde_json::from_str::<Member>(&format!("\"{id}\"")).unwrap(), member);
            let bare = member.mention();
            assert_eq!(Member::marked(bare.trim_matches(['<', '>'])), Some(member));
        }
        for bad in ["!here", "!subteam^", "!subteam^U1", "@S1", "#C1|general", "@", "@ann", "U1", ""] {
            assert_eq!(Member::marked(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_read_back_is_checked_too() {
        assert!(serde_json::from_str::<PipelineName>("\"Orders\"").is_err());
    }
}
