use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Cloud, Made, Reach, State, id, refuse};
use crate::fault::{Class, PortResult};
use crate::ids::Target;
use crate::operation::effects::{BUCKET_POLICY, BUCKET_PRIVACY, BUCKET_VERSIONING, CREATE_BUCKET};
use crate::ports::{BucketState, CodeRef, Object, Objects, Tags};

/// A bucket with its objects, each with all its versions, the newest last.
#[derive(Clone)]
pub(crate) struct BucketContent {
    tags: Tags,
    state: BucketState,
    policy: String,
    objects: BTreeMap<String, Vec<(String, Bytes)>>,
}

impl Cloud {
    /// Somebody deletes all objects, with all their versions.
    pub fn loses_objects(&self) {
        self.lock().buckets.values_mut().for_each(|bucket| bucket.objects.clear());
    }
}

impl State {
    /// Puts an object; gives its version.
    pub(super) fn put(&mut self, bucket: &str, key: &str, content: Bytes) -> Option<String> {
        let bucket = self.buckets.get_mut(bucket)?;
        let versions = bucket.objects.entry(key.to_owned()).or_default();
        let version = match bucket.state.versioned {
            true => id("v", &String::from_utf8_lossy(&content), versions.len()),
            false => "null".to_owned(),
        };
        versions.push((version.clone(), content));
        Some(version)
    }

    /// The newest version of an object.
    pub(super) fn newest(&self, bucket: &str, key: &str) -> Option<String> {
        self.buckets.get(bucket)?.objects.get(key)?.last().map(|(version, _)| version.clone())
    }

    /// The content that a function's code names.
    pub(super) fn code(&self, code: &CodeRef) -> Option<Bytes> {
        let versions = self.buckets.get(&code.bucket)?.objects.get(&code.key)?;
        versions.iter().find(|(version, _)| *version == code.version).map(|(_, content)| content.clone())
    }

    fn set(
        &mut self,
        call: &'static str,
        bucket: &str,
        set: impl FnOnce(&mut BucketContent) -> bool,
    ) -> PortResult<Made<()>> {
        match self.buckets.get_mut(bucket) {
            None => refuse(call, Class::Absent, "NoSuchBucket"),
            Some(bucket) => Ok(if set(bucket) { Made::New(()) } else { Made::Same(()) }),
        }
    }
}

#[async_trait]
impl Objects for Reach {
    async fn create_bucket(&self, _: &Target, bucket: &str, tags: &Tags) -> PortResult<()> {
        let call = CREATE_BUCKET.call;
        self.change(call, bucket, |state| {
            if state.buckets.contains_key(bucket) {
                return refuse(call, Class::Conflict, "BucketAlreadyOwnedByYou");
            }
            let made = BucketContent {
                tags: tags.clone(),
                state: BucketState::default(),
                policy: String::new(),
                objects: BTreeMap::new(),
            };
            state.buckets.insert(bucket.to_owned(), made);
            Ok(Made::New(()))
        })
        .await
    }

    async fn bucket(&self, _: &Target, bucket: &str) -> PortResult<Option<BucketState>> {
        self.look("s3:HeadBucket", bucket, |state| Ok(state.buckets.get(bucket).map(|found| found.state)))
            .await
    }

    async fn bucket_tags(&self, _: &Target, bucket: &str) -> PortResult<Tags> {
        let call = "s3:GetBucketTagging";
        self.look(call, bucket, |state| match state.buckets.get(bucket) {
            Some(found) => Ok(found.tags.clone()),
            None => refuse(call, Class::Absent, "NoSuchBucket"),
        })
        .await
    }

    async fn set_versioning(&self, _: &Target, bucket: &str) -> PortResult<()> {
        let call = BUCKET_VERSIONING.call;
        self.change(call, bucket, |state| {
            state.set(call, bucket, |found| !std::mem::replace(&mut found.state.versioned, true))
        })
        .await
    }

    async fn block_public_access(&self, _: &Target, bucket: &str) -> PortResult<()> {
        let call = BUCKET_PRIVACY.call;
        self.change(call, bucket, |state| {
            state.set(call, bucket, |found| !std::mem::replace(&mut found.state.private, true))
        })
        .await
    }

    async fn set_policy(&self, _: &Target, bucket: &str, policy: &str) -> PortResult<()> {
        let call = BUCKET_POLICY.call;
        self.change(call, bucket, |state| {
            state.set(call, bucket, |found| {
                found.state.policy = true;
                std::mem::replace(&mut found.policy, policy.to_owned()) != policy
            })
        })
        .await
    }

    async fn object(
        &self,
        _: &Target,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        limit: u64,
    ) -> PortResult<Option<Object>> {
        let call = "s3:GetObject";
        self.look(call, key, |state| {
            let Some(found) = state.buckets.get(bucket) else {
                return refuse(call, Class::Absent, "NoSuchBucket");
            };
            let versions = found.objects.get(key).map_or(&[][..], Vec::as_slice);
            let wanted =
                versions.iter().rev().find(|(known, _)| version.is_none_or(|version| version == known));
            let Some((version, content)) = wanted else { return Ok(None) };
            if content.len() as u64 > limit {
                return refuse(call, Class::Invalid, "EntityTooLarge");
            }
            Ok(Some(Object { content: content.clone(), version: Some(version.clone()) }))
        })
        .await
    }
}
