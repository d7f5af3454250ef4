//! The writer thread. It applies all waiting writes in one SQLite transaction and replies after the commit. New writes
//! gather while it waits for the disk; this batching makes many durable writes a second possible.
//!
//! It reports a success only after the write is on the disk, and a lost race only after the write that won it is
//! committed. It rolls a failed caller back to a savepoint, without an effect on other callers.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use sluice_commands::ports::{Clock, StoreError};
use tokio::sync::oneshot;

use super::errors::{classify, classify_commit};
use super::request::{Prepared, Token};
use super::write;

/// How many callers can share one commit.
const MAX_BATCH: usize = 256;
/// How often expired rows are removed: with a write, by the store's clock, or after this time without writes.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(60);
/// How many rows of each kind one commit removes, so callers do not wait for the cleanup.
const CLEANUP_LIMIT: u32 = 500;

type Answer = Result<(), StoreError>;

/// The writes of one caller, and the channel for the reply.
pub(super) struct Job {
    pub(super) writes: Vec<Prepared>,
    pub(super) token: Option<Token>,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// Runs the writer thread until all senders are gone.
pub(super) fn run(connection: &Connection, jobs: &Receiver<Job>, clock: &Arc<dyn Clock>) {
    let mut cleanup_at = 0;
    loop {
        let first = match jobs.recv_timeout(CLEANUP_INTERVAL) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let batch: Vec<Job> = first.into_iter().chain(jobs.try_iter()).take(MAX_BATCH).collect();
        let now = clock.now().as_second();
        let cleans_up = now >= cleanup_at;
        let answers = commit(connection, &batch, now, cleans_up);
        if cleans_up {
            // If more rows are left, the next write removes them.
            cleanup_at =
                if answers.left { 0 } else { now.saturating_add(CLEANUP_INTERVAL.as_secs().cast_signed()) };
        }
        for (job, answer) in batch.into_iter().zip(answers.answers) {
            // The caller may have stopped waiting; its writes are committed all the same.
            let _ = job.reply.send(answer);
        }
    }
}

struct Answers {
    answers: Vec<Answer>,
    left: bool,
}

fn commit(connection: &Connection, batch: &[Job], now: i64, cleans_up: bool) -> Answers {
    let all = |error: StoreError| Answers { answers: vec![Err(error); batch.len()], left: cleans_up };
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        return all(classify("begin", &error));
    }
    let mut answers = Vec::with_capacity(batch.len());
    for job in batch {
        answers.push(within_savepoint(connection, job, now));
        // Some errors, such as a full disk, roll back the whole transaction and not only the statement.
        if connection.is_autocommit() {
            let why = "another write of the same commit failed; nothing was written";
            return all(answers.pop().and_then(Result::err).unwrap_or(StoreError::Again(why.into())));
        }
    }
    let left = cleans_up
        && write::remove_expired(connection, now, CLEANUP_LIMIT).unwrap_or_else(|error| {
            tracing::warn!(target: "sluice::state", %error, "removal of expired rows failed");
            false
        });
    match connection.execute_batch("COMMIT") {
        Ok(()) => Answers { answers, left },
        Err(error) => {
            tracing::error!(target: "sluice::state", %error, "commit failed");
            let _ = connection.execute_batch("ROLLBACK");
            all(classify_commit(&error))
        }
    }
}

fn within_savepoint(connection: &Connection, job: &Job, now: i64) -> Answer {
    let failed = |error| classify("savepoint", &error);
    connection.execute_batch("SAVEPOINT job").map_err(failed)?;
    let answer = write::apply(connection, &job.writes, job.token.as_ref(), now);
    let end = match answer {
        Ok(()) => "RELEASE job",
        Err(_) => "ROLLBACK TO job; RELEASE job",
    };
    match connection.execute_batch(end) {
        Ok(()) => answer,
        // The caller's own error tells more than the failed rollback.
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

    /// A full disk may roll back the whole transaction and not one statement: then no caller gets a success.
    #[test]
    fn a_full_disk_fails_a_write_and_every_answer_matches_the_file() {
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
        assert!(connection.is_autocommit(), "the next commit can begin");
        let Answers { answers, .. } = commit(&connection, &[job("d", 100).0], 0, false);
        assert_eq!(answers, [Ok(())]);
    }

    #[test]
    fn a_long_write_of_another_process_makes_callers_retry() {
        let (folder, connection) = state();
        connection.busy_timeout(Duration::from_millis(1)).expect("a short timeout");
        let other = file::connect(&folder.path().join("state.db"), OpenFlags::SQLITE_OPEN_READ_WRITE);
        let other = other.expect("opens");
        other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
        let batch = [job("a", 1).0, job("b", 1).0];
        let Answers { answers, .. } = commit(&connection, &batch, 0, false);
        assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Again(_)))), "{answers:?}");
        other.execute_batch("ROLLBACK").expect("the lock is released");
        assert_eq!(commit(&connection, &batch, 0, false).answers, [Ok(()), Ok(())]);
    }
}
