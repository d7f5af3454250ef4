//! The ports of `commands` over the AWS SDK, one file per service.
//!
//! This crate only translates and classifies: it contains no policy and no workflow, starts no task, keeps no state except
//! connections, and exposes no SDK type except its configuration. All calls are in one list ([`READS`], [`MUTATIONS`]), and
//! the meaning of errors is decided in one place (`error`).

mod api_gateway;
mod call;
mod client;
mod cloudformation;
mod cloudwatch;
mod cloudwatch_logs;
mod codebuild;
mod codecommit;
pub mod config;
mod error;
mod iam;
mod lambda;
mod limits;
mod quotas;
mod rest_api;
mod s3;
mod sqs;
mod ssm;
mod turns;
mod values;
mod window;

use std::sync::Arc;

pub use aws_config::SdkConfig;
use sluice_commands::ports::{
    Archive, Builders, FunctionSettings, Functions, Gateway, Identity, Layers, Logs, Metrics, Objects,
    ParameterStore, Queue, Quotas, Repositories, Stacks,
};

pub use crate::call::{MUTATIONS, READS};
use crate::client::{AllowedCalls, RetryOnlyRefused, Service};
pub use crate::limits::LAMBDA_CALLS;
use crate::limits::{ChangeLocks, Limits};

/// Neither `AWS_REGION` nor the profile names a region.
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
    /// Lambda: settings with calls of their own.
    pub function_settings: Arc<dyn FunctionSettings>,
    /// Lambda's layers.
    pub layers: Arc<dyn Layers>,
    /// API Gateway, HTTP APIs.
    pub gateway: Arc<dyn Gateway>,
    /// API Gateway, REST APIs.
    pub rest_gateway: Arc<dyn Gateway>,
    /// CloudFormation.
    pub stacks: Arc<dyn Stacks>,
    /// IAM and STS.
    pub identity: Arc<dyn Identity>,
    /// CloudWatch Logs.
    pub logs: Arc<dyn Logs>,
    /// CloudWatch's metrics.
    pub metrics: Arc<dyn Metrics>,
    /// Systems Manager's parameters.
    pub parameters: Arc<dyn ParameterStore>,
    /// The quotas of Lambda and IAM.
    pub quotas: Arc<dyn Quotas>,
    sqs: Service<aws_sdk_sqs::Client>,
    limits: Arc<Limits>,
}

/// A service's clients for reads and for mutations, on the same connections.
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
            reads: $sdk::Client::from_conf(base().interceptor(AllowedCalls(READS)).build()),
            writes: $sdk::Client::from_conf(
                base().interceptor(AllowedCalls(MUTATIONS)).retry_classifier(RetryOnlyRefused).build(),
            ),
            limits: Arc::clone(&$limits),
        }
    }};
}

impl Aws {
    /// All ports for the configured account and region. Sends nothing.
    pub fn new(config: &SdkConfig) -> Result<Self, NoRegion> {
        let region = config.region().ok_or(NoRegion)?.as_ref();
        let limits = Arc::new(Limits::new());
        let path_style = config::local_endpoint(config, "S3").is_some();
        let s3 = service!(aws_sdk_s3, config, region, limits, |builder| builder.force_path_style(path_style));
        let s3 = Arc::new(s3::S3(s3));
        let lambda = service!(aws_sdk_lambda, config, region, limits);
        let functions = Arc::new(lambda::Lambda(lambda.clone()));
        let iam = service!(aws_sdk_iam, config, region, limits);
        Ok(Self {
            repositories: Arc::new(codecommit::CodeCommit(service!(
                aws_sdk_codecommit,
                config,
                region,
                limits
            ))),
            builders: Arc::new(codebuild::CodeBuild(service!(aws_sdk_codebuild, config, region, limits))),
            objects: Arc::clone(&s3) as Arc<dyn Objects>,
            archive: s3,
            functions: Arc::clone(&functions) as Arc<dyn Functions>,
            function_settings: Arc::clone(&functions) as Arc<dyn FunctionSettings>,
            layers: functions,
            gateway: Arc::new(api_gateway::ApiGateway {
                service: service!(aws_sdk_apigatewayv2, config, region, limits),
                changes: ChangeLocks::default(),
            }),
            rest_gateway: Arc::new(rest_api::RestApis {
                service: service!(aws_sdk_apigateway, config, region, limits),
                changes: ChangeLocks::default(),
                local: config::local_endpoint(config, "API Gateway"),
            }),
            stacks: Arc::new(cloudformation::CloudFormation(service!(
                aws_sdk_cloudformation,
                config,
                region,
                limits
            ))),
            identity: Arc::new(iam::Iam {
                iam: iam.clone(),
                sts: service!(aws_sdk_sts, config, region, limits),
            }),
            logs: Arc::new(cloudwatch_logs::CloudWatchLogs(service!(
                aws_sdk_cloudwatchlogs,
                config,
                region,
                limits
            ))),
            metrics: Arc::new(cloudwatch::CloudWatch::new(config, region, Arc::clone(&limits))),
            parameters: Arc::new(ssm::Ssm(service!(aws_sdk_ssm, config, region, limits))),
            quotas: Arc::new(quotas::AccountQuotas { lambda, iam }),
            sqs: service!(aws_sdk_sqs, config, region, limits),
            limits,
        })
    }

    /// Changes how many calls this process makes to Lambda's control plane in any second; [`LAMBDA_CALLS`] otherwise.
    pub fn set_lambda_calls(&self, calls: u16) {
        self.limits.set_lambda_calls(calls);
    }

    /// The SQS queue with this name, `.fifo` included.
    pub fn queue(&self, name: &str) -> Arc<dyn Queue> {
        let url = tokio::sync::OnceCell::new();
        Arc::new(sqs::Sqs { service: self.sqs.clone(), name: name.to_owned(), url })
    }
}
