//! `sluice secret`: sets, lists and deletes the secrets of a stage. The value comes from standard input or a prompt, never from the
//! arguments, which other users of the machine can read.

mod input;
mod messages;

use std::io::{IsTerminal as _, stdin};

use sluice_commands::operation::{EngineError, marked};
use sluice_commands::secret::{LARGEST_VALUE, SecretAction, SecretKey, SecretOutcome, SecretRequest};
use sluice_model::{Actor, PipelineName, StageName};

use super::args::Secret;
use super::console::{print, stopped, warn};
use super::exit::Exit;
use super::identity::{login, user};
use super::setup::both;
use crate::backend::Backend as _;
use crate::config::{Base, Problem, Sources};
use crate::render::text::one_line;
use crate::wiring::Account;

/// A name of the command line as one of Sluice's.
fn parsed<T: std::str::FromStr>(option: &str, text: &str) -> Result<T, Vec<Problem>>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| vec![Problem::new(option, format!("`{}`: {error}", one_line(text)))])
}

pub(super) async fn run(sources: Sources, what: Secret) -> Result<Exit, Vec<Problem>> {
    let (pipeline, stage, key, who) = match &what {
        Secret::Set { pipeline, stage, key, who } | Secret::Delete { pipeline, stage, key, who } => {
            (pipeline, stage, Some(key), Some(who))
        }
        Secret::List { pipeline, stage } => (pipeline, stage, None, None),
    };
    let names = both(parsed::<PipelineName>("NAME", pipeline), parsed::<StageName>("STAGE", stage));
    let key = key.map(|key| parsed::<SecretKey>("KEY", key)).transpose();
    // A list is recorded nowhere, so it needs nobody.
    let id = who.map_or(Ok(None), |who| user("--as", who).map(Some)).map_err(|problem| vec![problem]);
    let login = login(&sources.env);
    let loaded = both(Base::load(sources), Account::load().await);
    let (((name, stage), key), (id, (base, account))) = both(both(names, key), both(id, loaded))?;
    let action = match (&what, key) {
        (Secret::Set { .. }, Some(key)) => match input::value(stdin().is_terminal(), LARGEST_VALUE) {
            Ok(value) => SecretAction::Set(key, value),
            Err(error) => {
                warn(&messages::unreadable(&error));
                return Ok(Exit::Failed);
            }
        },
        (Secret::Delete { .. }, Some(key)) => SecretAction::Delete(key),
        _ => SecretAction::List,
    };
    let nobody = || "U0".parse().map_err(|_| vec![Problem::new("--as", "is required")]);
    let actor = Actor::at_terminal(id.map_or_else(nobody, Ok)?, login);
    let request = SecretRequest { actor, name, stage, what: action };
    let backend = account.with_state(&base);
    let outcome = match backend.preflight().await {
        Ok(target) => backend.secret(target, &request).await,
        Err(error) => Err(error),
    };
    Ok(match outcome {
        Ok(Ok(outcome)) => {
            print(&shown(&request, &outcome));
            Exit::Done
        }
        Ok(Err(error)) => {
            warn(&refused(&error));
            Exit::Failed
        }
        Err(error) => stopped("secret", &error),
    })
}

fn shown(request: &SecretRequest, outcome: &SecretOutcome) -> String {
    match outcome {
        SecretOutcome::Set { parameter, version } => messages::set(&request.name, parameter, *version),
        SecretOutcome::Listed(found) => messages::listed(&request.name, &request.stage, found),
        SecretOutcome::Deleted { parameter, existed } => messages::deleted(parameter, *existed),
    }
}

fn refused(error: &EngineError) -> String {
    let refusal = error.refusal();
    format!("{}\n{}\n", marked(&refusal.problem).flat(), marked(&refusal.hint).flat())
}
