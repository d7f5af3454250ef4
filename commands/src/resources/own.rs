//! What several kinds of resources need: an observation of our own resource, and a line for a shell.

use serde::Serialize;

use crate::operation::{Done, EngineError, Observed};

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

#[cfg(test)]
mod tests {
    use super::shell;

    #[test]
    fn a_shell_reads_the_line_as_the_same_words() {
        assert_eq!(shell(&["aws", "--name", "prod-1"]), "aws --name prod-1");
        assert_eq!(shell(&["a b", "", "$(x)", "it's", "{6=0.1}"]), r"'a b' '' '$(x)' 'it'\''s' '{6=0.1}'");
    }
}
