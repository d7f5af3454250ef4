//! What a release would change on a stage: for the people who approve it, and for those who ask before anybody begins.
//!
//! [`Comparison`] compares two releases, and is shared by the step of a promotion and by the commands that only read
//! (`/promote diff`, `/deploy plan`). Those read a [`Preview`], which also has what the stage's stack would change.

mod card;
mod changes;
mod commits;
mod look;
mod messages;
mod preview;
mod refusals;

pub(crate) use self::card::{Question, preview_card};
pub(crate) use self::changes::Changes;
pub(crate) use self::commits::Commits;
pub(crate) use self::commits::LookAtCommits;
pub(crate) use self::look::{Comparison, LookAtChanges};
pub(crate) use self::messages::{
    Sections, change_sections, commit_count, commits_listed, functions_changed, functions_new, mixed_here,
    release_text,
};
pub(crate) use self::preview::{Preview, Previewed};
