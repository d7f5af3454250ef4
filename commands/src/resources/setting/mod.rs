//! The settings of functions that have calls of their own: reserved concurrency, recursive loops, code signing; and of versions:
//! updates of the runtime, scaling on a capacity provider.
//!
//! A setting of a function applies to all its versions at once, so it changes right after the stage moved, and back with an undo or a
//! rollback. A setting of a version is set before the stage moves to that version; if the stage runs it already, it changes like one of the
//! function. Only what a release changes is touched, and only from the value that Sluice set: people change the concurrency in an
//! emergency, and a deploy must not take that away. What is left is in the last message.
//!
//! Lambda checks code against a code signing configuration when the code is uploaded. So a release never takes away the check that it has
//! to pass itself: the configuration counts for the releases after it
//! (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html>).

mod step;
pub(crate) mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::operation::effects::{
    DELETE_CODE_SIGNING, DELETE_CONCURRENCY, Mutation, PUT_CODE_SIGNING, PUT_CONCURRENCY, PUT_RECURSION,
    PUT_RUNTIME_MANAGEMENT, PUT_SCALING,
};
use crate::operation::{EngineError, Node, StepId};
use crate::ports::SeparateSetting;
use crate::records::VersionSet;
use crate::resources::messages;
use crate::resources::resource::{Around, Duty, Move, Part, Prepared, Resource, ToPrepare};

pub(crate) use step::{changed_settings, left_settings};

use step::{From, STEP, SetSetting};

pub(crate) struct Setting;

impl Resource for Setting {
    fn name(&self) -> &'static str {
        "setting of a function"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[
            &PUT_CONCURRENCY,
            &DELETE_CONCURRENCY,
            &PUT_RECURSION,
            &PUT_CODE_SIGNING,
            &DELETE_CODE_SIGNING,
            &PUT_RUNTIME_MANAGEMENT,
            &PUT_SCALING,
        ]
    }
    fn exempt(&self, duty: Duty) -> Option<&'static str> {
        Some(match duty {
            Duty::Drift => {
                "people change them in an emergency; what somebody set is left, and named when a release changes it"
            }
            Duty::Description => "the line of the function has them",
        })
    }

    fn prepare(&self, to: ToPrepare) -> Result<Prepared, EngineError> {
        let Part::Function(logical) = to.part else { return Ok(Prepared::default()) };
        let planned = to.plan.planned(logical)?;
        if planned.separate.is_empty() {
            return Ok(Prepared::default());
        }
        let settings = [(planned.name.clone(), planned.separate.clone())].into();
        Ok(Prepared { set: Some(VersionSet { settings, ..VersionSet::default() }), ..Prepared::default() })
    }

    fn adjusts(&self, to: &Move, when: Around) -> Vec<Node> {
        let functions: BTreeSet<&String> = to.set.settings.keys().chain(to.settings.keys()).collect();
        functions.into_iter().flat_map(|function| adjusted(to, function, when)).collect()
    }
}

/// The steps for one function.
fn adjusted(to: &Move, function: &str, when: Around) -> Vec<Node> {
    type Values = BTreeMap<SeparateSetting, Value>;
    fn value(of: Option<&Values>, setting: SeparateSetting) -> Option<Value> {
        of.and_then(|values| values.get(&setting)).cloned()
    }
    let version = to.set.versions.get(function);
    let is_served = to.seen.aliases.get(function).is_some_and(|(at, _)| Some(at) == version);
    let mut nodes = vec![];
    for setting in SeparateSetting::ALL {
        let was = value(to.settings.get(function), setting);
        let wanted = value(to.set.settings.get(function), setting);
        let of_other_version = setting.is_of_version() && !is_served;
        let from = match when {
            // What the template does not set, a version keeps.
            Around::Before if of_other_version && wanted.is_some() => From::Any,
            Around::After if !of_other_version && was != wanted => From::Recorded(was),
            _ => continue,
        };
        let is_gone = version.is_none() && setting.is_of_version();
        if is_gone {
            continue;
        }
        let title =
            messages::change_setting(function, words::name(setting), &words::value(setting, wanted.as_ref()));
        let step = SetSetting {
            target: to.target.clone(),
            function: function.to_owned(),
            version: version.cloned().unwrap_or_default(),
            setting,
            from,
            to: wanted,
            ran: to.before.clone(),
        };
        nodes.push(Node::new(StepId::of(STEP, &format!("{function}:{}", setting.name())), title, step));
    }
    nodes
}
