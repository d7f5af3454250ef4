//! The texts of `sluice template check`.

use std::collections::BTreeSet;
use std::path::Path;

use sluice_commands::template::plain::{Held, Notice, ParameterValues, Question, Renamed, Split, Why};

use super::source::Unreadable;
use crate::render::text::one_line;

pub(super) const DIRECT: &str = "Sluice deploys directly";
pub(super) const STACK: &str = "In the stage's stack";
pub(super) const DROPPED: &str = "Dropped";
pub(super) const ABSENT: &str = "Not on this stage";
pub(super) const NOTICES: &str = "Notices";
pub(super) const ATTENTION: &str = "Needs attention of approvers";
pub(super) const REFUSED: &str = "Refused";
pub(super) const HOLDS_DATA: &str = "holds data";

const PACKAGE: &str = "Run the packager with `--dry-run --no-install` in its folder (packager/README.md), then this \
                       command again.";

pub(super) fn unreadable(error: &Unreadable) -> String {
    let shown = |path: &Path| format!("`{}`", path.display());
    let text = match error {
        Unreadable::Missing(path) => {
            format!("{} does not exist. Name a template or its folder.", shown(path))
        }
        Unreadable::Empty(path) => format!(
            "{} has no `packaged.json`, `template.json`, `template.yaml` or `template.yml`. Name a template or its folder.",
            shown(path)
        ),
        Unreadable::NotAFile(path) => {
            format!("{} is not a regular file. Name a template or its folder.", shown(path))
        }
        Unreadable::Io(path, kind) => format!("{} cannot be read: {kind}.", shown(path)),
        Unreadable::TooLarge(path) => {
            format!("{} is larger than 1 MiB, CloudFormation's limit. Split the application.", shown(path))
        }
        Unreadable::NotText(path) => format!("{} is no template: it is not text in UTF-8.", shown(path)),
        Unreadable::NotATemplate(path, why) => {
            format!("{} is no template in JSON: {why}. Name a template or its folder.", shown(path))
        }
        Unreadable::Transform(path) => {
            format!(
                "{} has a `Transform`, such as SAM, which only the packager expands. {PACKAGE}",
                shown(path)
            )
        }
        Unreadable::Yaml(path) => {
            format!("{} is YAML, and Sluice reads what the packager makes of it. {PACKAGE}", shown(path))
        }
        Unreadable::Lines(error) => format!("{}; {}.", error.problem, error.hint),
    };
    format!("sluice template check: {}\n", one_line(&text))
}

pub(super) fn title(file: &str, stage: &str, pipeline: &str) -> String {
    format!("{file}, for stage {stage} of pipeline {pipeline}")
}

/// Why, as the end of a line that begins with the resource.
pub(super) fn why_held(held: &Held) -> String {
    match held {
        Held::Type => "after the move: it calls functions or makes them reachable".to_owned(),
        Held::Properties(properties) => {
            format!("after the move, only {}: they call functions or make them reachable", list(properties))
        }
        Held::RefersTo(other) => format!("after the move: it refers to {other}"),
        Held::IfChanged => "after the move if it changes; a new one does not wait".to_owned(),
    }
}

pub(super) fn why_dropped(why: &Why) -> String {
    match why {
        Why::Version(function) => format!("Sluice publishes a version of {function} for each release"),
        Why::Alias(function) => format!("Sluice's alias of {function} is named as the stage"),
        Why::ApiPermission => "a role of Sluice's API has this permission".to_owned(),
        Why::DeploymentPreference => "Sluice moves aliases itself".to_owned(),
        Why::AccountSetting => {
            "it sets the role of API Gateway's logs for the whole account and region: an admin sets it once (docs/templates.md)"
                .to_owned()
        }
    }
}

