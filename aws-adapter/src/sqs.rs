//! SQS, only for hints: a FIFO queue whose messages are deleted on receipt, before anything acts on them. If the deletion
//! fails, they count as not received: they are delivered again, unless the sweep is earlier.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, QueueAttributeName as Attribute};
use serde_json::{Value, json};
use sluice_commands::ports::{Hint, Queue};
use sluice_model::{OperationId, PortResult, Target};
use tokio::sync::OnceCell;

use crate::call;
use crate::client::Service;
use crate::error::{failed, found, unbuildable};

/// The attributes of our queues. A hint that is not received for five minutes is obsolete: sweeps have found the operation.
const ATTRIBUTES: [(Attribute, &str); 6] = [
    (Attribute::FifoQueue, "true"),
    (Attribute::MessageRetentionPeriod, "300"),
    (Attribute::ReceiveMessageWaitTimeSeconds, "20"),
    // One operation's hints must not delay another's.
    (Attribute::DeduplicationScope, "messageGroup"),
    (Attribute::FifoThroughputLimit, "perMessageGroupId"),
    (Attribute::SqsManagedSseEnabled, "true"),
];
/// The most messages that one request returns (SQS's limit).
const BATCH: i32 = 10;
/// How long, in seconds, a received message is hidden until it is deleted. Short, because SQS may deliver a message to a
/// replica that has just stopped: other replicas receive that hint this much later.
const HIDDEN: i32 = 3;
/// How much longer than its wait time a request may take.
const MARGIN: Duration = Duration::from_secs(5);

/// One queue.
pub(crate) struct Sqs {
    pub(crate) service: Service<Client>,
    pub(crate) name: String,
    /// Looked up once: a recreated queue has the same URL.
    pub(crate) url: OnceCell<String>,
}

impl Sqs {
    async fn url(&self, target: &Target) -> PortResult<&str> {
        let look = async || {
            let call = call::GET_QUEUE_URL;
            let request = self.service.client(target, call)?.get_queue_url().queue_name(&self.name);
            let answer = request.send().await.map_err(failed(call))?;
            call.required(answer.queue_url, "URL")
        };
        self.url.get_or_try_init(look).await.map(String::as_str)
    }

    async fn delete(&self, target: &Target, messages: &[Message]) -> PortResult<()> {
        let call = call::DELETE_MESSAGES;
        let handles = messages.iter().filter_map(Message::receipt_handle).enumerate();
        let entries = handles.map(|(index, handle)| {
            DeleteMessageBatchRequestEntry::builder().id(index.to_string()).receipt_handle(handle).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(unbuildable(call))?;
        let request =
            self.service.client(target, call)?.delete_message_batch().queue_url(self.url(target).await?);
        request.set_entries(Some(entries)).send().await.map_err(failed(call))?;
        Ok(())
    }
}

#[async_trait]
impl Queue for Sqs {
    fn name(&self) -> &str {
        &self.name
    }

    async fn exists(&self, target: &Target) -> PortResult<bool> {
        // Not from the cache: the queue may have been deleted.
        let call = call::GET_QUEUE_URL;
        let request = self.service.client(target, call)?.get_queue_url().queue_name(&self.name);
        found(request.send().await.map_err(failed(call))).map(|answer| answer.is_some())
    }

    async fn create(&self, target: &Target) -> PortResult<()> {
        let call = call::CREATE_QUEUE;
        let mut request = self.service.client(target, call)?.create_queue().queue_name(&self.name);
        for (attribute, value) in ATTRIBUTES {
            request = request.attributes(attribute, value);
        }
        request.send().await.map_err(failed(call))?;
        Ok(())
    }

    async fn send(&self, target: &Target, hint: &Hint) -> PortResult<()> {
        let call = call::SEND_MESSAGE;
        let body = json!({
            "operation": hint.operation.as_str(),
            "sequence": hint.sequence,
            "cause": hint.cause.to_string(),
        });
        let request = self.service.client(target, call)?.send_message().queue_url(self.url(target).await?);
        request
            .message_body(body.to_string())
            .message_group_id(hint.operation.as_str())
            .message_deduplication_id(once(hint))
            .send()
            .await
            .map_err(failed(call))?;
        Ok(())
    }

    async fn receive(&self, target: &Target, wait: Duration) -> PortResult<Vec<OperationId>> {
        let call = call::RECEIVE_MESSAGE;
        let seconds = i32::try_from(wait.as_secs()).unwrap_or(i32::MAX).min(20);
        let longest = wait + MARGIN;
        let timeouts =
            TimeoutConfig::builder().operation_attempt_timeout(longest).operation_timeout(longest).build();
        let request = self.service.client(target, call)?.receive_message().queue_url(self.url(target).await?);
        let request = request.max_number_of_messages(BATCH).wait_time_seconds(seconds);
        let request = request.visibility_timeout(HIDDEN).customize();
        let request = request.config_override(Builder::new().timeout_config(timeouts));
        let messages = request.send().await.map_err(failed(call))?.messages.unwrap_or_default();
        if !messages.is_empty() {
            self.delete(target, &messages).await?;
        }
        Ok(messages.iter().filter_map(|message| operation_of(message.body()?)).collect())
    }
}

/// SQS accepts a message with this id once in five minutes.
fn once(hint: &Hint) -> String {
    let id = format!("{}-{}-{}", hint.operation, hint.sequence, hint.cause);
    id.chars().take(128).collect()
}

/// The operation that a hint names. Other messages in the queue are ignored.
fn operation_of(body: &str) -> Option<OperationId> {
    let body: Value = serde_json::from_str(body).ok()?;
    OperationId::new(body["operation"].as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use sluice_commands::ports::Cause;

    use super::*;

    #[test]
    fn equal_hints_share_an_id_and_another_cause_has_another() {
        let operation = OperationId::new("01JQ0000000000000000000000").unwrap();
        let hint = |sequence, cause| Hint { operation: operation.clone(), sequence, cause };
        let signal = |who: &str| Cause::Signal(who.parse().unwrap());
        assert_eq!(once(&hint(7, Cause::Accepted)), "01JQ0000000000000000000000-7-accepted");
        assert_eq!(once(&hint(7, signal("U1"))), once(&hint(7, signal("U1"))));
        let others = [
            hint(7, signal("U2")),
            hint(8, signal("U1")),
            hint(7, Cause::Released(1)),
            hint(7, Cause::Released(2)),
            hint(7, Cause::Slot(operation.clone())),
        ];
        let ids: std::collections::BTreeSet<_> = others.iter().map(once).collect();
        assert_eq!(ids.len(), others.len());
        assert!(ids.iter().all(|id| id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic())));
    }

    #[test]
    fn messages_that_are_not_hints_are_ignored() {
        for body in ["", "{}", "[]", r#"{"operation": 7}"#, r#"{"operation": "../../etc"}"#] {
            assert_eq!(operation_of(body), None, "{body}");
        }
        let hint = r#"{"operation": "01JQ0000000000000000000000", "sequence": 7, "cause": "accepted"}"#;
        assert_eq!(operation_of(hint).unwrap().as_str(), "01JQ0000000000000000000000");
    }
}
