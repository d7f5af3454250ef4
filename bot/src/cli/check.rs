//! `sluice check`: what is missing before `serve` can work, each with the next step.

use std::collections::BTreeSet;

use super::console::print;
use super::exit::Exit;
use super::setup::{both, slack_client, slack_dialer};
use crate::backend::Backend as _;
use crate::config::{Config, Problem, Sources};
use crate::slack::socket::SlackDialer;
use crate::slack::{SlackError, WebClient, manifest, whoami};
use crate::startup::{CheckResult, CheckStatus, StartupError};
use crate::wiring::Account;

pub(super) async fn run(sources: Sources, ask_account: bool) -> Result<Exit, Vec<Problem>> {
    let (config, account) = both(Config::load(sources), Account::load().await)?;
    let (slack, dialer) = (slack_client(&config)?, slack_dialer(&config)?);
    let backend = account.with_state(&config.base);
    let slack = check_slack(&slack, dialer.as_ref());
    let (slack, aws) = futures::future::join(slack, backend.check()).await;
    let mut parts = vec![(messages::SLACK, slack), (messages::AWS, aws)];
    if ask_account {
        parts.push((messages::ACCOUNT, backend.check_account().await));
    }
    print(&page(&parts));
    Ok(if count(&parts, CheckStatus::Failed) == 0 { Exit::Done } else { Exit::Failed })
}

/// The texts of the command itself. The lines of AWS and the state are in `wiring`.
mod messages {
    use crate::slack::SlackError;

    pub(super) const SLACK: &str = "Slack";
    pub(super) const AWS: &str = "AWS, and what `sluice init` creates";
    pub(super) const ACCOUNT: &str = "The account";

    pub(super) fn warnings(count: usize) -> String {
        match count {
            0 => String::new(),
            1 => "1 warning: the line with `!` says what to do.\n".to_owned(),
            more => format!("{more} warnings: the lines with `!` say what to do.\n"),
        }
    }

    pub(super) fn failures(count: usize) -> String {
        match count {
            0 => "All checks passed: run `sluice serve`.\n".to_owned(),
            1 => "1 check failed: the line with `✗` says what to do.\n".to_owned(),
            more => format!("{more} checks failed: the lines with `✗` say what to do.\n"),
        }
    }

    pub(super) fn token_accepted(team: &str) -> String {
        format!("valid for the workspace {team}")
    }

    pub(super) fn scopes_unknown(error: &SlackError) -> String {
        format!("cannot read the scopes of the token ({error}); try again")
    }

    pub(super) const SOCKET_MODE: &str = "Socket Mode: Slack accepts SLACK_APP_TOKEN";
    pub(super) const OVER_HTTP: &str = "over HTTP; whether Slack reaches this process and signs with SLACK_SIGNING_SECRET shows with the first command";

    pub(super) const SCOPES_NOT_REPORTED: &str = "not reported by this Slack";

    pub(super) fn scopes_missing(scopes: &str) -> String {
        format!("missing: {scopes}; update the app from `sluice manifest` and reinstall it")
    }
}

