//! Emits the stacks of every plain template (`*.json`) of a folder into another one, for `packager/lint_stacks`, and counts.
//!
//! `cargo run -p sluice-template --example stacks -- FOLDER OUTPUT [-v]` writes for each `NAME.json` what GROW and WIRE of a first deploy
//! have, WIRE without events, and WIRE of a further stage of the same account: `NAME.grow.json`, `NAME.wire.json`, `NAME.off.json`,
//! `NAME.further.json`. With `-v` each error is printed with its file. It fails if a template is refused, except with `-v`.
#![allow(clippy::print_stdout)]

mod shared;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use sluice_model::{PipelineName, StageName, Target};
use sluice_template::TemplateError;
use sluice_template::plain::{
    Attribute, Desired, DirectValues, Evaluator, Kept, Known, ParameterValues, Part, PlainTemplate,
    SourceMap, Split, StackTemplate, Stage, StageNames, classify, desired, grow, read, rename, wire,
};

type Refused = (&'static str, Vec<TemplateError>);

/// The texts of a template by the name of their pass.
fn emit(text: &str) -> Result<BTreeMap<&'static str, String>, Refused> {
    let sources = SourceMap::default();
    let template = read(text, &sources).map_err(|errors| ("read", errors))?;
    let pipeline = PipelineName::new("corpus").map_err(|_| ("setup", Vec::new()))?;
    let name = StageName::new("dev").map_err(|_| ("setup", Vec::new()))?;
    let target = Target { account: "123456789012".into(), region: "us-east-1".into() };
    let (none, system_parameters) = (BTreeMap::new(), BTreeMap::new());
    let stage = Stage {
        pipeline: &pipeline,
        name: &name,
        target: &target,
        parameters: &none,
        system_parameters: &system_parameters,
    };
    let parameters = shared::parameters(&template, &stage, &sources);
    let stage = Stage { parameters: &parameters, ..stage };
    let (split, plain) = stack(&template, stage, &sources)?;
    let renamed = rename(&template, &split, StageNames::Further(&name));
    let (_, further) = stack(&renamed.template, stage, &sources)?;
    let mut texts = BTreeMap::new();
    let (silent, _) = plain.clone().without_events();
    let grown = grow(None, &plain, "r1").map_err(passes)?;
    let live = grown.map(|grown| grown.template);
    let kept = Kept::default();
    let wired = [("wire", &plain), ("off", &silent), ("further", &further)];
    for (name, desired) in wired {
        let wired = wire(live.as_ref().filter(|_| name == "wire"), desired, &kept, "r1").map_err(passes)?;
        texts.extend(wired.map(|wired| (name, wired.template.text())));
    }
    texts.extend(live.map(|live| ("grow", live.text())));
    for text in texts.values() {
        let again = StackTemplate::read(text).map_err(|error| ("read again", vec![error]))?;
        assert_eq!(again.text(), *text, "it is not the same when it is read again");
    }
    Ok(texts)
}

fn passes(errors: Vec<sluice_template::plain::PassError>) -> Refused {
    errors.iter().for_each(|error| println!("{error}"));
    ("pass", Vec::new())
}

fn stack(
    template: &PlainTemplate,
    stage: Stage<'_>,
    sources: &SourceMap,
) -> Result<(Split, Desired), Refused> {
    let values = ParameterValues::of(template, &stage, sources).map_err(|errors| ("parameter", errors))?;
    let later = |_: &str, _: &Attribute| Known::Later;
    let evaluator = Evaluator::new(template, stage, &values, &later);
    let split = classify(&evaluator, sources).map_err(|errors| ("classify", errors))?;
    let mut direct = DirectValues::default();
    direct.boundary = Some("arn:aws:iam::123456789012:policy/sluice-boundary-us-east-1".into());
    let apis = split.placements.iter().filter(|(_, placement)| placement.part == Part::Api);
    for (nth, (id, _)) in apis.enumerate() {
        let api = format!("a1b2c3d{nth:03}");
        let endpoint = format!("https://{api}.execute-api.us-east-1.amazonaws.com");
        direct.insert(id, Attribute::Ref, api.clone());
        for (name, value) in
            [("ApiId", &api), ("RestApiId", &api), ("RootResourceId", &api), ("ApiEndpoint", &endpoint)]
        {
            direct.insert(id, Attribute::Named(name.into()), value.clone());
        }
    }
    let layers = split.placements.iter().filter(|(_, placement)| placement.part == Part::Layer);
    for (id, _) in layers {
        let arn = format!("arn:aws:lambda:us-east-1:123456789012:layer:{id}:1");
        direct.insert(id, Attribute::Ref, arn.clone());
        direct.insert(id, Attribute::Named("LayerVersionArn".into()), arn);
    }
    let desired = desired(&evaluator, &split, &direct, sources).map_err(|errors| ("desired", errors))?;
    Ok((split, desired))
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(output)) = (arguments.next(), arguments.next()) else {
        println!("two folders: that of the templates, and that for the stacks");
        return ExitCode::FAILURE;
    };
    let is_verbose = arguments.next().is_some();
    let output = Path::new(&output);
    if let Err(error) = std::fs::create_dir_all(output) {
        println!("{}: {error}", output.display());
        return ExitCode::FAILURE;
    }
    let entries = std::fs::read_dir(Path::new(&folder)).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |what: String| *counts.entry(what).or_default() += 1;
    for path in &files {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        match emit(&text) {
            Err((step, errors)) => {
                count(format!("refused: {step}"));
                if is_verbose {
                    errors.iter().take(3).for_each(|error| println!("{name}: {step}: {error}"));
                }
            }
            Ok(texts) => {
                count("emitted".to_owned());
                for (pass, text) in texts {
                    count(format!("templates of {pass}"));
                    if let Err(error) = std::fs::write(output.join(format!("{name}.{pass}.json")), text) {
                        println!("{name}: {error}");
                    }
                }
            }
        }
    }
    println!("{} templates", files.len());
    counts.iter().for_each(|(what, count)| println!("{count:>7} {what}"));
    let is_refused = counts.keys().any(|what| what.starts_with("refused"));
    if files.is_empty() || (is_refused && !is_verbose) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
