//! `/build`: turns one commit into a numbered build with a pinned artifact.
//!
//! The reference is resolved once. The build is started with an idempotency token, and identified by the variable
//! `SLUICE_OP`. Its output is pinned by version and SHA-256 before it can be deployed.

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::application::Sluice;
use crate::build_op::artifact::{PinArtifact, Record};
use crate::build_op::messages;
use crate::build_op::params::{BuildContext, Params, id};
use crate::build_op::run::{FailBuild, Finished, Follow, Source, StartBuild, Started};
use crate::operation::{CANCELLED, End, EngineError, Head, Node, Operation, OperationState, Summary, World};
use crate::ports::{Order, Precondition, Query, Write};
use crate::records::{AuditSubject, Build, BuildState, Change, from_item, to_item};
use sluice_model::Target;

/// The operation.
pub struct BuildOperation;

impl Operation<Sluice> for BuildOperation {
    type Params = Params;

    fn kind(&self) -> &'static str {
        "build"
    }
    fn if_too_large(&self) -> &'static str {
        messages::IF_TOO_LARGE
    }

    fn nodes(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        let cx = BuildContext { target: target.clone(), params: Params::clone(params) };
        let mut nodes =
            vec![Node::new(id("source"), messages::resolve(&params.reference), Source(cx.clone()))];
        let Some(change) = op.output::<Change>(&id("source"))? else { return Ok(nodes) };
        let is_over = op.is_done(&id("follow"));
        nodes.push(
            Node::new(id("start"), messages::START, StartBuild { cx: cx.clone(), commit: change.id })
                .after([id("source")])
                .spent_if(is_over),
        );
        let Some(started) = op.output::<Started>(&id("start"))? else { return Ok(nodes) };
        let since = op.step(&id("start")).and_then(|fact| fact.done.as_ref()).map(|(at, _)| *at);
        let follow = Follow { cx: cx.clone(), build: started.id, since };
        nodes.push(Node::new(id("follow"), messages::RUN, follow).after([id("start")]));
        let Some(finished) = op.output::<Finished>(&id("follow"))? else { return Ok(nodes) };
        if !finished.green {
            nodes.push(
                Node::new(id("verdict"), "", FailBuild(finished, params.name.clone())).after([id("follow")]),
            );
            return Ok(nodes);
        }
        nodes.push(Node::new(id("artifact"), messages::PIN, PinArtifact(cx.clone())).after([id("follow")]));
        nodes.push(Node::new(id("record"), "", Record(cx)).after([id("artifact")]).point_of_no_return());
        Ok(nodes)
    }

    fn on_end(
        &self,
        params: &Params,
        op: &OperationState,
        succeeded: bool,
        cx: &End<'_>,
    ) -> Result<Vec<Write>, EngineError> {
        let keys = crate::operation::Keys::new(cx.target);
        let state = match op.failure() {
            _ if succeeded => BuildState::Succeeded,
            Some(refusal) if refusal.code == CANCELLED => BuildState::Cancelled,
            _ => BuildState::Failed,
        };
        let build = record(op, params, state, Some(cx.at))?;
        let item = to_item(keys.build(&params.name, params.number), Default::default(), &build)?;
        Ok(vec![Write::Put { item, when: Precondition::Any }])
    }

    fn on_forced_end<'a>(
        &'a self,
        head: &'a Head,
        world: &'a World,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Write>, EngineError>> {
        Box::pin(async move {
            // The number of the build is only in the journal, which cannot be read.
            let query = Query {
                partition: world.keys.builds_partition(&head.spec.pipeline),
                prefix: String::new(),
                order: Order::Descending,
                limit: None,
                after: None,
            };
            let page = world.store.query(query).await?;
            let builds = page.items.iter().filter_map(|item| from_item::<Build>(item).ok());
            let open =
                builds.filter(|build| build.operation == head.id && build.state == BuildState::Running);
            open.map(|build| {
                let key = world.keys.build(&head.spec.pipeline, build.number);
                let build = Build { state: BuildState::Failed, ended: Some(at), ..build };
                Ok(Write::Put { item: to_item(key, Default::default(), &build)?, when: Precondition::Any })
            })
            .collect()
        })
    }

    fn audit_subject(&self, params: &Params, op: &OperationState) -> AuditSubject {
        AuditSubject {
            build: Some(params.number),
            commit: op.output(&id("source")).ok().flatten(),
            ..AuditSubject::default()
        }
    }

    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        let change = op.output::<Change>(&id("source")).ok().flatten();
        let finished = op.output::<Finished>(&id("follow")).ok().flatten();
        let started = op.output::<Started>(&id("start")).ok().flatten();
        let link = finished.as_ref().and_then(|f| f.link.clone()).or(started.and_then(|s| s.link));
        let log = messages::Log { link, tail: finished.and_then(|finished| finished.tail) };
        messages::summary(params, op, change.as_ref(), log)
    }
}

