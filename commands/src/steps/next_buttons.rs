//! The buttons for what usually comes next. Each runs a command as if the person who clicks had typed it, and does nothing once
//! the pipeline has moved on.

use sluice_model::{
    BuildNumber, Button, ButtonStyle, Click, NextStep, PipelineName, ReleaseNumber, StageName,
};

/// Builds the newest commit.
pub(crate) fn build(name: &PipelineName) -> Button {
    Button::new(&Click::Build(NextStep::new(format!("/build {name}"))), "Build").style(ButtonStyle::Primary)
}

/// Builds the commit of a build once more.
pub(crate) fn build_again(name: &PipelineName, build: BuildNumber) -> Button {
    Button::new(&Click::BuildAgain(NextStep::new(format!("/build retry {name} {build}"))), "Build again")
}

/// Shows the log of a build.
pub(crate) fn build_log(name: &PipelineName, build: BuildNumber) -> Button {
    Button::new(&Click::BuildLog(NextStep::new(format!("/build log {name} {build}"))), "Show log")
}

/// Deploys a build, while no later one succeeded.
pub(crate) fn deploy(name: &PipelineName, build: BuildNumber) -> Button {
    let next = NextStep::while_newest(format!("/deploy {name} {build}"), build);
    Button::new(&Click::Deploy(next), "Deploy").style(ButtonStyle::Primary)
}

/// Promotes the release that a stage runs to the stage after it.
pub(crate) fn promote(
    name: &PipelineName,
    release: ReleaseNumber,
    from: &StageName,
    to: &StageName,
) -> Button {
    let next = NextStep::while_runs(format!("/promote {name} {to} {release}"), from, release);
    let text = format!("{release} of {name} goes to {to} as soon as its gates allow it.");
    let button = Button::new(&Click::Promote(next), &format!("Promote to {to}")).style(ButtonStyle::Primary);
    button.asking(text, "Promote")
}

/// Moves a stage back from the release that it runs.
pub(crate) fn roll_back(name: &PipelineName, stage: &StageName, from: ReleaseNumber) -> Button {
    let next = NextStep::while_runs(format!("/rollback {name} {stage}"), stage, from);
    let text = format!("{stage} of {name} goes back from {from} to the release before it, at once.");
    Button::new(&Click::RollBack(next), "Roll back").style(ButtonStyle::Danger).asking(text, "Roll back")
}
