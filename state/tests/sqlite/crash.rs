//! A process killed between commit and answer.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use sluice_commands::ports::{DueChange, Item, Precondition, Store, Write};
use sluice_state::SqliteStore;

use crate::{Fixture, clock, count, item, key, number, put};

/// The environment variable with the path of the state file for the child process of the test below.
const STATE_PATH: &str = "SLUICE_TEST_CHILD_STATE";

/// The child process that the test below kills; without its variable it does nothing. It increments a counter in
/// transactions, and prints each acknowledged number.
#[tokio::test]
async fn child() {
    let Some(path) = std::env::var_os(STATE_PATH) else { return };
    let store = SqliteStore::open(Path::new(&path), clock(), None).await.expect("the state opens");
    for n in count(&store, "counter").await.expect("the counter").. {
        store.transact(&format!("step/{n}"), step(n)).await.expect("a step");
        println!("acknowledged {}", n + 1);
    }
}

fn step(n: u64) -> Vec<Write> {
    let count = Write::Update {
        key: key("counter"),
        set: number("count", n + 1),
        due: DueChange::Keep,
        when: Precondition::Equals(number("count", n)),
    };
    vec![count, put(item(&format!("row/{n:06}")))]
}

/// After `kill -9` during writes, the file has every acknowledged step and no partial step. The step without an answer
/// can be repeated with its token, and then is done once, whether it was committed before or not.
#[tokio::test]
async fn a_step_of_a_killed_process_is_done_once_with_its_token() {
    let fixture = Fixture::with_state().await;
    let start = Item { guards: number("count", 0), ..item("counter") };
    fixture.store().await.write(put(start)).await.expect("the counter");
    for round in 1..=6 {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "crash::child", "--nocapture"])
            .env(STATE_PATH, &fixture.path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child");
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let number =
            |line: &str| line.trim().strip_prefix("acknowledged ").and_then(|n| n.parse::<u64>().ok());
        let (mut line, mut acknowledged, mut steps) = (String::new(), 0, 0);
        while steps < round * 7 {
            line.clear();
            assert!(lines.read_line(&mut line).expect("a line") > 0, "the child is still running");
            if let Some(n) = number(&line) {
                acknowledged = n;
                steps += 1;
            }
        }
        child.kill().expect("a kill");
        child.wait().expect("its end");
        line.clear();
        lines.read_to_string(&mut line).expect("the rest");
        acknowledged = line.lines().filter_map(number).next_back().unwrap_or(acknowledged);

        let store = fixture.store().await;
        let counted = count(&store, "counter").await.expect("the counter");
        assert!(counted == acknowledged || counted == acknowledged + 1, "{counted} of {acknowledged}");
        let row = |n: u64| key(&format!("row/{n:06}"));
        let last = [counted - 1, counted].map(row);
        assert_eq!(store.get_many(&last).await.map(|rows| rows.len()), Ok(1), "no partial step");
        // The step without an answer.
        let unknown = acknowledged;
        assert_eq!(store.transact(&format!("step/{unknown}"), step(unknown)).await, Ok(()));
        assert_eq!(store.transact(&format!("step/{unknown}"), step(unknown)).await, Ok(()));
        assert_eq!(count(&store, "counter").await, Some(acknowledged + 1), "once");
    }
}
