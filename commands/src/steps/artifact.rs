//! Reads the artifact of a build exactly as it was pinned. An object with another version or content is not deployed.
//!
//! The journal keeps the digest of the artifact. After a restart, the next owner of the operation reads the artifact again.

use sha2::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::try_join3;
use sha2::Sha256;

use crate::application::{Sluice, World};
use crate::names;
use crate::operation::{
    Content, Context, Effect, EngineError, LoadedContent, OperationState, Progress, Step,
};
use crate::ports::{NoResult, Workers, compute};
use crate::records::{Artifact, Pinned, from_item};
use crate::resources::Deployable;
use crate::rules::{Parameters, Policy};
use crate::steps::artifact_reference::{ReadArtifact, read_artifact};
use crate::steps::system::SystemSource;
use crate::steps::{messages, value_messages};
use sluice_model::{Class, PinnedCode, PipelineName, PortError, StageName, Target};
use sluice_template::plain::{DirectValues, StackValues, Stage, StageNames, SystemAnswers};
use sluice_template::{Application, Deploying, Images, KnownValues, LARGEST_FILE, Manifest};

/// The largest file of an artifact, in bytes.
pub(crate) const ARTIFACT_LIMIT: u64 = LARGEST_FILE as u64;
/// The application, once it was read. It must be attached to the state: see [`ReadApplication::contents`].
pub(crate) fn application(op: &OperationState) -> Result<Option<Arc<Deployable>>, EngineError> {
    let Some(ReadArtifact { digest, .. }) = read_artifact(op)? else { return Ok(None) };
    op.content(&digest).map(Some)
}

/// Reads a build's artifact, compares it with the build's record, and reads its template for a stage.
#[derive(Clone)]
pub(crate) struct ReadApplication {
    pub(crate) target: Target,
    pub(crate) pipeline: PipelineName,
    pub(crate) stage: StageName,
    pub(crate) bucket: String,
    pub(crate) artifact: Artifact,
    /// The stage's values of the template's parameters.
    pub(crate) parameters: Parameters,
    pub(crate) exceptions: Exceptions,
    /// Whether the stage has the template's own physical names.
    pub(crate) is_first: bool,
    /// Where values of Systems Manager are from.
    pub(crate) system: SystemSource,
    /// What is known of the stage's other resources.
    pub(crate) known: KnownStage,
}

/// What is known of a stage's resources when a template is read for it.
#[derive(Debug, Clone, Default)]
pub(crate) enum KnownStage {
    #[default]
    Nothing,
    Apis(DirectValues),
    All(Box<StackValues>),
    /// What is read is only shown to people. The values are those of APIs that exist.
    Shown(DirectValues),
}

/// Whether a template may have what an admin has to allow for the stage: statements with any action or any resource, and images
/// from repositories that are not the pipeline's own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exceptions {
    /// As the policy of the stage says.
    AsSet,
    /// It may: it was read and accepted before.
    Accepted,
}

#[async_trait]
impl Step<Sluice> for ReadApplication {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let read = Arc::new(self.deployable(&cx.world).await?);
        let images = sluice_template::foreign_repositories(self.artifact.code.values(), &self.pipeline);
        let reference = ReadArtifact::of(&read, images);
        cx.world.contents.keep(&reference.digest, read);
        Progress::done(reference)
    }
}

/// An artifact that was read before and to which the journal refers.
struct KnownArtifact {
    digest: String,
    read: ReadApplication,
}

#[async_trait]
impl Content<Sluice> for KnownArtifact {
    fn digest(&self) -> &str {
        &self.digest
    }
    async fn read(&self, cx: &Context) -> Result<LoadedContent, EngineError> {
        let read = self.read.deployable(&cx.world).await?;
        if read.digest != self.digest {
            // The files are pinned, so another version of Sluice read them first.
            return Err(EngineError::Refused(messages::artifact_read_differently()));
        }
        Ok(Arc::new(read))
    }
}

