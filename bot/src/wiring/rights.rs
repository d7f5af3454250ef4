//! The permissions boundaries of this installation: what no function may reach is named by its configuration.

use std::collections::BTreeSet;

use sluice_commands::operations::boundaries::{self, Applied, Boundary, Standing};
use sluice_commands::operations::names;
use sluice_commands::operations::rights::OwnResources;
use sluice_commands::ports::Identity;
use sluice_model::Target;
use sluice_state::DynamoStore;

use super::aws_obstacle;
use crate::backend::Obstacle;
use crate::config::{Base, Place, State};

/// What belongs to Sluice itself.
fn own(base: &Base, target: &Target) -> OwnResources {
    let tables = match &base.state {
        State::Table(table) => vec![table.clone(), DynamoStore::audit_table_of(table)],
        State::File(_) => vec![],
    };
    let backups = base.backup.as_ref().and_then(|plan| match &plan.place {
        Place::Bucket { bucket, .. } => Some(bucket.clone()),
        Place::Folder(_) => None,
    });
    let mut buckets = vec![names::bucket(target)];
    buckets.extend(backups.filter(|bucket| *bucket != names::bucket(target)));
    OwnResources { tables, queues: base.queue.iter().cloned().collect(), buckets }
}

/// Both boundaries as this configuration wants them.
fn wanted(base: &Base, target: &Target) -> Result<[Boundary; 2], Obstacle> {
    let wanted = boundaries::wanted(target, &own(base, target), base.boundary.as_deref());
    for boundary in &wanted {
        boundaries::fits(boundary).map_err(Obstacle::Refused)?;
    }
    Ok(wanted)
}

/// `sluice init`, before it makes anything: refuses where a boundary protects another installation.
pub(super) async fn refuse_a_second(
    identity: &dyn Identity,
    base: &Base,
    target: &Target,
) -> Result<(), Obstacle> {
    for boundary in wanted(base, target)? {
        let standing = boundaries::look(identity, target, &boundary).await;
        if let Standing::Protects(tables) = standing.map_err(|error| aws_obstacle(&error))? {
            return Err(protects(&boundary, &tables));
        }
    }
    Ok(())
}

/// Why a boundary is not updated, and how to go on.
fn protects(boundary: &Boundary, tables: &BTreeSet<String>) -> Obstacle {
    let tables = tables.iter().map(|table| format!("`{table}`")).collect::<Vec<_>>();
    let (what, them) = match &tables[..] {
        [one] => (format!("the table {one}"), "it"),
        _ => (format!("the tables {}", tables.join(" and ")), "them"),
    };
    let Boundary { name, arn, .. } = boundary;
    Obstacle::Refused(format!(
        "{name} keeps functions from {what}, which this configuration does not name. An update would open {them} to \
         every function. Sluice supports one installation per account and region. If {what} still \
         serves another installation, remove that one first, or set this one up in another account or region. \
         If nothing uses {them} any more, delete the policy {arn}, or bring a boundary of your own (`--boundary FILE`) \
         with a statement that denies \"*\" on {them}. Then run `sluice init` again"
    ))
}

/// `sluice init`: makes or updates both, and says what it did.
pub(super) async fn bring_up_to_date(
    identity: &dyn Identity,
    base: &Base,
    target: &Target,
) -> Result<Vec<String>, Obstacle> {
    let mut done = vec![];
    for boundary in wanted(base, target)? {
        let applied = boundaries::apply(identity, target, &boundary).await;
        done.push(match applied.map_err(|error| aws_obstacle(&error))? {
            Applied::Made => format!("made the permissions boundary {}", boundary.arn),
            Applied::Updated => format!("updated the permissions boundary {}", boundary.arn),
            Applied::Unchanged => format!("the permissions boundary {} is up to date", boundary.arn),
            Applied::Refused(tables) => return Err(protects(&boundary, &tables)),
        });
    }
    Ok(done)
}

/// `sluice check`: whether both are there and say what they must.
pub(super) async fn examine(
    identity: &dyn Identity,
    base: &Base,
    target: &Target,
) -> Result<String, Obstacle> {
    for boundary in wanted(base, target)? {
        let standing = boundaries::look(identity, target, &boundary).await;
        let arn = &boundary.arn;
        match standing.map_err(|error| aws_obstacle(&error))? {
            Standing::Right => {}
            Standing::Protects(tables) => return Err(protects(&boundary, &tables)),
            Standing::Missing => {
                return Err(Obstacle::Refused(format!("there is no {arn}: run `sluice init`")));
            }
            Standing::Differs => {
                return Err(Obstacle::Refused(format!(
                    "{arn} is not what this version and configuration need: run `sluice init` to update it"
                )));
            }
        }
    }
    Ok(format!("{} and {} are up to date", names::boundary(target), names::build_boundary(target)))
}
