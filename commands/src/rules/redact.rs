//! Redacts what looks like a secret in logs of builds and functions, before a log reaches a channel (which may be shared with another company)
//! or the journal (which is permanent).
//!
//! The patterns are those that the services publish for their tokens, and `NAME=VALUE` if the name suggests a secret. They
//! cannot find every secret: builds should not print any.

use std::sync::LazyLock;

use regex_lite::Regex;

/// What a log shows in place of a secret.
const COVERED: &str = "[redacted]";
/// The longest line shown, in characters.
pub const LINE_LIMIT: usize = 500;
/// The longest tail shown, in characters.
pub const TAIL_LIMIT: usize = 3_000;

/// Each with its replacement. The text before a secret stays, to keep the line readable.
const PATTERNS: [(&str, &str); 10] = [
    // AWS access keys, temporary ones too.
    (r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b", COVERED),
    // JSON web tokens.
    (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", COVERED),
    // GitHub, GitLab, Slack, npm, PyPI, Google, Stripe.
    (
        r"\b(?:gh[opusr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}|AIza[A-Za-z0-9_-]{30,}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,})",
        COVERED,
    ),
    (r"(hooks\.slack\.com/services/)[A-Za-z0-9/]+", "${1}[redacted]"),
    // A password in an address: postgres://user:password@host.
    (r"([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]*:)[^\s@/]+@", "${1}[redacted]@"),
    (r"(?i)(\bX-Amz-(?:Signature|Security-Token|Credential)=)[^&\s]+", "${1}[redacted]"),
    (r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{12,}", "${1}[redacted]"),
    // The key of an artifact: see docs/ARCHITECTURE.md.
    (r"(/builds/[0-9]+)-[0-9a-f]{40}", "${1}-[redacted]"),
    // --password value
    (r"(?i)(\s--?[a-z-]*(?:password|passwd|secret|token|api-?key)[a-z-]*\s+)[^\s-]\S*", "${1}[redacted]"),
    // aws_secret_access_key = value, "password": "value", DB_PASSWORD=value, secret => value; JSON within JSON, too.
    (
        r#"(?i)([a-z0-9_.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[a-z0-9_.-]*\\*["']?\s*(?:=>|[:=])\s*)(?:\\*"[^"]*"|'[^']*'|[^\s,;&"']+)"#,
        "${1}[redacted]",
    ),
];

static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    // The test below fails if a pattern does not compile.
    PATTERNS.iter().filter_map(|(pattern, instead)| Some((Regex::new(pattern).ok()?, *instead))).collect()
});

/// The line with its secrets redacted, cut to `LINE_LIMIT`.
pub fn line(text: &str) -> String {
    // A line may have a megabyte. Text far after the cut is skipped, but enough is kept to match a whole secret.
    let text: String = text.trim_end().chars().take(8 * LINE_LIMIT).collect();
    let covered =
        RULES.iter().fold(text, |text, (rule, instead)| rule.replace_all(&text, *instead).into_owned());
    cut(&covered, LINE_LIMIT)
}

/// The same for consecutive lines: a private key spans several of them.
pub fn lines<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    marked_lines(texts.into_iter().map(|text| ((), text))).into_iter().map(|((), line)| line).collect()
}

/// The same for lines that have something with them, such as their time.
pub fn marked_lines<'a, T>(texts: impl IntoIterator<Item = (T, &'a str)>) -> Vec<(T, String)> {
    let mut in_key = false;
    let mut shown = vec![];
    for (mark, text) in texts {
        let begins = text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----");
        let ends = text.contains("-----END");
        if ends && !in_key && !begins && text.contains("PRIVATE KEY-----") {
            // The tail starts within a key.
            shown = vec![(mark, COVERED.to_owned())];
            continue;
        }
        if in_key || begins {
            if !in_key {
                shown.push((mark, COVERED.to_owned()));
            }
            in_key = !ends;
        } else {
            shown.push((mark, line(text)));
        }
    }
    shown
}

/// Joins lines to a text within [`TAIL_LIMIT`]. Long lines are cut first; then lines are dropped from the start.
pub fn tail(lines: &[String]) -> String {
    let share = (TAIL_LIMIT / lines.len().max(1)).saturating_sub(1).clamp(80, LINE_LIMIT);
    let is_long = lines.iter().map(|line| line.chars().count() + 1).sum::<usize>() > TAIL_LIMIT;
    let fitting: Vec<String> =
        lines.iter().map(|line| if is_long { cut(line, share) } else { line.clone() }).collect();
    let most = TAIL_LIMIT / (share + 1);
    let from = if is_long { fitting.len().saturating_sub(most) } else { 0 };
    fitting.into_iter().skip(from).collect::<Vec<_>>().join("\n")
}

fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_redacted_and_the_rest_stays_readable() {
        assert_eq!(RULES.len(), PATTERNS.len());
        // Assembled here: secret scanners must not report them.
        let key = format!("AKIA{}", "ABCDEFGH23456723");
        let jwt = format!("eyJ{}.eyJ{}.c2lnbmF0dXJl", "hbGciOiJIUzI1NiJ9", "zdWIiOiIxMjM0NTY3ODkwIn0");
        let github = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        let slack = format!("xoxb-{}", "123456789012-abcdefABCDEF");
        for (said, shown) in [
            (format!("key {key} used"), "key [redacted] used"),
            (format!("sent {jwt}."), "sent [redacted]."),
            (format!("clone with {github}"), "clone with [redacted]"),
            (format!("post as {slack}"), "post as [redacted]"),
            ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG".into(), "aws_secret_access_key = [redacted]"),
            ("export DB_PASSWORD=hunter2 PORT=5432".into(), "export DB_PASSWORD=[redacted] PORT=5432"),
            (r#"{"password": "it is long", "port": 1}"#.into(), r#"{"password": [redacted], "port": 1}"#),
            (r#"{\"SecretAccessKey\": \"wJalrXUt\"}"#.into(), r#"{\"SecretAccessKey\": [redacted]}"#),
            ("config: secret => 'wJalrXUt'".into(), "config: secret => [redacted]"),
            ("psql postgres://ann:hunter2@db:5432/x".into(), "psql postgres://ann:[redacted]@db:5432/x"),
            ("Authorization: Bearer abcdef0123456789".into(), "Authorization: Bearer [redacted]"),
            ("login --password hunter2 --user ann".into(), "login --password [redacted] --user ann"),
            ("GET /x?X-Amz-Signature=0f0f0f&y=1".into(), "GET /x?X-Amz-Signature=[redacted]&y=1"),
            (
                "POST https://hooks.slack.com/services/T0/B0/abc".into(),
                "POST https://hooks.slack.com/services/[redacted]",
            ),
        ] {
            assert_eq!(line(&said), shown);
        }
        for said in [
            "ModuleNotFoundError: No module named 'idna'",
            "FAILED (errors=1)",
            "https://pypi.org/simple/idna/",
            "4c9251484c9251484c9251484c9251484c925148 Fix the tokenizer",
            "collected 3 items in tests/test_passwords.py",
        ] {
            assert_eq!(line(said), said);
        }
    }

    #[test]
    fn a_private_key_is_redacted_on_all_its_lines() {
        let said = [
            "before",
            "-----BEGIN RSA PRIVATE KEY-----",
            "MIIEow",
            "IBAAKC",
            "-----END RSA PRIVATE KEY-----",
            "after",
        ];
        assert_eq!(lines(said), ["before", COVERED, "after"]);
        // The tail ends within the key.
        assert_eq!(lines(["-----BEGIN PRIVATE KEY-----", "MIIEow"]), [COVERED]);
        // The tail starts within the key.
        assert_eq!(lines(["IBAAKC", "-----END RSA PRIVATE KEY-----", "after"]), [COVERED, "after"]);
        assert_eq!(lines(["a", "-----END CERTIFICATE-----", "b"]), ["a", "-----END CERTIFICATE-----", "b"]);
    }

    #[test]
    fn lines_and_tails_are_bounded() {
        let long = line(&"x".repeat(1_000_000));
        assert_eq!((long.chars().count(), long.ends_with('…')), (LINE_LIMIT, true));
        for count in [1, 3, 12, 40, 200] {
            let text = tail(&vec![long.clone(); count]);
            assert!(text.chars().count() <= TAIL_LIMIT, "{count}: {}", text.chars().count());
        }
        let few = ["one".to_owned(), "two".to_owned()];
        assert_eq!(tail(&few), "one\ntwo");
        assert_eq!(tail(&[]), "");
        let mut many = vec!["y".repeat(400); 50];
        many.push("the last one".into());
        assert!(tail(&many).ends_with("\nthe last one"));
    }
}