type Part = (&'static str, Vec<CheckResult>);

/// The columns of a line, unless one word is longer.
const WIDTH: usize = 110;

/// The printed list.
fn page(parts: &[Part]) -> String {
    let all = || parts.iter().flat_map(|(_, results)| results);
    let width = all().map(|result| result.name.len()).max().unwrap_or_default();
    let mut page = String::new();
    for (heading, results) in parts.iter().filter(|(_, results)| !results.is_empty()) {
        page.push_str(&format!("{heading}\n"));
        for CheckResult { name, status, message } in results {
            let sign = match status {
                CheckStatus::Ok => '✓',
                CheckStatus::Warning => '!',
                CheckStatus::Failed => '✗',
            };
            let indent = width + 6;
            let message = wrapped(message, WIDTH - indent).join(&format!("\n{:indent$}", ""));
            page.push_str(&format!("  {sign} {name:width$}  {message}\n"));
        }
        page.push('\n');
    }
    page + &messages::warnings(count(parts, CheckStatus::Warning))
        + &messages::failures(count(parts, CheckStatus::Failed))
}

/// Breaks a text into lines of at most `width` characters.
fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let line = lines
            .last_mut()
            .filter(|line| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => line.extend([" ", word]),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn count(parts: &[Part], mark: CheckStatus) -> usize {
    parts.iter().flat_map(|(_, results)| results).filter(|result| result.status == mark).count()
}

async fn check_slack(slack: &WebClient, dialer: Option<&SlackDialer>) -> Vec<CheckResult> {
    let why = |error: StartupError| error.message().to_owned();
    let check_dialer = async {
        match dialer {
            Some(dialer) => dialer.check().await.map(|()| messages::SOCKET_MODE.to_owned()).map_err(why),
            None => Ok(messages::OVER_HTTP.to_owned()),
        }
    };
    let (team, deliveries) = futures::future::join(whoami(slack), check_dialer).await;
    let token = team.map(|team| messages::token_accepted(team.as_str())).map_err(why);
    let mut results = vec![CheckResult::new("Slack token", token)];
    if results.iter().all(|result| result.status == CheckStatus::Ok) {
        results.push(CheckResult::new("Slack scopes", judge_scopes(slack.granted_scopes().await)));
    }
    results.push(CheckResult::new("Deliveries", deliveries));
    results
}

fn judge_scopes(granted: Result<Option<BTreeSet<String>>, SlackError>) -> Result<String, String> {
    let Some(granted) = granted.map_err(|error| messages::scopes_unknown(&error))? else {
        return Ok(messages::SCOPES_NOT_REPORTED.to_owned());
    };
    let missing: Vec<_> = manifest::scopes().into_iter().filter(|scope| !granted.contains(*scope)).collect();
    if missing.is_empty() {
        Ok(manifest::scopes().into_iter().collect::<Vec<_>>().join(", "))
    } else {
        Err(messages::scopes_missing(&missing.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_scopes_are_named() {
        let granted = |scopes: &[&str]| Ok(Some(scopes.iter().map(|scope| (*scope).to_owned()).collect()));
        let all = ["commands", "chat:write", "usergroups:read", "users:read"];
        assert!(judge_scopes(granted(&[&all[..], &["team:read"]].concat())).is_ok());
        for (nth, scope) in all.iter().enumerate() {
            let message = judge_scopes(granted(&[&all[..nth], &all[nth + 1..]].concat())).unwrap_err();
            assert!(message.starts_with(&format!("missing: {scope};")), "{message}");
        }
        assert!(judge_scopes(Ok(None)).is_ok());
        assert!(judge_scopes(Err(SlackError::Unreachable)).is_err());
    }

    #[test]
    fn the_page_lists_results_and_their_number() {
        let long = format!("is good {}", "very ".repeat(20).trim_end());
        let parts = [
            ("Slack", vec![CheckResult::ok("Slack token", long)]),
            ("Nothing", vec![]),
            ("AWS", vec![CheckResult::failed("Table", "missing: run `sluice init`".into())]),
        ];
        let very = |times: usize| vec!["very"; times].join(" ");
        let wanted = [
            "Slack".to_owned(),
            format!("  ✓ Slack token  is good {}", very(17)),
            format!("                 {}", very(3)),
            String::new(),
            "AWS".to_owned(),
            "  ✗ Table        missing: run `sluice init`".to_owned(),
            String::new(),
            "1 check failed: the line with `✗` says what to do.".to_owned(),
        ];
        assert_eq!(page(&parts).lines().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_warning_is_not_a_failure() {
        let parts = [("AWS", vec![CheckResult::warning("Concurrency", "10: request more".into())])];
        assert_eq!(
            page(&parts),
            "AWS\n  ! Concurrency  10: request more\n\n1 warning: the line with `!` says what to do.\n\
             All checks passed: run `sluice serve`.\n"
        );
        assert_eq!(count(&parts, CheckStatus::Failed), 0);
    }
}
