//! Exports all audit records, one page at a time.
//!
//! Records that belong to no pipeline (roles for all pipelines) are first, then pipelines by name, each oldest first. The
//! catalog lists all pipelines, including deleted ones. The export only reads.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::operation::{Keys, reading};
use crate::ports::{Order, Query, Store, StoreError};
use sluice_model::PipelineName;

/// Items per page: some hundred kilobytes.
const PAGE: u32 = 250;

/// Reads the audit records page by page.
pub struct AuditExport {
    store: Arc<dyn Store>,
    keys: Keys,
    since: Option<Timestamp>,
    /// The listed pipelines that are not read yet.
    names: VecDeque<PipelineName>,
    /// Where the catalog continues; the inner `None` is its start.
    catalog: Option<Option<String>>,
    /// The partition that is being read, and the record to continue after.
    reading: Option<(String, Option<String>)>,
}

impl AuditExport {
    /// Starts at that time, or at the oldest record.
    pub fn new(store: Arc<dyn Store>, keys: Keys, since: Option<Timestamp>) -> Self {
        let reading = Some((keys.installation_audit_partition(), since.map(sluice_engine::Keys::audit_time)));
        Self { store, keys, since, names: VecDeque::new(), catalog: Some(None), reading }
    }

    /// The next page of records, unchanged; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Value>>, StoreError> {
        loop {
            if let Some((partition, after)) = self.reading.take() {
                let query = page_of(partition.clone(), after);
                let page = reading(|| self.store.audit_records(query.clone())).await?;
                self.reading = page.more.map(|more| (partition, Some(more)));
                if !page.items.is_empty() {
                    return Ok(Some(page.items.into_iter().map(|item| item.body).collect()));
                }
            } else if let Some(name) = self.names.pop_front() {
                let begin = self.since.map(sluice_engine::Keys::audit_time);
                self.reading = Some((self.keys.audit_partition(&name), begin));
            } else if let Some(after) = self.catalog.take() {
                let query = page_of(self.keys.catalog_partition(), after);
                let page = reading(|| self.store.query(query.clone())).await?;
                for item in page.items {
                    let name = PipelineName::new(item.key.sort);
                    self.names.push_back(name.map_err(|error| StoreError::Corrupt(error.to_string()))?);
                }
                self.catalog = page.more.map(Some);
            } else {
                return Ok(None);
            }
        }
    }
}

fn page_of(partition: String, after: Option<String>) -> Query {
    Query { partition, prefix: String::new(), order: Order::Ascending, limit: Some(PAGE), after }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{AuditItem, Item, Precondition, Write};
    use crate::records::to_item;
    use crate::testing::{MemoryStore, target};

    const BEGIN: i64 = 1_770_000_000_000;

    async fn put(store: &MemoryStore, item: Result<crate::ports::Item, StoreError>) {
        store.write(Write::Put { item: item.unwrap(), when: Precondition::Absent }).await.unwrap();
    }

    async fn record(store: &MemoryStore, item: Result<Item, StoreError>) {
        let Item { key, schema, body, .. } = item.unwrap();
        store.write(Write::Audit { item: AuditItem { key, schema, body } }).await.unwrap();
    }

    /// `orders` with that many records, a second apart; `books` with one; `empty` with none.
    async fn store(records: i64) -> Arc<MemoryStore> {
        let (store, keys) = (Arc::new(MemoryStore::new()), Keys::new(&target()));
        let at = |second: i64| Timestamp::from_millisecond(BEGIN + 1_000 * second).unwrap();
        for (name, records) in [("orders", records), ("empty", 0), ("books", 1)] {
            let name: PipelineName = name.parse().unwrap();
            put(&store, to_item(keys.catalog(&name), Default::default(), &())).await;
            for second in 0..records {
                let key = keys.audit(&name, at(second), "01/asked/U1");
                record(&store, to_item(key, Default::default(), &format!("{name} {second}"))).await;
            }
        }
        store
    }

    async fn all(store: &Arc<MemoryStore>, since: Option<Timestamp>) -> (Vec<String>, usize) {
        let mut trail = AuditExport::new(store.clone(), Keys::new(&target()), since);
        let (mut found, mut largest) = (vec![], 0);
        while let Some(page) = trail.next().await.unwrap() {
            largest = largest.max(page.len());
            found.extend(page.into_iter().map(|record| record.as_str().unwrap().to_owned()));
        }
        (found, largest)
    }

    #[tokio::test]
    async fn all_pipelines_are_exported_in_pages_oldest_first() {
        let records = i64::from(PAGE) * 2 + 3;
        let (found, largest) = all(&store(records).await, None).await;
        let orders = (0..records).map(|second| format!("orders {second}"));
        let wanted: Vec<_> = ["books 0".to_owned()].into_iter().chain(orders).collect();
        assert_eq!(found, wanted);
        assert_eq!(largest, PAGE as usize);
    }

    #[tokio::test]
    async fn the_start_time_is_inclusive() {
        let since = Timestamp::from_millisecond(BEGIN + 2_000).unwrap();
        let (found, _) = all(&store(4).await, Some(since)).await;
        assert_eq!(found, ["orders 2", "orders 3"]);
        let (found, _) = all(&store(4).await, Some(Timestamp::from_second(-1).unwrap())).await;
        assert_eq!(found.len(), 5);
    }

    #[tokio::test]
    async fn records_without_a_pipeline_are_exported_first() {
        let (store, keys) = (store(1).await, Keys::new(&target()));
        for second in 0..2 {
            let at = Timestamp::from_millisecond(BEGIN + 1_000 * second).unwrap();
            let key = keys.installation_audit(at, "01/succeeded/U1");
            record(&store, to_item(key, Default::default(), &format!("a role {second}"))).await;
        }
        let (found, _) = all(&store, None).await;
        assert_eq!(found, ["a role 0", "a role 1", "books 0", "orders 0"]);
        let since = Timestamp::from_millisecond(BEGIN + 1_000).unwrap();
        assert_eq!(all(&store, Some(since)).await.0, ["a role 1"]);
    }

    #[tokio::test]
    async fn an_empty_installation_exports_nothing() {
        assert_eq!(all(&Arc::new(MemoryStore::new()), None).await, (vec![], 0));
    }
}
