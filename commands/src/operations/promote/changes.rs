//! What a release changes on a stage, for who has to approve it: rights first, then functions, what they are set to, and
//! routes. Of variables the names alone.
//!
//! It is read from what the two builds left, of which one is known already: one look, as many calls for a hundred
//! functions as for one. Nothing is left out: what does not fit into the card is in the thread, and a release that changes
//! more than fits there is not put to anybody. Where it cannot be read what runs, the release is listed in full.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Commits, Params};
use crate::domain::{Parameters, Release, Stage, from_item};
use crate::operation::{Context, Effect, EngineError, OperationState, Progress, Step, Summary};
use crate::operations::steps::{Deployable, ReadApplication, WildRights, read_artifact};
use sluice_model::{Part, PipelineName, Refusal, ReleaseNumber, StageName, Target, Text};
use sluice_template::rights::{self, AccessLevel, size};
use sluice_template::{AppFunction, AppRoute, Application};

/// So many functions are named in a line, and so long each name.
const NAMED: usize = 8;
const WORD: usize = 60;
/// The size of what the card lists, of one of its sections, and of a page in the thread.
const CARD: usize = 6_000;
const SECTION: usize = 2_900;
const PAGE: usize = 3_600;
/// So many pages are in the thread.
const PAGES: usize = 12;

/// A line of what changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    /// The functions that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    /// How many functions more.
    #[serde(default, skip_serializing_if = "is_none")]
    more: usize,
    /// What changes.
    what: String,
    /// Whether it has to stand out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    bold: bool,
}

/// What changes, as it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// What is new in rights, the broad ones first; then functions, those whose rights change first; then routes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Line>,
    /// How many functions change.
    #[serde(default, skip_serializing_if = "is_none")]
    functions: usize,
    /// When the release came to the stage before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

fn short(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

impl Line {
    /// A line about these functions, of which as many are named as fit.
    fn of(functions: &[&str], what: String, bold: bool) -> Self {
        let names = functions.iter().take(NAMED).map(|name| short(name, WORD)).collect();
        Self { names, more: functions.len().saturating_sub(NAMED), what, bold }
    }

    fn text(&self) -> Text {
        let mut text = Text::default();
        for (nth, name) in self.names.iter().enumerate() {
            text = if nth > 0 { text.then(", ").code(name) } else { text.code(name) };
        }
        if self.more > 0 {
            text = text.then(format!(" and {} more", self.more));
        }
        if !self.names.is_empty() {
            text = text.then(": ");
        }
        if self.bold { text.bold(self.what.clone()) } else { text.then(self.what.clone()) }
    }

    /// With what marks its parts.
    fn size(&self) -> usize {
        size(&self.text().flat()) + 4 * self.names.len() + 4
    }
}

/// Names with what of each: "A added, B changed", on as many lines as it takes.
fn listed(label: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (name, what) in changes {
        let word = format!("{} {what}", short(name, 5 * WORD));
        match lines.last_mut() {
            Some(line) if size(line) + size(&word) < 700 => {
                line.push_str(", ");
                line.push_str(&word);
            }
            _ => lines.push(format!("{label} {word}")),
        }
    }
    lines
}

/// What is added, changed and removed, by key.
fn compared<'a, T: PartialEq>(
    before: &BTreeMap<&'a str, T>,
    now: &BTreeMap<&'a str, T>,
    changed: &'static str,
) -> Vec<(&'a str, &'static str)> {
    let was = |name: &&'a str| match before.get(name) {
        None => Some((*name, "added")),
        Some(value) if now.get(name) != Some(value) => Some((*name, changed)),
        Some(_) => None,
    };
    let gone = before.keys().filter(|name| !now.contains_key(*name)).map(|name| (*name, "removed"));
    now.keys().filter_map(was).chain(gone).collect()
}