impl ReadApplication {
    /// The contents to which the state refers, to be read again.
    pub(crate) fn contents(self, op: &OperationState) -> Result<Vec<Arc<dyn Content<Sluice>>>, EngineError> {
        let known = read_artifact(op)?;
        // The gate of the stage checks whether they are still allowed.
        let read = Self { exceptions: Exceptions::Accepted, ..self };
        Ok(known
            .map(|known| Arc::new(KnownArtifact { digest: known.digest, read }) as _)
            .into_iter()
            .collect())
    }

    pub(super) async fn deployable(&self, world: &World) -> Result<Deployable, EngineError> {
        let application = self.application(world).await?;
        Deployable::new(&self.target, &self.pipeline, &self.stage, application)
    }

    pub(crate) async fn application(&self, world: &World) -> Result<Application, EngineError> {
        let (packaged, lines, manifest) = try_join3(
            self.pinned(world, &self.artifact.packaged),
            self.pinned(world, &self.artifact.lines),
            self.pinned(world, &self.artifact.manifest),
        )
        .await?;
        let (wild_rights, images) = match self.exceptions {
            Exceptions::Accepted => (true, None),
            Exceptions::AsSet => {
                let policy = world.store.get(&world.keys.policy(&self.pipeline, &self.stage)).await?;
                let policy = policy.as_ref().map(from_item::<Policy>).transpose()?;
                policy.map_or((false, Some(BTreeSet::new())), |policy| {
                    (policy.wild_rights, Some(policy.images))
                })
            }
        };
        let job = ReadJob {
            wild_rights,
            images,
            target: self.target.clone(),
            pipeline: self.pipeline.clone(),
            stage: self.stage.clone(),
            bucket: self.bucket.clone(),
            code: self.artifact.code.clone(),
            files: Files { packaged, lines, manifest },
            parameters: self.parameters.clone(),
            is_first: self.is_first,
            known: self.known.clone(),
        };
        let job = Arc::new(job);
        let mut answers = self.system.answers();
        for _ in 0..ROUNDS {
            let names = match job.run(answers.clone(), &*world.workers).await? {
                Read::Application(read) => return Ok(*read),
                Read::Needs(names) => names,
            };
            answers.extend(self.system.read(world, &self.target, names, &answers).await?);
        }
        Err(EngineError::Refused(value_messages::values_in_a_row(ROUNDS)))
    }

    /// The object as it was pinned, or a refusal: nothing else may be deployed as this build.
    async fn pinned(&self, world: &World, pinned: &Pinned) -> Result<String, EngineError> {
        let objects = &world.ports.objects;
        let found = objects
            .object(&self.target, &self.bucket, &pinned.key, Some(&pinned.version), ARTIFACT_LIMIT)
            .await?;
        let content = found.ok_or_else(|| differs(&pinned.key))?.content;
        if hex::encode(Sha256::digest(&content)) != pinned.sha256 {
            return Err(differs(&pinned.key));
        }
        String::from_utf8(content.to_vec()).map_err(|_| differs(&pinned.key))
    }
}

/// The files of an artifact.
struct Files {
    packaged: String,
    lines: String,
    manifest: String,
}

/// What came of a reading.
enum Read {
    Application(Box<Application>),
    /// These names in Systems Manager have to be read first.
    Needs(BTreeSet<String>),
}

/// How often names in Systems Manager may depend on values there.
const ROUNDS: usize = 4;

/// Everything that is needed to read a template on another thread.
struct ReadJob {
    target: Target,
    pipeline: PipelineName,
    stage: StageName,
    bucket: String,
    code: BTreeMap<String, PinnedCode>,
    parameters: Parameters,
    wild_rights: bool,
    /// The repositories of others from which images may come; `None` for any.
    images: Option<BTreeSet<String>>,
    is_first: bool,
    known: KnownStage,
    files: Files,
}

