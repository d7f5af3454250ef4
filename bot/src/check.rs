//! `sluice check`: what is missing before `serve` can do its work, each with what to do about it.

use std::collections::BTreeSet;

use crate::backend::{Backend, Finding};
use crate::exit::Exit;
use crate::manifest;
use crate::slack::{Slack, Trouble, WebApi};

/// Looks at everything and prints a line for each.
pub(crate) async fn check(slack: &Slack, backend: &dyn Backend) -> Exit {
    let (mut findings, cloud) = futures::future::join(look_at_slack(slack), backend.examine()).await;
    findings.extend(cloud);
    crate::say(&page(&findings));
    if findings.iter().all(|finding| finding.outcome.is_ok()) { Exit::Done } else { Exit::Failed }
}

/// The list as it is printed.
fn page(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or_default();
    let line = |finding: &Finding| match &finding.outcome {
        Ok(words) => format!("✓ {:width$}  {words}\n", finding.name),
        Err(words) => format!("✗ {:width$}  {words}\n", finding.name),
    };
    let missing = findings.iter().filter(|finding| finding.outcome.is_err()).count();
    let verdict = match missing {
        0 => "Everything is there: run `sluice serve`.\n".to_owned(),
        1 => "One thing is missing.\n".to_owned(),
        more => format!("{more} things are missing.\n"),
    };
    findings.iter().map(line).chain([verdict]).collect()
}

async fn look_at_slack(slack: &Slack) -> Vec<Finding> {
    let token = match crate::serve::whoami(slack as &dyn WebApi).await {
        Ok(team) => Ok(format!("is good for the workspace {team}")),
        Err(obstacle) => Err(obstacle.words().to_owned()),
    };
    let mut findings = vec![Finding { name: "Slack token", outcome: token }];
    if findings.iter().all(|finding| finding.outcome.is_ok()) {
        findings.push(Finding { name: "Slack scopes", outcome: judge_scopes(slack.granted_scopes().await) });
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
            Finding { name: "Slack token", outcome: Ok("is good".into()) },
            Finding { name: "table", outcome: Err("missing: run `sluice init`".into()) },
        ];
        assert_eq!(
            page(&findings),
            "✓ Slack token  is good\n✗ table        missing: run `sluice init`\nOne thing is missing.\n"
        );
    }
}
