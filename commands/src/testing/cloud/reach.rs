//! One process's way to the cloud: every call of every port comes through here, is counted, may fail, may be slow, and
//! may be the last thing that its process does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{Called, Cloud, Effect, Made, Moment, State, Weather};
use crate::fault::{Class, PortError, PortResult};
use crate::ids::Target;
use crate::operation::World;
use crate::ports::{LogStream, Logs};

/// The cloud as one process reaches it.
#[derive(Clone)]
pub struct Reach {
    cloud: Arc<Cloud>,
    life: Arc<Life>,
}

struct Life {
    calls: AtomicUsize,
    death: Option<(usize, Moment)>,
    died: Arc<Notify>,
}

impl Life {
    async fn die(&self, number: usize, moment: Moment) {
        if self.death == Some((number, moment)) {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

impl Reach {
    pub(super) fn new(cloud: Arc<Cloud>, death: Option<(usize, Moment)>, died: Arc<Notify>) -> Self {
        Self { cloud, life: Arc::new(Life { calls: AtomicUsize::new(0), death, died }) }
    }

    /// How many calls this process made.
    pub fn count(&self) -> usize {
        self.life.calls.load(Ordering::SeqCst)
    }

    /// The same world with this AWS.
    pub fn world(&self, world: World) -> World {
        let all = Arc::new(self.clone());
        World {
            repositories: all.clone(),
            builders: all.clone(),
            objects: all.clone(),
            functions: all.clone(),
            gateway: all.clone(),
            identity: all.clone(),
            logs: all,
            ..world
        }
    }

    /// A call that only looks.
    pub(super) async fn look<T>(
        &self,
        call: &'static str,
        subject: &str,
        act: impl FnOnce(&mut State) -> PortResult<T> + Send,
    ) -> PortResult<T> {
        self.call(call, subject, false, |state| act(state).map(Made::Same)).await
    }

    /// A call that changes something; `subject` says precisely what comes to be.
    pub(super) async fn change<T>(
        &self,
        call: &'static str,
        subject: &str,
        act: impl FnOnce(&mut State) -> PortResult<Made<T>> + Send,
    ) -> PortResult<T> {
        self.call(call, subject, true, act).await
    }

    async fn call<T>(
        &self,
        call: &'static str,
        subject: &str,
        mutates: bool,
        act: impl FnOnce(&mut State) -> PortResult<Made<T>> + Send,
    ) -> PortResult<T> {
        let mine = self.life.calls.fetch_add(1, Ordering::SeqCst);
        self.life.die(mine, Moment::Before).await;
        let (number, weather, half) = self.begin(call, subject, mutates);
        let failed = |class: Class| Err(PortError::new(call, class, "Told", "the test said so"));
        tokio::time::sleep(half).await;
        match weather {
            Some(Weather::Fails(class)) => return failed(class),
            Some(Weather::Slow(more)) => tokio::time::sleep(more).await,
            _ => {}
        }
        let answer = {
            let mut state = self.cloud.lock();
            match act(&mut state) {
                Ok(Made::New(answer)) => {
                    state.effects.push((number, Effect { call, subject: subject.to_owned() }));
                    Ok(answer)
                }
                Ok(Made::Same(answer)) => Ok(answer),
                Err(error) => Err(error),
            }
        };
        self.life.die(mine, Moment::After).await;
        tokio::time::sleep(half).await;
        match weather {
            Some(Weather::AnswerLost) if mutates => answer.and(failed(Class::Ambiguous)),
            Some(Weather::AnswerLost) => failed(Class::Transient),
            Some(Weather::MeetsItself) if mutates => answer.and(failed(Class::Conflict)),
            _ => answer,
        }
    }

    /// The number of this call, what happens to it, and how long half of it takes: not all take the same time, so that they interleave.
    fn begin(&self, call: &'static str, subject: &str, mutates: bool) -> (usize, Option<Weather>, Duration) {
        let mut state = self.cloud.lock();
        let number = state.calls.len();
        state.calls.push(Called { call, subject: subject.to_owned(), mutates });
        let on = state.on.get_mut(call).and_then(|queue| queue.pop_front());
        let weather = state.at.remove(&number).or(on);
        let spread = u32::try_from(number * 7 % 5).unwrap_or(0);
        (number, weather, state.climate.latency / 2 + Duration::from_millis(1) * spread)
    }
}

#[async_trait]
impl Logs for Reach {
    async fn tail(&self, _: &Target, log: &LogStream, lines: u32) -> PortResult<Vec<String>> {
        self.look("logs:GetLogEvents", &log.stream, |state| Ok(state.log_of(&log.stream, lines as usize)))
            .await
    }
}
