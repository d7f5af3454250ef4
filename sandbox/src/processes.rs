//! Child processes that never outlive the world.
//!
//! Each child leads a process group of its own, so that what it starts itself (Lambda workers, the tools of a build)
//! goes with it. Three nets, one below the other: dropping a [`Process`] kills its group; the end of `main` drops them
//! all; and should the sandbox itself be killed, a watcher (a shell that reads our pipe) sees the pipe close and kills
//! the groups that are still on its list.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin as Stdin, ChildStdout, Command};

/// The watcher: reads group ids, `-` before those that are gone, and kills the rest once nobody holds the pipe.
const WATCHER: &str = r#"
trap '' INT TERM HUP
groups=" "
while read -r line; do
  case "$line" in
    -*) gone="${line#-}"; before="${groups%% "$gone" *}"; after="${groups#* "$gone" }"
        [ "$before" = "$groups" ] || groups="$before $after" ;;
    *) groups="$groups$line " ;;
  esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
"#;

/// All the children of this world.
#[derive(Clone)]
pub struct Processes(Arc<Mutex<Family>>);

struct Family {
    groups: BTreeSet<i32>,
    watcher: Option<ChildStdin>,
}

impl Processes {
    /// Starts the watcher.
    pub fn start() -> std::io::Result<Self> {
        use std::os::unix::process::CommandExt;
        let mut watcher = std::process::Command::new("/bin/sh")
            .args(["-c", WATCHER])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let family = Family { groups: BTreeSet::new(), watcher: watcher.stdin.take() };
        Ok(Self(Arc::new(Mutex::new(family))))
    }

    /// Starts a child at the head of its own process group.
    pub fn spawn(&self, command: &mut Command) -> std::io::Result<Process> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            self.tell(group, true);
        }
        Ok(Process { child, group, family: self.clone() })
    }

    fn tell(&self, group: Pid, alive: bool) {
        let mut family = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = group.as_raw_nonzero().get();
        if alive {
            family.groups.insert(number)
        } else {
            family.groups.remove(&number)
        };
        let line = if alive { format!("{number}\n") } else { format!("-{number}\n") };
        if let Some(watcher) = family.watcher.as_mut()
            && watcher.write_all(line.as_bytes()).is_err()
        {
            // Somebody killed the watcher: the other two nets still hold.
            family.watcher = None;
        }
    }
}

/// A child and all that it started. Dropping it kills them.
pub struct Process {
    child: Child,
    group: Option<Pid>,
    family: Processes,
}

impl Process {
    /// Waits for the child itself; what it left running in its group is killed.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.end();
        status
    }

    /// Whether the child has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks the group to end, and kills what has not ended in time.
    pub async fn stop(&mut self, patience: Duration) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::TERM);
        }
        let _ = tokio::time::timeout(patience, self.child.wait()).await;
        self.end();
        let _ = self.child.wait().await;
    }

    /// The pipe to the child, if there is one; once.
    pub fn stdin(&mut self) -> Option<Stdin> {
        self.child.stdin.take()
    }

    /// The pipe from the child, if there is one; once.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// The id of the child, which is the id of its group.
    pub fn id(&self) -> Option<i32> {
        self.group.map(|group| group.as_raw_nonzero().get())
    }

    fn end(&mut self) {
        if let Some(group) = self.group.take() {
            // Fails only if nobody is left in the group, which is what we want.
            let _ = kill_process_group(group, Signal::KILL);
            self.family.tell(group, false);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, BufReader};

    use super::*;

    fn alive(pid: i32) -> bool {
        // A zombie that nobody reaps is dead for our purposes.
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')))
    }

    async fn gone(pid: i32) -> bool {
        for _ in 0..500 {
            if !alive(pid) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }

    #[tokio::test]
    async fn what_a_child_started_goes_with_it() {
        let processes = Processes::start().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 1000 & echo $!; wait"]).stdout(Stdio::piped());
        let mut process = processes.spawn(&mut command).unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout().unwrap()).read_line(&mut line).await.unwrap();
        let grandchild: i32 = line.trim().parse().unwrap();
        assert!(alive(grandchild));
        drop(process);
        assert!(gone(grandchild).await);
    }

    #[tokio::test]
    async fn the_watcher_kills_what_a_killed_sandbox_leaves() {
        let processes = Processes::start().unwrap();
        let spawn = |processes: &Processes| processes.spawn(Command::new("sleep").arg("1000")).unwrap();
        let (mut left, mut ended) = (spawn(&processes), spawn(&processes));
        ended.stop(Duration::from_secs(5)).await;
        let id = left.id().unwrap();
        // As if the process had been killed: nothing is dropped in order, only the pipe closes.
        left.group = None;
        processes.0.lock().unwrap().watcher = None;
        assert!(gone(id).await);
    }
}
