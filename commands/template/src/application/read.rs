//! Reads an artifact: the plain template, the lines of its resources, and the manifest that pins its code.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::model::{AppApi, AppFunction, AppLayer, Application, Deploying, Images, KnownValues, Waiting};
use super::openapi::version_variable;
use super::reading::Reading;
use super::stack::{AppStack, placeholders};
use super::{apis, code, functions, layers};
use crate::budget::{self, MOST_FUNCTIONS, MOST_ROUTES};
use crate::error::{Findings, Place, TemplateCode, TemplateError, Violation};
use crate::manifest::Manifest;
use crate::names::{alias_arn, function_arn, function_name};
use crate::plain::{
    self, Attribute, Evaluator, Known, ParameterValues, Part, PlainTemplate, Question, Refused, Resolution,
    SourceMap, Split, Stage, StageNames, Uses, classify, rename,
};
use sluice_model::StageName;

/// Reads the plain template of an artifact (JSON) for a stage. `lines` is `sluice-lines.json`.
///
/// A hostile file costs at most some megabytes and a fraction of a second (`budget`). Callers still run it on a thread that
/// drives no operations.
///
/// # Errors
///
/// Everything that is wrong with the template, in the order of the file, each with its place and what to do.
pub fn read(
    packaged: &str,
    lines: &str,
    manifest: &Manifest,
    deploying: &Deploying<'_>,
) -> Result<Application, Vec<TemplateError>> {
    let Prepared { sources, template, parameters, values } = prepared(packaged, lines, manifest, deploying)?;
    let deploying = &Deploying { stage: Stage { parameters: &parameters, ..deploying.stage }, ..*deploying };
    let later = |_: &str, _: &Attribute| Known::Later;
    let evaluator = Evaluator::new(&template, deploying.stage, &values, &later);
    let split = classify(&evaluator, &sources)?;
    let mut direct = match deploying.known {
        KnownValues::Nothing => placeholders(&template, &split),
        KnownValues::Shown(known) => placeholders(&template, &split).and(known),
        KnownValues::Apis(direct) => direct.clone(),
        KnownValues::All(values) => values.direct.clone(),
    };
    direct.boundary = deploying.boundary.map(str::to_owned);
    let reading = Reading { template: &template, split: &split, manifest, deploying, direct };
    let mut findings = Findings::new(sources.clone());
    let stack = plain::desired(&evaluator, &split, &reading.direct, &sources);
    let stack = stack.map_err(|errors| findings.extend(errors)).ok().and_then(AppStack::of);
    reading.check_images_in_stack(&evaluator, &mut findings);
    let mut waiting = BTreeMap::new();
    let application = Application {
        functions: reading.functions(&values, &sources, &mut findings, &mut waiting),
        layers: reading.layers(&values, &mut findings),
        apis: reading.apis(&values, &sources, &mut findings, &mut waiting),
        stack,
        waiting,
        unknown_parameters: values.unknown.clone(),
        system: plain::pinned(&template, &deploying.stage),
    };
    findings.finish(application)
}

/// The names in Systems Manager that are not among the answers of the stage and without which [`read`] would not know everything. More
/// may follow once these are answered: the name of one may depend on the value of another.
///
/// # Errors
///
/// Everything that is wrong with the template's form, with these names, and with what was found.
pub fn unread(
    packaged: &str,
    lines: &str,
    manifest: &Manifest,
    deploying: &Deploying<'_>,
) -> Result<BTreeSet<String>, Vec<TemplateError>> {
    let sources = SourceMap::parse(lines).map_err(|error| vec![error])?;
    let template = plain::read(packaged, &sources)?;
    let values = ParameterValues::of(&template, &deploying.stage, &sources)?;
    let later = |_: &str, _: &Attribute| Known::Later;
    let missing = |template: &PlainTemplate, stage: Stage<'_>, values: &ParameterValues| {
        let uses = Uses::of(&Evaluator::new(template, stage, values, &later));
        uses.check(&stage, &sources)?;
        Ok(uses.unread(stage.system_parameters))
    };
    // What exists may depend on them, so nothing is split before they are known.
    let first = missing(&template, deploying.stage, &values)?;
    if !first.is_empty() || deploying.names == StageNames::First {
        return Ok(first);
    }
    let Prepared { template, parameters, values, .. } = prepared(packaged, lines, manifest, deploying)?;
    missing(&template, Stage { parameters: &parameters, ..deploying.stage }, &values)
}

/// A template with the names that the stage has.
struct Prepared {
    sources: SourceMap,
    template: PlainTemplate,
    parameters: BTreeMap<String, String>,
    values: ParameterValues,
}

