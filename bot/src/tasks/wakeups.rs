//! Wake-ups between replicas through a queue. One task sends, one receives.
//!
//! They are hints: the sweep finds every operation that a hint could name. So sending never waits and never fails, and a hint
//! that cannot be sent is dropped and counted. An outage of the queue is logged when it begins and when it ends.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use sluice_commands::ports::{Hint, Queue, Runner, Wakeups};
use sluice_model::{PortError, PortResult, Target};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::spawn::{Kind, Tasks};

/// Hints that wait to be sent. With more than that, the sweeps are as fast.
const CAPACITY: usize = 256;
/// How long a receive waits for a message: SQS's maximum.
const LONG_POLL: Duration = Duration::from_secs(20);
/// A hint that takes longer would arrive after the next sweep.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// The pauses between attempts while the queue fails.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(1))
    .with_max_delay(LONGEST_PAUSE)
    .without_max_times();
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

pub(crate) struct WakeupSender(mpsc::Sender<Hint>);

impl WakeupSender {
    pub(crate) fn start(tasks: &Tasks, queue: Arc<dyn Queue>, target: Target) -> Arc<Self> {
        let (sender, hints) = mpsc::channel(CAPACITY);
        let drained = tasks.drained().clone();
        tasks.spawn(Kind::WakeupSender, send(queue, target, hints, drained));
        Arc::new(Self(sender))
    }
}

impl Wakeups for WakeupSender {
    fn wake(&self, hint: Hint) {
        if self.0.try_send(hint).is_err() {
            crate::metrics::hint("dropped");
        }
    }
}

/// Runs the operations that other replicas name.
pub(crate) fn receive_wakeups(tasks: &Tasks, queue: Arc<dyn Queue>, target: Target, runner: Arc<dyn Runner>) {
    tasks.spawn(Kind::WakeupReceiver, async move {
        let mut health =
            Health::new("cannot receive wake-ups from other replicas; the sweep still finds operations");
        loop {
            match queue.receive(&target, LONG_POLL).await {
                Ok(operations) => {
                    health.succeeded(queue.name());
                    for operation in operations {
                        crate::metrics::hint("received");
                        runner.run(operation);
                    }
                }
                Err(error) => tokio::time::sleep(health.failed(queue.name(), &error)).await,
            }
        }
    });
}

/// Sends until no operation has a task: a stopping replica sends hints for the operations that it releases.
async fn send(
    queue: Arc<dyn Queue>,
    target: Target,
    mut hints: mpsc::Receiver<Hint>,
    drained: CancellationToken,
) {
    let mut health = Health::new("cannot wake other replicas; their sweeps find operations later");
    loop {
        let hint = tokio::select! {
            biased;
            hint = hints.recv() => hint,
            () = drained.cancelled() => None,
        };
        let Some(hint) = hint else { return };
        let sent: PortResult<()> = match tokio::time::timeout(SEND_TIMEOUT, queue.send(&target, &hint)).await
        {
            Ok(sent) => sent,
            Err(_) => Err(timed_out()),
        };
        match sent {
            Ok(()) => {
                health.succeeded(queue.name());
                crate::metrics::hint("sent");
            }
            // No retry: the next hint finds out whether the queue is back.
            Err(error) => {
                health.failed(queue.name(), &error);
                crate::metrics::hint("failed");
            }
        }
    }
}

fn timed_out() -> PortError {
    PortError::new("sqs:SendMessage", sluice_model::Class::Ambiguous, "Timeout", "no answer in time")
}

/// Logs when the queue fails and when it answers again.
struct Health {
    message: &'static str,
    is_failing: bool,
    pauses: ExponentialBackoff,
}

impl Health {
    fn new(message: &'static str) -> Self {
        Self { message, is_failing: false, pauses: PAUSES.build() }
    }

