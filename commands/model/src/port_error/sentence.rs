//! The part of a service's message that is shown to people.

/// Longer sentences are cut.
const LONGEST: usize = 240;
/// What SDKs and services append to a message for their own support.
const APPENDED: &[&str] = &["(Service:", "(RequestId", "(Request ID", "Request ID:", "RequestId:"];

/// The first line of a message of AWS, as people may read it; of a line that announces a list, with that.
pub fn shown(message: &str) -> String {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut line = lines.next().unwrap_or_default().to_owned();
    if line.ends_with(':') {
        line = lines.fold(line, |all, next| all + " " + next);
    }
    let end = APPENDED.iter().filter_map(|mark| line.find(mark)).min().unwrap_or(line.len());
    let line = line.get(..end).unwrap_or_default();
    // The marks by which our own sentences name code, people and groups.
    let line = line.replace('`', "'").replace("<@", "@").replace("<!", "!");
    let line: String = line.chars().filter(|sign| !sign.is_control()).collect();
    let words: Vec<String> = line.split_whitespace().map(word).collect();
    let line = words.join(" ");
    let line = line.trim_end_matches('.');
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    let cut: String = line.chars().take(LONGEST).collect();
    let cut = cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole).to_owned();
    cut + "…"
}

/// A word with the name of what an ARN in it names, and with dots for account ids.
fn word(word: &str) -> String {
    let Some(start) = word.find("arn:") else { return without_accounts(word) };
    let (before, arn) = word.split_at(start);
    let end =
        arn.find(|sign: char| !(sign.is_alphanumeric() || ":/._-$*+=@".contains(sign))).unwrap_or(arn.len());
    let (arn, after) = arn.split_at(end);
    let name = arn.trim_end_matches(['.', ':', '/']);
    let dots = arn.get(name.len()..).unwrap_or_default();
    // arn:partition:service:region:account:resource; the resource may have its kind before a colon or a slash.
    let resource = name.splitn(6, ':').nth(5).unwrap_or_default();
    let resource = match resource.split_once(':') {
        Some((_, rest)) => rest,
        None => resource.rsplit('/').next().unwrap_or_default(),
    };
    format!("{}{}{dots}{}", without_accounts(before), without_accounts(resource), self::word(after))
}

/// Runs of twelve digits and more are no news to anybody who may know them.
fn without_accounts(text: &str) -> String {
    let mut shown = String::new();
    let mut digits = String::new();
    for sign in text.chars().map(Some).chain([None]) {
        match sign {
            Some(digit) if digit.is_ascii_digit() => digits.push(digit),
            other => {
                shown.push_str(if digits.len() >= 12 { "…" } else { &digits });
                digits.clear();
                shown.extend(other);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_as_one_line_with_names_for_arns_and_without_accounts() {
        for (message, expected) in [
            ("", ""),
            (
                "Unzipped size must be smaller than 262144000 bytes (Service: Lambda, Status Code: 400, Request ID: 1)",
                "Unzipped size must be smaller than 262144000 bytes",
            ),
            (
                "\n Cannot exceed quota for PolicySize: 10240.\nmore",
                "Cannot exceed quota for PolicySize: 10240",
            ),
            (
                "Function not found: arn:aws:lambda:eu-central-1:123456789012:function:sluice-orders-Hello:9.",
                "Function not found: sluice-orders-Hello:9",
            ),
            (
                "role 'arn:aws-cn:iam::123456789012:role/sluice/sluice-a' of 123456789012, `x`",
                "role 'sluice-a' of …, 'x'",
            ),
            ("(arn:aws:s3:::bucket/a/key.zip)", "(key.zip)"),
            (
                "Errors found during import:\n\tUnable to put integration on 'GET': Invalid ARN.\n\tNo method",
                "Errors found during import: Unable to put integration on 'GET': Invalid ARN. No method",
            ),
            ("see <@U0ANN> and <!channel>", "see @U0ANN> and !channel>"),
        ] {
            assert_eq!(shown(message), expected, "{message}");
        }
    }

    #[test]
    fn a_long_message_is_cut_between_words() {
        let shown = shown(&"größe ".repeat(100));
        assert!(shown.ends_with("größe…") && shown.chars().count() <= LONGEST + 1, "{shown}");
    }
}
