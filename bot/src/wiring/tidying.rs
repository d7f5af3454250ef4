//! Starts the tidying of due pipelines once an hour. The service decides which are due, and what it deletes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sluice_commands::service::Service;
use sluice_model::{Actor, UserId};

use crate::slack::{Method, WebApi};
use crate::tasks::{Kind, Tasks};

/// The pause between two runs.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Starts tidying: the service, or a fake in tests.
#[async_trait]
pub(crate) trait Tidier: Send + Sync + 'static {
    /// Starts it for every pipeline that is due, with the bot as actor. Returns their number, or `None` if a read failed.
    async fn tidy_due(&self, bot: &Actor) -> Option<usize>;
}

#[async_trait]
impl Tidier for Service {
    async fn tidy_due(&self, bot: &Actor) -> Option<usize> {
        Service::tidy_due(self, bot).await.ok()
    }
}

/// Starts the task. The first run is an hour after the start, so a replica that restarts often does not repeat it.
pub(crate) fn tidy_hourly(tasks: &Tasks, slack: Arc<dyn WebApi>, service: Arc<dyn Tidier>) {
    tasks.spawn(Kind::Tidying, async move {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let Some(bot) = bot(slack.as_ref()).await else { continue };
            if let Some(begun) = service.tidy_due(&bot).await.filter(|begun| *begun > 0) {
                tracing::info!(begun, "started tidying pipelines");
            }
        }
    });
}

async fn bot(slack: &dyn WebApi) -> Option<Actor> {
    let answer = slack.call(Method::AuthTest, &json!({})).await.ok()?;
    let id = UserId::new(answer["user_id"].as_str()?).ok()?;
    Some(Actor::in_slack(id, answer["user"].as_str().unwrap_or("sluice")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::SlackError;
    use parking_lot::Mutex;
    use serde_json::Value;
    use url::Url;

    struct FakeSlack;

    #[async_trait]
    impl WebApi for FakeSlack {
        async fn call(&self, method: Method, _: &Value) -> Result<Value, SlackError> {
            assert_eq!(method, Method::AuthTest);
            Ok(json!({ "ok": true, "user_id": "U0SLUICE0", "user": "sluice" }))
        }
        async fn respond(&self, _: &Url, _: &Value) -> Result<(), SlackError> {
            Ok(())
        }
    }

    #[derive(Default)]
    struct FakeService(Mutex<Vec<String>>);

    #[async_trait]
    impl Tidier for FakeService {
        async fn tidy_due(&self, bot: &Actor) -> Option<usize> {
            self.0.lock().push(bot.id.to_string());
            Some(1)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tidying_starts_every_hour_with_the_bot_as_actor() {
        let (tasks, service) = (Tasks::new(), Arc::<FakeService>::default());
        tidy_hourly(&tasks, Arc::new(FakeSlack), service.clone());
        tokio::time::sleep(INTERVAL * 2 + Duration::from_secs(1)).await;
        assert_eq!(*service.0.lock(), ["U0SLUICE0", "U0SLUICE0"]);
        assert!(tasks.shut_down().await);
    }
}
