//! Services that the emulator gets right: writes are read back, and existing resources are conflicts.

mod api_gateway;
mod iam;
mod lambda;
mod logs;
mod rest_api;
mod s3;
mod sqs;

use aws_sdk_s3::primitives::ByteStream;
use sluice_commands::ports::{TAG_PIPELINE, Tags};
use sluice_model::{Class, PortResult};

use crate::harness::ministack::Ministack;
use crate::harness::{REGION, loader};

const BUCKET: &str = "sluice-artifacts-000000000000";
const ROLE: &str = "arn:aws:iam::000000000000:role/sluice/f";

fn tags() -> Tags {
    Tags::from([(TAG_PIPELINE.into(), "orders".into())])
}

fn conflict<T: std::fmt::Debug>(result: PortResult<T>) {
    let error = result.expect_err("it exists already, or differs");
    assert!(matches!(error.class, Class::Conflict | Class::Precondition), "{error}");
}

async fn put(emulator: &Ministack, key: &str, content: Vec<u8>) -> String {
    let shared = loader(REGION, &emulator.url).load().await;
    let config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(true).build();
    let request = aws_sdk_s3::Client::from_conf(config).put_object().bucket(BUCKET).key(key);
    let answer = request.body(ByteStream::from(content)).send().await.expect("it is stored");
    answer.version_id.expect("the bucket is versioned")
}

/// Now, because the service refuses lines with old or future timestamps.
fn now() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the end of time")
}
