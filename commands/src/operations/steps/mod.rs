//! Steps that several operations are made of. Each does one mutation and can find its own traces.

mod alias;
mod api;
mod artifact;
mod drift;
mod function;
mod moves;
mod parameters;
mod prepare;
mod recent;
mod record;
mod resolve;
mod role;
mod smoke;

pub(crate) use alias::*;
pub(crate) use api::*;
pub(crate) use artifact::*;
pub(crate) use drift::*;
pub(crate) use function::*;
pub(crate) use moves::*;
pub(crate) use parameters::*;
pub(crate) use prepare::*;
pub(crate) use record::*;
pub(crate) use resolve::*;
pub(crate) use role::*;
pub(crate) use smoke::*;

use crate::operation::{Done, EngineError, Observed};
use serde::Serialize;
use sluice_model::Refusal;

/// What to do if a version set leaves more than can be recorded.
pub(crate) const TOO_MANY_FUNCTIONS: &str =
    "Deploy fewer functions at once, or make what they are set to smaller.";

/// Observed: done by us, with what a run would have left.
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

/// What is told where somebody else's thing has the name that ours needs.
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
    fn a_line_is_read_as_its_words_whatever_is_in_them() {
        assert_eq!(shell(&["aws", "--name", "prod-1"]), "aws --name prod-1");
        assert_eq!(shell(&["a b", "", "$(x)", "it's", "{6=0.1}"]), r"'a b' '' '$(x)' 'it'\''s' '{6=0.1}'");
    }
}
