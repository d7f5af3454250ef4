use futures::future::BoxFuture;

/// Work that goes on when nobody waits for it any more: `commands` never spawns.
pub trait Background: Send + Sync {
    /// Sees that it is done. A process that is stopping may drop it.
    fn spawn(&self, work: BoxFuture<'static, ()>);
}
