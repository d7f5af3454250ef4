//! The updates of a process without Slack, as `sluice run` prints them.

use sluice_commands::operation::Driven;
use sluice_commands::ports::{Notifier, Update};
use sluice_model::OperationId;
use tokio::sync::mpsc;

/// Something that the engine reports to a terminal.
#[derive(Debug)]
pub(crate) enum CliEvent {
    /// This process starts to drive an operation.
    Started(OperationId),
    /// The update that a channel would get.
    Updated(Box<Update>),
    /// Driving an operation ended, with this outcome.
    Driven(OperationId, Driven),
}

/// Sends each event to the terminal. It records no update as delivered, so the next replica with Slack still posts it.
#[derive(Debug, Clone)]
pub(crate) struct CliOutput(mpsc::UnboundedSender<CliEvent>);

impl CliOutput {
    /// An output, and the receiver of its events.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<CliEvent>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Sends an event. After the receiver was dropped, the process is stopping and events are lost.
    pub(crate) fn send(&self, event: CliEvent) {
        let _ = self.0.send(event);
    }
}

impl Notifier for CliOutput {
    fn notify(&self, news: Update) {
        self.send(CliEvent::Updated(Box::new(news)));
    }
}
