//! `/repo create`: a repository with its first commit, the artifact bucket, the build project with its role, and the
//! pipeline's record with its first stage.
//!
//! It looks first and makes only what is missing, so that the same command completes what a failed one left.

use async_trait::async_trait;
use futures::future::try_join5;
use serde::{Deserialize, Serialize};

use crate::card::Text;
use crate::domain::{About, Counters, Pipeline, Stage, View, to_item};
use crate::ids::{PipelineName, StageName, Target};
use crate::operation::effects::*;
use crate::operation::{
    Context, Definition, Effect, Facts, Node, Observed, Progress, Refusal, Step, StepId, Story, Trouble,
};
use crate::operations::names::{self, ImmutableRole};
use crate::operations::steps::{foreign, ours, role_nodes};
use crate::ports::{Precondition, ProjectSpec, TAG_PIPELINE, Tags, Write};
use crate::scaffold;

/// The subject of the first commit; by it a commit of ours is recognised.
pub const FIRST_COMMIT_SUBJECT: &str = "Begin with a function that answers";
/// The first stage of every pipeline.
pub const FIRST_STAGE: &str = "dev";

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline's name, and its repository's.
    pub name: PipelineName,
}

/// What is there already, and ours.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Found {
    bucket: bool,
    versioned: bool,
    private: bool,
    policy: bool,
    clone_url: Option<String>,
    commit: bool,
    role: bool,
    project: bool,
}

/// The operation.
pub struct RepoCreate;

fn id(name: &str) -> StepId {
    StepId::new(name)
}

impl Definition for RepoCreate {
    fn kind(&self) -> &'static str {
        "repo-create"
    }

    fn nodes(&self, facts: &Facts, target: &Target) -> Result<Vec<Node>, Trouble> {
        let Params { name } = facts.params()?;
        let at = At { target: target.clone(), name: name.clone() };
        let role = ImmutableRole::of_builds(target, &name);
        let mut nodes = vec![Node::new(id("look"), "look what is there", Look(at.clone()))];
        let Some(found) = facts.output::<Found>(&id("look"))? else { return Ok(nodes) };
        let mut last = vec![id("look")];
        let mut add = |node: Node| {
            last.push(node.id.clone());
            nodes.push(node);
        };
        let bucket = names::bucket(target);
        if !found.bucket {
            add(Node::new(
                id("bucket"),
                Text::plain("make the bucket ").code(bucket),
                CreateBucket(at.clone()),
            ));
        }
        let made = || (!found.bucket).then(|| id("bucket"));
        for (missing, which) in [
            (!found.versioned, BucketSetting::Versioning),
            (!found.private, BucketSetting::Privacy),
            (!found.policy, BucketSetting::Policy),
        ] {
            if missing {
                let title = which.title();
                add(Node::new(id(which.id()), title, SetBucket(at.clone(), which)).after(made()));
            }
        }
        if found.clone_url.is_none() {
            let title = Text::plain("make the repository ").code(name.as_str());
            add(Node::new(id("repository"), title, CreateRepository(at.clone())));
        }
        if !found.commit {
            let needs = found.clone_url.is_none().then(|| id("repository"));
            add(Node::new(id("commit"), "make the first commit", FirstCommit(at.clone())).after(needs));
        }
        if !found.role {
            let [mut make, policy] = role_nodes(target, &name, "build", &role, &[]);
            make.title = "make the role of builds".into();
            add(make);
            add(policy);
        }
        if !found.project {
            let source = match &found.clone_url {
                Some(url) => Some(url.clone()),
                None => facts.output::<String>(&id("repository"))?,
            };
            let mut needs = vec![];
            needs.extend((!found.role).then(|| StepId::of("role-policy", "build")));
            needs.extend(found.clone_url.is_none().then(|| id("repository")));
            needs.extend(made());
            let step = CreateProject { at: at.clone(), role, source: source.unwrap_or_default() };
            add(Node::new(id("project"), Text::plain("make the build project"), step).after(needs));
        }
        let clone_url = match found.clone_url {
            Some(url) => url,
            None => facts.output::<String>(&id("repository"))?.unwrap_or_default(),
        };
        let record = Record { at, facts: facts.clone(), clone_url };
        nodes.push(Node::new(id("record"), "", record).after(last));
        Ok(nodes)
    }

    fn can_cancel(&self) -> bool {
        false
    }
    fn about(&self, _: &Facts) -> About {
        About::default()
    }

    fn story(&self, facts: &Facts) -> Story {
        let name = &facts.charter.pipeline;
        let mut story = Story::new(Text::plain("Creation of pipeline ").code(name.as_str()));
        let made = facts.output::<String>(&id("repository")).ok().flatten();
        let found = facts.output::<Found>(&id("look")).ok().flatten().and_then(|found| found.clone_url);
        if let Some(url) = made.or(found) {
            story = story.field("Clone", Text::default().code(format!("git clone {url}")));
        }
        story = story
            .field("Stages", Text::default().code(FIRST_STAGE))
            .field("Home channel", Text::default().channel(&facts.charter.home));
        if facts.ended.is_some_and(|(_, succeeded)| succeeded) {
            story.hint = Some(Text::plain("Next: ").code(format!("/build {name}")));
        }
        story
    }
}

