//! An update and its messages in Block Kit.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use sluice_commands::ports::Update;

use crate::render::{self, Message};

/// Each message is rendered when it is first needed, and once: all channels and all attempts share it. An update that another
/// one replaces before it is posted is never rendered.
pub(super) struct RenderedUpdate {
    update: Update,
    message: OnceLock<Arc<Message>>,
    /// In the order of the update's own list.
    replies: Vec<OnceLock<Arc<Message>>>,
}

impl RenderedUpdate {
    pub(super) fn new(update: Update) -> Self {
        let replies = update.asides.iter().map(|_| OnceLock::new()).collect();
        Self { update, message: OnceLock::new(), replies }
    }

    pub(super) fn message(&self) -> Arc<Message> {
        Arc::clone(self.message.get_or_init(|| Arc::new(render::message(&self.update.card))))
    }

    pub(super) fn reply(&self, index: usize) -> Arc<Message> {
        let render = || Arc::new(render::aside(&self.update.asides[index]));
        Arc::clone(self.replies[index].get_or_init(render))
    }
}

impl Deref for RenderedUpdate {
    type Target = Update;

    fn deref(&self) -> &Update {
        &self.update
    }
}

#[cfg(test)]
mod tests {
    use sluice_commands::testing::samples;

    use super::*;

    #[test]
    fn each_message_is_rendered_once() {
        let update =
            samples::all().into_iter().map(|sample| sample.update()).find(|news| !news.asides.is_empty());
        let update = RenderedUpdate::new(update.unwrap());
        assert!(Arc::ptr_eq(&update.message(), &update.message()));
        assert!(Arc::ptr_eq(&update.reply(0), &update.reply(0)));
        assert_eq!(*update.message(), render::message(&update.card));
    }
}