/// A stable name and the text.
type Line = (&'static str, String);

/// The notices of a template, of its parameters and of the names that it reads in Systems Manager. Dropped resources have a section of their own.
pub(super) fn notices(
    split: &Split,
    values: &ParameterValues,
    system: &BTreeSet<String>,
    renamed: &Renamed,
) -> Vec<Line> {
    let mut notices: Vec<Line> = split.notices.iter().filter_map(notice).collect();
    notices.extend(fixed_names(renamed));
    if !values.default_environments.is_empty() {
        let names = values.default_environments.iter().cloned().collect();
        let text = format!(
            "These parameters look like the name of the stage, but have their default: {}.",
            list(&names)
        );
        notices.push(("default_environments", text));
    }
    if !system.is_empty() {
        let text = format!(
            "A deploy reads these values of Systems Manager and shows them. They are not read here: {}.",
            list(system)
        );
        notices.push(("system_parameters", text));
    }
    notices
}

/// What becomes of functions whose code is a container image.
pub(super) fn images(functions: &BTreeSet<String>) -> Option<Line> {
    let text = || {
        format!(
            "The code of these functions is a container image. A build pins the digest that its tag has then. The image is in ECR, in \
             the account and region of the stages; a repository that is not named after the pipeline needs `/stage set … images=NAME`: {}.",
            list(functions)
        )
    };
    (!functions.is_empty()).then(|| ("images", text()))
}

/// What happens to fixed names where this is not the first stage of its account.
fn fixed_names(renamed: &Renamed) -> Vec<Line> {
    let all = |names: BTreeSet<String>, kind: &'static str, text: &str| {
        (!names.is_empty()).then(|| (kind, format!("{text}: {}.", list(&names))))
    };
    let renames = renamed.renames.iter();
    let renames = renames.map(|one| format!("{}.{} becomes {}", one.logical_id, one.property, one.to));
    let asked = renamed.questions.iter().map(|question| match question {
        Question::NameInCode { logical_id, name } | Question::AlsoElsewhere { logical_id, name, .. } => {
            format!("{name} ({logical_id})")
        }
    });
    let refused = renamed.refused.iter().map(|refused| refused.logical_id.clone());
    let texts = [
        all(
            renames.collect(),
            "fixed_names",
            "These names are fixed. If another stage of the account and region has them, this one gets names of its own",
        ),
        all(
            asked.collect(),
            "fixed_names_to_confirm",
            "A person then has to confirm these names, because the code or another place of the template may hold them",
        ),
        all(
            refused.collect(),
            "one_stage_only",
            "Only one stage of the account can have these. Give them a condition, or a name that differs for each stage",
        ),
    ];
    texts.into_iter().flatten().collect()
}

fn notice(found: &Notice) -> Option<Line> {
    Some(match found {
        Notice::Dropped(_) => return None,
        Notice::DroppedOutputs(outputs) => (
            "dropped_outputs",
            format!(
                "These outputs are dropped, because they name something that is dropped or that changes with each release: {}.",
                list(outputs)
            ),
        ),
        Notice::NeedsHeld { direct, held } => {
            ("needs_held", format!("{direct} needs {held}, which exists only after the move."))
        }
        Notice::SharedRole { role, with } => (
            "shared_role",
            format!(
                "{role} stays in the stack, because {} also use it: its rights may change under a running version.",
                list(with)
            ),
        ),
        Notice::DroppedSettings(places) => (
            "dropped_settings",
            format!(
                "These settings have no effect, because Sluice has its own versions and aliases: {}.",
                pairs(places)
            ),
        ),
        Notice::NeedsAlias(places) => (
            "needs_alias",
            format!(
                "These name a function by its bare name, `$LATEST`, a version or another alias. Sluice puts its own alias there: {}.",
                pairs(places)
            ),
        ),
        Notice::LiteralFunctionName(places) => (
            "literal_function_name",
            format!(
                "These name a function literally, but Sluice names it differently. Use a reference: {}.",
                pairs(places)
            ),
        ),
    })
}

pub(super) fn place(file: &str, line: Option<usize>) -> String {
    line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
}

pub(super) fn counts(direct: usize, stack: usize, dropped: usize, absent: usize, refused: usize) -> String {
    let all = [
        (direct, "direct"),
        (stack, "in the stack"),
        (dropped, "dropped"),
        (absent, "not on this stage"),
        (refused, "refused"),
    ];
    let all = all.iter().filter(|(count, what)| *count > 0 || *what == "refused");
    all.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ") + "\n"
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn pairs(places: &BTreeSet<(String, String)>) -> String {
    list(&places.iter().map(|(id, property)| format!("{id}.{property}")).collect())
}
