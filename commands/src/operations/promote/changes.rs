//! What a release changes on a stage, for who has to approve it: functions, what they are set to and may do, and routes.
//! Of variables the names alone.
//!
//! It is read from what the two builds left, of which one is known already: one look, as many calls for a hundred
//! functions as for one. What cannot be read delays and fails nothing: the card then does not speak of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Commits, Params};
use crate::card::Text;
use crate::domain::{Parameters, Release, Stage, from_item};
use crate::ids::{PipelineName, ReleaseNumber, StageName, Target};
use crate::operation::{Context, Effect, Facts, Progress, Step, Story, Trouble};
use crate::operations::steps::{Deployable, ReadApplication, read_artifact};
use crate::template::{AppFunction, AppRoute, Application};

/// So many functions are listed: more than that nobody reads on a phone.
const MOST: usize = 8;
/// So many variables or routes are named in a line.
const NAMED: usize = 4;
/// Signs of a line, and of a name or value in it.
const LINE: usize = 140;
const WORD: usize = 40;

/// What changes, as far as it is shown: each KB of a journal's row costs two write units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Functions by their logical id, with what of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    functions: Vec<(String, String)>,
    /// How many functions more.
    #[serde(default, skip_serializing_if = "is_none")]
    more: usize,
    /// What of the routes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    routes: String,
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

