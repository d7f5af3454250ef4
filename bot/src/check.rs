//! `sluice check`: what is missing before `serve` can do its work, each with what to do about it.

use std::collections::BTreeSet;

use crate::backend::{Backend, Finding, Mark};
use crate::exit::Exit;
use crate::manifest;
use crate::slack::{Slack, Trouble, WebApi};

/// Looks at everything and prints a line for each.
pub(crate) async fn check(slack: &Slack, backend: &dyn Backend, ask_account: bool) -> Exit {
    let (slack, fake_aws) = futures::future::join(look_at_slack(slack), backend.examine()).await;
    let mut parts = vec![("Slack", slack), ("AWS, and what `sluice init` makes", fake_aws)];
    if ask_account {
        parts.push(("The account", backend.examine_account().await));
    }
    crate::say(&page(&parts));
    if count(&parts, Mark::Missing) == 0 { Exit::Done } else { Exit::Failed }
}

/// Findings under their headings.
type Part = (&'static str, Vec<Finding>);

/// The columns that a line has at most, unless one word is longer.
const WIDTH: usize = 110;

/// The list as it is printed.
fn page(parts: &[Part]) -> String {
    let all = || parts.iter().flat_map(|(_, findings)| findings);
    let width = all().map(|finding| finding.name.len()).max().unwrap_or_default();
    let mut page = String::new();
    for (heading, findings) in parts.iter().filter(|(_, findings)| !findings.is_empty()) {
        page.push_str(&format!("{heading}\n"));
        for Finding { name, mark, words } in findings {
            let sign = match mark {
                Mark::Good => '✓',
                Mark::Warning => '!',
                Mark::Missing => '✗',
            };
            let indent = width + 6;
            let words = wrapped(words, WIDTH - indent).join(&format!("\n{:indent$}", ""));
            page.push_str(&format!("  {sign} {name:width$}  {words}\n"));
        }
        page.push('\n');
    }
    let warnings = match count(parts, Mark::Warning) {
        0 => String::new(),
        1 => "One warning: the line with `!` says what to do.\n".to_owned(),
        more => format!("{more} warnings: the lines with `!` say what to do.\n"),
    };
    let verdict = match count(parts, Mark::Missing) {
        0 => "Everything is there: run `sluice serve`.\n".to_owned(),
        1 => "One thing is missing or wrong: the line with `✗` says what to do.\n".to_owned(),
        more => format!("{more} things are missing or wrong: the lines with `✗` say what to do.\n"),
    };
    page + &warnings + &verdict
}

/// Words in lines of at most that many characters.
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

fn count(parts: &[Part], mark: Mark) -> usize {
    parts.iter().flat_map(|(_, findings)| findings).filter(|finding| finding.mark == mark).count()
}

async fn look_at_slack(slack: &Slack) -> Vec<Finding> {
    let token = match crate::serve::whoami(slack as &dyn WebApi).await {
        Ok(team) => Ok(format!("is good for the workspace {team}")),
        Err(obstacle) => Err(obstacle.words().to_owned()),
    };
    let mut findings = vec![Finding::new("Slack token", token)];
    if findings.iter().all(|finding| finding.mark == Mark::Good) {
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
        let long = format!("is good {}", "very ".repeat(20).trim_end());
        let parts = [
            ("Slack", vec![Finding::good("Slack token", long)]),
            ("Nothing", vec![]),
            ("AWS", vec![Finding::missing("Table", "missing: run `sluice init`".into())]),
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
            "One thing is missing or wrong: the line with `✗` says what to do.".to_owned(),
        ];
        assert_eq!(page(&parts).lines().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_warning_is_no_failure() {
        let parts = [("AWS", vec![Finding::warning("Concurrency", "10 at once: have it raised".into())])];
        assert_eq!(
            page(&parts),
            "AWS\n  ! Concurrency  10 at once: have it raised\n\nOne warning: the line with `!` says what to do.\n\
             Everything is there: run `sluice serve`.\n"
        );
        assert_eq!(count(&parts, Mark::Missing), 0);
    }
}
