//! Writes: one alone by the cheapest request for it, several as one transaction.

use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, TransactWriteItem};
use sha2::{Digest, Sha256};
use sluice_commands::ports::{StoreError, Write};

use super::attempt::Repeat;
use super::request::Request;
use super::store::DynamoStore;

/// DynamoDB's limit for a client request token, in characters.
const MAX_TOKEN_CHARS: usize = 36;
/// DynamoDB's limit for one transaction.
const MAX_WRITES: usize = 100;

/// Sends one write. A plain request costs half of what a transaction of one costs.
pub(super) async fn write(store: &DynamoStore, write: Write) -> Result<(), StoreError> {
    let partition = partition_of(&write).to_owned();
    let (call, consumed) = match Request::prepare(&store.tables, write)? {
        Request::Put(parts) => {
            let request = parts.put(&store.client);
            (
                "PutItem",
                store
                    .send("PutItem", Repeat::IfNothingHappened, || request.clone().send())
                    .await?
                    .consumed_capacity,
            )
        }
        Request::Update(parts) => {
            let request = parts.update(&store.client);
            (
                "UpdateItem",
                store
                    .send("UpdateItem", Repeat::IfNothingHappened, || request.clone().send())
                    .await?
                    .consumed_capacity,
            )
        }
        Request::Delete(parts) => {
            let request = parts.delete(&store.client);
            (
                "DeleteItem",
                store
                    .send("DeleteItem", Repeat::IfNothingHappened, || request.clone().send())
                    .await?
                    .consumed_capacity,
            )
        }
        // DynamoDB has no plain request that only checks. Without a token the SDK makes a new one for each attempt, so
        // this transaction is repeated like a plain write.
        check @ Request::Check(_) => {
            return send_transaction(store, &partition, None, vec![check.into_transaction()?]).await;
        }
    };
    store.meter.write(call, &partition, consumed.as_ref());
    Ok(())
}

/// Sends several writes as one transaction under `token`.
pub(super) async fn transact(store: &DynamoStore, token: &str, writes: Vec<Write>) -> Result<(), StoreError> {
    let partition = writes.first().map(partition_of).unwrap_or_default().to_owned();
    if writes.len() > MAX_WRITES {
        let why = format!("{} writes in one transaction, at most {MAX_WRITES} are possible", writes.len());
        return Err(StoreError::TooLarge(why));
    }
    let items = writes
        .into_iter()
        .map(|write| Request::prepare(&store.tables, write)?.into_transaction())
        .collect::<Result<Vec<_>, _>>()?;
    send_transaction(store, &partition, Some(request_token(token)), items).await
}

async fn send_transaction(
    store: &DynamoStore,
    partition: &str,
    token: Option<String>,
    items: Vec<TransactWriteItem>,
) -> Result<(), StoreError> {
    let repeat = if token.is_some() { Repeat::Safe } else { Repeat::IfNothingHappened };
    let request = store
        .client
        .transact_write_items()
        .set_client_request_token(token)
        .set_transact_items(Some(items))
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    let answer = store.send("TransactWriteItems", repeat, || request.clone().send()).await?;
    store.meter.transaction("TransactWriteItems", partition, answer.consumed_capacity());
    Ok(())
}

fn partition_of(write: &Write) -> &str {
    match write {
        Write::Put { item, .. } => &item.key.partition,
        Write::Audit { item } => &item.key.partition,
        Write::Update { key, .. } | Write::Delete { key, .. } | Write::Check { key, .. } => &key.partition,
    }
}

/// The caller's token within DynamoDB's limit: 144 bits of its digest replace a longer one.
fn request_token(token: &str) -> String {
    if token.chars().count() <= MAX_TOKEN_CHARS {
        return token.to_owned();
    }
    let mut digest = hex::encode(Sha256::digest(token.as_bytes()));
    digest.truncate(MAX_TOKEN_CHARS);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_token_is_digested_and_a_short_one_is_unchanged() {
        let long = "T012/deploy/01JD6W3V5Q9Z0000000000000000/append/17";
        assert_eq!(request_token(long).len(), MAX_TOKEN_CHARS);
        assert_eq!(request_token(long), request_token(long));
        assert_ne!(request_token(long), request_token(&format!("{long}8")));
        assert_eq!(request_token("01JD6W3V5Q9Z/17"), "01JD6W3V5Q9Z/17");
    }
}
