//! S3 for whole files: streamed from and to the disk, with timeouts that fit their size.

use std::io;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::timeout::TimeoutConfig;
use sluice_commands::ports::{Archive, Archived};
use sluice_model::{Class, PortError, PortResult, Target};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt as _;

use super::S3;
use crate::call::{self, Call};
use crate::error::{failed, lost_answer};

/// How long a file may take: 5 GB (the most in one request) at 3 MB a second. No lease is held meanwhile, and the SDK
/// ends a stalled stream much earlier.
const TRANSFER: Duration = Duration::from_secs(30 * 60);

/// The settings of a call that transfers a file.
fn transfer_config() -> Builder {
    let timeouts =
        TimeoutConfig::builder().operation_attempt_timeout(TRANSFER).operation_timeout(2 * TRANSFER);
    Builder::new().timeout_config(timeouts.build())
}

#[async_trait]
impl Archive for S3 {
    async fn keep(&self, target: &Target, bucket: &str, key: &str, file: &Path) -> PortResult<()> {
        let call = call::PUT_OBJECT;
        let unreadable =
            |error| call.error(Class::Invalid, "LocalFile", format!("{}: {error}", file.display()));
        let body = ByteStream::from_path(file).await.map_err(unreadable)?;
        let request = self.0.client(target, call)?.put_object().bucket(bucket).key(key).if_none_match("*");
        let request = request.expected_bucket_owner(&target.account).body(body);
        request.customize().config_override(transfer_config()).send().await.map_err(failed(call))?;
        Ok(())
    }

    async fn list(&self, target: &Target, bucket: &str, prefix: &str) -> PortResult<Vec<Archived>> {
        let call = call::LIST_OBJECTS;
        let request = self.0.client(target, call)?.list_objects_v2().bucket(bucket).prefix(prefix);
        let mut pages = request.expected_bucket_owner(&target.account).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            for object in page.map_err(failed(call))?.contents.unwrap_or_default() {
                let key = call.required(object.key, "key")?;
                let bytes = object.size.and_then(|size| u64::try_from(size).ok());
                found.push(Archived { key, bytes: call.required(bytes, "size")? });
            }
        }
        Ok(found)
    }

    async fn fetch(&self, target: &Target, bucket: &str, key: &str, file: &Path) -> PortResult<()> {
        let call = call::GET_OBJECT;
        let request = self.0.client(target, call)?.get_object().bucket(bucket).key(key);
        let request = request.expected_bucket_owner(&target.account).customize();
        let answer = request.config_override(transfer_config()).send().await.map_err(failed(call))?;
        let unwritable = |error: io::Error| local(call, file, &error);
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        let mut kept: File = options.open(file).await.map_err(unwritable)?;
        let mut body = answer.body;
        let mut bytes = 0;
        while let Some(chunk) = body.next().await {
            let chunk =
                chunk.map_err(|error| call.error(lost_answer(call), "AnswerLost", error.to_string()))?;
            kept.write_all(&chunk).await.map_err(unwritable)?;
            bytes += chunk.len() as u64;
        }
        kept.flush().await.map_err(unwritable)?;
        match answer.content_length.and_then(|length| u64::try_from(length).ok()) {
            Some(length) if length != bytes => Err(call.error(
                lost_answer(call),
                "AnswerLost",
                format!("received {bytes} of {length} bytes"),
            )),
            _ => Ok(()),
        }
    }

    async fn discard(&self, target: &Target, bucket: &str, key: &str) -> PortResult<()> {
        let call = call::DELETE_OBJECT;
        let request = self.0.client(target, call)?.delete_object().bucket(bucket).key(key);
        request.expected_bucket_owner(&target.account).send().await.map_err(failed(call))?;
        Ok(())
    }
}

fn local(call: Call, file: &Path, error: &io::Error) -> PortError {
    call.error(Class::Invalid, "LocalFile", format!("{}: {error}", file.display()))
}
