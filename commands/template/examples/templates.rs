//! Reads and takes apart every plain template (`*.json`) of a folder, and counts: accepted, refused and why, panics.
//!
//! `cargo run -p sluice-template --example templates -- FOLDER [-v]`. With `-v` each error is printed with its file.
#![allow(clippy::print_stdout)]

mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use sluice_model::{PipelineName, StageName, Target};
use sluice_template::TemplateError;
use sluice_template::plain::{
    Evaluator, Held, Known, Notice, ParameterValues, Part, PlainFunction, Resolution, SourceMap, Split,
    Stage, classify, read,
};

/// What reading one template gave.
struct Reading {
    split: Split,
    functions: usize,
    waiting: usize,
}

fn take_apart(text: &str) -> Result<Reading, (&'static str, Vec<TemplateError>)> {
    let sources = SourceMap::default();
    let template = read(text, &sources).map_err(|errors| ("read", errors))?;
    let pipeline = PipelineName::new("corpus").map_err(|_| ("setup", Vec::new()))?;
    let name = StageName::new("dev").map_err(|_| ("setup", Vec::new()))?;
    let target = Target { account: "123456789012".into(), region: "us-east-1".into() };
    let system_parameters = BTreeMap::new();
    let none = BTreeMap::new();
    let stage = Stage {
        pipeline: &pipeline,
        name: &name,
        target: &target,
        parameters: &none,
        system_parameters: &system_parameters,
    };
    let parameters = shared::parameters(&template, &stage, &sources);
    let stage = Stage { parameters: &parameters, ..stage };
    // Patterns that no guess fits are a fault of this program, not of the template.
    let values =
        ParameterValues::of(&template, &stage, &sources).map_err(|errors| ("parameter value", errors))?;
    let later = |_: &str, _: &_| Known::Later;
    let evaluator = Evaluator::new(&template, stage, &values, &later);
    let split = classify(&evaluator, &sources).map_err(|errors| ("classify", errors))?;
    let answer = |id: &str, attribute: &_| match split.resolution(id, attribute) {
        Resolution::Never(reason) => Known::Never(reason),
        Resolution::AliasArn(function) => Known::Value(format!("arn:{function}:dev").into()),
        Resolution::Direct => Known::Value("direct".into()),
        Resolution::Stack => Known::Later,
    };
    let evaluator = Evaluator::new(&template, stage, &values, &answer);
    let (mut functions, mut waiting) = (0, 0);
    for (id, _) in split.placements.iter().filter(|(_, placement)| placement.part == Part::Function) {
        let function =
            PlainFunction::read(id, &evaluator, &sources).map_err(|errors| ("function", errors))?;
        functions += 1;
        waiting += usize::from(!function.needs().is_empty());
    }
    Ok(Reading { split, functions, waiting })
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".".into());
    let is_verbose = arguments.next().is_some();
    let entries = std::fs::read_dir(Path::new(&folder)).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut slowest = Duration::ZERO;
    for path in &files {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let began = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| take_apart(&text)));
        slowest = slowest.max(began.elapsed());
        let mut count = |what: &str, by: usize| *counts.entry(what.to_owned()).or_default() += by;
        match result {
            Err(_) => count("PANICKED", 1),
            Ok(Err((step, errors))) => {
                count("refused", 1);
                let codes: BTreeSet<String> =
                    errors.iter().map(|error| format!("  {step}: {}", error.code)).collect();
                codes.iter().for_each(|code| count(code, 1));
                if is_verbose {
                    for error in errors.iter().take(3) {
                        println!("{}: {error}", path.file_name().unwrap_or_default().to_string_lossy());
                    }
                }
            }
            Ok(Ok(reading)) => {
                count("accepted", 1);
                count("functions", reading.functions);
                count("functions that wait for the stack", reading.waiting);
                let parts = reading.split.placements.values();
                for placement in parts.clone() {
                    let part = format!("{:?}", placement.part);
                    count(&format!("part {}", part.split('(').next().unwrap_or_default()), 1);
                    count("held in all", usize::from(placement.held.is_some()));
                    count("stateful", usize::from(placement.is_stateful));
                }
                let is_held =
                    |placement: &&_| matches!(held(placement), Some(Held::Type | Held::Properties(_)));
                count(
                    "templates with triggers",
                    usize::from(parts.clone().any(|placement| is_held(&placement))),
                );
                count(
                    "templates with an empty stack",
                    usize::from(!parts.clone().any(|p| p.part == Part::Stack)),
                );
                let is_fixed = reading.split.names.iter().any(|name| name.origin.is_fixed());
                count("templates with a fixed name", usize::from(is_fixed));
                for name in reading.split.names.iter().filter(|name| name.origin.is_fixed()) {
                    count(&format!("fixed name {}", name.property), 1);
                }
                for notice in &reading.split.notices {
                    if is_verbose && !matches!(notice, Notice::Dropped(_)) {
                        println!("{}: {notice:?}", path.file_name().unwrap_or_default().to_string_lossy());
                    }
                    let name = format!("{notice:?}");
                    let name = name.split(['(', ' ']).next().unwrap_or_default();
                    count(&format!("notice {name}"), usize::from(!matches!(notice, Notice::Dropped(_))));
                }
            }
        }
    }
    println!("{} templates, the slowest {} ms", files.len(), slowest.as_millis());
    counts.iter().for_each(|(what, count)| println!("{count:>7} {what}"));
}

fn held(placement: &sluice_template::plain::Placement) -> Option<&Held> {
    placement.held.as_ref()
}
