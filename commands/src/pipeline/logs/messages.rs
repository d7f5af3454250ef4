//! What people read about logs of functions.

use jiff::Timestamp;

use crate::names;
use crate::operation::marked;
use crate::pipeline::logs::found::Found;
use crate::records::and;
use crate::rules::redact;
use sluice_model::{Card, Part, PipelineName, Refusal, ReleaseNumber, StageName, Text, Tone};

pub(super) const NO_ANSWER: &str = "AWS did not answer in time";

/// How many functions a line names.
const NAMED: usize = 8;

/// The log groups of a stage in the AWS console. The console reads its own encoding of what follows the `#`.
pub(super) fn all_logs(region: &str, name: &PipelineName, stage: &StageName) -> String {
    let prefix = names::function_log_group(&format!("sluice-{name}-{stage}-")).replace('/', "$252F");
    let page = format!("cloudwatch/home?region={region}#logsV2:log-groups$3FlogGroupNameFilter$3D{prefix}");
    names::console(region, &page)
}

pub(super) fn logs(
    (name, stage, release): (&PipelineName, &StageName, ReleaseNumber),
    found: &Found,
    since: Timestamp,
    link: &str,
) -> Card {
    let title = Text::plain("Logs of ").code(name.as_str()).then(" on ").code(stage.as_str());
    let card = Card::new(Tone::Neutral, title.then(" (").code(release.to_string()).then(")"));
    let lines: Vec<String> = found
        .lines
        .iter()
        .map(|line| format!("{} {}: {}", line.at.strftime("%H:%M:%S"), line.function, line.text))
        .collect();
    let card = match lines.is_empty() {
        true => card.text(Text::plain("Its functions wrote nothing since ").time(since).then(".")),
        false => card.part(Part::Code(redact::tail(&lines))),
    };
    let older = (found.has_older && !lines.is_empty()).then(|| Text::plain("Older lines are not shown."));
    let card = card.lines(older.into_iter().chain(not_shown(found)));
    let card = card.text(Text::default().link(link, "All logs in CloudWatch"));
    let range = Text::plain("Since ").time(since);
    card.foot(range.then(". Times in the log are UTC. Lambda's START and END lines are left out."))
}

/// What is not among the lines, and why.
fn not_shown(Found { silent, unread, more, .. }: &Found) -> Vec<Text> {
    let mut notes = vec![];
    if !silent.is_empty() {
        let some: Vec<&str> = silent.iter().take(NAMED).map(String::as_str).collect();
        notes.push(marked(&format!("No log group yet: {}.", and(&some))));
    }
    let unread =
        unread.iter().map(|(function, why)| marked(&format!("`{function}` could not be read: {why}.")));
    notes.extend(unread);
    if *more > 0 {
        notes.push(Text::plain(format!("{more} more functions were not read.")));
    }
    notes
}

pub(super) fn nothing_runs(name: &PipelineName, stage: Option<&StageName>) -> Refusal {
    let problem = match stage {
        Some(stage) => format!("Stage `{stage}` runs nothing yet, so it has no logs."),
        None => format!("Pipeline `{name}` has no stage."),
    };
    Refusal::new("nothing-runs", problem, format!("See `/pipeline status {name}`."))
}

pub(super) fn too_long_ago(name: &PipelineName, stage: &StageName) -> Refusal {
    Refusal::new(
        "bad-start",
        "Logs are shown for the last 24 hours at most.",
        format!("For example, run `/pipeline logs {name} {stage} since 1h`. CloudWatch has the older ones."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_leads_to_the_log_groups_of_the_stage() {
        let link = all_logs("eu-central-1", &"orders".parse().unwrap(), &"prod".parse().unwrap());
        assert_eq!(
            link,
            "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logsV2:log-groups\
             $3FlogGroupNameFilter$3D$252Faws$252Flambda$252Fsluice-orders-prod-"
        );
    }
}
