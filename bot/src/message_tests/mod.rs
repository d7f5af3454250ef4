//! Snapshots of every message that the bot can post. Each message is checked against Slack's limits.
//!
//! One snapshot contains a family of messages in a short form with one line per block, so the wording is reviewed as text.
//! It contains everything that the rendered blocks contain.

mod answers;
mod operations;
mod readable;
mod standalone;

use serde_json::Value;

use crate::render::assert_within_limits;

#[derive(Default)]
struct Snapshots(String);

impl Snapshots {
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