/// What of a function changes besides the rights that it gets, on as many lines as it takes.
fn of_function(before: &AppFunction, now: &AppFunction) -> Vec<String> {
    let mut parts = vec![];
    if before.code.sha256 != now.code.sha256 {
        parts.push("code".to_owned());
    }
    let mut set = |what: &str, before: String, now: String| {
        if before != now {
            parts.push(format!("{what} {} → {}", short(&before, 2 * WORD), short(&now, 2 * WORD)));
        }
    };
    set("memory (MB)", before.memory.to_string(), now.memory.to_string());
    set("timeout (s)", before.timeout.to_string(), now.timeout.to_string());
    set("runtime", before.runtime.clone(), now.runtime.clone());
    set("handler", before.handler.clone(), now.handler.clone());
    set("architecture", before.architecture.clone(), now.architecture.clone());
    if before.statements != now.statements {
        parts.push("permissions".to_owned());
    }
    fn variables(function: &AppFunction) -> BTreeMap<&str, &String> {
        function.environment.iter().map(|(name, value)| (name.as_str(), value)).collect()
    }
    let mut differ = listed("variables", &compared(&variables(before), &variables(now), "changed"));
    if !differ.is_empty() {
        parts.push(differ.remove(0));
    }
    let first = (!parts.is_empty()).then(|| parts.join(", "));
    first.into_iter().chain(differ).collect()
}

impl Changes {
    /// From one application to another, of the same stage. `None`: nothing runs there yet.
    fn between(
        before: Option<&Application>,
        now: &Application,
        target: &Target,
        since: Option<Timestamp>,
    ) -> Self {
        let was = |name: &str| before.and_then(|before| before.functions.get(name));
        let mut rights: BTreeMap<rights::Right, Vec<&str>> = BTreeMap::new();
        let mut whats: BTreeMap<(bool, String), Vec<&str>> = BTreeMap::new();
        let mut changed: BTreeSet<&str> = BTreeSet::new();
        for (name, function) in &now.functions {
            let statements = was(name).map(|before| before.statements.as_slice()).unwrap_or_default();
            let added = rights::added(statements, &function.statements, target);
            let gets_rights = !added.is_empty();
            for right in added {
                rights.entry(right).or_default().push(name);
            }
            let what = was(name).map_or(vec!["new".to_owned()], |before| of_function(before, function));
            for what in what {
                changed.insert(name);
                // Those whose rights change come first.
                whats.entry((!gets_rights, what)).or_default().push(name);
            }
        }
        let gone = before.iter().flat_map(|before| before.functions.keys());
        let gone: Vec<&str> =
            gone.map(String::as_str).filter(|name| !now.functions.contains_key(*name)).collect();
        fn routes(application: &Application) -> BTreeMap<&str, &String> {
            application.routes.iter().map(|AppRoute { key, function }| (key.as_str(), function)).collect()
        }
        let differ = before.map(|before| compared(&routes(before), &routes(now), "led elsewhere"));
        let mut lines: Vec<Line> = rights
            .iter()
            .map(|(right, names)| Line::of(names, right.words.clone(), right.access == AccessLevel::Wild))
            .collect();
        lines.extend(whats.iter().map(|((_, what), names)| Line::of(names, what.clone(), false)));
        lines.extend((!gone.is_empty()).then(|| Line::of(&gone, "gone".to_owned(), false)));
        let differ = listed("Routes:", &differ.unwrap_or_default());
        lines.extend(differ.into_iter().map(|what| Line { what, ..Line::default() }));
        Self { lines, functions: changed.len() + gone.len(), since }
    }

    /// How many functions change, in words.
    pub fn size(&self) -> String {
        match self.functions {
            0 => "no function changes".to_owned(),
            1 => "1 function changes".to_owned(),
            count => format!("{count} functions change"),
        }
    }

    /// The lines in the card, and those that do not fit there.
    fn split(&self) -> (&[Line], &[Line]) {
        let mut left = CARD;
        let fit = self.lines.iter().take_while(|line| {
            let size = line.size() + 1;
            let fits = size <= left;
            left = left.saturating_sub(size);
            fits
        });
        self.lines.split_at(fit.count())
    }