#[derive(Clone)]
struct At {
    target: Target,
    name: PipelineName,
}

impl At {
    fn is_ours(&self, tags: &Tags) -> bool {
        tags.get(TAG_PIPELINE).map(String::as_str) == Some(self.name.as_str())
    }
}

struct Look(At);

#[async_trait]
impl Step for Look {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let At { target, name } = &self.0;
        let world = &cx.world;
        let bucket_name = names::bucket(target);
        let role = ImmutableRole::of_builds(target, name);
        let project_name = names::project(name);
        let (bucket, repository, role_found, policy, project) = try_join5(
            world.objects.bucket(target, &bucket_name),
            world.repositories.repository(target, name.as_str()),
            world.identity.role(target, &role.name),
            world.identity.role_policy(target, &role.name, PUT_ROLE_POLICY_NAME),
            world.builders.project(target, &project_name),
        )
        .await?;
        let mut found = Found { role: role_found.is_some() && policy.is_some(), ..Found::default() };
        if let Some(bucket) = bucket {
            let tags = world.objects.bucket_tags(target, &bucket_name).await?;
            if tags.get(TAG_PIPELINE).map(String::as_str) != Some(names::SHARED) {
                return Err(refused(&format!("The bucket `{bucket_name}`")));
            }
            found.bucket = true;
            found.versioned = bucket.versioned;
            found.private = bucket.private;
            found.policy = bucket.policy;
        }
        if let Some(repository) = repository {
            let tags = world.repositories.repository_tags(target, &repository.arn).await?;
            if !self.0.is_ours(&tags) {
                return Err(refused(&format!("A CodeCommit repository `{name}`")));
            }
            found.commit = world.repositories.branch(target, name.as_str(), names::BRANCH).await?.is_some();
            found.clone_url = Some(repository.clone_url);
        }
        if let Some(project) = project {
            if !self.0.is_ours(&project.tags) {
                return Err(refused(&format!("A CodeBuild project `{project_name}`")));
            }
            found.project = true;
        }
        Progress::done(found)
    }
}

fn refused(what: &str) -> Trouble {
    match foreign(what.to_owned()) {
        Observed::Foreign(refusal) => Trouble::Refused(refusal),
        Observed::Ours(_) | Observed::Absent => Trouble::Corrupt(what.to_owned()),
    }
}

struct CreateBucket(At);

#[async_trait]
impl Step for CreateBucket {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_BUCKET)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let target = &self.0.target;
        cx.world.objects.create_bucket(target, &names::bucket(target), &names::shared_tags()).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let target = &self.0.target;
        let bucket = names::bucket(target);
        if cx.world.objects.bucket(target, &bucket).await?.is_none() {
            return Ok(Observed::Absent);
        }
        let tags = cx.world.objects.bucket_tags(target, &bucket).await?;
        match tags.get(TAG_PIPELINE).map(String::as_str) {
            Some(names::SHARED) => ours(()),
            _ => Ok(foreign(format!("The bucket `{bucket}`"))),
        }
    }
}

#[derive(Clone, Copy)]
enum BucketSetting {
    Versioning,
    Privacy,
    Policy,
}

impl BucketSetting {
    fn id(self) -> &'static str {
        match self {
            BucketSetting::Versioning => "bucket-versioning",
            BucketSetting::Privacy => "bucket-privacy",
            BucketSetting::Policy => "bucket-policy",
        }
    }
    fn title(self) -> &'static str {
        match self {
            BucketSetting::Versioning => "keep versions in the bucket",
            BucketSetting::Privacy => "block public access to the bucket",
            BucketSetting::Policy => "allow the bucket over TLS only",
        }
    }
}

struct SetBucket(At, BucketSetting);

#[async_trait]
impl Step for SetBucket {
    fn effect(&self) -> Effect {
        Effect::Mutate(match self.1 {
            BucketSetting::Versioning => &BUCKET_VERSIONING,
            BucketSetting::Privacy => &BUCKET_PRIVACY,
            BucketSetting::Policy => &BUCKET_POLICY,
        })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let target = &self.0.target;
        let bucket = names::bucket(target);
        let objects = &cx.world.objects;
        match self.1 {
            BucketSetting::Versioning => objects.set_versioning(target, &bucket).await?,
            BucketSetting::Privacy => objects.block_public_access(target, &bucket).await?,
            BucketSetting::Policy => {
                let policy = names::policy(vec![serde_json::json!({
                    "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
                    "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
                    "Condition": { "Bool": { "aws:SecureTransport": "false" } },
                })]);
                objects.set_policy(target, &bucket, &policy).await?;
            }
        }
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let target = &self.0.target;
        let state = cx.world.objects.bucket(target, &names::bucket(target)).await?.unwrap_or_default();
        let set = match self.1 {
            BucketSetting::Versioning => state.versioned,
            BucketSetting::Privacy => state.private,
            BucketSetting::Policy => state.policy,
        };
        if set { ours(()) } else { Ok(Observed::Absent) }
    }
}

