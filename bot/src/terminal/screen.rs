//! What a terminal sees of the engine: which operation began, what there is to tell of it, and how carrying it ended.

use sluice_commands::operation::Driven;
use sluice_commands::ports::{Notifier, Update};
use sluice_model::OperationId;
use tokio::sync::mpsc;

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// An operation is to be carried here.
    Begun(OperationId),
    /// News, as the channel would have them.
    Told(Box<Update>),
    /// Carrying an operation came to this.
    Carried(OperationId, Driven),
}

/// The herald of a process without Slack. It records nothing as told.
#[derive(Debug, Clone)]
pub(crate) struct Screen(mpsc::UnboundedSender<Event>);

impl Screen {
    /// A screen, and what is seen on it.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// An operation is to be carried here.
    pub(crate) fn begun(&self, operation: &OperationId) {
        self.show(Event::Begun(operation.clone()));
    }

    /// Carrying an operation came to that.
    pub(crate) fn carried(&self, operation: &OperationId, driven: Driven) {
        self.show(Event::Carried(operation.clone(), driven));
    }

    /// Nobody looks any more if the process is stopping.
    fn show(&self, event: Event) {
        let _ = self.0.send(event);
    }
}

impl Notifier for Screen {
    fn notify(&self, news: Update) {
        self.show(Event::Told(Box::new(news)));
    }
}
