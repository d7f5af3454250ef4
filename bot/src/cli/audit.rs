//! `sluice audit export`: writes audit records to standard output.

use std::io;

use sluice_commands::ports::Clock as _;

use super::console::{stopped, warn};
use super::exit::Exit;
use super::setup::both;
use crate::config::{Base, Problem, Sources};
use crate::render::text::one_line;
use crate::system_clock::SystemClock;
use crate::wiring::Account;

pub(super) async fn export(sources: Sources, since: Option<&str>) -> Result<Exit, Vec<Problem>> {
    let since = since.map(|text| {
        let problem = || {
            Problem::new("--since", format!("`{}` is not a time, as in `7d` or `2026-11-01`", one_line(text)))
        };
        sluice_grammar::since(text, SystemClock.now()).ok_or_else(|| vec![problem()])
    });
    let (since, (base, account)) = both(since.transpose(), both(Base::load(sources), Account::load().await))?;
    let mut out = io::BufWriter::new(io::stdout());
    Ok(match account.with_state(&base).export(since, &mut out).await {
        Ok(Ok(())) => Exit::Done,
        // The reader has enough, as `head` has.
        Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Ok(Err(error)) => {
            warn(&format!("sluice audit export cannot write: {}\n", error.kind()));
            Exit::Failed
        }
        Err(error) => stopped("audit export", &error),
    })
}
