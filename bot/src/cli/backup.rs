//! `sluice backup`: one verified copy of state in SQLite.

use super::console::{print, stopped};
use super::exit::Exit;
use crate::config::{BackupLocation, Base, Problem, Sources, State};
use crate::wiring;

const NOT_SQLITE: &str = "`sluice backup` copies state in SQLite. This state is in DynamoDB, which backs it up by point-in-time \
                          recovery (`sluice init` turned it on): `aws dynamodb restore-table-to-point-in-time`";
const NO_LOCATION: &str = "is required, or give a place: `sluice backup /var/backups/sluice`";

pub(super) async fn run(sources: Sources, to: Option<String>) -> Result<Exit, Vec<Problem>> {
    let base = Base::load(sources)?;
    let State::File(path) = &base.state else { return Err(vec![Problem::new("SLUICE_STATE", NOT_SQLITE)]) };
    let location = match (to, base.backup) {
        (Some(to), _) => BackupLocation::parse(&to).map_err(|what| vec![Problem::new("PLACE", what)])?,
        (None, Some(plan)) => plan.location,
        (None, None) => return Err(vec![Problem::new("SLUICE_BACKUP", NO_LOCATION)]),
    };
    Ok(match wiring::back_up(path, &location).await? {
        Ok(backup) => {
            print(&format!("backup: {backup}\n"));
            Exit::Done
        }
        Err(error) => stopped("backup", &error),
    })
}
