//! `sluice check`: what is missing before `serve` can do its work, each with what to do about it.

use std::collections::BTreeSet;

use crate::backend::{Backend, Finding, Mark};
use crate::exit::Exit;
use crate::manifest;
use crate::slack::{Slack, Trouble, WebApi};

/// Looks at everything and prints a line for each.
pub(crate) async fn check(slack: &Slack, backend: &dyn Backend, ask_account: bool) -> Exit {
    let (mut findings, cloud) = futures::future::join(look_at_slack(slack), backend.examine()).await;
    findings.extend(cloud);
    if ask_account {
        findings.extend(backend.examine_account().await);
    }
    crate::say(&page(&findings));
    if count(&findings, Mark::Missing) == 0 { Exit::Done } else { Exit::Failed }
}

/// The list as it is printed.
fn page(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or_default();
    let line = |Finding { name, mark, words }: &Finding| {
        let sign = match mark {
            Mark::Good => '✓',
            Mark::Warning => '!',
            Mark::Missing => '✗',
        };
        format!("{sign} {name:width$}  {words}\n")
    };
    let warnings = match count(findings, Mark::Warning) {
        0 => String::new(),
        1 => "One warning: the line with `!` says what to do before it hurts.\n".to_owned(),
        more => format!("{more} warnings: the lines with `!` say what to do before they hurt.\n"),
    };
    let verdict = match count(findings, Mark::Missing) {
        0 => "Everything is there: run `sluice serve`.\n".to_owned(),
        1 => "One thing is missing.\n".to_owned(),
        more => format!("{more} things are missing.\n"),
    };
    findings.iter().map(line).chain([warnings, verdict]).collect()
}

fn count(findings: &[Finding], mark: Mark) -> usize {
    findings.iter().filter(|finding| finding.mark == mark).count()
}

async fn look_at_slack(slack: &Slack) -> Vec<Finding> {
    let token = match crate::serve::whoami(slack as &dyn WebApi).await {
        Ok(team) => Ok(format!("is good for the workspace {team}")),
        Err(obstacle) => Err(obstacle.words().to_owned()),
    };
    let mut findings = vec![Finding::new("Slack token", token)];
    if count(&findings, Mark::Missing) == 0 {
        findings.push(Finding::new("Slack scopes", judge_scopes(slack.granted_scopes().await)));
    }
    findings
}

fn judge_scopes(granted: Result<Option<BTreeSet<String>>, Trouble>) -> Result<String, String> {
    let Ok(granted) = granted else {
        return Err("Slack did not say which scopes the token has; try again".into());
    };
    let Some(granted) = granted else { return Ok("not told by this Slack".into()) };
    let missing: Vec<_> = manifest::scopes().into_iter().filter(|scope| !granted.contains(*scope)).collect();
    if missing.is_empty() {
        Ok(manifest::scopes().into_iter().collect::<Vec<_>>().join(", "))
    } else {
        Err(format!(
            "missing: {}; update the app from `sluice manifest` and reinstall it",
            missing.join(", ")
        ))
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
            let told = judge_scopes(granted(&[&all[..nth], &all[nth + 1..]].concat())).unwrap_err();
            assert!(told.starts_with(&format!("missing: {scope};")), "{told}");
        }
        assert!(judge_scopes(Ok(None)).is_ok());
        assert!(judge_scopes(Err(Trouble::Unreached)).is_err());
    }

    #[test]
    fn the_page_says_what_to_do() {
        let findings = [
            Finding::good("Slack token", "is good".into()),
            Finding::missing("table", "missing: run `sluice init`".into()),
        ];
        assert_eq!(
            page(&findings),
            "✓ Slack token  is good\n✗ table        missing: run `sluice init`\nOne thing is missing.\n"
        );
    }

    #[test]
    fn a_warning_is_no_failure() {
        let findings = [Finding::warning("Concurrency", "10 at once: have it raised".into())];
        assert_eq!(
            page(&findings),
            "! Concurrency  10 at once: have it raised\nOne warning: the line with `!` says what to do before it hurts.\n\
             Everything is there: run `sluice serve`.\n"
        );
        assert_eq!(count(&findings, Mark::Missing), 0);
    }
}
