//! What is shown of an execution: the states on the way, and the events of one that fails.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Why a resource fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub logical_id: String,
    pub resource_type: String,
    /// `CREATE` or `UPDATE`.
    pub verb: &'static str,
    pub reason: String,
}

/// An execution of a change set.
#[derive(Debug, Clone)]
pub struct Execution {
    pub stack: String,
    pub change_set: String,
    pub token: Option<String>,
    pub role: Option<String>,
    pub creates: bool,
    pub deletes_on_failure: bool,
}

/// The shown course of an execution.
#[derive(Debug, Clone)]
pub struct Shown {
    pub executed: String,
    pub token: Option<String>,
    stack: String,
    role: Option<String>,
    fails: bool,
    deletes: bool,
    /// Each with the time until which it is shown.
    phases: Vec<(Instant, &'static str, String)>,
    /// Shown after the phases; `None` for what the local AWS says.
    ends: Option<&'static str>,
    /// Elements for the list of events, each with the time from which it is shown.
    events: Vec<(Instant, String)>,
}

impl Shown {
    /// Each phase takes a time from `takes`: the work, a rollback the same, and the clean-up.
    pub fn new(
        execution: Execution,
        failure: Option<Failure>,
        takes: Duration,
        (now, time): (Instant, Timestamp),
    ) -> Self {
        let (creates, done) = (execution.creates, now + takes);
        let (undone, cleaned) = (done + takes, done + takes + takes);
        let started = if creates { "CREATE_IN_PROGRESS" } else { "UPDATE_IN_PROGRESS" };
        let initiated = || "User Initiated".to_owned();
        let (phases, ends) = match (&failure, creates) {
            (None, true) => (vec![(done, started, initiated())], None),
            (None, false) => (
                vec![
                    (done, started, initiated()),
                    (undone, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", String::new()),
                ],
                None,
            ),
            (Some(failure), true) => (
                vec![(done, started, initiated()), (undone, "ROLLBACK_IN_PROGRESS", failed(failure))],
                Some("ROLLBACK_COMPLETE"),
            ),
            (Some(failure), false) => (
                vec![
                    (done, started, initiated()),
                    (undone, "UPDATE_ROLLBACK_IN_PROGRESS", failed(failure)),
                    (cleaned, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", String::new()),
                ],
                Some("UPDATE_ROLLBACK_COMPLETE"),
            ),
        };
        let mut shown = Self {
            executed: execution.change_set,
            token: execution.token,
            role: execution.role,
            fails: failure.is_some(),
            deletes: failure.is_some() && creates && execution.deletes_on_failure,
            stack: execution.stack,
            phases,
            ends,
            events: vec![],
        };
        if let Some(failure) = failure {
            shown.add_events(&failure, started, (now, time), (takes, ends.unwrap_or_default()));
        }
        shown
    }

    fn add_events(
        &mut self,
        failure: &Failure,
        started: &'static str,
        (now, time): (Instant, Timestamp),
        (takes, ends): (Duration, &'static str),
    ) {
        let name = self.stack.split('/').nth(1).unwrap_or_default().to_owned();
        let of_stack = (name.clone(), self.stack.clone(), "AWS::CloudFormation::Stack".to_owned());
        let of_resource = (failure.logical_id.clone(), String::new(), failure.resource_type.clone());
        let verb = failure.verb;
        let rollback =
            if started.starts_with('C') { "ROLLBACK_IN_PROGRESS" } else { "UPDATE_ROLLBACK_IN_PROGRESS" };
        let all = [
            (0, &of_stack, started.to_owned(), "User Initiated".to_owned()),
            (0, &of_resource, format!("{verb}_IN_PROGRESS"), String::new()),
            (1, &of_resource, format!("{verb}_FAILED"), failure.reason.clone()),
            (1, &of_stack, rollback.to_owned(), failed(failure)),
            (2, &of_stack, ends.to_owned(), String::new()),
        ];
        for (nth, (after, (logical, physical, kind), status, reason)) in all.into_iter().enumerate() {
            let at = takes * after;
            let when = time.checked_add(at).unwrap_or(time);
            let token = self.token.as_deref().unwrap_or_default();
            let element = format!(
                "<member><StackId>{}</StackId><StackName>{name}</StackName><EventId>{}-{nth}</EventId>\
                 <LogicalResourceId>{logical}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId>\
                 <ResourceType>{kind}</ResourceType><ResourceStatus>{status}</ResourceStatus>\
                 <ResourceStatusReason>{}</ResourceStatusReason><Timestamp>{when}</Timestamp>\
                 <ClientRequestToken>{token}</ClientRequestToken></member>",
                self.stack,
                super::super::answer::uuid(),
                escape(&reason),
            );
            self.events.push((now + at, element));
        }
    }

    /// The status and its reason, if they differ from what the local AWS says.
    pub fn status(&self, now: Instant) -> Option<(&'static str, &str)> {
        let phase = self.phases.iter().find(|(until, ..)| now < *until);
        let phase = phase.map(|(_, status, reason)| (*status, reason.as_str()));
        phase.or(self.ends.map(|status| (status, "")))
    }

    /// Another operation of the stack follows: from now on, the local AWS knows its states and events.
    pub fn end(&mut self) {
        (self.phases, self.ends, self.events, self.deletes) = (vec![], None, vec![], false);
    }

    pub fn execution_status(&self, now: Instant) -> &'static str {
        match self.phases.first() {
            Some((until, ..)) if now < *until => "EXECUTE_IN_PROGRESS",
            _ if self.fails => "EXECUTE_FAILED",
            _ => "EXECUTE_COMPLETE",
        }
    }

    /// Whether the stack of a failed creation is to be deleted now.
    pub fn deletes(&self, now: Instant) -> bool {
        self.deletes && self.phases.iter().all(|(until, ..)| now >= *until)
    }

    /// Sets the status in an answer of `DescribeStacks`, and what the local AWS leaves out.
    pub fn in_stacks(&self, text: &str, now: Instant) -> String {
        let id = format!("<StackId>{}</StackId>", self.stack);
        let Some((before, after)) = text.split_once(&id) else { return text.to_owned() };
        let role = self.role.as_deref().map(|role| format!("<RoleARN>{role}</RoleARN>")).unwrap_or_default();
        let more = format!("<ChangeSetId>{}</ChangeSetId>{role}", self.executed);
        let end = "</StackStatusReason>";
        match (self.status(now), after.split_once(end)) {
            (Some((status, reason)), Some((_, rest))) => format!(
                "{before}{id}<StackStatus>{status}</StackStatus><StackStatusReason>{}{end}{more}{rest}",
                escape(reason)
            ),
            _ => format!("{before}{id}{more}{after}"),
        }
    }

    /// Adds the events, the newest first, to the first page of `DescribeStackEvents`.
    pub fn in_events(&self, text: &str, now: Instant) -> String {
        let due = self.events.iter().rev().filter(|(from, _)| *from <= now);
        let members: String = due.map(|(_, element)| element.as_str()).collect();
        text.replacen("<StackEvents>", &format!("<StackEvents>{members}"), 1)
    }
}

fn failed(failure: &Failure) -> String {
    let verb = failure.verb.to_lowercase();
    format!("The following resource(s) failed to {verb}: [{}].", failure.logical_id)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "arn:aws:cloudformation:us-east-1:000000000000:stack/s/1";

    fn shown(creates: bool, failure: Option<Failure>) -> (Shown, Instant) {
        let execution = Execution {
            stack: STACK.into(),
            change_set: "c".into(),
            token: Some("t".into()),
            role: Some("r".into()),
            creates,
            deletes_on_failure: true,
        };
        let now = Instant::now();
        (Shown::new(execution, failure, Duration::from_secs(1), (now, Timestamp::UNIX_EPOCH)), now)
    }

    fn course(creates: bool, failure: Option<Failure>) -> Vec<Option<&'static str>> {
        let (shown, now) = shown(creates, failure);
        (0..4).map(|at| shown.status(now + Duration::from_secs(at)).map(|(status, _)| status)).collect()
    }

    fn failure() -> Failure {
        Failure {
            logical_id: "Table".into(),
            resource_type: "AWS::DynamoDB::Table".into(),
            verb: "CREATE",
            reason: "orders already exists".into(),
        }
    }

    #[test]
    fn an_execution_goes_through_awss_states() {
        assert_eq!(course(true, None), [Some("CREATE_IN_PROGRESS"), None, None, None]);
        let cleanup = Some("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
        assert_eq!(course(false, None), [Some("UPDATE_IN_PROGRESS"), cleanup, None, None]);
        let failed = course(true, Some(failure()));
        assert_eq!(failed[1..3], [Some("ROLLBACK_IN_PROGRESS"), Some("ROLLBACK_COMPLETE")]);
        let failed = course(false, Some(failure()));
        assert_eq!(failed[1], Some("UPDATE_ROLLBACK_IN_PROGRESS"));
        assert_eq!(failed[3], Some("UPDATE_ROLLBACK_COMPLETE"));
    }

    #[test]
    fn answers_show_state_role_and_the_events_until_now() {
        let (shown, now) = shown(true, Some(failure()));
        let stacks = format!(
            "<member><StackId>{STACK}</StackId><StackStatus>REVIEW_IN_PROGRESS</StackStatus>\
             <StackStatusReason></StackStatusReason><X></X></member>"
        );
        let text = shown.in_stacks(&stacks, now);
        assert!(
            text.contains("<StackStatus>CREATE_IN_PROGRESS</StackStatus>") && text.contains("<RoleARN>r<"),
            "{text}"
        );
        assert!(!text.contains("REVIEW_IN_PROGRESS") && text.contains("<X></X>"), "{text}");
        let at = |seconds| shown.in_events("<StackEvents></StackEvents>", now + Duration::from_secs(seconds));
        assert!(!at(0).contains("CREATE_FAILED") && at(1).contains("orders already exists"));
        assert!(at(2).starts_with("<StackEvents><member>") && at(2).contains("ROLLBACK_COMPLETE"));
        assert!(!shown.deletes(now) && shown.deletes(now + Duration::from_secs(2)));
        assert_eq!(shown.execution_status(now + Duration::from_secs(2)), "EXECUTE_FAILED");
        let mut shown = shown;
        shown.end();
        assert_eq!(shown.status(now), None);
        assert!(shown.in_stacks(&stacks, now).contains("<RoleARN>r<") && !shown.deletes(now));
    }
}
