//! The end of a process whose threads are all busy. The workers of a runtime deliver its signals and timers, so a process
//! cannot rely on them to end.

use std::time::Duration;

/// Calls `end` on a thread of its own, `grace` after `stop` is done.
pub(crate) fn after(
    stop: impl Future<Output = ()> + Send + 'static,
    grace: Duration,
    end: impl FnOnce() + Send + 'static,
) {
    let watch = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            stop.await;
            tokio::time::sleep(grace).await;
        });
        end();
    };
    // It is never joined: it ends the process, or the process ends first.
    if let Err(error) = std::thread::Builder::new().name("last-resort".to_owned()).spawn(watch) {
        tracing::warn!(%error, "cannot start the thread that ends this process if its workers are busy");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};

    use super::*;

    /// The only worker is busy until `end` was called, so `end` cannot run on a thread of this runtime.
    #[test]
    fn it_does_not_need_the_runtime() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (sender, ended) = mpsc::channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let busy = Arc::clone(&is_over);
        runtime.spawn(async move {
            while !busy.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
        });
        after(std::future::ready(()), Duration::ZERO, move || sender.send(()).unwrap());
        ended.recv().unwrap();
        is_over.store(true, Ordering::SeqCst);
    }
}
