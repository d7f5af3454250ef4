//! What a deploy or a promotion would change, for people who ask before anybody begins. It reads and creates nothing: the stack's
//! changes are found by a comparison of templates. What the operation would refuse is part of the answer, and what could not be
//! compared is named.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{join, try_join};

use crate::application::World;
use crate::comparison::messages;
use crate::comparison::{Changes, Commits, Comparison, LookAtCommits};
use crate::names;
use crate::operation::EngineError;
use crate::records::StackChoices;
use crate::resources::stack::{StackOf, StackPreview, WantedStack, previewed};
use crate::steps::{Exceptions, KnownStage, ReadApplication};
use sluice_model::{Refusal, ReleaseNumber};
use sluice_template::plain::DirectValues;
use sluice_template::{AppStack, Application};

/// How long the commits may take. Each is a call, one after the other, and the answer is worth reading without them.
const COMMITS: Duration = Duration::from_millis(900);

/// A deploy or promotion that nobody has requested.
#[derive(Clone)]
pub(crate) struct Previewed {
    pub(crate) of: Comparison,
    /// The number that the release has, or would get.
    pub(crate) release: ReleaseNumber,
    /// Whether the stage's record has a stack.
    pub(crate) has_stack: bool,
    /// What people decided about the stage's stack.
    pub(crate) choices: StackChoices,
    /// Whether people approve it, who have to see every change.
    pub(crate) has_approvers: bool,
    /// The commits between the running release and this one.
    pub(crate) commits: Option<LookAtCommits>,
}

/// What it would change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Preview {
    /// `None` if the template is refused.
    pub(crate) changes: Option<Changes>,
    pub(crate) commits: Commits,
    /// How many functions the new release has.
    pub(crate) functions: usize,
    /// The parameters with a value for the stage that the template does not declare.
    pub(crate) unknown_parameters: Vec<String>,
    /// Why the operation would be refused.
    pub(crate) refusal: Option<Refusal>,
    /// What could not be compared, in words.
    pub(crate) gaps: Vec<String>,
}

/// What a release wants of its stage's stack, if that is known.
struct Known(Option<AppStack>);

#[async_trait]
impl WantedStack for Known {
    async fn wanted(&self, _: &World, _: &DirectValues) -> Result<Option<AppStack>, EngineError> {
        Ok(self.0.clone())
    }
}

impl Previewed {
    /// Identifies the question: equal questions have equal answers while AWS stays as it is.
    pub(crate) fn key(&self) -> String {
        let Comparison { pipeline, stage, before, parameters, artifact, wanted, system_before, apis, .. } =
            &self.of;
        // Parameters are plain text, and maps in order.
        let values =
            serde_json::to_string(&(before, parameters, artifact, wanted, system_before)).unwrap_or_default();
        let apis = format!("{apis:?}");
        names::digest(&[pipeline.as_str(), stage.as_str(), &self.release.to_string(), &values, &apis])
    }

    /// Reads what is compared.
    ///
    /// # Errors
    ///
    /// The store or AWS did not answer.
    pub(crate) async fn look(&self, world: &World) -> Result<Preview, EngineError> {
        let commits = async {
            let read = self.commits.as_ref()?.found(world);
            tokio::time::timeout(COMMITS, read).await.ok()?.ok()
        };
        let (found, commits) = join(self.found(world), commits).await;
        Ok(Preview { commits: commits.unwrap_or_default(), ..found? })
    }

    async fn found(&self, world: &World) -> Result<Preview, EngineError> {
        let mut preview = Preview::default();
        // As the operation reads it first: both refuse the same.
        let read = ReadApplication {
            known: KnownStage::Nothing,
            exceptions: Exceptions::AsSet,
            ..self.of.read_new()
        };
        let first = match read.application(world).await {
            Ok(first) => first,
            Err(EngineError::Refused(refusal)) => {
                preview.refusal = Some(refusal);
                return Ok(preview);
            }
            Err(error) => return Err(error),
        };
        preview.functions = first.count_functions();
        preview.unknown_parameters.clone_from(&first.unknown_parameters);
        let has_placeholders = first.stack.as_ref().is_some_and(AppStack::has_placeholders);
        let (now, is_whole) = if first.is_complete() && !has_placeholders {
            (first, true)
        } else {
            match self.of.read_new().application(world).await {
                Ok(now) => (now, true),
                Err(EngineError::Refused(_)) => {
                    // A text for people in place of a value may be refused where the value is not.
                    let waiting: Vec<&str> = first.waiting.keys().map(String::as_str).collect();
                    preview.gaps.push(messages::not_shown(&waiting));
                    (first, false)
                }
                Err(error) => return Err(error),
            }
        };
        let has_stack = is_whole && (now.stack.is_some() || self.has_stack);
        let stack = async {
            match has_stack {
                true => self.stack(world, &now).await,
                false => Ok(Stack::Compared(StackPreview::default())),
            }
        };
        let (changes, stack) = try_join(self.of.changes(world, &now), stack).await?;
        let changes = match stack {
            Stack::Compared(found) => {
                preview.refusal = found.refusal;
                changes.and(&found.lines)
            }
            Stack::Refused(refusal) => {
                preview.refusal = Some(refusal);
                changes
            }
            Stack::Unknown(why) => {
                preview.gaps.push(why);
                changes
            }
        };
        if self.has_approvers && preview.refusal.is_none() {
            preview.refusal = changes.unreadable();
        }
        preview.changes = Some(changes);
        Ok(preview)
    }

    async fn stack(&self, world: &World, now: &Application) -> Result<Stack, EngineError> {
        let Comparison { target, pipeline, stage, apis, .. } = &self.of;
        let of = StackOf {
            target: target.clone(),
            pipeline: pipeline.clone(),
            stage: stage.clone(),
            release: self.release,
            is_rollback: false,
            choices: self.choices,
            apis: apis.clone(),
            source: Arc::new(Known(now.stack.clone())),
        };
        match previewed(&of, world).await {
            Ok(Some(found)) => Ok(Stack::Compared(found)),
            Ok(None) => Ok(Stack::Unknown(messages::STACK_IS_CHANGING.to_owned())),
            Err(EngineError::Refused(refusal)) => Ok(Stack::Refused(refusal)),
            Err(EngineError::Port(error)) => Ok(Stack::Unknown(messages::stack_unknown(&error.brief()))),
            Err(error) => Err(error),
        }
    }
}

/// The comparison of the stack.
enum Stack {
    Compared(StackPreview),
    Refused(Refusal),
    Unknown(String),
}