struct CreateRepository(At);

#[async_trait]
impl Step for CreateRepository {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_REPOSITORY)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let At { target, name } = &self.0;
        let description = format!("Service {name}, delivered by Sluice");
        let made = cx
            .world
            .repositories
            .create_repository(target, name.as_str(), &description, &names::tags(name))
            .await?;
        Progress::done(made.clone_url)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let At { target, name } = &self.0;
        let repositories = &cx.world.repositories;
        let Some(found) = repositories.repository(target, name.as_str()).await? else {
            return Ok(Observed::Absent);
        };
        if self.0.is_ours(&repositories.repository_tags(target, &found.arn).await?) {
            ours(found.clone_url)
        } else {
            Ok(foreign(format!("A CodeCommit repository `{name}`")))
        }
    }
}

struct FirstCommit(At);

#[async_trait]
impl Step for FirstCommit {
    fn effect(&self) -> Effect {
        Effect::Mutate(&FIRST_COMMIT)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let At { target, name } = &self.0;
        let files = scaffold::python(name);
        let commit = cx
            .world
            .repositories
            .create_first_commit(target, name.as_str(), names::BRANCH, FIRST_COMMIT_SUBJECT, &files)
            .await?;
        Progress::done(commit)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let At { target, name } = &self.0;
        // Whoever pushed to a repository of ours before us gave it a better first commit than ours.
        match cx.world.repositories.branch(target, name.as_str(), names::BRANCH).await? {
            Some(commit) => ours(commit),
            None => Ok(Observed::Absent),
        }
    }
}

struct CreateProject {
    at: At,
    role: ImmutableRole,
    source: String,
}

#[async_trait]
impl Step for CreateProject {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_PROJECT)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let At { target, name } = &self.at;
        let bucket = names::bucket(target);
        let environment = [("SLUICE_BUCKET", bucket.clone()), ("SLUICE_PREFIX", names::prefix(name))];
        let spec = ProjectSpec {
            name: names::project(name),
            description: format!("Builds of pipeline {name}, made by Sluice"),
            source: self.source.clone(),
            role: names::role_arn(target, &self.role.name),
            bucket,
            image: names::BUILD_IMAGE.to_owned(),
            environment: environment.map(|(key, value)| (key.to_owned(), value)).into(),
            tags: names::tags(name),
        };
        Progress::done(cx.world.builders.create_project(target, &spec).await?.arn)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let At { target, name } = &self.at;
        match cx.world.builders.project(target, &names::project(name)).await? {
            None => Ok(Observed::Absent),
            Some(project) if self.at.is_ours(&project.tags) => ours(project.arn),
            Some(project) => Ok(foreign(format!("A CodeBuild project `{}`", project.name))),
        }
    }
}

/// Writes the pipeline's record, its first stage and its row in the catalog.
struct Record {
    at: At,
    facts: Facts,
    clone_url: String,
}

#[async_trait]
impl Step for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let At { target, name } = &self.at;
        let keys = &cx.world.keys;
        if View::read(&*cx.world.store, keys, name).await?.pipeline.is_some() {
            return Err(Trouble::Refused(Refusal::new(
                "pipeline-exists",
                format!("Pipeline `{name}` exists already."),
                format!("See it with `/pipeline status {name}`."),
            )));
        }
        let stage = StageName::new(FIRST_STAGE).map_err(|error| Trouble::Corrupt(error.to_string()))?;
        let charter = &self.facts.charter;
        let pipeline = Pipeline {
            name: name.clone(),
            home: charter.home.clone(),
            creator: charter.actor.clone(),
            created: cx.world.clock.now(),
            repository: name.to_string(),
            clone_url: self.clone_url.clone(),
            branch: names::BRANCH.to_owned(),
            project: names::project(name),
            bucket: names::bucket(target),
            stages: vec![stage.clone()],
        };
        let counters = Counters { revision: 1, tickets: charter.ticket, ..Counters::default() };
        let catalog = serde_json::json!({ "name": name, "home": charter.home });
        let items = [
            to_item(keys.pipeline(name), counters.guards(), &pipeline)?,
            to_item(keys.stage(name, &stage), Default::default(), &Stage::new(stage.clone()))?,
            to_item(keys.catalog(name), Default::default(), &catalog)?,
        ];
        let writes = items.into_iter().map(|item| Write::Put { item, when: Precondition::Absent }).collect();
        Progress::recorded((), writes)
    }
}
