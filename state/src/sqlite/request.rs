//! Prepares writes for the writer thread. The callers check, encode and digest in parallel, so the one writer does only
//! the rest.

use sha2::{Digest, Sha256};
use sluice_commands::ports::{DueChange, Guard, Guards, Key, Precondition, StoreError, Write};

use super::item::{Encoded, due_time, encode, encode_guards};

/// DynamoDB's limit for one transaction, which applies to every backend.
const MAX_WRITES: usize = 100;
const MAX_PARTITION_BYTES: usize = 2048;
const MAX_SORT_BYTES: usize = 1024;

/// One write, checked and encoded.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) key: Key,
    pub(super) when: Precondition,
    pub(super) change: Change,
}

/// The effect of a write.
#[derive(Debug)]
pub(super) enum Change {
    Put(Box<Encoded>),
    Audit(Box<Encoded>),
    Update { set: Guards, due: Due },
    Delete,
    Check,
}

/// The effect on the due time, in nanoseconds of the epoch.
#[derive(Debug)]
pub(super) enum Due {
    Keep,
    Set(Option<i64>),
}

/// Identifies a transaction when it is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    /// The digest of the writes: the same token for other writes is an error.
    pub(super) digest: [u8; 32],
}

/// Checks and encodes the writes of one transaction.
pub(super) fn prepare(writes: Vec<Write>) -> Result<Vec<Prepared>, StoreError> {
    if writes.len() > MAX_WRITES {
        let why = format!("{} writes in one transaction, at most {MAX_WRITES} are possible", writes.len());
        return Err(StoreError::TooLarge(why));
    }
    if writes.is_empty() {
        return refuse("a transaction without writes".into());
    }
    let prepared = writes.into_iter().map(prepare_one).collect::<Result<Vec<_>, _>>()?;
    // An audit record and an item can have the same key; they are in different tables.
    let mut keys: Vec<(bool, &Key)> =
        prepared.iter().map(|write| (matches!(write.change, Change::Audit(_)), &write.key)).collect();
    keys.sort_unstable();
    match keys.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => refuse(format!("the key {:?} twice in one transaction", pair.first())),
        None => Ok(prepared),
    }
}

fn prepare_one(write: Write) -> Result<Prepared, StoreError> {
    let (key, when, change) = match write {
        Write::Put { item, when } => {
            let encoded = encode(item)?;
            (encoded.key.clone(), when, Change::Put(Box::new(encoded)))
        }
        Write::Audit { item } => {
            let encoded = encode(item.into())?;
            (encoded.key.clone(), Precondition::Absent, Change::Audit(Box::new(encoded)))
        }
        Write::Update { key, set, due, when } => {
            let due = match due {
                DueChange::Keep => Due::Keep,
                DueChange::At(time) => Due::Set(Some(due_time(time)?)),
                DueChange::Never => Due::Set(None),
            };
            (key, when, Change::Update { set, due })
        }
        Write::Delete { key, when } => (key, when, Change::Delete),
        Write::Check { key, when } => (key, when, Change::Check),
    };
    check_key(&key)?;
    Ok(Prepared { key, when, change })
}

/// Checks that every backend accepts the key.
pub(super) fn check_key(key: &Key) -> Result<(), StoreError> {
    let fits = |text: &str, most: usize| (1..=most).contains(&text.len());
    if fits(&key.partition, MAX_PARTITION_BYTES) && fits(&key.sort, MAX_SORT_BYTES) {
        return Ok(());
    }
    refuse(format!("the key {key:?} is empty or too long"))
}

fn refuse<T>(why: String) -> Result<T, StoreError> {
    Err(StoreError::Refused(why))
}

/// Makes the token of `writes`. The digest includes every part with its length, so parts cannot run together.
pub(super) fn token(text: &str, writes: &[Prepared]) -> Token {
    let mut digest = Digester(Sha256::new());
    for write in writes {
        digest.text(&write.key.partition);
        digest.text(&write.key.sort);
        match &write.when {
            Precondition::Any => digest.text("any"),
            Precondition::Absent => digest.text("absent"),
            Precondition::Present => digest.text("present"),
            Precondition::Equals(guards) => digest.guards("equals", guards),
        }
        match &write.change {
            Change::Put(item) => {
                digest.text("put");
                digest.text(&item.schema.to_string());
                digest.text(&format!("{:?} {:?}", item.due, item.expires));
                digest.text(&item.guards);
                digest.text(&item.body);
            }
            Change::Audit(item) => {
                digest.text("audit");
                digest.text(&item.schema.to_string());
                digest.text(&item.body);
            }
            Change::Update { set, due } => {
                digest.guards("update", set);
                digest.text(&format!("{due:?}"));
            }
            Change::Delete => digest.text("delete"),
            Change::Check => digest.text("check"),
        }
    }
    Token { text: text.to_owned(), digest: digest.0.finalize().into() }
}

struct Digester(Sha256);

impl Digester {
    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text.as_bytes());
    }

    fn guards(&mut self, what: &str, guards: &Guards) {
        self.text(what);
        self.text(&encode_guards(guards));
    }
}

/// Whether the found guards have all wanted values. A missing guard equals no value.
pub(super) fn are_equal(found: &Guards, wanted: &Guards) -> bool {
    wanted.iter().all(|(name, value): (&String, &Guard)| found.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluice_commands::ports::{AuditItem, Item};

    use super::*;

    fn put() -> Item {
        Item {
            key: Key { partition: "p".into(), sort: "s".into() },
            schema: 1,
            guards: Guards::from([("fence".into(), Guard::Number(1))]),
            body: json!({"a": 1}),
            due: None,
            expires: None,
        }
    }

    fn digest(write: Write) -> [u8; 32] {
        token("t", &prepare(vec![write]).expect("fits")).digest
    }

    #[test]
    fn different_writes_have_different_digests() {
        let time = || Some("2026-11-27T04:00:00Z".parse().expect("a time"));
        let key = || put().key;
        let puts = [
            put(),
            Item { key: Key { sort: "s2".into(), ..key() }, ..put() },
            Item { key: Key { partition: "ps".into(), sort: "s".into() }, ..put() },
            Item { schema: 2, ..put() },
            Item { guards: Guards::new(), ..put() },
            Item { body: json!({"a": 2}), ..put() },
            Item { due: time(), ..put() },
            Item { expires: time(), ..put() },
        ]
        .map(|item| Write::Put { item, when: Precondition::Any });
        let update = |set: Guards, due| Write::Update { key: key(), set, due, when: Precondition::Any };
        let others = [
            Write::Put { item: put(), when: Precondition::Absent },
            Write::Put { item: put(), when: Precondition::Present },
            Write::Put { item: put(), when: Precondition::Equals(Guards::new()) },
            Write::Put { item: put(), when: Precondition::Equals(put().guards) },
            update(Guards::new(), DueChange::Keep),
            update(Guards::new(), DueChange::Never),
            update(put().guards, DueChange::Keep),
            Write::Audit { item: AuditItem { key: key(), schema: 1, body: json!({"a": 1}) } },
            Write::Audit { item: AuditItem { key: key(), schema: 1, body: json!({"a": 2}) } },
            Write::Delete { key: key(), when: Precondition::Any },
            Write::Check { key: key(), when: Precondition::Any },
        ];
        let all: Vec<Write> = puts.into_iter().chain(others).collect();
        let mut digests: Vec<_> = all.iter().cloned().map(digest).collect();
        assert_eq!(
            digests,
            all.iter().cloned().map(digest).collect::<Vec<_>>(),
            "equal writes have equal digests"
        );
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), all.len());
    }
}
