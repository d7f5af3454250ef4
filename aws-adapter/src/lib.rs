//! The ports of `commands` over the AWS SDK, one file per service.
//!
//! This crate translates and classifies, no more: it knows no policy and no workflow, starts no task, keeps no state but
//! connections, and shows no SDK type but the configuration it is built from. Which calls there are is listed in one
//! place ([`READS`], [`MUTATIONS`]), what an error means is decided in one place (`error.rs`).

mod account;
mod archive;
mod builders;
mod call;
mod client;
pub mod config;
mod error;
mod functions;
mod gateway;
mod identity;
mod limits;
mod logs;
mod objects;
mod queue;
mod repositories;
mod values;

use std::sync::Arc;

pub use aws_config::SdkConfig;
use sluice_commands::ports::{
    Archive, Builders, Functions, Gateway, Identity, Logs, Objects, Queue, Quotas, Repositories,
};

pub use crate::call::{MUTATIONS, READS};
use crate::client::{OnlyListed, RepeatOnlyRefused, Service};
use crate::limits::{Limits, Turns};

/// No region is configured: neither `AWS_REGION` nor the profile names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no AWS region is configured: set AWS_REGION, or `region` in the profile")]
pub struct NoRegion;

/// All of AWS, as ports.
#[derive(Clone)]
pub struct Aws {
    /// CodeCommit.
    pub repositories: Arc<dyn Repositories>,
    /// CodeBuild.
    pub builders: Arc<dyn Builders>,
    /// S3.
    pub objects: Arc<dyn Objects>,
    /// S3, for whole files.
    pub archive: Arc<dyn Archive>,
    /// Lambda.
    pub functions: Arc<dyn Functions>,
    /// API Gateway v2.
    pub gateway: Arc<dyn Gateway>,
    /// IAM and STS.
    pub identity: Arc<dyn Identity>,
    /// CloudWatch Logs.
    pub logs: Arc<dyn Logs>,
    /// What Lambda and IAM say of quotas.
    pub quotas: Arc<dyn Quotas>,
    sqs: Service<aws_sdk_sqs::Client>,
}

/// The clients of one service: one that may only look, one that may change, on the same connections.
macro_rules! service {
    ($sdk:ident, $config:expr, $region:expr, $limits:expr) => {
        service!($sdk, $config, $region, $limits, |builder| builder)
    };
    ($sdk:ident, $config:expr, $region:expr, $limits:expr, $adjust:expr) => {{
        fn adjust(
            builder: $sdk::config::Builder,
            with: impl Fn($sdk::config::Builder) -> $sdk::config::Builder,
        ) -> $sdk::config::Builder {
            with(builder)
        }
        let base = || adjust($sdk::config::Builder::from($config), $adjust);
        Service {
            region: $region.to_owned(),
            reads: $sdk::Client::from_conf(base().interceptor(OnlyListed(READS)).build()),
            writes: $sdk::Client::from_conf(
                base().interceptor(OnlyListed(MUTATIONS)).retry_classifier(RepeatOnlyRefused).build(),
            ),
            limits: Arc::clone(&$limits),
        }
    }};
}

impl Aws {
    /// All ports for the account and region that the configuration names. Sends nothing yet.
    pub fn new(config: &SdkConfig) -> Result<Self, NoRegion> {
        let region = config.region().ok_or(NoRegion)?.as_ref();
        let limits = Arc::new(Limits::new());
        let path_style = config::needs_path_style(config);
        let s3 = service!(aws_sdk_s3, config, region, limits, |builder| builder.force_path_style(path_style));
        let s3 = Arc::new(objects::S3(s3));
        let lambda = service!(aws_sdk_lambda, config, region, limits);
        let iam = service!(aws_sdk_iam, config, region, limits);
        Ok(Self {
            repositories: Arc::new(repositories::CodeCommit(service!(
                aws_sdk_codecommit,
                config,
                region,
                limits
            ))),
            builders: Arc::new(builders::CodeBuild(service!(aws_sdk_codebuild, config, region, limits))),
            objects: Arc::clone(&s3) as Arc<dyn Objects>,
            archive: s3,
            functions: Arc::new(functions::Lambda { service: lambda.clone(), policies: Turns::default() }),
            gateway: Arc::new(gateway::ApiGateway {
                service: service!(aws_sdk_apigatewayv2, config, region, limits),
                turns: Turns::default(),
            }),
            identity: Arc::new(identity::Iam {
                iam: iam.clone(),
                sts: service!(aws_sdk_sts, config, region, limits),
            }),
            logs: Arc::new(logs::CloudWatchLogs(service!(aws_sdk_cloudwatchlogs, config, region, limits))),
            quotas: Arc::new(account::Figures { lambda, iam }),
            sqs: service!(aws_sdk_sqs, config, region, limits),
        })
    }

    /// The SQS queue of that name, `.fifo` included.
    pub fn queue(&self, name: &str) -> Arc<dyn Queue> {
        let url = tokio::sync::OnceCell::new();
        Arc::new(queue::Sqs { service: self.sqs.clone(), name: name.to_owned(), url })
    }
}
