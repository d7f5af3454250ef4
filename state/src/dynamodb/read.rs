//! Reads. All but the due index are strongly consistent. They follow pages and request unread keys again.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use futures::future::try_join_all;
use jiff::Timestamp;
use sluice_commands::ports::{DueItem, Item, Key, Order, Page, Query, StoreError};

use super::attempt::Repeat;
use super::item::{Attributes, DUE_INDEX, DUE_SHARDS, decode, decode_due_entry, due_time, encode_key};
use super::store::DynamoStore;

/// The limit of `BatchGetItem`.
const MAX_KEYS: usize = 100;
/// How often to request keys. DynamoDB leaves keys unread when their items exceed 16 MB together, or when it throttles.
const MAX_ROUNDS: u32 = 6;

pub(super) async fn get(store: &DynamoStore, key: &Key) -> Result<Option<Item>, StoreError> {
    let request = store
        .client
        .get_item()
        .table_name(&store.tables.items)
        .set_key(Some(encode_key(key)))
        .consistent_read(true)
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    let answer = store.send("GetItem", Repeat::Safe, || request.clone().send()).await?;
    store.meter.read("GetItem", &key.partition, answer.consumed_capacity());
    answer.item.map(decode).transpose()
}

pub(super) async fn get_many(store: &DynamoStore, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
    if keys.len() > MAX_KEYS {
        return Err(StoreError::Refused(format!("{} keys in one read, at most {MAX_KEYS}", keys.len())));
    }
    let distinct: BTreeSet<&Key> = keys.iter().collect();
    let Some(partition) = distinct.first().map(|key| key.partition.as_str()) else {
        return Ok(Vec::new());
    };
    let mut left: Vec<Attributes> = distinct.iter().map(|key| encode_key(key)).collect();
    let mut items = Vec::with_capacity(left.len());
    for round in 0..MAX_ROUNDS {
        if round > 0 {
            tokio::time::sleep(Duration::from_millis(10 << round)).await;
        }
        let wanted = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build();
        let wanted = wanted.map_err(|error| StoreError::Refused(error.to_string()))?;
        let request = store
            .client
            .batch_get_item()
            .request_items(&store.tables.items, wanted)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = store.send("BatchGetItem", Repeat::Safe, || request.clone().send()).await?;
        store.meter.read("BatchGetItem", partition, answer.consumed_capacity().first());
        // The request names one table, so all results are from it. Their key is its name or its ARN.
        for found in answer.responses.into_iter().flat_map(HashMap::into_values).flatten() {
            items.push(decode(found)?);
        }
        left = answer
            .unprocessed_keys
            .into_iter()
            .flat_map(HashMap::into_values)
            .flat_map(|unread| unread.keys)
            .collect();
        if left.is_empty() {
            return Ok(items);
        }
    }
    Err(StoreError::Again(format!("BatchGetItem: {} keys unread after {MAX_ROUNDS} rounds", left.len())))
}

pub(super) async fn query(store: &DynamoStore, table: &str, query: Query) -> Result<Page, StoreError> {
    let start = match Start::of(&query) {
        Start::Empty => return Ok(Page::default()),
        Start::First => None,
        Start::After(sort) => Some(encode_key(&Key { partition: query.partition.clone(), sort })),
    };
    let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
    if limit == 0 {
        return Ok(Page::default());
    }
    let mut request = store
        .client
        .query()
        .table_name(table)
        .expression_attribute_values(":p", AttributeValue::S(query.partition.clone()))
        .consistent_read(true)
        .scan_index_forward(query.order == Order::Ascending);
    request = if query.prefix.is_empty() {
        request.key_condition_expression("pk = :p")
    } else {
        request
            .key_condition_expression("pk = :p AND begins_with(sk, :s)")
            .expression_attribute_values(":s", AttributeValue::S(query.prefix))
    };
    // One extra item shows that there are more; DynamoDB returns a cursor even after the last item.
    let mut items = pages(store, &query.partition, request, start, limit.saturating_add(1), decode).await?;
    let cut = items.len() > limit;
    items.truncate(limit);
    let more = items.last().filter(|_| cut).map(|last: &Item| last.key.sort.clone());
    Ok(Page { items, more })
}

/// Where a query begins. DynamoDB refuses a cursor outside the prefix; the port accepts it.
enum Start {
    First,
    After(String),
    /// No item can follow the cursor.
    Empty,
}

impl Start {
    fn of(query: &Query) -> Self {
        match &query.after {
            None => Start::First,
            Some(after) if !after.is_empty() && after.starts_with(&query.prefix) => {
                Start::After(after.clone())
            }
            Some(after)
                if (query.order == Order::Ascending) == (*after < query.prefix || after.is_empty()) =>
            {
                Start::First
            }
            Some(_) => Start::Empty,
        }
    }
}

pub(super) async fn due(
    store: &DynamoStore,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<DueItem>, StoreError> {
    let limit = limit as usize;
    if limit == 0 {
        return Ok(Vec::new());
    }
    // One shard may hold all of the items that have been due longest, so each query has the full limit.
    let shards = (0..DUE_SHARDS).map(|shard| {
        let request = store
            .client
            .query()
            .table_name(&store.tables.items)
            .index_name(DUE_INDEX)
            .key_condition_expression("ds = :s AND du <= :u")
            .expression_attribute_values(":s", AttributeValue::N(shard.to_string()))
            .expression_attribute_values(":u", due_time(until));
        pages(store, "due", request, None, limit, decode_due_entry)
    });
    let mut found: Vec<DueItem> = try_join_all(shards).await?.into_iter().flatten().collect();
    found.sort_by(|one, other| (one.due, &one.key).cmp(&(other.due, &other.key)));
    found.truncate(limit);
    Ok(found)
}

/// Reads a query page by page, to its end or until it has `limit` items.
async fn pages<T>(
    store: &DynamoStore,
    partition: &str,
    request: QueryFluentBuilder,
    mut start: Option<Attributes>,
    limit: usize,
    decode: impl Fn(Attributes) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
    let mut found = Vec::new();
    loop {
        let missing = i32::try_from(limit - found.len()).ok();
        let page = request.clone().set_limit(missing).set_exclusive_start_key(start);
        let answer = store.send("Query", Repeat::Safe, || page.clone().send()).await?;
        store.meter.read("Query", partition, answer.consumed_capacity());
        for attributes in answer.items.into_iter().flatten() {
            found.push(decode(attributes)?);
        }
        start = answer.last_evaluated_key;
        if start.is_none() || found.len() >= limit {
            return Ok(found);
        }
    }
}
