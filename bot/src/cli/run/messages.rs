//! The output of `sluice run`, besides the answer of the command and the message of its operation.

pub(super) fn unchecked_actor(user: &str) -> String {
    format!("`sluice run` does not call Slack: it has not checked that {user} is an active user.\n")
}

pub(super) const STOPPED_EARLY: &str =
    "Stopped before the command was answered. Run `/pipeline status` to see whether it started.\n";

pub(super) const STATE_UNREACHABLE: &str =
    "The state cannot be reached, or is throttled. Nothing was recorded. Try again in a minute.\n";

pub(super) const RELEASED: &str = "Stopped. The operation is not lost: a replica that serves continues it. To continue it \
                                   here, run the same command again.\n";

pub(super) const DRIVEN_ELSEWHERE: &str =
    "Another replica continues this operation. Follow it in its channel.\n";

pub(super) const TAKEN_OVER: &str =
    "Another replica took this operation over. Run `/pipeline status` to see its state.\n";

pub(super) const SLOW_SHUTDOWN: &str =
    "Some work did not stop in time. A replica that serves continues it after the lease expires.\n";
