//! The one writer: a thread that carries out whatever waits for it in one SQLite transaction, and answers after the
//! commit. While it waits for the disk, the next ones gather: that is what makes many writes a second durable.
//!
//! What it guarantees: nobody hears of a success before it is on the disk, nor of a lost race that another's uncommitted
//! write decided. A transaction that fails is rolled back to its savepoint and spoils no other.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use sluice_commands::ports::{Clock, StoreError};
use tokio::sync::oneshot;

use super::errors::{classify, classify_commit};
use super::request::{Prepared, Token};
use super::write;

/// So many callers share one commit at the most.
const MAX_BATCH: usize = 256;
/// Expired rows are removed at most this often, by the store's own clock and beside a write, or when nothing is asked for
/// so long.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// So many are removed in one commit, so that nobody waits for it.
const TIDY_MOST: u32 = 500;

type Answer = Result<(), StoreError>;

/// What one caller wants, and where to answer.
pub(super) struct Job {
    pub(super) writes: Vec<Prepared>,
    pub(super) token: Option<Token>,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// The thread's work, until nobody can ask any more.
pub(super) fn run(connection: &Connection, jobs: &Receiver<Job>, clock: &Arc<dyn Clock>) {
    let mut tidy_at = 0;
    loop {
        let first = match jobs.recv_timeout(TIDY_EVERY) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let batch: Vec<Job> = first.into_iter().chain(jobs.try_iter()).take(MAX_BATCH).collect();
        let now = clock.now().as_second();
        let tidies = now >= tidy_at;
        let answers = commit(connection, &batch, now, tidies);
        if tidies {
            // More is left: along with the next write. Else not for a while.
            tidy_at = if answers.left { 0 } else { now.saturating_add(TIDY_EVERY.as_secs().cast_signed()) };
        }
        for (job, answer) in batch.into_iter().zip(answers.answers) {
            // The caller may have gone: what was written stays written.
            let _ = job.reply.send(answer);
        }
    }
}

struct Answers {
    answers: Vec<Answer>,
    left: bool,
}

fn commit(connection: &Connection, batch: &[Job], now: i64, tidies: bool) -> Answers {
    let all = |error: StoreError| Answers { answers: vec![Err(error); batch.len()], left: tidies };
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        return all(classify("begin", &error));
    }
    let mut answers = Vec::with_capacity(batch.len());
    for job in batch {
        answers.push(within_savepoint(connection, job, now));
        // A full disk, for one, takes the whole transaction with it, and not the statement alone.
        if connection.is_autocommit() {
            let why = "another write of the same commit failed, and nothing was written";
            return all(answers.pop().and_then(Result::err).unwrap_or(StoreError::Again(why.into())));
        }
    }
    let left = tidies
        && write::tidy(connection, now, TIDY_MOST).unwrap_or_else(|error| {
            tracing::warn!(target: "sluice::state", %error, "expired rows could not be removed");
            false
        });
    match connection.execute_batch("COMMIT") {
        Ok(()) => Answers { answers, left },
        Err(error) => {
            tracing::error!(target: "sluice::state", %error, "a commit failed");
            let _ = connection.execute_batch("ROLLBACK");
            all(classify_commit(&error))
        }
    }
}

fn within_savepoint(connection: &Connection, job: &Job, now: i64) -> Answer {
    let failed = |error| classify("savepoint", &error);
    connection.execute_batch("SAVEPOINT job").map_err(failed)?;
    let answer = write::carry_out(connection, &job.writes, job.token.as_ref(), now);
    let end = match answer {
        Ok(()) => "RELEASE job",
        Err(_) => "ROLLBACK TO job; RELEASE job",
    };
    match connection.execute_batch(end) {
        Ok(()) => answer,
        // Its own error says more than that nothing is left to roll back to.
        Err(error) => answer.and(Err(failed(error))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluice_commands::ports::{Guards, Item, Key, Precondition, Write};

    use super::super::request::prepare;
    use super::super::{OpenFlags, file};
    use super::*;

    fn job(sort: &str, bytes: usize) -> (Job, oneshot::Receiver<Answer>) {
        let item = Item {
            key: Key { partition: "p".into(), sort: sort.into() },
            schema: 1,
            guards: Guards::new(),
            body: json!("x".repeat(bytes)),
            due: None,
            expires: None,
        };
        let (reply, answer) = oneshot::channel();
        let writes = prepare(vec![Write::Put { item, when: Precondition::Any }]).expect("fits");
        (Job { writes, token: None, reply }, answer)
    }

    fn state() -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.db");
        file::create(&path).expect("an empty state");
        let connection = file::connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("opens");
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).expect("a log");
        (folder, connection)
    }

    fn number(connection: &Connection, sql: &str) -> i64 {
        connection.query_row(sql, [], |row| row.get(0)).expect("a number")
    }

    #[test]
    fn a_commit_waits_for_the_disk() {
        let (_folder, connection) = state();
        assert_eq!(number(&connection, "PRAGMA synchronous"), 2, "FULL");
        let mode: String =
            connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("the mode");
        assert_eq!(mode, "wal");
    }

    /// A disk that is full may take back the whole transaction and not one statement: nobody may be told of a success.
    #[test]
    fn what_does_not_fit_on_the_disk_is_told_and_the_rest_is_as_it_is_told() {
        let (_folder, connection) = state();
        let pages = number(&connection, "PRAGMA page_count");
        connection.execute_batch(&format!("PRAGMA max_page_count = {}", pages + 4)).expect("a small disk");
        let batch: Vec<Job> = [("a", 100), ("b", 300_000), ("c", 100)].map(|(n, size)| job(n, size).0).into();
        let Answers { answers, .. } = commit(&connection, &batch, 0, false);
        assert!(matches!(answers[1], Err(StoreError::Again(_))), "{answers:?}");
        for (answer, sort) in answers.iter().zip(["a", "b", "c"]) {
            let there = number(&connection, &format!("SELECT count(*) FROM items WHERE sk = '{sort}'")) == 1;
            assert_eq!(answer.is_ok(), there, "{sort}: {answers:?}");
        }
        assert!(connection.is_autocommit(), "and the next commit can begin");
        let Answers { answers, .. } = commit(&connection, &[job("d", 100).0], 0, false);
        assert_eq!(answers, [Ok(())]);
    }

    #[test]
    fn another_process_that_writes_too_long_makes_everybody_come_again() {
        let (folder, connection) = state();
        connection.busy_timeout(Duration::from_millis(1)).expect("a short patience");
        let other = file::connect(&folder.path().join("state.db"), OpenFlags::SQLITE_OPEN_READ_WRITE);
        let other = other.expect("opens");
        other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
        let batch = [job("a", 1).0, job("b", 1).0];
        let Answers { answers, .. } = commit(&connection, &batch, 0, false);
        assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Again(_)))), "{answers:?}");
        other.execute_batch("ROLLBACK").expect("given back");
        assert_eq!(commit(&connection, &batch, 0, false).answers, [Ok(()), Ok(())]);
    }
}
