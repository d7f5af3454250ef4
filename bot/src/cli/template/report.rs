//! What Sluice makes of a template, as data. The names of the fields are those of `--json` (`bot/README.md`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sluice_commands::template::plain::{
    Attribute, DirectValues, Evaluator, Held, Known, ParameterValues, Part, Placement, PlainCode,
    PlainFunction, PlainTemplate, Resolution, SourceMap, Split, Stage, StageNames, SystemAnswers,
    classify_all, desired, read, rename, system_names,
};
use sluice_commands::template::{TemplateError, errors_of_apis};
use sluice_model::{PipelineName, StageName, Target};

use super::messages;

/// Examples: nothing of a real account is known here.
const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";

/// What the template is checked for.
pub(super) struct Setting {
    pub(super) file: String,
    pub(super) pipeline: PipelineName,
    pub(super) stage: StageName,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) file: String,
    pub(super) pipeline: String,
    pub(super) stage: String,
    pub(super) direct: Vec<Resource>,
    pub(super) stack: Vec<InStack>,
    pub(super) dropped: Vec<Dropped>,
    pub(super) absent: Vec<Resource>,
    pub(super) notices: Vec<Notice>,
    pub(super) attention: Vec<Attention>,
    pub(super) refused: Vec<Refusal>,
}

#[derive(Debug, Serialize)]
pub(super) struct Resource {
    pub(super) logical_id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

#[derive(Debug, Serialize)]
pub(super) struct InStack {
    #[serde(flatten)]
    pub(super) resource: Resource,
    /// A replacement or removal loses data.
    pub(super) holds_data: bool,
    /// `type`, `properties`, `refers_to` or `if_changed`, for a resource that waits for the move.
    pub(super) after_move: Option<&'static str>,
    pub(super) why: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Dropped {
    #[serde(flatten)]
    pub(super) resource: Resource,
    pub(super) why: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Notice {
    pub(super) kind: &'static str,
    pub(super) text: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Attention {
    /// The logical id of a resource, or the name of an output.
    pub(super) logical_id: String,
    pub(super) what: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) file: String,
    pub(super) line: Option<usize>,
    pub(super) logical_id: Option<String>,
    pub(super) problem: String,
    pub(super) hint: String,
}

impl Report {
    /// Reads and takes apart a template. Errors do not hide the places of the other resources, if it can be read at all.
    pub(super) fn of(text: &str, sources: &SourceMap, setting: Setting) -> Self {
        let Setting { file, pipeline, stage: name } = setting;
        let report =
            Report { file, pipeline: pipeline.to_string(), stage: name.to_string(), ..Report::default() };
        let template = match read(text, sources) {
            Ok(template) => template,
            Err(errors) => return report.refuse(errors),
        };
        let (none, unread) = (BTreeMap::new(), SystemAnswers::new());
        let target = Target { account: ACCOUNT.into(), region: REGION.into() };
        let stage = Stage {
            pipeline: &pipeline,
            name: &name,
            target: &target,
            parameters: &none,
            system_parameters: &unread,
        };
        let values = match ParameterValues::of(&template, &stage, sources) {
            Ok(values) => values,
            Err(errors) => return report.refuse(errors),
        };
        let later = |_: &str, _: &_| Known::Later;
        let (split, mut errors) = classify_all(&Evaluator::new(&template, stage, &values, &later), sources);
        let answer = |id: &str, attribute: &_| match split.resolution(id, attribute) {
            Resolution::Never(reason) => Known::Never(reason),
            _ => Known::Later,
        };
        let evaluator = Evaluator::new(&template, stage, &values, &answer);
        let (system, wrong) = system_names(&evaluator, sources);
        errors.extend(wrong);
        let mut images = BTreeSet::new();
        for (id, _) in split.placements.iter().filter(|(_, placement)| placement.part == Part::Function) {
            match PlainFunction::read(id, &evaluator, sources) {
                Ok(function) if matches!(function.code, PlainCode::Image { .. }) => {
                    images.insert(id.clone());
                }
                Ok(_) => {}
                Err(wrong) => errors.extend(wrong),
            }
        }
        errors.extend(errors_of_apis(&template, &split, stage, &values, sources));
        if errors.is_empty() {
            errors
                .extend(desired(&evaluator, &split, &examples(&split), sources).err().into_iter().flatten());
        }
        let mut report = report.refuse(errors);
        report.list(&template, &split);
        let renamed = rename(&template, &split, StageNames::Further(&name));
        let notices = messages::notices(&split, &values, &system, &renamed)
            .into_iter()
            .chain(messages::images(&images));
        report.notices = notices.map(|(kind, text)| Notice { kind, text }).collect();
        let attention = split.attention.into_iter();
        report.attention =
            attention.map(|all| Attention { logical_id: all.logical_id, what: all.what }).collect();
        report
    }

    fn refuse(mut self, errors: Vec<TemplateError>) -> Self {
        let mut known = BTreeSet::new();
        for error in errors {
            // The steps may find the same twice.
            if !known.insert((error.resource.clone(), error.problem.clone())) {
                continue;
            }
            self.refused.push(Refusal {
                code: error.code.to_string(),
                file: error.file.unwrap_or_else(|| self.file.clone()),
                line: error.line,
                logical_id: error.resource,
                problem: error.problem,
                hint: error.hint,
            });
        }
        self.refused.sort_by_key(|refusal| refusal.line.unwrap_or(usize::MAX));
        self
    }

    /// Puts each resource where it belongs. A refused one belongs nowhere.
    fn list(&mut self, template: &PlainTemplate, split: &Split) {
        let refused: BTreeSet<String> =
            self.refused.iter().filter_map(|refusal| refusal.logical_id.clone()).collect();
        for (id, placement) in split.placements.iter().filter(|(id, _)| !refused.contains(*id)) {
            let kind = template.resources.get(id).map(|resource| resource.kind.clone()).unwrap_or_default();
            let resource = Resource { logical_id: id.clone(), kind };
            match &placement.part {
                Part::Stack => self.stack.push(in_stack(resource, placement)),
                Part::Absent => self.absent.push(resource),
                Part::Dropped(why) => {
                    self.dropped.push(Dropped { resource, why: messages::why_dropped(why) });
                }
                _ => self.direct.push(resource),
            }
        }
    }
}

/// Examples of what is known of APIs and layers before a stack changes.
fn examples(split: &Split) -> DirectValues {
    let mut direct = DirectValues::default();
    for (id, placement) in &split.placements {
        let (value, attributes): (_, &[&str]) = match placement.part {
            Part::Api => ("a1b2c3d4e5".to_owned(), &["ApiEndpoint", "ApiId", "RestApiId", "RootResourceId"]),
            Part::Layer => (format!("arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{id}:1"), &["LayerVersionArn"]),
            _ => continue,
        };
        direct.insert(id, Attribute::Ref, value.clone());
        for attribute in attributes {
            direct.insert(id, Attribute::Named((*attribute).to_owned()), value.clone());
        }
    }
    direct
}

fn in_stack(resource: Resource, placement: &Placement) -> InStack {
    let after_move = placement.held.as_ref().map(|held| match held {
        Held::Type => "type",
        Held::Properties(_) => "properties",
        Held::RefersTo(_) => "refers_to",
        Held::IfChanged => "if_changed",
    });
    let why = placement.held.as_ref().map(messages::why_held);
    InStack { resource, holds_data: placement.is_stateful, after_move, why }
}
