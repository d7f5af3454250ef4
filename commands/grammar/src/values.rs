//! The arguments of a line, typed, by their kind: the parser fills them, a command is made of them and printed from them.

use std::collections::BTreeMap;

use super::form::ArgumentKind;
use super::language::Language;
use super::period::Period;
use sluice_model::{BuildNumber, Member, PipelineName, ReleaseNumber, Role, StageName, UserId};

/// The value of one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Flag,
    Pipeline(PipelineName),
    Stage(StageName),
    Build(BuildNumber),
    Release(ReleaseNumber),
    Text(String),
    Period(Period),
    Settings(Vec<(String, String)>),
    Person(UserId),
    Member(Member),
    Role(Role),
    Language(Language),
}

/// The Rust type of an argument, inside a [`Value`].
pub(super) trait ArgumentType: Sized {
    fn into_value(self) -> Value;
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! argument_types {
    ($($variant:ident($type:ty)),* $(,)?) => {$(
        impl ArgumentType for $type {
            fn into_value(self) -> Value {
                Value::$variant(self)
            }
            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(value) => Some(value),
                    _ => None,
                }
            }
        }
    )*};
}

argument_types!(
    Pipeline(PipelineName),
    Stage(StageName),
    Build(BuildNumber),
    Release(ReleaseNumber),
    Text(String),
    Period(Period),
    Settings(Vec<(String, String)>),
    Person(UserId),
    Member(Member),
    Role(Role),
    Language(Language),
);

/// A field of a command: a required argument, an optional one, or a flag.
pub(super) trait Field: Sized {
    /// The field, from the value of its argument. `None` if a required argument is missing.
    fn from_argument(value: Option<Value>) -> Option<Self>;
    fn to_argument(&self) -> Option<Value>;
}

impl<T: ArgumentType + Clone> Field for T {
    fn from_argument(value: Option<Value>) -> Option<Self> {
        T::from_value(value?)
    }
    fn to_argument(&self) -> Option<Value> {
        Some(self.clone().into_value())
    }
}

impl<T: ArgumentType + Clone> Field for Option<T> {
    fn from_argument(value: Option<Value>) -> Option<Self> {
        match value {
            Some(value) => T::from_value(value).map(Some),
            None => Some(None),
        }
    }
    fn to_argument(&self) -> Option<Value> {
        self.clone().map(T::into_value)
    }
}

impl Field for bool {
    fn from_argument(value: Option<Value>) -> Option<Self> {
        Some(value.is_some())
    }
    fn to_argument(&self) -> Option<Value> {
        self.then_some(Value::Flag)
    }
}

/// The arguments that a line has, or those that were read before a mistake in it.
#[derive(Debug, Default, Clone)]
pub(super) struct Values(BTreeMap<ArgumentKind, Value>);

impl Values {
    pub(super) fn get(&self, kind: ArgumentKind) -> Option<&Value> {
        self.0.get(&kind)
    }

    pub(super) fn has(&self, kind: ArgumentKind) -> bool {
        self.0.contains_key(&kind)
    }

    pub(super) fn set(&mut self, kind: ArgumentKind, value: Option<Value>) {
        match value {
            Some(value) => _ = self.0.insert(kind, value),
            None => _ = self.0.remove(&kind),
        }
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = ArgumentKind> {
        self.0.keys().copied()
    }

    /// The typed value of an argument.
    pub(super) fn read<T: ArgumentType>(&self, kind: ArgumentKind) -> Option<T> {
        T::from_value(self.get(kind)?.clone())
    }

    /// The pipeline.
    pub(super) fn name(&self) -> Option<PipelineName> {
        self.read(ArgumentKind::Name)
    }

    /// The arguments in words, for the author of a line that has a mistake after them.
    pub(super) fn describe(&self) -> Vec<String> {
        self.0.iter().filter_map(|(kind, value)| Some(described(label(*kind)?, value))).collect()
    }
}

fn described(label: &str, value: &Value) -> String {
    match value {
        Value::Flag | Value::Settings(_) => label.to_owned(),
        Value::Person(person) => format!("{label} <@{person}>"),
        Value::Member(member) => format!("{label} {}", member.mention()),
        Value::Pipeline(name) => format!("{label} `{name}`"),
        Value::Stage(name) => format!("{label} `{name}`"),
        Value::Build(number) => format!("{label} `{number}`"),
        Value::Release(number) => format!("{label} `{number}`"),
        Value::Text(text) => format!("{label} `{text}`"),
        Value::Period(period) => format!("{label} `{period}`"),
        Value::Role(role) => format!("{label} `{role}`"),
        Value::Language(language) => format!("{label} `{language}`"),
    }
}

/// How an argument is called where the understood part of a line is repeated; `None` if it is not repeated.
fn label(kind: ArgumentKind) -> Option<&'static str> {
    Some(match kind {
        ArgumentKind::Name => "pipeline",
        ArgumentKind::Reference => "ref",
        ArgumentKind::Build => "build",
        ArgumentKind::Stage => "stage",
        ArgumentKind::From | ArgumentKind::Language => "from",
        ArgumentKind::After => "after",
        ArgumentKind::Release => "release",
        ArgumentKind::Again => "again",
        ArgumentKind::Anyway => "anyway",
        ArgumentKind::Replace => "replace",
        ArgumentKind::Data => "with",
        ArgumentKind::Hard => "hard",
        ArgumentKind::Now => "now",
        ArgumentKind::Confirm => "confirm",
        ArgumentKind::End | ArgumentKind::Until => "until",
        ArgumentKind::Since => "since",
        ArgumentKind::Person => "person",
        ArgumentKind::Member => "whom",
        ArgumentKind::Role => "role",
        ArgumentKind::Reason | ArgumentKind::Override => "reason",
        ArgumentKind::Settings | ArgumentKind::Url | ArgumentKind::Topic => return None,
    })
}
