//! Every message that the bot can post, as it is read, and the check that Slack takes it.
//!
//! One snapshot shows a family of messages in a short form, one line a block, so that wording is reviewed as text. What
//! is on each line is what stands in the rendered blocks; nothing of a message is left out.

mod answers;
mod doors;
mod operations;
mod readable;

use serde_json::Value;

use crate::render::assert_within_limits;

/// Messages under one snapshot, each with its own headline.
#[derive(Default)]
struct Gallery(String);

impl Gallery {
    #[track_caller]
    fn add(&mut self, name: &str, message: &Value) {
        assert_within_limits(message);
        self.0.push_str(&format!("##### {name}\n{}\n", readable::message(message)));
    }

    #[track_caller]
    fn snapshot(self, name: &str) {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, self.0);
        });
    }
}