    /// What the card lists, in sections that fit.
    pub fn parts(&self) -> Vec<Part> {
        let (card, thread) = self.split();
        let mut parts: Vec<(usize, Text)> = Vec::new();
        for line in card {
            let size = line.size() + 1;
            match parts.last_mut() {
                Some((open, text)) if *open + size <= SECTION => {
                    *open += size;
                    *text = std::mem::take(text).then("\n").join(line.text());
                }
                Some(_) => parts.push((size, line.text())),
                None => parts.push((size + 20, Text::default().bold("Changes").then("\n").join(line.text()))),
            }
        }
        let mut parts: Vec<Part> = parts.into_iter().map(|(_, text)| Part::Text(text)).collect();
        if !thread.is_empty() {
            let words =
                format!("{} more changes are in the thread: read them before you approve.", thread.len());
            parts.push(Part::Text(Text::default().bold(words)));
        }
        parts
    }

    /// What does not fit into the card, in pages for the thread.
    pub fn pages(&self) -> Vec<Vec<String>> {
        let (_, thread) = self.split();
        let mut pages: Vec<(usize, Vec<String>)> = Vec::new();
        for line in thread {
            let text = line.text().flat();
            let size = size(&text) + 1;
            match pages.last_mut() {
                Some((open, lines)) if *open + size <= PAGE => {
                    *open += size;
                    lines.push(text);
                }
                _ => pages.push((size, vec![text])),
            }
        }
        pages.into_iter().map(|(_, lines)| lines).collect()
    }

    /// Refuses what nobody could read in full.
    fn readable(self) -> Result<Self, Refusal> {
        if self.pages().len() <= PAGES {
            return Ok(self);
        }
        Err(Refusal::new(
            "too-many-changes",
            format!("This release changes more than approvers can be shown: {} lines.", self.lines.len()),
            "Promote an earlier release first, or change less at a time.",
        ))
    }
}

/// Looks what the stage's release is made of, and compares.
pub(super) struct LookAtChanges {
    pub(super) target: Target,
    pub(super) pipeline: PipelineName,
    pub(super) stage: StageName,
    pub(super) bucket: String,
    /// What runs, if anything does.
    pub(super) before: Option<ReleaseNumber>,
    /// The values that the template's parameters have there.
    pub(super) parameters: Parameters,
    /// Where the release comes from, and which it is.
    pub(super) from: (StageName, ReleaseNumber),
    /// What would run.
    pub(super) now: Arc<Deployable>,
}

impl LookAtChanges {
    /// All of the release, where it cannot be compared.
    fn whole(&self) -> Result<Changes, EngineError> {
        let mut changes = Changes::between(None, &self.now.application, &self.target, None);
        let what = "What runs now could not be read, so the release is listed in full.".to_owned();
        changes.lines.insert(0, Line { what, bold: true, ..Line::default() });
        changes.readable().map_err(EngineError::Refused)
    }

    async fn found(&self, cx: &Context) -> Result<Changes, EngineError> {
        let Self { target, pipeline, stage, bucket, before, parameters, from: (from, number), now } = self;
        let keys = &cx.world.keys;
        let (release, source) =
            (before.map(|before| keys.release(pipeline, before)), keys.stage(pipeline, from));
        let (mut found, mut since) = (None, None);
        let asked: Vec<_> = release.iter().cloned().chain([source]).collect();
        for item in cx.world.store.get_many(&asked).await? {
            if Some(&item.key) == release.as_ref() {
                found = Some(from_item::<Release>(&item)?);
            } else {
                let current = from_item::<Stage>(&item)?.current;
                since = current.filter(|now| now.release == *number).map(|now| now.since);
                // To the second: what is kept costs by its size.
                since = since.and_then(|since: Timestamp| Timestamp::from_second(since.as_second()).ok());
            }
        }
        let before = match (before, found) {
            (None, _) => None,
            (Some(_), None) => return self.whole(),
            (Some(_), Some(found)) => {
                let read = ReadApplication {
                    target: target.clone(),
                    pipeline: pipeline.clone(),
                    stage: stage.clone(),
                    bucket: bucket.clone(),
                    artifact: found.artifact,
                    parameters: parameters.clone(),
                    // It runs already.
                    wild_rights: WildRights::Accepted,
                };
                Some(read.application(cx).await?)
            }
        };
        let changes = Changes::between(before.as_ref(), &now.application, target, since);
        changes.readable().map_err(EngineError::Refused)
    }
}