fn prepared(
    packaged: &str,
    lines: &str,
    manifest: &Manifest,
    deploying: &Deploying<'_>,
) -> Result<Prepared, Vec<TemplateError>> {
    let sources = SourceMap::parse(lines).map_err(|error| vec![error])?;
    let mut template = plain::read(packaged, &sources)?;
    let mut values = ParameterValues::of(&template, &deploying.stage, &sources)?;
    let later = |_: &str, _: &Attribute| Known::Later;
    let mut parameters = deploying.stage.parameters.clone();
    if let StageNames::Further(stage) = deploying.names {
        let split = classify(&Evaluator::new(&template, deploying.stage, &values, &later), &sources)?;
        parameters.extend(plain::own_parameters(&template, &split, stage, deploying.stage.parameters));
        template = with_own_names(&template, &split, stage, &sources, manifest)?;
        values =
            ParameterValues::of(&template, &Stage { parameters: &parameters, ..deploying.stage }, &sources)?;
    }
    Ok(Prepared { sources, template, parameters, values })
}

/// What a deploy would refuse of the APIs of a template that was read and split.
pub fn errors_of_apis(
    template: &PlainTemplate,
    split: &Split,
    stage: Stage<'_>,
    values: &ParameterValues,
    sources: &SourceMap,
) -> Vec<TemplateError> {
    let deploying = Deploying {
        stage,
        code_bucket: "",
        code_prefix: "",
        wild_rights: true,
        images: Images::Accepted,
        boundary: None,
        names: StageNames::First,
        known: KnownValues::Nothing,
    };
    let (manifest, direct) = (Manifest::default(), placeholders(template, split));
    let reading = Reading { template, split, manifest: &manifest, deploying: &deploying, direct };
    let mut findings = Findings::new(sources.clone());
    reading.apis(values, sources, &mut findings, &mut BTreeMap::new());
    findings.finish(()).err().unwrap_or_default()
}

/// The template with names of its own for a further stage of the account.
fn with_own_names(
    template: &PlainTemplate,
    split: &Split,
    stage: &StageName,
    sources: &SourceMap,
    manifest: &Manifest,
) -> Result<PlainTemplate, Vec<TemplateError>> {
    let renamed = rename(template, split, StageNames::Further(stage));
    let mut findings = Findings::new(sources.clone());
    for Refused { logical_id, kind } in renamed.refused {
        let problem = format!("only one stage can have this `{kind}`, and the first stage has it");
        let hint = "give it a condition on the parameter Stage, or make its domain depend on the stage";
        findings
            .add(&Place::of(&["Resources", &logical_id]), Violation::new(TemplateCode::Value, problem, hint));
    }
    // The packager looked for the name in the code, and did not find it.
    let is_answered = |question: &Question| match question {
        Question::NameInCode { name, .. } => manifest.fixed_names.get(name) == Some(&false),
        Question::AlsoElsewhere { .. } => false,
    };
    for question in renamed.questions.into_iter().filter(|question| !is_answered(question)) {
        let (id, problem) = match question {
            Question::NameInCode { logical_id, name } => (
                logical_id,
                format!(
                    "the name {name} is the first stage's, no variable of a function has it, and the code has it or was not searched"
                ),
            ),
            Question::AlsoElsewhere { logical_id, name, places } => {
                let places: Vec<String> = places.into_iter().map(|(id, key)| format!("{id}.{key}")).collect();
                let places = places.join(", ");
                (logical_id, format!("the name {name} is the first stage's, and it is also in {places}"))
            }
        };
        let hint = "make the name depend on the stage, such as `orders-${Stage}`, and pass it to the code in a variable";
        findings.add(&Place::of(&["Resources", &id]), Violation::new(TemplateCode::Value, problem, hint));
    }
    findings.finish(renamed.template)
}

