//! The intrinsic functions of strings and lists. Each gives its known result, or an expression with everything known in it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::evaluate::Evaluator;
use super::partial::{Attribute, Deferred, Fragment, Partial};
use super::references::{Piece, pieces};
use crate::error::{TemplateCode, Violation};
use crate::shape;

fn wrong(problem: &str, hint: &str) -> Violation {
    Violation::new(TemplateCode::Shape, problem, hint)
}

/// The fragments of a value where a string is wanted.
fn fragments(value: Partial) -> Result<Vec<Fragment>, Violation> {
    match value {
        Partial::Known(known) => Ok(vec![Fragment::Known(shape::scalar(&known)?)]),
        Partial::Text(fragments) => Ok(fragments),
        Partial::Deferred(deferred) => Ok(vec![Fragment::Deferred(deferred)]),
        Partial::List(_) => Err(wrong("found a list, but expected a string", "write a string here")),
        Partial::Map(_) => Err(wrong("found a mapping, but expected a string", "write a string here")),
    }
}

impl Evaluator<'_> {
    /// The text of fragments, counted before it is made.
    fn text_of(&self, fragments: Vec<Fragment>) -> Result<Partial, Violation> {
        for fragment in &fragments {
            match fragment {
                Fragment::Known(text) => self.budget.text(text.len())?,
                Fragment::Deferred(_) => self.budget.values(1)?,
            }
        }
        self.text(fragments)
    }

    /// A string with `${…}` in it, or such a string and a mapping with variables of its own.
    pub(super) fn sub(&self, argument: &Value) -> Result<Partial, Violation> {
        let none = Map::new();
        let (text, variables) = match argument {
            Value::String(text) => (text.as_str(), &none),
            Value::Array(items) => match items.as_slice() {
                [text] => (shape::string(text)?, &none),
                [text, variables] => (shape::string(text)?, shape::map(variables)?),
                _ => {
                    return Err(wrong(
                        "Fn::Sub takes a string and optionally a mapping",
                        "write `!Sub \"…${Name}…\"`",
                    ));
                }
            },
            _ => {
                return Err(wrong(
                    "Fn::Sub takes a string and optionally a mapping",
                    "write `!Sub \"…${Name}…\"`",
                ));
            }
        };
        // Each variable is evaluated once, however often it occurs.
        let mut known: BTreeMap<&str, Vec<Fragment>> = BTreeMap::new();
        let mut out = Vec::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => out.push(Fragment::Known(text.to_owned())),
                Piece::Literal(literal) => out.push(Fragment::Known(format!("${{{literal}}}"))),
                Piece::Name(name) => {
                    let value = match known.get(name) {
                        Some(value) => value,
                        None => {
                            let value = fragments(self.variable(name, variables)?)?;
                            known.entry(name).or_insert(value)
                        }
                    };
                    for fragment in value {
                        match fragment {
                            Fragment::Known(text) => self.budget.text(text.len())?,
                            Fragment::Deferred(deferred) => self.budget.values(1 + deferred.needs.len())?,
                        }
                    }
                    out.extend(value.iter().cloned());
                }
            }
        }
        self.text_of(out)
    }

    fn variable(&self, name: &str, variables: &Map<String, Value>) -> Result<Partial, Violation> {
        if let Some(value) = variables.get(name) {
            return self.required(value);
        }
        match name.split_once('.') {
            Some((name, attribute)) => self.resource(name, Attribute::Named(attribute.to_owned())),
            None => self
                .reference(name)?
                .ok_or_else(|| wrong("`AWS::NoValue` is no text", "leave the variable out of the string")),
        }
    }

    /// `[delimiter, [values…]]`.
    pub(super) fn join(&self, argument: &Value) -> Result<Partial, Violation> {
        let [delimiter, values] = shape::list(argument)?.as_slice() else {
            return Err(wrong("Fn::Join takes a delimiter and a list", "write `!Join [\"-\", [a, b]]`"));
        };
        let delimiter = shape::string(delimiter)?;
        let items = match self.required(values)? {
            Partial::List(items) => items,
            Partial::Known(Value::Array(items)) => items.into_iter().map(Partial::Known).collect(),
            Partial::Deferred(Deferred { expression, needs }) => {
                let expression = json!({ "Fn::Join": [delimiter, expression] });
                return Ok(Partial::Deferred(Deferred { expression, needs }));
            }
            _ => return Err(wrong("Fn::Join takes a delimiter and a list", "write `!Join [\"-\", [a, b]]`")),
        };
        self.budget.text(delimiter.len().saturating_mul(items.len().saturating_sub(1)))?;
        let mut out = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                out.push(Fragment::Known(delimiter.to_owned()));
            }
            out.extend(fragments(item)?);
        }
        self.text_of(out)
    }

    /// `[delimiter, text]`.
    pub(super) fn split(&self, argument: &Value) -> Result<Partial, Violation> {
        let [delimiter, text] = shape::list(argument)?.as_slice() else {
            return Err(wrong("Fn::Split takes a delimiter and a string", "write `!Split [\",\", text]`"));
        };
        let delimiter = shape::string(delimiter)?;
        if delimiter.is_empty() {
            return Err(wrong("the delimiter of Fn::Split is empty", "write one"));
        }
        match self.required(text)? {
            Partial::Known(text) => {
                let text = shape::scalar(&text)?;
                self.budget.text(text.len())?;
                self.budget.values(text.matches(delimiter).count())?;
                let items: Vec<&str> = text.split(delimiter).collect();
                Ok(Partial::Known(items.into()))
            }
            text => {
                let expression = json!({ "Fn::Split": [delimiter, text.expression()] });
                Ok(Partial::Deferred(Deferred { expression, needs: text.needs() }))
            }
        }
    }

    /// `[index, list]`.
    pub(super) fn select(&self, argument: &Value) -> Result<Option<Partial>, Violation> {
        let form = || wrong("Fn::Select takes an index and a list", "write `!Select [0, [a, b]]`");
        let [index, list] = shape::list(argument)?.as_slice() else { return Err(form()) };
        let index = self.required(index)?;
        let list = self.required(list)?;
        let Some(number) = index.known() else {
            let needs = index.needs().into_iter().chain(list.needs()).collect();
            let expression = json!({ "Fn::Select": [index.expression(), list.expression()] });
            return Ok(Some(Partial::Deferred(Deferred { expression, needs })));
        };
        let number: usize = shape::scalar(number)?.trim().parse().map_err(|_| form())?;
        let beyond = || {
            wrong("the index of Fn::Select is beyond the end of its list", "the first item has the index 0")
        };
        match list {
            Partial::Known(Value::Array(items)) => {
                items.into_iter().nth(number).map(|item| Some(Partial::Known(item))).ok_or_else(beyond)
            }
            Partial::List(items) => items.into_iter().nth(number).map(Some).ok_or_else(beyond),
            Partial::Deferred(Deferred { expression, needs }) => {
                let expression = json!({ "Fn::Select": [number.to_string(), expression] });
                Ok(Some(Partial::Deferred(Deferred { expression, needs })))
            }
            _ => Err(form()),
        }
    }

    /// The text in Base64.
    pub(super) fn base64(&self, argument: &Value) -> Result<Partial, Violation> {
        match self.required(argument)? {
            Partial::Known(text) => {
                let text = shape::scalar(&text)?;
                self.budget.text(text.len().saturating_mul(4) / 3 + 4)?;
                Ok(Partial::Known(STANDARD.encode(text).into()))
            }
            text => {
                let expression = json!({ "Fn::Base64": text.expression() });
                Ok(Partial::Deferred(Deferred { expression, needs: text.needs() }))
            }
        }
    }

    /// `[block, count, bits]`: blocks of that many host bits.
    pub(super) fn cidr(&self, argument: &Value) -> Result<Partial, Violation> {
        let items = shape::list(argument)?;
        if !(2..=3).contains(&items.len()) {
            return Err(super::cidr::form());
        }
        let items = items.iter().map(|item| self.required(item)).collect::<Result<Vec<_>, _>>()?;
        match items.iter().map(Partial::known).collect::<Option<Vec<&Value>>>() {
            Some(known) => {
                let texts = known.into_iter().map(shape::scalar).collect::<Result<Vec<_>, _>>()?;
                self.budget.values(super::cidr::MOST)?;
                Ok(Partial::Known(super::cidr::blocks(&texts)?.into()))
            }
            None => {
                let needs = items.iter().flat_map(Partial::needs).collect();
                let items: Vec<Value> = items.iter().map(Partial::expression).collect();
                Ok(Partial::Deferred(Deferred { expression: json!({ "Fn::Cidr": items }), needs }))
            }
        }
    }
}
