//! Helpers for several kinds of resources: the observation of our own resource, and a command line for a shell.

use serde::Serialize;

use crate::operation::{Done, EngineError, Observed};

/// The observation that Sluice did it, with the output of the step.
pub(crate) fn ours(output: impl Serialize) -> Result<Observed, EngineError> {
    let output = serde_json::to_value(output).map_err(|error| EngineError::Corrupt(error.to_string()))?;
    Ok(Observed::Ours(Done { output, writes: vec![] }))
}

/// Words as a command line, quoted for a shell.
pub(crate) fn shell_line(words: &[&str]) -> String {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "-_./:=@,+".contains(sign);
    let words = words.iter().map(|word| match !word.is_empty() && word.chars().all(is_plain) {
        true => (*word).to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::shell_line;

    #[test]
    fn a_shell_reads_the_line_as_the_same_words() {
        assert_eq!(shell_line(&["aws", "--name", "prod-1"]), "aws --name prod-1");
        assert_eq!(
            shell_line(&["a b", "", "$(x)", "it's", "{6=0.1}"]),
            r"'a b' '' '$(x)' 'it'\''s' '{6=0.1}'"
        );
    }
}