impl Reading<'_> {
    fn in_part(&self, is_it: impl Fn(&Part) -> bool) -> impl Iterator<Item = &str> {
        let placed = self.split.placements.iter().filter(move |(_, placed)| is_it(&placed.part));
        placed.map(|(id, _)| id.as_str())
    }

    fn functions(
        &self,
        values: &ParameterValues,
        sources: &SourceMap,
        findings: &mut Findings,
        waiting: &mut BTreeMap<String, Waiting>,
    ) -> BTreeMap<String, AppFunction> {
        let answer = |id: &str, attribute: &Attribute| self.known(id, attribute, Caller::Function);
        let evaluator = Evaluator::new(self.template, self.deploying.stage, values, &answer);
        let ids: Vec<&str> = self.in_part(|part| *part == Part::Function).collect();
        if ids.len() > MOST_FUNCTIONS {
            findings.add(&Place::of(&["Resources"]), budget::too_many("functions", MOST_FUNCTIONS));
            return BTreeMap::new();
        }
        if ids.is_empty() {
            let hint = "a pipeline deploys functions; declare at least one";
            let wrong = Violation::new(TemplateCode::Missing, "the template has no function", hint);
            findings.add(&Place::of(&["Resources"]), wrong);
        }
        let mut functions: BTreeMap<String, AppFunction> = BTreeMap::new();
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for id in ids {
            // A long name is cut and ends with 32 bits of a hash.
            let name = function_name(self.deploying.stage.pipeline, self.deploying.stage.name, id);
            if let Some(other) = names.insert(name.clone(), id.to_owned()) {
                let problem = format!("{id} and {other} would get the same function name, {name}");
                let hint = "give one of them a shorter logical id";
                let wrong = Violation::new(TemplateCode::Value, problem, hint);
                findings.add(&Place::of(&["Resources", id]), wrong);
            }
            let mut own = Findings::new(sources.clone());
            let function = functions::read(self, id, &evaluator, sources, &mut own);
            let needs = findings.absorb(own);
            if !needs.is_empty() {
                waiting.insert(id.to_owned(), Waiting { needs, api: None });
                continue;
            }
            functions.extend(function.map(|function| (id.to_owned(), function)));
        }
        self.refuse_surplus("function", self.manifest.functions.keys(), findings);
        functions
    }

    /// Functions that the stack invokes during its own update stay in the stack.
    fn check_images_in_stack(&self, evaluator: &Evaluator<'_>, findings: &mut Findings) {
        for id in self.in_part(|part| *part == Part::Stack) {
            let resource =
                self.template.resources.get(id).filter(|found| found.kind == "AWS::Lambda::Function");
            let Some(code) = resource.and_then(|found| found.properties.get("Code")) else { continue };
            let checked = evaluator.evaluate(code).and_then(|code| code::check_in_stack(id, code, self));
            findings.take(&Place::of(&["Resources", id, "Properties", "Code"]), checked);
        }
    }

    /// Refuses what the manifest has and the template has not.
    fn refuse_surplus<'b>(
        &self,
        noun: &str,
        pinned: impl Iterator<Item = &'b String>,
        findings: &mut Findings,
    ) {
        for id in pinned.filter(|id| !self.template.resources.contains_key(*id)) {
            let problem = format!("sluice-manifest.json has the {noun} {id}, but the template does not");
            let hint = "build again: the two files are from different builds, or were edited by hand";
            findings.add(&Place::default(), Violation::new(TemplateCode::Manifest, problem, hint));
        }
    }

    fn layers(&self, values: &ParameterValues, findings: &mut Findings) -> BTreeMap<String, AppLayer> {
        let answer = |id: &str, attribute: &Attribute| self.known(id, attribute, Caller::Function);
        let evaluator = Evaluator::new(self.template, self.deploying.stage, values, &answer);
        let ids = self.in_part(|part| *part == Part::Layer);
        let layers =
            ids.filter_map(|id| Some((id.to_owned(), layers::read(self, id, &evaluator, findings)?)));
        let layers: BTreeMap<String, AppLayer> = layers.collect();
        if layers.len() > MOST_FUNCTIONS {
            findings.add(&Place::of(&["Resources"]), budget::too_many("layers", MOST_FUNCTIONS));
        }
        self.refuse_surplus("layer", self.manifest.layers.keys(), findings);
        layers
    }

    fn apis(
        &self,
        values: &ParameterValues,
        sources: &SourceMap,
        findings: &mut Findings,
        waiting: &mut BTreeMap<String, Waiting>,
    ) -> BTreeMap<String, AppApi> {
        let answer = |id: &str, attribute: &Attribute| self.known(id, attribute, Caller::Api);
        let evaluator = Evaluator::new(self.template, self.deploying.stage, values, &answer);
        let mut apis: BTreeMap<String, AppApi> = BTreeMap::new();
        for id in self.in_part(|part| *part == Part::Api) {
            let mut own = Findings::new(sources.clone());
            let api = apis::read(self, id, &evaluator, &mut own);
            let needs = findings.absorb(own);
            if !needs.is_empty() {
                let api = api.map(|api| AppApi { body: Value::Null, ..api });
                waiting.insert(id.to_owned(), Waiting { needs, api });
                continue;
            }
            apis.extend(api.map(|api| (id.to_owned(), api)));
        }
        if apis.values().map(|api| api.routes().len()).sum::<usize>() > MOST_ROUTES {
            findings.add(&Place::of(&["Resources"]), budget::too_many("routes", MOST_ROUTES));
        }
        apis
    }

    /// What is known of a resource's attribute, for a part of the application that refers to it.
    fn known(&self, id: &str, attribute: &Attribute, caller: Caller) -> Known {
        let Stage { pipeline, name: stage, target, .. } = self.deploying.stage;
        let function = || function_name(pipeline, stage, id);
        match self.split.resolution(id, attribute) {
            Resolution::Never(reason) => Known::Never(reason),
            // The alias: the function's boundary denies calls without a qualifier.
            Resolution::Direct if self.split.part(id) == Some(&Part::Function) => {
                Known::Value(format!("{}:{stage}", function()).into())
            }
            Resolution::AliasArn(function) => {
                let name = function_name(pipeline, stage, &function);
                Known::Value(Value::String(match caller {
                    Caller::Function => alias_arn(target, &name, stage),
                    Caller::Api => format!("{}:{}", function_arn(target, &name), version_variable(&function)),
                }))
            }
            Resolution::Direct | Resolution::Stack => Known::Later,
        }
    }
}

/// What refers to a function: that decides between its alias and the version that an API's stage selects.
#[derive(Clone, Copy)]
enum Caller {
    Function,
    Api,
}
