//! What a release changes on a stage, for its approvers. Each kind of resource describes its part; variables appear by name
//! only.
//!
//! It is read from the artifacts of the two builds, one of which is known already: one look, with as many calls for a hundred
//! functions as for one. Nothing is left out. What does not fit into the card is in the thread, and a release that changes
//! more than fits there is refused. If the running release cannot be read, the new one is listed in full.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::operation::{Context, Effect, EngineError, OperationState, Progress, Step, Summary};
use crate::promote::{Commits, Params};
use crate::records::{Release, Stage, from_item};
use crate::resources;
use crate::resources::{Change, Deployable, Line};
use crate::rules::Parameters;
use crate::steps::{ReadApplication, WildRights, read_artifact};
use sluice_model::{Part, PipelineName, Refusal, ReleaseNumber, StageName, Target, Text};
use sluice_template::Application;
use sluice_template::rights::size;

/// The size of what the card lists, of one of its sections, and of a page in the thread.
const CARD: usize = 6_000;
const SECTION: usize = 2_900;
const PAGE: usize = 3_600;
/// So many pages are in the thread.
const PAGES: usize = 12;

/// What changes, as it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// What each kind of resource says, in the order of [`resources::all`]: rights, functions, routes.
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

impl Changes {
    /// From one application to another, of the same stage. `None`: nothing runs there yet.
    fn between(
        before: Option<&Application>,
        now: &Application,
        target: &Target,
        since: Option<Timestamp>,
    ) -> Self {
        let change = Change::new(before, now, target);
        let lines = resources::all().iter().flat_map(|kind| kind.describe(&change)).collect();
        Self { lines, functions: resources::count_changed(&change), since }
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
        changes.lines.insert(0, Line::plain(what, true));
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
    fn a_changed_function_is_one_line() {
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
    fn new_rights_are_listed_first_and_broad_ones_before_narrow_ones() {
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
