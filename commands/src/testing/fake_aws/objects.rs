use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use super::{FakeAws, FaultProxy, Made, State, app, id, refuse};
use crate::operation::effects::{
    BUCKET_LIFECYCLE, BUCKET_POLICY, BUCKET_PRIVACY, BUCKET_VERSIONING, CREATE_BUCKET, DELETE_OBJECT,
    PUT_OBJECT,
};
use crate::ports::{BucketState, FunctionCode, LifecycleRule, Object, Objects, Tags, Versioning};
use sluice_model::{Class, CodeRef, PortError, PortResult, Target};

/// The version id of an object in a bucket without versioning.
const NULL: &str = "null";

/// A bucket with its objects, each with all its versions, the newest last.
#[derive(Clone, Default)]
pub(crate) struct BucketContent {
    /// It belongs to another account.
    foreign: bool,
    tags: Tags,
    state: BucketState,
    /// When versioning was first turned on.
    versioned_at: Option<Instant>,
    objects: BTreeMap<String, Vec<(String, Bytes)>>,
}

impl FakeAws {
    /// Deletes the objects whose keys begin so, with all their versions.
    pub fn loses_objects(&self, prefix: &str) {
        let mut state = self.lock();
        state
            .buckets
            .values_mut()
            .for_each(|bucket| bucket.objects.retain(|key, _| !key.starts_with(prefix)));
    }

    /// Another account has a bucket of that name.
    pub fn takes_bucket(&self, name: &str) {
        let bucket = BucketContent { foreign: true, ..BucketContent::default() };
        self.lock().buckets.insert(name.to_owned(), bucket);
    }

    /// Changes a bucket, as people in the account do in the console.
    ///
    /// # Panics
    /// If there is no such bucket.
    pub fn sets_bucket(&self, name: &str, set: impl FnOnce(&mut BucketState, &mut Tags)) {
        let mut state = self.lock();
        let bucket = state.buckets.get_mut(name).expect("a bucket");
        set(&mut bucket.state, &mut bucket.tags);
    }

    /// The objects of a bucket, each version of them.
    pub fn objects_in(&self, name: &str) -> Vec<(String, String)> {
        let state = self.lock();
        let objects = state.buckets.get(name).into_iter().flat_map(|bucket| &bucket.objects);
        let versions = objects
            .flat_map(|(key, versions)| versions.iter().map(|(version, _)| (key.clone(), version.clone())));
        versions.collect()
    }
}

impl State {
    /// Puts an object; gives its version.
    pub(super) fn put(&mut self, bucket: &str, key: &str, content: Bytes) -> Option<String> {
        let (now, delay) = (self.now, self.climate.versions);
        let bucket = self.buckets.get_mut(bucket)?;
        let is_in_force = bucket.versioned_at.is_some_and(|at| now.duration_since(at) >= delay);
        let versions = bucket.objects.entry(key.to_owned()).or_default();
        let version = if bucket.state.versioning == Versioning::Enabled && is_in_force {
            id("v", &String::from_utf8_lossy(&content), versions.len())
        } else {
            versions.retain(|(version, _)| version != NULL);
            NULL.to_owned()
        };
        versions.push((version.clone(), content));
        Some(version)
    }

    /// The newest content of an object, as text.
    pub(super) fn text_of(&self, bucket: &str, key: &str) -> Option<String> {
        let (_, content) = self.buckets.get(bucket)?.objects.get(key)?.last()?;
        Some(String::from_utf8_lossy(content).into_owned())
    }

    /// The newest version of an object.
    pub(super) fn newest(&self, bucket: &str, key: &str) -> Option<String> {
        self.buckets.get(bucket)?.objects.get(key)?.last().map(|(version, _)| version.clone())
    }

    /// The content of an archive.
    pub(super) fn archive(&self, code: &CodeRef) -> Option<Bytes> {
        let versions = self.buckets.get(&code.bucket)?.objects.get(&code.key)?;
        versions.iter().find(|(version, _)| *version == code.version).map(|(_, content)| content.clone())
    }

    /// The content of a function's code and what Lambda reports as its digest. Refused: an object that does not exist, a function of
    /// the other kind, an image that Lambda may not read. The content of an image is its URI.
    pub(super) fn code(
        &self,
        call: &'static str,
        code: &FunctionCode,
        is_image: bool,
    ) -> PortResult<(Bytes, String)> {
        match code {
            FunctionCode::Archive { object, .. } if !is_image => {
                if let Some(content) = self.archive(object) {
                    return Ok((content.clone(), app::digest(&content)));
                }
            }
            FunctionCode::Image { .. } if is_image && self.are_images_denied => {
                let says =
                    "Lambda does not have permission to access the ECR image. Check the ECR permissions.";
                return Err(PortError::new(call, Class::Denied, "AccessDeniedException", says));
            }
            FunctionCode::Image { uri, digest } if is_image => {
                return Ok((Bytes::from(uri.clone()), digest.clone()));
            }
            _ => {}
        }
        refuse(call, Class::Invalid, "InvalidParameterValueException")
    }

