//! What the steps of several operations say.

use crate::records::Change;
use sluice_model::Text;

/// A commit, formatted for messages.
pub(crate) fn change_text(change: &Change) -> Text {
    Text::default().code(change.id.short()).then(format!(" {} · {}", change.subject, change.author))
}
