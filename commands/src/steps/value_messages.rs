//! What people read about values of Systems Manager.

use crate::operation::{OperationState, Summary};
use crate::rules::redact;
use crate::steps::artifact_reference::read_artifact;
use sluice_model::{Refusal, Text};
use sluice_template::plain::{SystemParameter, SystemParameters};

/// How many changed values a message of a deploy lists.
const VALUES: usize = 10;

/// The values of Systems Manager that differ from those of the release before.
pub(crate) fn with_values(summary: Summary, op: &OperationState, before: &SystemParameters) -> Summary {
    let now = read_artifact(op).ok().flatten().map(|artifact| artifact.system).unwrap_or_default();
    if now.is_empty() {
        return summary;
    }
    let mut lines = value_lines(before, &now);
    let more = lines.len().saturating_sub(VALUES);
    lines.truncate(VALUES);
    lines.extend((more > 0).then(|| format!("and {more} more")));
    match lines.is_empty() {
        true => summary,
        false => summary.field("Systems Manager", Text::plain(lines.join("\n"))),
    }
}

/// The most characters of a value that people see.
const VALUE: usize = 200;

/// What differs between two readings of Systems Manager, for a list of all changes.
pub(crate) fn value_changes(before: &SystemParameters, now: &SystemParameters) -> Vec<String> {
    value_lines(before, now).iter().map(|line| format!("Systems Manager: {line}")).collect()
}

/// What differs between two readings of Systems Manager, in words. A version alone is no difference.
fn value_lines(before: &SystemParameters, now: &SystemParameters) -> Vec<String> {
    let value = |of: &SystemParameter| {
        let value = redact::line(&of.value);
        match value.char_indices().nth(VALUE) {
            _ if of.is_hidden => "hidden".to_owned(),
            Some((end, _)) => {
                format!("{}… ({} characters)", value.get(..end).unwrap_or_default(), of.value.chars().count())
            }
            None => value,
        }
    };
    let line = |(name, now): (&String, &SystemParameter)| {
        let version = format!("version {}", now.version);
        match before.get(name) {
            Some(before) if before.value == now.value => None,
            Some(_) if now.is_hidden => Some(format!("{name}: changed, hidden ({version})")),
            Some(before) => Some(format!("{name}: {} → {} ({version})", value(before), value(now))),
            None => Some(format!("{name}: {} ({version})", value(now))),
        }
    };
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    now.iter().filter_map(line).chain(gone.map(|name| format!("{name}: no longer read"))).collect()
}

/// `most`: how many values. `bytes`: how many bytes names and values may have together.
pub(super) fn too_many_values(most: usize, bytes: usize) -> Refusal {
    Refusal::new(
        "template-refused",
        format!(
            "The template reads more than {most} values of Systems Manager, or more than {bytes} bytes of them."
        ),
        "Nothing was changed. Pass the name of a parameter to the function, which then reads the value itself.",
    )
}

/// `rounds`: how often a name may depend on a value.
pub(super) fn values_in_a_row(rounds: usize) -> Refusal {
    Refusal::new(
        "template-refused",
        format!("Names in Systems Manager depend on values there more than {rounds} times in a row."),
        "Nothing was changed. Write the names in the template, or make them of its parameters.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_systems_manager_are_shown_with_their_versions_unless_they_are_hidden() {
        let of = |value: &str, version, is_hidden| SystemParameter {
            value: value.into(),
            version,
            is_list: false,
            is_hidden,
        };
        let all = |pairs: Vec<(&str, SystemParameter)>| -> SystemParameters {
            pairs.into_iter().map(|(name, of)| (name.to_owned(), of)).collect()
        };
        let before = all(vec![
            ("/gone", of("x", 1, false)),
            ("/key", of("k1", 1, true)),
            ("/same", of("s", 1, false)),
            ("/table", of("orders-a", 3, false)),
        ]);
        let long = "ü".repeat(5_000);
        let now = all(vec![
            ("/key", of("k2", 2, true)),
            ("/long", of(&long, 1, false)),
            ("/new", of("n", 7, false)),
            ("/same", of("s", 2, false)),
            ("/secret", of("k3", 1, true)),
            ("/table", of("orders-b", 4, false)),
            ("/url", of("postgres://app:hunter2@db", 1, false)),
        ]);
        let shown = format!("/long: {}… (5000 characters) (version 1)", "ü".repeat(VALUE));
        let expected = [
            "/key: changed, hidden (version 2)",
            &shown,
            "/new: n (version 7)",
            "/secret: hidden (version 1)",
            "/table: orders-a → orders-b (version 4)",
            "/url: postgres://app:[redacted]@db (version 1)",
            "/gone: no longer read",
        ];
        assert_eq!(value_lines(&before, &now), expected);
        assert_eq!(value_lines(&now, &now), Vec::<String>::new());
    }
}
