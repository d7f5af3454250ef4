//! Wake-ups between replicas through a queue, as hints only: one task sends, one receives.
//!
//! Guaranteed: sending a hint never waits and never fails; what cannot be sent is dropped and counted, because the sweep
//! finds everything that a hint could point to. Trouble with the queue is logged when it begins and when it ends, not in
//! between.

use std::sync::Arc;
use std::time::Duration;

use sluice_commands::ports::{Hint, Queue, Runner, Wakeups};
use sluice_model::{PortError, PortResult, Target};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Kind, Tasks};

/// So many hints wait to be sent; more than that, and the sweeps are as quick.
const WAITING: usize = 256;
/// How long the queue is asked to wait for a message: SQS's longest.
const LONG_POLL: Duration = Duration::from_secs(20);
/// A hint that took longer to send would come after the next sweep.
const SENDING: Duration = Duration::from_secs(5);
/// Between two tries while the queue is in trouble.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Sends hints.
pub(crate) struct Bell(mpsc::Sender<Hint>);

impl Bell {
    /// A bell on that queue.
    pub(crate) fn start(tasks: &Tasks, queue: Arc<dyn Queue>, target: Target) -> Arc<Self> {
        let (sender, hints) = mpsc::channel(WAITING);
        let drained = tasks.drained().clone();
        tasks.spawn(Kind::Bell, send(queue, target, hints, drained));
        Arc::new(Self(sender))
    }
}

impl Wakeups for Bell {
    fn wake(&self, hint: Hint) {
        if self.0.try_send(hint).is_err() {
            crate::metrics::hint("dropped");
        }
    }
}

/// Hands what others rang for to the runner.
pub(crate) fn listen(tasks: &Tasks, queue: Arc<dyn Queue>, target: Target, runner: Arc<dyn Runner>) {
    tasks.spawn(Kind::Listening, async move {
        let mut health = Health::new("cannot receive wake-ups from other replicas; the sweep goes on");
        loop {
            match queue.receive(&target, LONG_POLL).await {
                Ok(operations) => {
                    health.good(queue.name());
                    for operation in operations {
                        crate::metrics::hint("received");
                        runner.run(operation);
                    }
                }
                Err(error) => tokio::time::sleep(health.bad(queue.name(), &error)).await,
            }
        }
    });
}

/// Sends until nobody will ring any more: stopping replicas ring for what they let go of.
async fn send(
    queue: Arc<dyn Queue>,
    target: Target,
    mut hints: mpsc::Receiver<Hint>,
    drained: CancellationToken,
) {
    let mut health = Health::new("cannot wake other replicas; their sweeps find what there is to do");
    loop {
        let hint = tokio::select! {
            biased;
            hint = hints.recv() => hint,
            () = drained.cancelled() => None,
        };
        let Some(hint) = hint else { return };
        let sent: PortResult<()> = match tokio::time::timeout(SENDING, queue.send(&target, &hint)).await {
            Ok(sent) => sent,
            Err(_) => Err(late()),
        };
        match sent {
            Ok(()) => {
                health.good(queue.name());
                crate::metrics::hint("sent");
            }
            // Not again: the next one tries whether the queue is back.
            Err(error) => {
                health.bad(queue.name(), &error);
                crate::metrics::hint("failed");
            }
        }
    }
}

fn late() -> PortError {
    PortError::new("sqs:SendMessage", sluice_model::Class::Ambiguous, "Timeout", "no answer in time")
}

/// Whether the queue answers, told when that changes.
struct Health {
    trouble: &'static str,
    pause: Option<Duration>,
}

impl Health {
    fn new(trouble: &'static str) -> Self {
        Self { trouble, pause: None }
    }

    fn good(&mut self, queue: &str) {
        if self.pause.take().is_some() {
            tracing::info!(queue, "the queue answers again");
        }
    }

    /// How long to wait before the next try.
    fn bad(&mut self, queue: &str, error: &PortError) -> Duration {
        let pause = match self.pause {
            None => {
                tracing::warn!(queue, %error, "{}", self.trouble);
                FIRST_PAUSE
            }
            Some(pause) => (pause * 2).min(LONGEST_PAUSE),
        };
        self.pause = Some(pause);
        pause
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use sluice_commands::ports::Cause;
    use sluice_model::{Class, OperationId};

    use super::*;

    /// A queue that answers as it is told, and then nothing any more.
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
            self.sent.lock().unwrap().push(hint.clone());
            Ok(())
        }
        async fn receive(&self, _: &Target, _: Duration) -> PortResult<Vec<OperationId>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let answer = self.answers.lock().unwrap().pop_front();
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
            self.0.lock().unwrap().push(operation);
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
    async fn what_rang_while_the_process_stops_is_still_sent() {
        let (tasks, queue) = (Tasks::new(), Arc::new(Scripted::default()));
        let bell = Bell::start(&tasks, queue.clone(), target());
        bell.wake(hint(1));
        let late = Arc::clone(&bell);
        tasks.spawn(Kind::Operation, async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            late.wake(hint(2));
        });
        assert!(tasks.shut_down().await);
        assert_eq!(*queue.sent.lock().unwrap(), [hint(1), hint(2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_hangs_holds_up_nobody() {
        let (tasks, queue) = (Tasks::new(), Arc::new(Scripted { stuck: true, ..Scripted::default() }));
        let bell = Bell::start(&tasks, queue, target());
        let begun = tokio::time::Instant::now();
        for number in 0..2 * WAITING as u128 {
            bell.wake(hint(number));
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(crate::metrics::render().contains("sluice_hints_total{what=\"dropped\"}"));
        tasks.shut_down().await;
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn hints_reach_the_runner_through_trouble_and_with_pauses() {
        let trouble = || Err(PortError::new("sqs:ReceiveMessage", Class::Transient, "Unreachable", "cut"));
        let answers = [Ok(vec![operation(1)]), trouble(), trouble(), Ok(vec![operation(2), operation(3)])];
        let queue = Arc::new(Scripted { answers: Mutex::new(answers.into()), ..Scripted::default() });
        let (tasks, ran) = (Tasks::new(), Arc::new(Ran::default()));
        let begun = tokio::time::Instant::now();
        listen(&tasks, queue.clone(), target(), ran.clone());
        while queue.asked.load(Ordering::SeqCst) < 5 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(*ran.0.lock().unwrap(), [operation(1), operation(2), operation(3)]);
        assert!(begun.elapsed() >= Duration::from_secs(3), "a pause of one second, and one of two");
        assert!(tasks.shut_down().await, "what waits for messages is dropped when the process stops");
    }
}