    fn succeeded(&mut self, queue: &str) {
        if std::mem::take(&mut self.is_failing) {
            self.pauses = PAUSES.build();
            tracing::info!(queue, "the queue answers again");
        }
    }

    /// The pause before the next attempt.
    fn failed(&mut self, queue: &str, error: &PortError) -> Duration {
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(queue, %error, "{}", self.message);
        }
        self.pauses.next().unwrap_or(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use std::collections::VecDeque;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use sluice_commands::ports::Cause;
    use sluice_model::{Class, OperationId};

    use super::*;

    /// Gives the scripted answers, then none.
    #[derive(Default)]
    struct Scripted {
        sent: Mutex<Vec<Hint>>,
        stuck: bool,
        answers: Mutex<VecDeque<PortResult<Vec<OperationId>>>>,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl Queue for Scripted {
        fn name(&self) -> &str {
            "wake.fifo"
        }
        async fn exists(&self, _: &Target) -> PortResult<bool> {
            Ok(true)
        }
        async fn create(&self, _: &Target) -> PortResult<()> {
            Ok(())
        }
        async fn send(&self, _: &Target, hint: &Hint) -> PortResult<()> {
            if self.stuck {
                std::future::pending::<()>().await;
            }
            self.sent.lock().push(hint.clone());
            Ok(())
        }
        async fn receive(&self, _: &Target, _: Duration) -> PortResult<Vec<OperationId>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let answer = self.answers.lock().pop_front();
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        }
    }

    #[derive(Default)]
    struct Ran(Mutex<Vec<OperationId>>);

    impl Runner for Ran {
        fn run(&self, operation: OperationId) {
            self.0.lock().push(operation);
        }
    }

    fn operation(number: u128) -> OperationId {
        OperationId::new(ulid::Ulid(number).to_string()).unwrap()
    }

    fn hint(number: u128) -> Hint {
        Hint { operation: operation(number), sequence: 1, cause: Cause::Accepted }
    }

    fn target() -> Target {
        Target { account: "123456789012".into(), region: "eu-central-1".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn hints_of_a_stopping_process_are_sent() {
        let (tasks, queue) = (Tasks::new(), Arc::new(Scripted::default()));
        let wakeups = WakeupSender::start(&tasks, queue.clone(), target());
        wakeups.wake(hint(1));
        let late = Arc::clone(&wakeups);
        tasks.spawn(Kind::Operation, async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            late.wake(hint(2));
        });
        assert!(tasks.shut_down().await);
        assert_eq!(*queue.sent.lock(), [hint(1), hint(2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_queue_delays_nobody() {
        let (tasks, queue) = (Tasks::new(), Arc::new(Scripted { stuck: true, ..Scripted::default() }));
        let wakeups = WakeupSender::start(&tasks, queue, target());
        let begun = tokio::time::Instant::now();
        for number in 0..2 * CAPACITY as u128 {
            wakeups.wake(hint(number));
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(crate::metrics::render().contains("sluice_hints_total{what=\"dropped\"}"));
        tasks.shut_down().await;
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn receiving_continues_after_errors_with_growing_pauses() {
        let error = || Err(PortError::new("sqs:ReceiveMessage", Class::Transient, "Unreachable", "cut"));
        let answers = [Ok(vec![operation(1)]), error(), error(), Ok(vec![operation(2), operation(3)])];
        let queue = Arc::new(Scripted { answers: Mutex::new(answers.into()), ..Scripted::default() });
        let (tasks, ran) = (Tasks::new(), Arc::new(Ran::default()));
        let begun = tokio::time::Instant::now();
        receive_wakeups(&tasks, queue.clone(), target(), ran.clone());
        while queue.asked.load(Ordering::SeqCst) < 5 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(*ran.0.lock(), [operation(1), operation(2), operation(3)]);
        assert!(begun.elapsed() >= Duration::from_secs(3), "pauses of one and two seconds");
        assert!(tasks.shut_down().await, "the receiver is dropped when the process stops");
    }
}
