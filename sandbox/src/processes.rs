//! Child processes that never outlive the sandbox.
//!
//! Each child leads a process group, so what it starts itself (Lambda workers, the tools of a build) ends with it. Three
//! mechanisms back each other up: dropping a [`Process`] kills its group; the end of `main` drops all processes; and if
//! the sandbox itself is killed, a watcher (a shell that reads a pipe from us) sees the pipe close and kills the groups
//! that are still on its list.

use std::io::Write;
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin as Stdin, ChildStdout, Command};

/// Reads group ids, `-` before those that have ended, and kills the others when the pipe closes.
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

/// Starts children; clones share the watcher.
#[derive(Clone)]
pub struct Processes(Arc<Mutex<Option<ChildStdin>>>);

impl Processes {
    pub fn start() -> std::io::Result<Self> {
        use std::os::unix::process::CommandExt;
        let mut watcher = std::process::Command::new("/bin/sh")
            .args(["-c", WATCHER])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self(Arc::new(Mutex::new(watcher.stdin.take()))))
    }

    /// Starts a child as the leader of a process group.
    pub fn spawn(&self, command: &mut Command) -> std::io::Result<Process> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            self.write(&format!("{}\n", group.as_raw_nonzero()));
        }
        Ok(Process { child, group, processes: self.clone() })
    }

    fn write(&self, line: &str) {
        let mut watcher = self.0.lock();
        // A write fails if the watcher was killed. The other two mechanisms still work.
        if watcher.as_mut().is_some_and(|pipe| pipe.write_all(line.as_bytes()).is_err()) {
            *watcher = None;
        }
    }
}

/// A child and its process group. Dropping it kills both.
pub struct Process {
    child: Child,
    group: Option<Pid>,
    processes: Processes,
}

impl Process {
    /// Waits for the child itself, then kills the rest of its group.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.end();
        status
    }

    /// The status, if the child has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends SIGTERM to the group, and SIGKILL when the child has ended or `timeout` has passed.
    pub async fn stop(&mut self, timeout: Duration) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::TERM);
        }
        let _ = tokio::time::timeout(timeout, self.child.wait()).await;
        self.end();
        let _ = self.child.wait().await;
    }

    /// Takes the pipe to the child, if there is one.
    pub fn stdin(&mut self) -> Option<Stdin> {
        self.child.stdin.take()
    }

    /// Takes the pipe from the child, if there is one.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// The id of the child and of its group.
    pub fn id(&self) -> Option<i32> {
        self.group.map(|group| group.as_raw_nonzero().get())
    }

    fn end(&mut self) {
        if let Some(group) = self.group.take() {
            // Fails only if the group is empty.
            let _ = kill_process_group(group, Signal::KILL);
            self.processes.write(&format!("-{}\n", group.as_raw_nonzero()));
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
        // A zombie counts as ended.
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
    async fn dropping_a_process_kills_its_grandchildren() {
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
    async fn the_watcher_kills_the_groups_of_a_killed_sandbox() {
        let processes = Processes::start().unwrap();
        let spawn = |processes: &Processes| processes.spawn(Command::new("sleep").arg("1000")).unwrap();
        let (mut left, mut ended) = (spawn(&processes), spawn(&processes));
        ended.stop(Duration::from_secs(5)).await;
        let id = left.id().unwrap();
        // As after a SIGKILL of the sandbox: no destructor runs, only the pipe closes.
        left.group = None;
        *processes.0.lock() = None;
        assert!(gone(id).await);
    }
}