/// The build's record, as far as the state determines it.
fn record(
    op: &OperationState,
    params: &Params,
    state: BuildState,
    ended: Option<Timestamp>,
) -> Result<Build, EngineError> {
    let finished = op.output::<Finished>(&id("follow"))?;
    let started = op.output::<Started>(&id("start"))?;
    Ok(Build {
        number: params.number,
        operation: op.id.clone(),
        state,
        reference: params.reference.clone(),
        commit: op.output(&id("source"))?,
        actor: op.spec.actor.clone(),
        asked: op.spec.accepted,
        ended,
        log: finished.as_ref().and_then(|f| f.log.clone()).or(started.as_ref().and_then(|s| s.log.clone())),
        log_link: finished.and_then(|f| f.link).or(started.and_then(|s| s.link)),
        artifact: op.output(&id("artifact"))?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sluice_model::BuildNumber;

    use super::*;
    use crate::build_op::params::initial_record;
    use crate::operation::testing::{operation_id, row, spec};
    use crate::operation::{Entry, Settings, Status};
    use crate::ports::Store;
    use crate::rules::Access;
    use crate::testing::{MemoryStore, RecordingNotifier, RecordingRunner, TestClock};

    fn params(nonce: &str) -> Params {
        Params {
            name: "orders".parse().unwrap(),
            number: BuildNumber(11),
            reference: "main".into(),
            repository: "orders".into(),
            project: "sluice-orders".into(),
            bucket: "artifacts".into(),
            nonce: nonce.into(),
        }
    }

    #[tokio::test]
    async fn ending_a_build_by_force_stops_it() {
        let at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let store = Arc::new(MemoryStore::new());
        let world = crate::testing::world(
            Settings::new("one"),
            Access::default(),
            store.clone(),
            Arc::new(TestClock::at(at)),
            Arc::new(RecordingNotifier::default()),
            Arc::new(RecordingRunner::default()),
        );
        let mut stuck = spec("build");
        stuck.pipeline = "orders".parse().unwrap();
        for (number, operation) in [(11, 1), (12, 2)] {
            let params = Params { number: BuildNumber(number), ..params("n") };
            let build = initial_record(&params, &operation_id(operation), &stuck.actor, at);
            let key = world.keys.build(&stuck.pipeline, params.number);
            let item = to_item(key, Default::default(), &build).unwrap();
            store.write(Write::Put { item, when: Precondition::Absent }).await.unwrap();
        }
        let op = OperationState::new(operation_id(1), stuck);
        let head = Head {
            id: op.id,
            spec: op.spec,
            status: Status::Stuck,
            sequence: 3,
            owner: String::new(),
            beat: 1,
            fence: 1,
            awaits: String::new(),
            undelivered_since: 0,
            claims: 0,
        };
        let writes = BuildOperation.on_forced_end(&head, &world, at).await.unwrap();
        let [Write::Put { item, .. }] = writes.as_slice() else { panic!("{writes:?}") };
        let build: Build = from_item(item).unwrap();
        assert_eq!((build.number, build.state, build.ended), (BuildNumber(11), BuildState::Failed, Some(at)));
    }

    /// Another build of the pipeline can write to any key that it knows. The number of the next build is
    /// public, so it must not be enough, and the nonce must not be in anything that a build, a person or the
    /// audit record gets.
    #[test]
    fn the_key_of_an_artifact_cannot_be_guessed_and_is_never_disclosed() {
        let (one, other) = (params(&"a".repeat(40)), params(&"b".repeat(40)));
        assert_ne!(one.prefix(), other.prefix(), "the same number");
        assert!(one.prefix().ends_with(&one.nonce), "{}", one.prefix());

        let mut op = OperationState::new(operation_id(1), spec("build"));
        let accepted = Entry::Accepted { params: serde_json::to_value(&one).unwrap() };
        op.fold(&row(1, vec![accepted])).unwrap();
        assert_eq!(op.params::<Params>().unwrap().nonce, one.nonce);
        let at = "2026-03-01T12:00:00Z".parse().unwrap();
        let actor = op.spec.actor.clone();
        let disclosed = [
            format!("{:?}", BuildOperation.summary(&one, &op)),
            format!("{:?}", BuildOperation.audit_subject(&one, &op)),
            format!("{:?}", initial_record(&one, &op.id, &actor, at)),
            format!("{:?}", crate::build_op::run::environment(&one, op.id.as_str())),
        ];
        for text in disclosed {
            assert!(!text.contains(&one.nonce), "{text}");
        }
    }
}
