use futures::future::BoxFuture;

/// Runs work that goes on when its caller no longer waits for it: `commands` never spawns.
pub trait Background: Send + Sync {
    /// Runs it in the background. A process that is stopping may drop it.
    fn spawn(&self, work: BoxFuture<'static, ()>);
}
