//! Encodes writes of the port as DynamoDB requests: plain ones, and members of a transaction.
//!
//! Placeholders are numbered in the order of the guards' names, so equal writes are equal requests. DynamoDB refuses a
//! token that is used again for a different request.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnConsumedCapacity, TransactWriteItem, Update,
};
use sluice_commands::ports::{DueChange, Guards, Key, Precondition, StoreError, Write};

use super::errors::incomplete;
use super::item::{
    Attributes, DUE_SHARD, DUE_TIME, due_shard, due_time, encode, encode_guard, encode_key, guard_name,
};
use super::store::Tables;

/// A write in the form of a DynamoDB request.
pub(super) enum Request {
    Put(Prepared),
    Update(Prepared),
    Delete(Prepared),
    Check(Prepared),
}

/// The parts of a request. `attributes` has the whole item for a put, and the key for the others.
pub(super) struct Prepared {
    table: String,
    attributes: Attributes,
    condition: Option<String>,
    update: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<Attributes>,
}

/// Sets the parts that every kind of request has. The SDK's builders share no trait.
macro_rules! fill {
    ($builder:expr, $parts:ident) => {
        $builder
            .table_name($parts.table)
            .set_condition_expression($parts.condition)
            .set_expression_attribute_names($parts.names)
            .set_expression_attribute_values($parts.values)
    };
}

impl Request {
    pub(super) fn prepare(tables: &Tables, write: Write) -> Result<Self, StoreError> {
        let table = &tables.items;
        let mut terms = Terms::default();
        Ok(match write {
            Write::Put { item, when } => {
                let condition = terms.condition(&when);
                Request::Put(terms.prepared(table, encode(item)?, condition, None))
            }
            Write::Audit { item } => {
                let condition = terms.condition(&Precondition::Absent);
                Request::Put(terms.prepared(&tables.audit, encode(item.into())?, condition, None))
            }
            Write::Update { key, set, due, when } => {
                let exists = terms.condition(&Precondition::Present);
                let condition = match when {
                    Precondition::Any | Precondition::Present => exists,
                    // Never true: an update needs an item. Without the first half DynamoDB would create one.
                    Precondition::Absent => Some("attribute_exists(pk) AND attribute_not_exists(pk)".into()),
                    Precondition::Equals(_) => terms.condition(&when),
                };
                match terms.update(&key, &set, &due) {
                    Some(update) => {
                        Request::Update(terms.prepared(table, encode_key(&key), condition, Some(update)))
                    }
                    // DynamoDB refuses an empty update; only its condition remains.
                    None => Request::Check(terms.prepared(table, encode_key(&key), condition, None)),
                }
            }
            Write::Delete { key, when } => {
                let condition = terms.condition(&when);
                Request::Delete(terms.prepared(table, encode_key(&key), condition, None))
            }
            Write::Check { key, when } => {
                // DynamoDB requires a condition; this one always holds.
                let always = || "attribute_exists(pk) OR attribute_not_exists(pk)".to_owned();
                let condition = terms.condition(&when).unwrap_or_else(always);
                Request::Check(terms.prepared(table, encode_key(&key), Some(condition), None))
            }
        })
    }

    /// As a member of a transaction.
    pub(super) fn into_transaction(self) -> Result<TransactWriteItem, StoreError> {
        let member = TransactWriteItem::builder();
        Ok(match self {
            Request::Put(parts) => {
                let put = Put::builder().set_item(Some(parts.attributes));
                member.put(fill!(put, parts).build().map_err(incomplete)?)
            }
            Request::Update(parts) => {
                let update = Update::builder().set_key(Some(parts.attributes));
                let update = update.set_update_expression(parts.update);
                member.update(fill!(update, parts).build().map_err(incomplete)?)
            }
            Request::Delete(parts) => {
                let delete = Delete::builder().set_key(Some(parts.attributes));
                member.delete(fill!(delete, parts).build().map_err(incomplete)?)
            }
            Request::Check(parts) => {
                let check = ConditionCheck::builder().set_key(Some(parts.attributes));
                member.condition_check(fill!(check, parts).build().map_err(incomplete)?)
            }
        }
        .build())
    }
}

impl Prepared {
    /// As a `PutItem`.
    pub(super) fn put(self, client: &Client) -> PutItemFluentBuilder {
        let put = client.put_item().return_consumed_capacity(ReturnConsumedCapacity::Total);
        fill!(put.set_item(Some(self.attributes)), self)
    }

    /// As an `UpdateItem`.
    pub(super) fn update(self, client: &Client) -> UpdateItemFluentBuilder {
        let update = client.update_item().return_consumed_capacity(ReturnConsumedCapacity::Total);
        fill!(update.set_key(Some(self.attributes)).set_update_expression(self.update), self)
    }

    /// As a `DeleteItem`.
    pub(super) fn delete(self, client: &Client) -> DeleteItemFluentBuilder {
        let delete = client.delete_item().return_consumed_capacity(ReturnConsumedCapacity::Total);
        fill!(delete.set_key(Some(self.attributes)), self)
    }
}

/// Collects the placeholders of the expressions of one write.
#[derive(Default)]
struct Terms {
    names: HashMap<String, String>,
    values: Attributes,
}

impl Terms {
    fn name(&mut self, name: String) -> String {
        let placeholder = format!("#{}", self.names.len());
        self.names.insert(placeholder.clone(), name);
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn condition(&mut self, when: &Precondition) -> Option<String> {
        match when {
            Precondition::Any => None,
            Precondition::Absent => Some("attribute_not_exists(pk)".into()),
            Precondition::Present => Some("attribute_exists(pk)".into()),
            Precondition::Equals(guards) => {
                let mut condition = "attribute_exists(pk)".to_owned();
                for (name, guard) in guards {
                    let (name, value) = (self.name(guard_name(name)), self.value(encode_guard(guard)));
                    condition.push_str(&format!(" AND {name} = {value}"));
                }
                Some(condition)
            }
        }
    }

    fn update(&mut self, key: &Key, set: &Guards, due: &DueChange) -> Option<String> {
        let mut sets: Vec<String> = Vec::new();
        for (name, guard) in set {
            let (name, value) = (self.name(guard_name(name)), self.value(encode_guard(guard)));
            sets.push(format!("{name} = {value}"));
        }
        if let DueChange::At(time) = due {
            let (shard, time) = (self.value(due_shard(key)), self.value(due_time(*time)));
            sets.push(format!("{DUE_SHARD} = {shard}, {DUE_TIME} = {time}"));
        }
        let set = (!sets.is_empty()).then(|| format!("SET {}", sets.join(", ")));
        let remove = (*due == DueChange::Never).then(|| format!("REMOVE {DUE_SHARD}, {DUE_TIME}"));
        match (set, remove) {
            (Some(set), Some(remove)) => Some(format!("{set} {remove}")),
            (set, remove) => set.or(remove),
        }
    }

    fn prepared(
        self,
        table: &str,
        attributes: Attributes,
        condition: Option<String>,
        update: Option<String>,
    ) -> Prepared {
        // DynamoDB refuses an empty map of placeholders.
        Prepared {
            table: table.to_owned(),
            attributes,
            condition,
            update,
            names: Some(self.names).filter(|names| !names.is_empty()),
            values: Some(self.values).filter(|values| !values.is_empty()),
        }
    }
}
