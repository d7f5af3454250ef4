//! The first record of `sluice init`: the first admins, who can then grant roles in Slack.

use jiff::Timestamp;
use ulid::Ulid;

use crate::operation::{Keys, audit};
use crate::ports::{Store, StoreError};
use crate::records::{Act, AuditRecord};
use crate::rules::{Grant, Grants, PinnedRoles, RoleChange};
use sluice_model::{Actor, Member, OperationId, Role, UserId};

/// How often the first admins are recorded again if somebody granted roles meanwhile.
const TRIES: usize = 5;

/// The result for each person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminOutcome {
    /// They are now an admin of all pipelines.
    Added,
    /// They already were one.
    Existing,
    /// `sluice.toml` pins them already.
    Pinned,
}

/// Makes people admins of all pipelines, with an audit record for each new one. Safe to repeat: for an
/// existing admin nothing is written.
pub async fn admins(
    store: &dyn Store,
    keys: &Keys,
    pinned: &PinnedRoles,
    (people, login): (&[UserId], &str),
    at: Timestamp,
) -> Result<Vec<(UserId, AdminOutcome)>, StoreError> {
    for _ in 0..TRIES {
        let mut grants = Grants::of(store.get(&keys.grants()).await?.as_ref())?;
        let (mut named, mut writes) = (vec![], vec![]);
        for user in people {
            let person = Member::User(user.clone());
            let outcome = match (pinned.admins.contains(&person), grants.get(&person, Role::Admins)) {
                (true, _) => AdminOutcome::Pinned,
                (false, Some(_)) => AdminOutcome::Existing,
                (false, None) => AdminOutcome::Added,
            };
            if outcome == AdminOutcome::Added {
                let by = Actor::at_init(user.clone(), login);
                writes.push(audit(&record(&by, at)?, keys)?);
                grants.list.push(Grant { person, role: Role::Admins, by, at });
            }
            named.push((user.clone(), outcome));
        }
        if writes.is_empty() {
            return Ok(named);
        }
        writes.insert(0, grants.put(keys.grants())?);
        match store.transact(&format!("init-{}", Ulid::new()), writes).await {
            Ok(()) => return Ok(named),
            Err(StoreError::Lost(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Unknown("the roles changed at the same time".into()))
}

fn record(by: &Actor, at: Timestamp) -> Result<AuditRecord, StoreError> {
    let operation = OperationId::new(Ulid::new().to_string());
    Ok(AuditRecord {
        at,
        act: Act::Succeeded,
        actor: by.clone(),
        channel: None,
        pipeline: None,
        operation: operation.map_err(|error| StoreError::Corrupt(error.to_string()))?,
        kind: RoleChange::GRANT.to_owned(),
        command: format!("sluice init --admin {}", by.id),
        rule: "init at a terminal".to_owned(),
        outcome: "succeeded".to_owned(),
        about: Default::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::from_item;
    use crate::testing::{MemoryStore, target};

    #[tokio::test]
    async fn the_first_admins_are_recorded_once_by_the_person_who_ran_init() {
        let (store, keys) = (MemoryStore::new(), Keys::new(&target()));
        let users = ["U1", "U2", "U3"].map(|id| id.parse::<UserId>().unwrap());
        let pinned = PinnedRoles { admins: [users[2].clone().into()].into(), ..PinnedRoles::default() };
        let name = async |people: &[UserId]| {
            let named =
                admins(&store, &keys, &pinned, (people, "root"), Timestamp::UNIX_EPOCH).await.unwrap();
            named.into_iter().map(|(_, named)| named).collect::<Vec<_>>()
        };
        assert_eq!(name(&users[..1]).await, [AdminOutcome::Added]);
        assert_eq!(name(&users[..1]).await, [AdminOutcome::Existing]);
        assert_eq!(name(&users).await, [AdminOutcome::Existing, AdminOutcome::Added, AdminOutcome::Pinned]);
        assert_eq!(
            name(&[users[1].clone(), users[1].clone()]).await,
            [AdminOutcome::Existing, AdminOutcome::Existing]
        );
        let grants = Grants::of(store.item(&keys.grants()).as_ref()).unwrap();
        let who: Vec<_> = grants.list.iter().map(|grant| grant.person.to_string()).collect();
        assert_eq!(who, ["U1", "U2"]);
        let partition = keys.installation_audit_partition();
        let records: Vec<AuditRecord> = store
            .audit()
            .iter()
            .filter(|item| item.key.partition == partition)
            .map(|item| from_item(item).unwrap())
            .collect();
        assert_eq!(records.len(), 2, "each once");
        let commands: std::collections::BTreeSet<_> =
            records.iter().map(|record| record.command.as_str()).collect();
        assert_eq!(commands, ["sluice init --admin U1", "sluice init --admin U2"].into());
        assert_eq!(records[0].actor.attribution().flat(), "sluice init by root at a terminal");
    }
}