    /// A bucket of this account.
    fn own(&mut self, call: &'static str, bucket: &str) -> PortResult<Option<&mut BucketContent>> {
        match self.buckets.get_mut(bucket) {
            Some(found) if found.foreign => refuse(call, Class::Denied, "AccessDenied"),
            found => Ok(found),
        }
    }

    fn existing(&mut self, call: &'static str, bucket: &str) -> PortResult<&mut BucketContent> {
        match self.own(call, bucket)? {
            Some(found) => Ok(found),
            None => refuse(call, Class::Absent, "NoSuchBucket"),
        }
    }

    fn set(
        &mut self,
        call: &'static str,
        bucket: &str,
        set: impl FnOnce(&mut BucketState),
    ) -> PortResult<Made<()>> {
        let found = self.existing(call, bucket)?;
        let before = found.state.clone();
        set(&mut found.state);
        Ok(if found.state == before { Made::Same(()) } else { Made::New(()) })
    }
}

#[async_trait]
impl Objects for FaultProxy {
    async fn create_bucket(&self, _: &Target, bucket: &str, tags: &Tags) -> PortResult<()> {
        let call = CREATE_BUCKET.call;
        self.change(call, bucket, |state| {
            match state.buckets.get(bucket) {
                Some(found) if found.foreign => return refuse(call, Class::Conflict, "BucketAlreadyExists"),
                Some(_) => return refuse(call, Class::Conflict, "BucketAlreadyOwnedByYou"),
                None => {}
            }
            let made = BucketContent { tags: tags.clone(), ..BucketContent::default() };
            state.buckets.insert(bucket.to_owned(), made);
            Ok(Made::New(()))
        })
        .await
    }

    async fn bucket(&self, _: &Target, bucket: &str) -> PortResult<Option<BucketState>> {
        let call = "s3:HeadBucket";
        self.look(call, bucket, |state| {
            let found = state.own(call, bucket)?;
            Ok(found.map(|found| found.state.clone()))
        })
        .await
    }

    async fn versioning(&self, _: &Target, bucket: &str) -> PortResult<Option<Versioning>> {
        let call = "s3:GetBucketVersioning";
        self.look(call, bucket, |state| {
            let found = state.own(call, bucket)?;
            Ok(found.map(|found| found.state.versioning))
        })
        .await
    }

    async fn bucket_tags(&self, _: &Target, bucket: &str) -> PortResult<Tags> {
        let call = "s3:GetBucketTagging";
        self.look(call, bucket, |state| Ok(state.existing(call, bucket)?.tags.clone())).await
    }

    async fn set_versioning(&self, _: &Target, bucket: &str) -> PortResult<()> {
        let call = BUCKET_VERSIONING.call;
        self.change(call, bucket, |state| {
            let now = state.now;
            state.existing(call, bucket)?.versioned_at.get_or_insert(now);
            state.set(call, bucket, |found| found.versioning = Versioning::Enabled)
        })
        .await
    }

    async fn block_public_access(&self, _: &Target, bucket: &str) -> PortResult<()> {
        let call = BUCKET_PRIVACY.call;
        self.change(call, bucket, |state| state.set(call, bucket, |found| found.private = true)).await
    }

    async fn set_policy(&self, _: &Target, bucket: &str, policy: &str) -> PortResult<()> {
        let call = BUCKET_POLICY.call;
        let policy = policy.to_owned();
        self.change(call, bucket, |state| state.set(call, bucket, |found| found.policy = Some(policy))).await
    }

    async fn set_lifecycle_rules(&self, _: &Target, bucket: &str, rules: &[LifecycleRule]) -> PortResult<()> {
        let call = BUCKET_LIFECYCLE.call;
        self.change(call, bucket, |state| {
            state.set(call, bucket, |found| {
                found.lifecycle.retain(|known| rules.iter().all(|rule| rule.id != known.id));
                found.lifecycle.extend(rules.iter().cloned());
            })
        })
        .await
    }

    async fn put_empty(&self, _: &Target, bucket: &str, key: &str) -> PortResult<Option<String>> {
        let call = PUT_OBJECT.call;
        self.change(call, key, |state| {
            state.existing(call, bucket)?;
            Ok(Made::New(state.put(bucket, key, Bytes::new())))
        })
        .await
    }

    async fn create_object(&self, _: &Target, bucket: &str, key: &str, content: Bytes) -> PortResult<bool> {
        let call = PUT_OBJECT.call;
        self.change(call, key, |state| {
            if state.existing(call, bucket)?.objects.contains_key(key) {
                return Ok(Made::Same(false));
            }
            state.put(bucket, key, content);
            Ok(Made::New(true))
        })
        .await
    }

    async fn delete_version(&self, _: &Target, bucket: &str, key: &str, version: &str) -> PortResult<()> {
        let call = DELETE_OBJECT.call;
        self.change(call, &format!("{key} {version}"), |state| {
            let objects = &mut state.existing(call, bucket)?.objects;
            let Some(versions) = objects.get_mut(key) else { return Ok(Made::Same(())) };
            let before = versions.len();
            versions.retain(|(known, _)| known != version);
            let is_gone = versions.len() < before;
            objects.retain(|_, versions| !versions.is_empty());
            Ok(if is_gone { Made::New(()) } else { Made::Same(()) })
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
            let found = state.existing(call, bucket)?;
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
