//! What became of one application.

use std::time::Duration;

use serde::Serialize;

/// The last step that an application reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reached {
    /// Not even a build.
    Nothing,
    /// A build succeeded.
    Built,
    /// It is on the first stage.
    Deployed,
    /// It is on the last stage.
    Promoted,
    /// It was called there.
    Exercised,
}

/// A line of the output.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) name: String,
    pipeline: String,
    pub(super) reached: Reached,
    seconds: u64,
    /// Why it came no further; the first lines.
    pub(super) refusal: Option<String>,
    /// What had to be set on stages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) settings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) requests: Vec<Request>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) invocations: Vec<Invocation>,
    /// The command that runs.
    #[serde(skip)]
    pub(super) doing: String,
}

/// A request to a stage.
#[derive(Debug, Serialize)]
pub(super) struct Request {
    pub(super) route: String,
    /// The HTTP status; `None` if there was no answer in time.
    pub(super) status: Option<u16>,
    /// The beginning of the body of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
}

/// A call of a function with `{}`.
#[derive(Debug, Serialize)]
pub(super) struct Invocation {
    pub(super) function: String,
    pub(super) status: Option<u16>,
    /// The beginning of what a function that failed returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// How many lines of a refusal are kept.
const LINES: usize = 14;

impl Report {
    pub(super) fn new(name: &str, pipeline: &str) -> Self {
        Self {
            name: name.to_owned(),
            pipeline: pipeline.to_owned(),
            reached: Reached::Nothing,
            seconds: 0,
            refusal: None,
            settings: vec![],
            requests: vec![],
            invocations: vec![],
            doing: String::new(),
        }
    }

    /// Records the end.
    pub(super) fn end(&mut self, refusal: Option<String>, after: Duration) {
        let lines = |text: String| text.lines().take(LINES).collect::<Vec<_>>().join("\n");
        (self.refusal, self.seconds) = (refusal.map(lines), after.as_secs());
    }
}

/// At most 200 characters of a text.
pub(super) fn beginning(text: &str) -> String {
    text.chars().take(200).collect()
}
