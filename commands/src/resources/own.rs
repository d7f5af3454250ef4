//! What steps say about what they find: ours, or somebody else's.

use serde::Serialize;

use crate::operation::{Done, EngineError, Observed};
use sluice_model::Refusal;

/// Observed: done by us, with the output that a run would have left.
pub(crate) fn ours(output: impl Serialize) -> Result<Observed, EngineError> {
    let output = serde_json::to_value(output).map_err(|error| EngineError::Corrupt(error.to_string()))?;
    Ok(Observed::Ours(Done { output, writes: vec![] }))
}

/// Words as a line that a shell reads as these words.
pub(crate) fn shell(words: &[&str]) -> String {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "-_./:=@,+".contains(sign);
    let words = words.iter().map(|word| match !word.is_empty() && word.chars().all(is_plain) {
        true => (*word).to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Observed: somebody else's.
pub(crate) fn foreign(what: String) -> Observed {
    Observed::Foreign(foreign_refusal(&what))
}

/// The refusal to touch a resource of somebody else that has the name ours needs.
pub(crate) fn foreign_refusal(what: &str) -> Refusal {
    Refusal::new(
        "not-ours",
        format!("{what} exists, and Sluice did not make it for this pipeline."),
        "Sluice touches nothing of others: rename or remove it, or choose another name, then type the command again.",
    )
}

#[cfg(test)]
mod tests {
    use super::shell;

    #[test]
    fn a_shell_reads_the_line_as_the_same_words() {
        assert_eq!(shell(&["aws", "--name", "prod-1"]), "aws --name prod-1");
        assert_eq!(shell(&["a b", "", "$(x)", "it's", "{6=0.1}"]), r"'a b' '' '$(x)' 'it'\''s' '{6=0.1}'");
    }
}
