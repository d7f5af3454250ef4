//! Has pipelines tidied that are due, once an hour. What that does is the service's business: here is only when.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sluice_model::{Actor, UserId};

use super::{Kind, Tasks};
use crate::slack::{Method, WebApi};

/// How often pipelines are looked at.
const EVERY: Duration = Duration::from_secs(3600);

/// Begins to tidy pipelines.
#[async_trait]
pub(crate) trait Tidies: Send + Sync + 'static {
    /// Begins it for every pipeline that is due, in the name of the bot; how many, or `None` if that is not known.
    async fn tidy_due(&self, bot: &Actor) -> Option<usize>;
}

/// Starts the task. A replica that restarts often tidies nothing, and needs not: the others do, or it does an hour later.
pub(crate) fn tidy_hourly(tasks: &Tasks, slack: Arc<dyn WebApi>, service: Arc<dyn Tidies>) {
    tasks.spawn(Kind::Tidying, async move {
        loop {
            tokio::time::sleep(EVERY).await;
            let Some(bot) = bot(slack.as_ref()).await else { continue };
            if let Some(begun) = service.tidy_due(&bot).await.filter(|begun| *begun > 0) {
                tracing::info!(begun, "pipelines are tidied");
            }
        }
    });
}

/// The bot's own user, in whose name it is done.
async fn bot(slack: &dyn WebApi) -> Option<Actor> {
    let answer = slack.call(Method::AuthTest, &json!({})).await.ok()?;
    let id = UserId::new(answer["user_id"].as_str()?).ok()?;
    Some(Actor::in_slack(id, answer["user"].as_str().unwrap_or("sluice")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::Trouble;
    use serde_json::Value;
    use std::sync::Mutex;
    use url::Url;

    struct Slack;

    #[async_trait]
    impl WebApi for Slack {
        async fn call(&self, method: Method, _: &Value) -> Result<Value, Trouble> {
            assert_eq!(method, Method::AuthTest);
            Ok(json!({ "ok": true, "user_id": "U0SLUICE0", "user": "sluice" }))
        }
        async fn respond(&self, _: &Url, _: &Value) -> Result<(), Trouble> {
            Ok(())
        }
    }

    #[derive(Default)]
    struct Service(Mutex<Vec<String>>);

    #[async_trait]
    impl Tidies for Service {
        async fn tidy_due(&self, bot: &Actor) -> Option<usize> {
            self.0.lock().unwrap().push(bot.id.to_string());
            Some(1)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_done_every_hour_in_the_name_of_the_bot() {
        let (tasks, service) = (Tasks::new(), Arc::<Service>::default());
        tidy_hourly(&tasks, Arc::new(Slack), service.clone());
        tokio::time::sleep(EVERY * 2 + Duration::from_secs(1)).await;
        assert_eq!(*service.0.lock().unwrap(), ["U0SLUICE0", "U0SLUICE0"]);
        assert!(tasks.shut_down().await);
    }
}
