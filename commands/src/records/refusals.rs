//! The refusals of names that do not exist.

use sluice_model::{PipelineName, Refusal, StageName};

/// `dev`, `staging` and `prod`.
pub(crate) fn and(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

pub(super) fn no_such_pipeline(name: &PipelineName) -> Refusal {
    Refusal::new(
        "no-such-pipeline",
        format!("There is no pipeline `{name}`."),
        format!("List them with `/repo list`, or create it with `/repo create {name}`."),
    )
}

/// `typed`: a name that is not among those of `stages`. The hint suggests a similar one: `prod` for `production`, or for a typo.
pub(crate) fn no_such_stage(name: &PipelineName, typed: &StageName, stages: &[StageName]) -> Refusal {
    let stages: Vec<&str> = stages.iter().map(StageName::as_str).collect();
    let is_longer = |known: &&&str| {
        known.len() >= 3 && (typed.as_str().starts_with(**known) || known.starts_with(typed.as_str()))
    };
    let near = stages.iter().find(is_longer).copied();
    let near = near.or_else(|| sluice_grammar::closest(typed.as_str(), stages.iter().copied()));
    let hint = match near {
        Some(near) => format!("Did you mean `{near}`?"),
        None => format!("See `/stage list {name}`."),
    };
    let problem = format!("Pipeline `{name}` has no stage `{typed}`. It has {}.", and(&stages));
    Refusal::new("no-such-stage", problem, hint)
}

pub(super) fn being_removed(name: &PipelineName, stage: &StageName) -> Refusal {
    Refusal::new(
        "being-removed",
        format!("Stage `{stage}` of `{name}` is being removed, so nothing can be changed there."),
        format!(
            "See `/pipeline status {name}`. Once it is removed, `/stage add {name} {stage}` makes a new one."
        ),
    )
}
