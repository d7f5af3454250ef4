//! One bash for all commands of a build, because exports and changes of directory must last.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};

use super::logs::LogSink;
use crate::processes::{Process, Processes};

/// Reads commands (each ends with a NUL) and runs them in order. After each it prints the mark and the exit status. A
/// command's standard input is empty, because bash reads the next commands from its own.
const DRIVER: &str = r#"exec 4<&0 </dev/null 2>&1
while IFS= read -r -d '' -u 4 SANDBOX_COMMAND; do
  eval "$SANDBOX_COMMAND" 4<&-
  printf '%s %d\n' "$0" "$?"
done"#;

/// A running bash.
pub struct Shell {
    process: Process,
    stdin: ChildStdin,
    output: BufReader<ChildStdout>,
    mark: String,
}

impl Shell {
    /// Starts bash. `prepare` sets its folder and environment.
    pub fn start(processes: &Processes, prepare: impl FnOnce(&mut Command)) -> std::io::Result<Self> {
        let mark = format!("\u{1e}{:032x}", rand::random::<u128>());
        let mut command = Command::new("bash");
        prepare(&mut command);
        command
            .args(["--noprofile", "--norc", "-c", DRIVER, &mark])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = processes.spawn(&mut command)?;
        let (stdin, output) = (process.stdin(), process.stdout());
        let (Some(stdin), Some(output)) = (stdin, output) else {
            return Err(std::io::Error::other("bash has no pipes"));
        };
        Ok(Self { process, stdin, output: BufReader::new(output), mark })
    }

    /// Runs one command; its exit status. Its output goes to the log line by line.
    pub async fn run(&mut self, command: &str, log: &LogSink) -> std::io::Result<i32> {
        let mut input = command.replace('\0', "").into_bytes();
        input.push(0);
        if self.stdin.write_all(&input).await.is_err() {
            return self.ended().await;
        }
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.output.read_until(b'\n', &mut line).await? == 0 {
                return self.ended().await;
            }
            let text = String::from_utf8_lossy(&line);
            match text.split_once(&self.mark) {
                Some((before, status)) => {
                    if !before.is_empty() {
                        log.line(before);
                    }
                    return Ok(status.trim().parse().unwrap_or(1));
                }
                None => log.line(text.trim_end_matches(['\n', '\r'])),
            }
        }
    }

    /// The exit status after a command ended the shell (`exit 3`); never 0.
    async fn ended(&mut self) -> std::io::Result<i32> {
        let status = self.process.wait().await?.code().unwrap_or(1);
        Ok(if status == 0 { 1 } else { status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn commands_share_one_shell() {
        let folder = tempfile::tempdir().unwrap();
        let log = LogSink::to_file(&folder.path().join("log")).unwrap();
        let processes = Processes::start().unwrap();
        let mut shell = Shell::start(&processes, |command| {
            command.current_dir(folder.path());
        })
        .unwrap();
        for (command, status) in [
            ("mkdir sub && cd sub && export A=one", 0),
            ("test \"$A\" = one && test \"$(basename \"$PWD\")\" = sub", 0),
            ("printf 'no newline'; false", 1),
            ("cat", 0),
            ("if true\nthen echo two lines\nfi", 0),
            ("(exit 7)", 7),
            ("exit 3", 3),
            ("echo never", 3),
        ] {
            assert_eq!(shell.run(command, &log).await.unwrap(), status, "{command}");
        }
        log.finish().await;
        let text = std::fs::read_to_string(folder.path().join("log")).unwrap();
        assert_eq!(text, "no newline\ntwo lines\n");
    }
}
