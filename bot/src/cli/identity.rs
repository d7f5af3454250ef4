//! The people that the command line names, and the person who runs it.

use std::collections::BTreeMap;

use sluice_model::UserId;

use crate::config::Problem;
use crate::render::text::one_line;

/// Longer than any login.
const LONGEST_LOGIN: usize = 80;

/// `option` is the option that needs the id.
fn not_a_user_id(option: &str, value: &str) -> String {
    format!(
        "`{value}` is not a Slack user ID. Names cannot be looked up without Slack, so give the ID, as in \
         `{option} U024BE7LH`. Find it in sluice.toml, or in Slack: profile, ⋮, Copy member ID"
    )
}

/// The Slack user that `option` names.
pub(super) fn user(option: &str, value: &str) -> Result<UserId, Problem> {
    let is_user = value.starts_with(['U', 'W']) && value.len() > 2;
    let user = UserId::new(value).ok().filter(|_| is_user);
    user.ok_or_else(|| Problem::new(option, not_a_user_id(option, &one_line(value))))
}

/// The operating system's user, by its environment.
pub(super) fn login(env: &BTreeMap<String, String>) -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| env.get(*name));
    let chars = named.into_iter().flat_map(|name| name.chars()).filter(|c| !c.is_control());
    let login: String = chars.take(LONGEST_LOGIN).collect();
    if login.trim().is_empty() { "somebody".to_owned() } else { login }
}
