//! Evaluates conditions: true, false, or undecided because a parameter of Systems Manager was not read yet.

use std::collections::BTreeSet;

use serde_json::Value;

use super::conditions::{Truth, in_order};
use super::evaluate::Evaluator;
use super::partial::Partial;
use crate::error::{TemplateCode, Violation};
use crate::shape;

impl Evaluator<'_> {
    /// Whether the condition of that name holds.
    pub(super) fn condition(&self, name: &str) -> Result<Truth, Violation> {
        // All of them at once, each after those that it uses: none has to look further than one step.
        if !self.is_decided.replace(true) {
            for name in in_order(&self.template.conditions) {
                _ = self.decide(name);
            }
        }
        self.decide(name)
    }

    fn decide(&self, name: &str) -> Result<Truth, Violation> {
        if let Some(known) = self.decided.borrow().get(name) {
            return Ok(known.clone());
        }
        let Some(definition) = self.template.conditions.get(name) else {
            let problem = format!("`{name}` is not a condition of this template");
            return Err(Violation::new(TemplateCode::Reference, problem, "correct the name, or declare it"));
        };
        let truth = self.truth(definition)?;
        self.decided.borrow_mut().insert(name.to_owned(), truth.clone());
        Ok(truth)
    }

    /// The value of an expression that is true or false.
    pub(super) fn truth(&self, value: &Value) -> Result<Truth, Violation> {
        // The guard ends circles too: `check` has refused them, but this does not rely on it.
        let _level = self.budget.enter()?;
        let map = shape::map(value)?;
        let mut pairs = map.iter();
        let (Some((name, argument)), None) = (pairs.next(), pairs.next()) else {
            return Err(not_a_condition());
        };
        match name.as_str() {
            "Condition" => self.decide(shape::string(argument)?),
            "Fn::Equals" => self.equals(argument),
            "Fn::Not" => match shape::list(argument)?.as_slice() {
                [one] => Ok(match self.truth(one)? {
                    Truth::Decided(truth) => Truth::Decided(!truth),
                    undecided => undecided,
                }),
                _ => Err(not_a_condition()),
            },
            "Fn::And" => self.all(argument, false),
            "Fn::Or" => self.all(argument, true),
            _ => Err(not_a_condition()),
        }
    }

    /// `Fn::Or` if one true operand decides it, otherwise `Fn::And`.
    fn all(&self, argument: &Value, decisive: bool) -> Result<Truth, Violation> {
        let mut needs = BTreeSet::new();
        let mut decided = false;
        for one in shape::list(argument)? {
            match self.truth(one)? {
                Truth::Decided(truth) => decided |= truth == decisive,
                Truth::Undecided(more) => needs.extend(more),
            }
        }
        Ok(match decided {
            true => Truth::Decided(decisive),
            false if needs.is_empty() => Truth::Decided(!decisive),
            false => Truth::Undecided(needs),
        })
    }

    fn equals(&self, argument: &Value) -> Result<Truth, Violation> {
        let [one, other] = shape::list(argument)?.as_slice() else { return Err(not_a_condition()) };
        let one = self.evaluate(one)?.unwrap_or(Partial::Known("".into()));
        let other = self.evaluate(other)?.unwrap_or(Partial::Known("".into()));
        match (&one, &other) {
            (Partial::Known(one), Partial::Known(other)) => {
                Ok(Truth::Decided(match (shape::scalar(one), shape::scalar(other)) {
                    // CloudFormation compares text: `true` is "true".
                    (Ok(one), Ok(other)) => one == other,
                    _ => one == other,
                }))
            }
            _ => Ok(Truth::Undecided(one.needs().into_iter().chain(other.needs()).collect())),
        }
    }
}

fn not_a_condition() -> Violation {
    Violation::new(
        TemplateCode::Shape,
        "this is not a condition",
        "write Fn::Equals, Fn::Not, Fn::And, Fn::Or or Condition with their operands",
    )
}
