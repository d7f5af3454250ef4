//! `Fn::If` and `Fn::FindInMap`: one of several values that the template holds.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::conditions::Truth;
use super::evaluate::Evaluator;
use super::partial::{Deferred, Partial};
use crate::error::{TemplateCode, Violation};
use crate::shape;

impl Evaluator<'_> {
    pub(super) fn choose(&self, argument: &Value) -> Result<Option<Partial>, Violation> {
        let [name, yes, no] = shape::list(argument)?.as_slice() else {
            return Err(Violation::new(
                TemplateCode::Shape,
                "Fn::If takes a condition and two values",
                "write `{\"Fn::If\": [\"Condition\", yes, no]}`",
            ));
        };
        let name = shape::string(name)?;
        match self.condition(name)? {
            Truth::Decided(true) => self.evaluate(yes),
            Truth::Decided(false) => self.evaluate(no),
            Truth::Undecided(mut needs) => {
                let mut branches = vec![Value::String(name.to_owned())];
                for branch in [yes, no] {
                    match self.evaluate(branch)? {
                        Some(value) => {
                            needs.extend(value.needs());
                            branches.push(value.expression());
                        }
                        None => branches.push(json!({ "Ref": "AWS::NoValue" })),
                    }
                }
                Ok(Some(Partial::Deferred(Deferred { expression: json!({ "Fn::If": branches }), needs })))
            }
        }
    }

    /// `[mapping, first key, second key]`, and optionally `{"DefaultValue": …}`.
    pub(super) fn find_in_map(&self, argument: &Value) -> Result<Option<Partial>, Violation> {
        let wrong = |problem: String| {
            let hint =
                "write `{\"Fn::FindInMap\": [\"Mapping\", \"key\", \"key\"]}` with keys that the mapping has";
            Violation::new(TemplateCode::Reference, problem, hint)
        };
        let items = shape::list(argument)?;
        let (Some([mapping, first, second]), default) = (items.get(..3), items.get(3)) else {
            return Err(wrong("Fn::FindInMap takes a mapping and two keys".to_owned()));
        };
        let mut keys = Vec::new();
        let mut needs = BTreeSet::new();
        let mut expressions = Vec::new();
        for key in [mapping, first, second] {
            let key = self.required(key)?;
            needs.extend(key.needs());
            expressions.push(key.expression());
            keys.push(key.known().map(shape::scalar).transpose()?.unwrap_or_default());
        }
        if !needs.is_empty() {
            if let Some(default) = default.and_then(|default| default.get("DefaultValue")) {
                let default = self.required(default)?;
                needs.extend(default.needs());
                expressions.push(json!({ "DefaultValue": default.expression() }));
            }
            let expression = json!({ "Fn::FindInMap": expressions });
            return Ok(Some(Partial::Deferred(Deferred { expression, needs })));
        }
        let [mapping, first, second] = keys.as_slice() else { return Err(Violation::consequence()) };
        let found = self.template.mappings.get(mapping);
        match found.and_then(|mapping| mapping.get(first)).and_then(|pairs| pairs.get(second)) {
            Some(value) => self.evaluate(value),
            None => match default.and_then(|default| default.get("DefaultValue")) {
                Some(default) => self.evaluate(default),
                None => {
                    Err(wrong(format!("the mapping {mapping} has no value for `{first}` and `{second}`")))
                }
            },
        }
    }
}
