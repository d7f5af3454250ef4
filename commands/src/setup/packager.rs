//! The packager in the artifact bucket. `sluice init` writes it once, `sluice check` looks for it, and builds read it.
//!
//! Its key is its content's SHA-256, so an object with this key and other content is damaged or somebody replaced it. It is never
//! overwritten: a person has to decide.

use crate::names;
use crate::packager::{Archive, archive};
use crate::ports::Objects;
use crate::setup::bucket::settled;
use crate::setup::messages;
use sluice_model::{Class, PortResult, Refusal, Target};

/// The packager of this version, as the bucket has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackagerState {
    /// Builds can use it.
    Published,
    /// The bucket does not have it, or does not exist.
    Missing,
    /// The object has other content.
    Differs,
}

/// Whether this call wrote the packager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It did.
    Now,
    /// It was there already.
    Before,
}

/// Where the packager of this version is, as `s3://{bucket}/{key}`.
pub fn place(target: &Target) -> String {
    format!("s3://{}/{}", names::bucket(target), archive().key())
}

/// Reads the packager of this version in the bucket.
pub async fn look(objects: &dyn Objects, target: &Target) -> PortResult<PackagerState> {
    let Archive { content, .. } = archive();
    let (bucket, key) = (names::bucket(target), archive().key());
    match objects.object(target, &bucket, &key, None, content.len() as u64).await {
        Ok(Some(object)) if object.content == *content => Ok(PackagerState::Published),
        Ok(Some(_)) => Ok(PackagerState::Differs),
        Ok(None) => Ok(PackagerState::Missing),
        Err(error) if error.class == Class::Absent => Ok(PackagerState::Missing),
        Err(error) if error.code == "EntityTooLarge" => Ok(PackagerState::Differs),
        Err(error) => Err(error),
    }
}

/// Writes the packager unless it is there. Safe to repeat, and waits for a new bucket to be known.
pub async fn publish(objects: &dyn Objects, target: &Target) -> PortResult<Result<Published, Refusal>> {
    let Archive { content, .. } = archive();
    let (bucket, key) = (names::bucket(target), archive().key());
    if settled(|| objects.create_object(target, &bucket, &key, content.clone())).await? {
        return Ok(Ok(Published::Now));
    }
    Ok(match look(objects, target).await? {
        PackagerState::Differs => Err(messages::packager_differs(&place(target))),
        PackagerState::Published | PackagerState::Missing => Ok(Published::Before),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::setup::bucket;
    use crate::testing::{FakeAws, TestClock, target};

    fn account() -> Arc<FakeAws> {
        FakeAws::new(Arc::new(TestClock::at(jiff::Timestamp::UNIX_EPOCH)))
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_written_once_and_found() {
        let fake_aws = account();
        let aws = fake_aws.fault_proxy();
        assert_eq!(look(&aws, &target()).await, Ok(PackagerState::Missing), "without a bucket");
        bucket::set_up(&aws, &target()).await.unwrap().unwrap();
        assert_eq!(look(&aws, &target()).await, Ok(PackagerState::Missing));
        assert_eq!(publish(&aws, &target()).await, Ok(Ok(Published::Now)));
        assert_eq!(look(&aws, &target()).await, Ok(PackagerState::Published));
        assert_eq!(publish(&aws, &target()).await, Ok(Ok(Published::Before)));
        let objects = fake_aws.objects_in(&names::bucket(&target()));
        assert_eq!(objects.iter().map(|(key, _)| key).collect::<Vec<_>>(), [&archive().key()]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_bucket_may_be_unknown_for_a_while() {
        let fake_aws = account();
        let (aws, target) = (fake_aws.fault_proxy(), target());
        let began = tokio::time::Instant::now();
        let make = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            bucket::set_up(&aws, &target).await.unwrap().unwrap();
        };
        let (published, ()) = tokio::join!(publish(&aws, &target), make);
        assert_eq!(published, Ok(Ok(Published::Now)));
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn other_content_under_its_key_is_never_overwritten() {
        for content in [Bytes::from_static(b"other"), Bytes::from(vec![0; archive().content.len() + 1])] {
            let fake_aws = account();
            let (aws, name) = (fake_aws.fault_proxy(), names::bucket(&target()));
            bucket::set_up(&aws, &target()).await.unwrap().unwrap();
            assert_eq!(aws.create_object(&target(), &name, &archive().key(), content).await, Ok(true));
            assert_eq!(look(&aws, &target()).await, Ok(PackagerState::Differs));
            let refusal = publish(&aws, &target()).await.unwrap().unwrap_err();
            assert_eq!(refusal.code, "packager-differs");
            assert_eq!(fake_aws.objects_in(&name).len(), 1);
        }
    }
}
