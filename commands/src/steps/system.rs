//! The values that templates read of Systems Manager.
//!
//! An operation reads them once, with the artifact, and its journal keeps them: everything that it prepares, shows and changes has the
//! same values, also after a restart or an approval that took days. They are part of the version set, so a rollback returns to them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::try_join_all;

use crate::application::World;
use crate::operation::EngineError;
use crate::ports::{NAMES_AT_ONCE, StoredParameter};
use crate::steps::{messages, value_messages};
use sluice_model::{Class, PortError, Target};
use sluice_template::plain::{SystemAnswer, SystemAnswers, SystemParameter, SystemParameters};

/// The most values of a template.
const MOST: usize = 100;
/// The most bytes of all names and values: they are part of records that every command reads.
const ALL_VALUES: usize = 16 * 1_024;

/// Where values of Systems Manager are from.
#[derive(Debug, Clone)]
pub(crate) enum SystemSource {
    /// They are read now.
    Now,
    /// They were read before.
    Pinned(SystemParameters),
}

impl SystemSource {
    /// What is known without a call.
    pub(super) fn answers(&self) -> SystemAnswers {
        match self {
            SystemSource::Now => SystemAnswers::new(),
            SystemSource::Pinned(known) => {
                known.iter().map(|(name, value)| (name.clone(), SystemAnswer::Value(value.clone()))).collect()
            }
        }
    }

    /// Reads more names. `known` are those that were read before.
    pub(super) async fn read(
        &self,
        world: &World,
        target: &Target,
        names: BTreeSet<String>,
        known: &SystemAnswers,
    ) -> Result<SystemAnswers, EngineError> {
        if let SystemSource::Pinned(_) = self {
            return Err(EngineError::Refused(messages::artifact_read_differently()));
        }
        if names.len() + known.len() > MOST {
            return Err(EngineError::Refused(value_messages::too_many_values(MOST, ALL_VALUES)));
        }
        let answers = read_all(world, target, names).await?;
        let size = |(name, answer): (&String, &SystemAnswer)| match answer {
            SystemAnswer::Value(found) => name.len() + found.value.len(),
            _ => 0,
        };
        if known.iter().chain(&answers).map(size).sum::<usize>() > ALL_VALUES {
            return Err(EngineError::Refused(value_messages::too_many_values(MOST, ALL_VALUES)));
        }
        Ok(answers)
    }
}

/// What Systems Manager has under these names: calls of ten names, side by side.
async fn read_all(
    world: &World,
    target: &Target,
    names: BTreeSet<String>,
) -> Result<SystemAnswers, PortError> {
    let names: Vec<String> = names.into_iter().collect();
    let calls = names.chunks(NAMES_AT_ONCE).map(|names| read_some(world, target, names));
    Ok(try_join_all(calls).await?.into_iter().flatten().collect())
}

async fn read_some(world: &World, target: &Target, names: &[String]) -> Result<SystemAnswers, PortError> {
    let of = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
    match world.ports.parameters.plain_parameters(target, &of(names)).await {
        Ok(mut found) => {
            let answer =
                |name: &String| (name.clone(), found.remove(name).map_or(SystemAnswer::Missing, answer));
            Ok(names.iter().map(answer).collect())
        }
        Err(error) if error.class == Class::Denied => match names {
            [name] => Ok([(name.clone(), SystemAnswer::Denied)].into()),
            // One is enough to deny all of them: people have to know which.
            several => {
                let each =
                    several.iter().map(|name| Box::pin(read_some(world, target, std::slice::from_ref(name))));
                Ok(try_join_all(each).await?.into_iter().flatten().collect())
            }
        },
        Err(error) => Err(error),
    }
}

fn answer(found: StoredParameter) -> SystemAnswer {
    match found {
        StoredParameter::Secret => SystemAnswer::Secret,
        StoredParameter::Plain { value, version, is_list } => {
            SystemAnswer::Value(SystemParameter { value, version, is_list, is_hidden: false })
        }
    }
}

/// How long a person waits for the answer whether values changed.
const LONGEST_WAIT: Duration = Duration::from_millis(1_200);

/// Whether a value differs from what was read before. If Systems Manager does not say, they may: the operation then finds out.
pub(crate) async fn have_values_changed(world: &World, target: &Target, known: &SystemParameters) -> bool {
    if known.is_empty() {
        return false;
    }
    let names = known.keys().cloned().collect();
    let now = tokio::time::timeout(LONGEST_WAIT, read_all(world, target, names)).await;
    let Ok(Ok(now)) = now else { return true };
    known.iter().any(|(name, before)| match now.get(name) {
        Some(SystemAnswer::Value(now)) => (&now.value, now.is_list) != (&before.value, before.is_list),
        _ => true,
    })
}