/// `A added, B changed and 3 more`.
fn named(changes: &[(&str, &str)]) -> String {
    let words: Vec<String> =
        changes.iter().take(NAMED).map(|(name, what)| format!("{} {what}", short(name, WORD))).collect();
    let rest = changes.len().saturating_sub(NAMED);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", words.join(", "))
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

/// What of a function changes; nothing if it is the same.
fn of_function(before: &AppFunction, now: &AppFunction) -> Option<String> {
    let mut parts = vec![];
    if before.code.sha256 != now.code.sha256 {
        parts.push("code".to_owned());
    }
    let mut set = |what: &str, before: String, now: String| {
        if before != now {
            parts.push(format!("{what} {} → {}", short(&before, WORD), short(&now, WORD)));
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
    let differ = compared(&variables(before), &variables(now), "changed");
    if !differ.is_empty() {
        parts.push(format!("variables {}", named(&differ)));
    }
    (!parts.is_empty()).then(|| short(&parts.join(", "), LINE))
}

impl Changes {
    /// From one application to another, of the same stage.
    fn between(before: &Application, now: &Application, since: Option<Timestamp>) -> Self {
        let of = |(name, function): (&String, &AppFunction)| {
            let what = match before.functions.get(name) {
                None => Some("new".to_owned()),
                Some(before) => of_function(before, function),
            };
            Some((short(name, WORD), what?))
        };
        let gone = before.functions.keys().filter(|name| !now.functions.contains_key(*name));
        let gone = gone.map(|name| (short(name, WORD), "gone".to_owned()));
        let mut functions: Vec<_> = now.functions.iter().filter_map(of).chain(gone).collect();
        let more = functions.len().saturating_sub(MOST);
        functions.truncate(MOST);
        fn routes(application: &Application) -> BTreeMap<&str, &String> {
            application.routes.iter().map(|AppRoute { key, function }| (key.as_str(), function)).collect()
        }
        let differ = compared(&routes(before), &routes(now), "led elsewhere");
        let routes = if differ.is_empty() { String::new() } else { short(&named(&differ), LINE) };
        Self { functions, more, routes, since }
    }

    /// How many functions change, in words.
    pub fn size(&self) -> String {
        match self.functions.len() + self.more {
            0 => "no function changes".to_owned(),
            1 => "1 function changes".to_owned(),
            count => format!("{count} functions change"),
        }
    }

    /// As the card lists them; nothing if nothing changes.
    pub fn words(&self) -> Option<Text> {
        let functions =
            self.functions.iter().map(|(name, what)| Text::default().code(name).then(format!(": {what}")));
        let more = (self.more > 0).then(|| Text::plain(format!("and {} more", self.more)));
        let routes = (!self.routes.is_empty()).then(|| Text::plain(format!("Routes: {}", self.routes)));
        functions.chain(more).chain(routes).reduce(|all, line| all.then("\n").join(line))
    }
}

/// Looks what the stage's release is made of, and compares.
pub(super) struct LookAtChanges {
    pub(super) target: Target,
    pub(super) pipeline: PipelineName,
    pub(super) stage: StageName,
    pub(super) bucket: String,
    /// What runs.
    pub(super) before: ReleaseNumber,
    /// The values that the template's parameters have there.
    pub(super) parameters: Parameters,
    /// Where the release comes from, and which it is.
    pub(super) from: (StageName, ReleaseNumber),
    /// What would run.
    pub(super) now: Arc<Deployable>,
}

impl LookAtChanges {
    async fn found(&self, cx: &Context) -> Result<Option<Changes>, Trouble> {
        let Self { target, pipeline, stage, bucket, before, parameters, from: (from, number), now } = self;
        let keys = &cx.world.keys;
        let (release, source) = (keys.release(pipeline, *before), keys.stage(pipeline, from));
        let (mut found, mut since) = (None, None);
        for item in cx.world.store.get_many(&[release.clone(), source]).await? {
            if item.key == release {
                found = Some(from_item::<Release>(&item)?);
            } else {
                let current = from_item::<Stage>(&item)?.current;
                since = current.filter(|now| now.release == *number).map(|now| now.since);
                // To the second: what is kept costs by its size.
                since = since.and_then(|since: Timestamp| Timestamp::from_second(since.as_second()).ok());
            }
        }
        let Some(found) = found else { return Ok(None) };
        let read = ReadApplication {
            target: target.clone(),
            pipeline: pipeline.clone(),
            stage: stage.clone(),
            bucket: bucket.clone(),
            artifact: found.artifact,
            parameters: parameters.clone(),
        };
        Ok(Some(Changes::between(&read.application(cx).await?, &now.application, since)))
    }
}

#[async_trait]
impl Step for LookAtChanges {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        match self.found(cx).await {
            Ok(changes) => Progress::done(changes),
            Err(trouble @ Trouble::Store(_)) if trouble.can_retry() => Err(trouble),
            Err(error) => {
                tracing::warn!(operation = %cx.operation, %error, "what a promotion changes could not be read");
                Progress::done(None::<Changes>)
            }
        }
    }
}

/// How large and how old it is, for who has to approve it.
pub(super) fn dimensions(
    story: Story,
    params: &Params,
    facts: &Facts,
    between: Option<&Commits>,
    changes: Option<&Changes>,
) -> Story {
    let functions = match (&params.before, changes) {
        (None, _) => read_artifact(facts).ok().flatten().map(|read| match read.functions {
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
    let story = if size.is_empty() { story } else { story.field("Size", size.join(", ")) };
    story.field("Age", age)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::samples::application;

    fn app(functions: &[&str]) -> Application {
        application(&"orders".parse().unwrap(), &"prod".parse().unwrap(), functions)
    }

    fn told(before: &Application, now: &Application) -> String {
        let changes = Changes::between(before, now, None);
        let kept = serde_json::to_string(&changes).unwrap();
        assert_eq!(serde_json::from_str::<Changes>(&kept).unwrap(), changes);
        assert!(!kept.contains("s3cret"), "values of variables are not kept: {kept}");
        changes.words().map(|words| words.flat()).unwrap_or_default()
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
        let mut now = before.clone();
        let world = now.functions.get_mut("World").unwrap();
        (world.handler, world.architecture) = ("app.other".into(), "x86_64".into());
        world.statements = vec![json!({ "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*" })];
        assert_eq!(
            told(&before, &now),
            "World: handler app.handler → app.other, architecture arm64 → x86_64, permissions"
        );
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
        assert!(told(&before, &now).chars().count() <= "Hello: ".len() + LINE + 1);
    }

    #[test]
    fn functions_and_routes_come_and_go() {
        let many: Vec<String> = (0..12).map(|nth| format!("F{nth:02}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut now = app(&many);
        let lines = told(&app(&["F00", "Gone"]), &now);
        assert_eq!(lines.lines().count(), MOST + 2, "{lines}");
        assert!(lines.starts_with("F01: new\n"), "{lines}");
        assert!(lines.ends_with("and 4 more\nRoutes: GET /f01 added, GET /f02 added, GET /f03 added, GET /f04 added and 8 more"), "{lines}");
        assert_eq!(told(&app(&["A", "B"]), &app(&["A"])), "B: gone\nRoutes: GET /b removed");
        let before = now.clone();
        now.routes[0].function = "F05".into();
        assert_eq!(told(&before, &now), "Routes: GET /f00 led elsewhere");
        assert_eq!(Changes::between(&before, &now, None).size(), "no function changes");
    }
}