#[async_trait]
impl Step for LookAtChanges {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        match self.found(cx).await {
            Ok(changes) => Progress::done(changes),
            Err(trouble @ EngineError::Store(_)) if trouble.can_retry() => Err(trouble),
            Err(EngineError::Refused(refusal)) if refusal.code == "too-many-changes" => {
                Err(EngineError::Refused(refusal))
            }
            Err(error) => {
                tracing::warn!(operation = %cx.operation, %error, "what a promotion changes could not be read");
                Progress::done(self.whole()?)
            }
        }
    }
}

/// How large and how old it is, for who has to approve it.
pub(super) fn dimensions(
    summary: Summary,
    params: &Params,
    op: &OperationState,
    between: Option<&Commits>,
    changes: Option<&Changes>,
) -> Summary {
    let functions = match (&params.before, changes) {
        (None, _) => read_artifact(op).ok().flatten().map(|read| match read.functions {
            1 => "1 function, new here".to_owned(),
            count => format!("{count} functions, all new here"),
        }),
        (Some(_), changes) => changes.map(Changes::size),
    };
    let size: Vec<String> = between.and_then(Commits::size).into_iter().chain(functions).collect();
    let mut age = Text::plain("made ").time(params.release.made);
    if let Some(since) = changes.and_then(|changes| changes.since) {
        age = age.then(", on ").code(params.from.as_str()).then(" since ").time(since);
    }
    let summary = if size.is_empty() { summary } else { summary.field("Size", size.join(", ")) };
    summary.field("Age", age)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::samples::application;
    use crate::testing::target;

    fn app(functions: &[&str]) -> Application {
        application(&"orders".parse().unwrap(), &"prod".parse().unwrap(), functions)
    }

    fn shown(changes: &Changes) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.flat(),
            _ => String::new(),
        };
        changes.parts().iter().map(text).collect::<Vec<_>>().join("\n")
    }

    fn told(before: &Application, now: &Application) -> String {
        let changes = Changes::between(Some(before), now, &target(), None);
        let kept = serde_json::to_string(&changes).unwrap();
        assert_eq!(serde_json::from_str::<Changes>(&kept).unwrap(), changes);
        assert!(!kept.contains("s3cret"), "values of variables are not kept: {kept}");
        shown(&changes).trim_start_matches("Changes\n").to_owned()
    }

    fn may(app: &mut Application, function: &str, statements: Vec<Value>) {
        app.functions.get_mut(function).unwrap().statements = statements;
    }

    fn allow(action: &str, resource: &str) -> Value {
        json!({ "Effect": "Allow", "Action": action, "Resource": resource })
    }

    #[test]
    fn what_changes_of_a_function_is_a_line() {
        let before = app(&["Hello", "World"]);
        let mut now = before.clone();
        assert_eq!(told(&before, &now), "");
        let hello = now.functions.get_mut("Hello").unwrap();
        hello.code.sha256 = "other".into();
        (hello.memory, hello.timeout, hello.runtime) = (256, 10, "python3.13".into());
        assert_eq!(
            told(&before, &now),
            "Hello: code, memory (MB) 128 → 256, timeout (s) 3 → 10, runtime python3.12 → python3.13"
        );
    }

    #[test]
    fn new_rights_are_told_in_words_before_everything_else_and_broad_ones_first() {
        let mut before = app(&["Hello", "World", "Zz"]);
        may(&mut before, "Zz", vec![allow("dynamodb:GetItem", "arn:aws:s3:::orders/*")]);
        let mut now = before.clone();
        now.functions.get_mut("Hello").unwrap().code.sha256 = "other".into();
        let write = allow("sqs:SendMessage", "arn:aws:sqs:*:*:orders");
        may(&mut now, "World", vec![write.clone()]);
        may(&mut now, "Zz", vec![allow("*", "*"), write]);
        assert_eq!(
            told(&before, &now),
            "Zz: Allow every action on every resource\n\
             World, Zz: Allow sqs:SendMessage on arn:aws:sqs:*:*:orders\n\
             World, Zz: permissions\n\
             Hello: code"
        );
        let changes = Changes::between(Some(&before), &now, &target(), None);
        assert!(changes.lines[0].bold && !changes.lines[1].bold);
        let new = Changes::between(None, &now, &target(), None);
        assert!(shown(&new).contains("Zz: Allow every action on every resource\n"), "{}", shown(&new));
        assert_eq!(new.size(), "3 functions change");
        may(&mut before, "Zz", vec![]);
        assert_eq!(told(&now, &before), "Hello: code\nWorld, Zz: permissions", "taken away");
    }

    #[test]
    fn variables_are_named_and_never_shown() {
        let mut before = app(&["Hello"]);
        let variables = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let of = |app: &mut Application, pairs: &[(&str, &str)]| {
            app.functions.get_mut("Hello").unwrap().environment = variables(pairs);
        };
        let mut now = before.clone();
        of(&mut before, &[("KEY", "s3cret"), ("OLD", "s3cret"), ("SAME", "s3cret")]);
        of(&mut now, &[("KEY", "s3cret2"), ("NEW", "s3cret"), ("SAME", "s3cret")]);
        assert_eq!(told(&before, &now), "Hello: variables KEY changed, NEW added, OLD removed");
        let many: Vec<String> = (0..20).map(|nth| format!("{}{nth:02}", "V".repeat(60))).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "s3cret")).collect();
        of(&mut now, &many);
        let lines = told(&before, &now);
        assert!(many.iter().all(|(name, _)| lines.contains(name)), "every name is told: {lines}");
    }

    #[test]
    fn functions_and_routes_come_and_go() {
        let many: Vec<String> = (0..12).map(|nth| format!("F{nth:02}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut now = app(&many);
        let lines = told(&app(&["F00", "Gone"]), &now);
        assert!(
            lines.starts_with("F01, F02, F03, F04, F05, F06, F07, F08 and 3 more: new\nGone: gone\n"),
            "{lines}"
        );
        assert!((1..12).all(|nth| lines.contains(&format!("GET /f{nth:02} added"))), "{lines}");
        assert_eq!(told(&app(&["A", "B"]), &app(&["A"])), "B: gone\nRoutes: GET /b removed");
        let before = now.clone();
        now.routes[0].function = "F05".into();
        assert_eq!(told(&before, &now), "Routes: GET /f00 led elsewhere");
        assert_eq!(Changes::between(Some(&before), &now, &target(), None).size(), "no function changes");
    }

    /// A right that nobody can see behind a hundred others is the one that was to be hidden.
    #[test]
    fn no_right_is_left_out_however_many_there_are() {
        let (before, mut now) = (app(&["Hello"]), app(&["Hello"]));
        let statements =
            (0..300).map(|nth| allow("s3:GetObject", &format!("arn:aws:s3:::orders-{nth:03}/*")));
        may(&mut now, "Hello", statements.chain([allow("*", "*")]).collect());
        let changes = Changes::between(Some(&before), &now, &target(), None).readable().unwrap();
        let (card, pages) = (shown(&changes), changes.pages());
        assert!(card.starts_with("Changes\nHello: Allow every action on every resource\n"), "{card}");
        assert!(card.contains("more changes are in the thread"), "{card}");
        assert!(size(&card) < CARD + 200, "{}", size(&card));
        let all = format!("{card}\n{}", pages.concat().join("\n"));
        assert!((0..300).all(|nth| all.contains(&format!("on orders-{nth:03}/*"))));
        assert!(pages.iter().all(|page| size(&page.join("\n")) <= PAGE));
        for part in changes.parts() {
            assert!(matches!(part, Part::Text(text) if size(&text.flat()) <= SECTION + 60));
        }
        let endless = (0..2_000).map(|nth| allow("s3:GetObject", &format!("arn:aws:s3:::orders-{nth:04}/*")));
        may(&mut now, "Hello", endless.collect());
        let refused = Changes::between(Some(&before), &now, &target(), None).readable().unwrap_err();
        assert_eq!(refused.code, "too-many-changes");
    }
}
