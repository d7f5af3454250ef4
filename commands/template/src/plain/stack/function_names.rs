//! The names of functions in the stack's texts: each place that invokes a function names its alias for the stage.
//!
//! It works on texts in which references are known already, where a function's ARN is that of its alias: what the author wrote
//! after it (`${Hello.Arn}:live`, `:$LATEST`, `:*`) would be a second qualifier, and an ARN of a bare name would be `$LATEST`.

use super::super::classify::{Part, Split};
use super::super::evaluate::Evaluator;
use super::text::replace_words;
use crate::names::function_name;

/// A function that Sluice creates.
struct Named {
    /// Its name in AWS.
    name: String,
    /// The literal name that the template gives to it.
    given: Option<String>,
}

/// The names of a stage's functions.
pub(super) struct FunctionNames<'a> {
    functions: Vec<Named>,
    evaluator: &'a Evaluator<'a>,
}

impl<'a> FunctionNames<'a> {
    pub(super) fn of(evaluator: &'a Evaluator<'a>, split: &Split) -> Self {
        let (pipeline, stage) = (evaluator.stage.pipeline, evaluator.stage.name);
        let direct = split.placements.iter().filter(|(_, placement)| placement.part == Part::Function);
        let functions = direct.map(|(id, _)| {
            let properties = evaluator.template.resources.get(id).map(|function| &function.properties);
            let given = properties.and_then(|all| evaluator.evaluate(all.get("FunctionName")?).ok()?);
            let given = given.and_then(|given| given.known_str().map(str::to_owned));
            Named { name: function_name(pipeline, stage, id), given }
        });
        Self { functions: functions.collect(), evaluator }
    }

    /// The function's name in AWS, if the template gives it that literal name.
    pub(super) fn of_given(&self, given: &str) -> Option<&str> {
        let mut all = self.functions.iter();
        all.find(|function| function.given.as_deref() == Some(given)).map(|function| function.name.as_str())
    }

    /// The text as the stack has it. `invokes` is whether a bare name in it is what something invokes.
    pub(super) fn in_text(&self, text: &str, invokes: bool) -> String {
        let mut text = text.to_owned();
        for Named { name, given } in &self.functions {
            if let Some(given) =
                given.as_ref().filter(|given| *given != name && text.contains(given.as_str()))
            {
                text = replace_words(&text, given, |before, _| {
                    let is_log_group = before.ends_with("/aws/lambda/");
                    (is_log_group || self.is_own_arn(before)).then(|| (name.clone(), 0))
                });
            }
            if text.contains(name.as_str()) {
                let alias = format!("{name}:{}", self.evaluator.stage.name);
                text = replace_words(&text, name, |before, after| {
                    if before.ends_with('/') {
                        return None; // `/aws/lambda/NAME`, a log group
                    }
                    let qualifiers = self.qualifiers(after);
                    let is_invoked = qualifiers > 0 || before.ends_with("function:") || invokes;
                    is_invoked.then(|| (alias.clone(), qualifiers))
                });
            }
        }
        text
    }

    /// The bytes of the qualifiers after a name: `:live`, `:$LATEST`, `:*`, or the stage's own and another after it.
    fn qualifiers(&self, after: &str) -> usize {
        let Some(first) = qualifier(after) else { return 0 };
        let rest = after.get(1 + first.len()..).unwrap_or_default();
        let own = first == self.evaluator.stage.name.as_str();
        let second = qualifier(rest).filter(|_| own).map_or(0, |second| 1 + second.len());
        1 + first.len() + second
    }

    /// Whether a text ends with the beginning of the ARN of a function in the stage's account and region.
    fn is_own_arn(&self, before: &str) -> bool {
        let target = self.evaluator.stage.target;
        let Some(before) = before.strip_suffix(":function:") else { return false };
        let mut parts = before.rsplit(':');
        let (account, region) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        account == target.account && region == target.region
    }
}

fn qualifier(after: &str) -> Option<&str> {
    let rest = after.strip_prefix(':')?;
    let end = rest
        .find(|sign: char| !(sign.is_ascii_alphanumeric() || "-_$*".contains(sign)))
        .unwrap_or(rest.len());
    rest.get(..end).filter(|text| !text.is_empty())
}
