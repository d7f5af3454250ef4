//! The permissions boundaries of this installation. They deny access to the resources that the configuration names.

use std::collections::BTreeSet;

use sluice_commands::names;
use sluice_commands::ports::Identity;
use sluice_commands::resources::rights::OwnResources;
use sluice_commands::setup::boundaries::{self, Applied, Boundary, BoundaryState};
use sluice_model::Target;
use sluice_state::DynamoStore;

use super::errors::aws_error;
use crate::config::{BackupLocation, Base, State};
use crate::startup::StartupError;

/// The resources of Sluice itself.
fn own(base: &Base, target: &Target) -> OwnResources {
    let tables = match &base.state {
        State::Table(table) => vec![table.clone(), DynamoStore::audit_table_of(table)],
        State::File(_) => vec![],
    };
    let backups = base.backup.as_ref().and_then(|plan| match &plan.location {
        BackupLocation::Bucket { bucket, .. } => Some(bucket.clone()),
        BackupLocation::Folder(_) => None,
    });
    let mut buckets = vec![names::bucket(target)];
    buckets.extend(backups.filter(|bucket| *bucket != names::bucket(target)));
    OwnResources { tables, queues: base.queue.iter().cloned().collect(), buckets }
}

/// All boundaries as this configuration needs them.
fn wanted(base: &Base, target: &Target) -> Result<[Boundary; 4], StartupError> {
    let wanted = boundaries::wanted(target, &own(base, target), base.boundary.as_deref());
    for boundary in &wanted {
        boundaries::fits(boundary).map_err(StartupError::Permanent)?;
    }
    Ok(wanted)
}

/// For `sluice init`, before it creates anything: fails if a boundary protects another installation.
pub(super) async fn refuse_second_installation(
    identity: &dyn Identity,
    base: &Base,
    target: &Target,
) -> Result<(), StartupError> {
    for boundary in wanted(base, target)? {
        let standing = boundaries::look(identity, target, &boundary).await;
        if let BoundaryState::Protects(tables) = standing.map_err(|error| aws_error(&error))? {
            return Err(protects(&boundary, &tables));
        }
    }
    Ok(())
}

/// Why a boundary is not updated, and what to do.
fn protects(boundary: &Boundary, tables: &BTreeSet<String>) -> StartupError {
    let tables = tables.iter().map(|table| format!("`{table}`")).collect::<Vec<_>>();
    let (what, them) = match &tables[..] {
        [one] => (format!("the table {one}"), "it"),
        _ => (format!("the tables {}", tables.join(" and ")), "them"),
    };
    let Boundary { name, arn, .. } = boundary;
    StartupError::Permanent(format!(
        "{name} denies functions access to {what}, which this configuration does not name. An update would give every \
         function access to {them}. Sluice supports one installation per account and region. If another installation \
         still uses {what}, remove that installation first, or set this one up in another account or region. If \
         nothing uses {them} any more, delete the policy {arn}, or use your own boundary (`--boundary FILE`) with a \
         statement that denies \"*\" on {them}. Then run `sluice init` again"
    ))
}

/// For `sluice init`: creates or updates all, with a line for each.
pub(super) async fn update(
    identity: &dyn Identity,
    base: &Base,
    target: &Target,
) -> Result<Vec<String>, StartupError> {
    let mut done = vec![];
    for boundary in wanted(base, target)? {
        let applied = boundaries::apply(identity, target, &boundary).await;
        done.push(match applied.map_err(|error| aws_error(&error))? {
            Applied::Created => format!("created the permissions boundary {}", boundary.arn),
            Applied::Updated => format!("updated the permissions boundary {}", boundary.arn),
            Applied::Unchanged => format!("the permissions boundary {} is up to date", boundary.arn),
            Applied::Refused(tables) => return Err(protects(&boundary, &tables)),
        });
    }
    Ok(done)
}

/// For `sluice check`: whether all exist and are up to date.
pub(super) async fn check(
    identity: &dyn Identity,
    base: &Base,
    target: &Target,
) -> Result<String, StartupError> {
    let wanted = wanted(base, target)?;
    for boundary in &wanted {
        let standing = boundaries::look(identity, target, boundary).await;
        let arn = &boundary.arn;
        match standing.map_err(|error| aws_error(&error))? {
            BoundaryState::Current => {}
            BoundaryState::Protects(tables) => return Err(protects(boundary, &tables)),
            BoundaryState::Missing => {
                return Err(StartupError::Permanent(format!("{arn} does not exist: run `sluice init`")));
            }
            BoundaryState::Differs => {
                return Err(StartupError::Permanent(format!(
                    "{arn} is not up to date with this version and configuration: run `sluice init` to update it"
                )));
            }
        }
    }
    Ok(format!("{} are up to date", wanted.map(|boundary| boundary.name).join(", ")))
}