impl ReadJob {
    /// Reads on another thread: the driver renews its lease meanwhile, however long an untrusted template takes.
    async fn run(
        self: &Arc<Self>,
        system: SystemAnswers,
        workers: &dyn Workers,
    ) -> Result<Read, EngineError> {
        let job = Arc::clone(self);
        match compute(workers, move || job.read(&system)).await {
            Ok(application) => application,
            // Not retried, because every replica would have the same defect.
            Err(NoResult::Panicked) => Err(EngineError::Refused(messages::template_unreadable())),
            Err(NoResult::Stopping) => Err(EngineError::Port(PortError::new(
                "template::read",
                Class::Transient,
                "Stopping",
                "the process is stopping",
            ))),
        }
    }

    fn read(&self, system: &SystemAnswers) -> Result<Read, EngineError> {
        let Files { packaged, lines, manifest } = &self.files;
        let manifest = Manifest::parse(manifest)
            .map_err(|error| EngineError::Refused(messages::template_refused(&[error])))?;
        if manifest.functions != self.code {
            return Err(differs("sluice-manifest.json"));
        }
        let prefix = names::prefix(&self.pipeline);
        let stage = Stage {
            pipeline: &self.pipeline,
            name: &self.stage,
            target: &self.target,
            parameters: &self.parameters,
            system_parameters: system,
        };
        let known = match &self.known {
            KnownStage::Nothing => KnownValues::Nothing,
            KnownStage::Apis(values) => KnownValues::Apis(values),
            KnownStage::All(values) => KnownValues::All(values),
            KnownStage::Shown(values) => KnownValues::Shown(values),
        };
        let boundary = names::boundary_arn(&self.target);
        let deploying = Deploying {
            known,
            names: if self.is_first { StageNames::First } else { StageNames::Further(&self.stage) },
            boundary: Some(&boundary),
            stage,
            code_bucket: &self.bucket,
            code_prefix: &prefix,
            wild_rights: self.wild_rights,
            images: self.images.as_ref().map_or(Images::Accepted, Images::Allowed),
        };
        let refused = |errors: Vec<_>| EngineError::Refused(messages::template_refused(&errors));
        let unread = sluice_template::unread(packaged, lines, &manifest, &deploying).map_err(refused)?;
        if !unread.is_empty() {
            return Ok(Read::Needs(unread));
        }
        let read = sluice_template::read(packaged, lines, &manifest, &deploying).map_err(refused)?;
        Ok(Read::Application(Box::new(read)))
    }
}

fn differs(key: &str) -> EngineError {
    EngineError::Refused(messages::artifact_changed(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{Job, OnCaller};
    use crate::testing::target;

    /// Threads of a process that is stopping.
    struct NoThreads;

    #[async_trait]
    impl Workers for NoThreads {
        async fn run(&self, job: Job) {
            drop(job);
        }
    }

    fn read_job() -> ReadJob {
        ReadJob {
            parameters: Parameters::new(),
            target: target(),
            pipeline: PipelineName::new("orders").unwrap(),
            stage: StageName::new("dev").unwrap(),
            bucket: "bucket".into(),
            code: BTreeMap::new(),
            wild_rights: false,
            images: None,
            is_first: true,
            known: KnownStage::Nothing,
            files: Files {
                packaged: "{}".into(),
                lines: "{}".into(),
                manifest: r#"{"schema":2,"functions":{}}"#.into(),
            },
        }
    }

    #[tokio::test]
    async fn a_template_is_read_on_worker_threads_alone() {
        let job = Arc::new(read_job());
        let refused = job.run(SystemAnswers::new(), &OnCaller).await.err().unwrap();
        assert_eq!(refused.refusal().code, "template-refused");
        let stopping = job.run(SystemAnswers::new(), &NoThreads).await.err().unwrap();
        assert!(stopping.can_retry(), "{stopping:?}");
    }
}
