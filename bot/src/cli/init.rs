//! `sluice init`: creates what is missing in AWS and in the state, and names the first admins.

use super::console::{print, stopped};
use super::exit::Exit;
use super::identity::{login, user};
use super::setup::both;
use crate::backend::Backend as _;
use crate::config::{Base, Problem, Sources};
use crate::wiring::Account;

pub(super) async fn run(sources: Sources, admins: &[String]) -> Result<Exit, Vec<Problem>> {
    let login = login(&sources.env);
    let (mut users, mut problems) = (vec![], vec![]);
    for admin in admins {
        match user("--admin", admin) {
            Ok(user) => users.push(user),
            Err(problem) => problems.push(problem),
        }
    }
    let users = if problems.is_empty() { Ok(users) } else { Err(problems) };
    let (users, (base, account)) = both(users, both(Base::load(sources), Account::load().await))?;
    let backend = account.with_state(&base);
    // Printed line by line: waiting for S3 may take minutes.
    Ok(match backend.init(&users, &login, &|line| print(&format!("{line}\n"))).await {
        Ok(()) => Exit::Done,
        Err(error) => stopped("init", &error),
    })
}
