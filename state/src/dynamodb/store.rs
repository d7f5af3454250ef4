//! The connection to the two tables, and the way in which every item request is sent.

use std::error::Error;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use sluice_commands::ports::StoreError;

use super::attempt::{Repeat, attempt};
use super::errors::classify;
use super::meter::{Consumed, Meter};

/// The suffix of the audit table's name.
const AUDIT_SUFFIX: &str = "-audit";
/// A connection that is not open after this time counts as lost.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// An answer that is not complete after this time counts as lost. Two attempts stay well under a lease of 15 s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// The names of the two tables.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) items: String,
    pub(super) audit: String,
}

/// The store over DynamoDB. It holds connections and no data; share it in an `Arc`.
#[derive(Debug)]
pub struct DynamoStore {
    pub(super) client: Client,
    pub(super) tables: Tables,
    pub(super) meter: Meter,
}

impl DynamoStore {
    /// Makes a store on `table` and `table-audit`, which [`DynamoStore::create_tables`] creates. It sends no request.
    ///
    /// Region, credentials, HTTP client and endpoint (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_DYNAMODB`) are from
    /// `config`; the store replaces its retries and timeouts.
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let config =
            Builder::from(config).retry_config(RetryConfig::disabled()).timeout_config(timeouts).build();
        let items = table.into();
        let tables = Tables { audit: Self::audit_table_of(&items), items };
        Self { client: Client::from_conf(config), tables, meter: Meter::default() }
    }

    /// The name of the items table.
    pub fn table(&self) -> &str {
        &self.tables.items
    }

    /// The name of the audit table.
    pub fn audit_table(&self) -> &str {
        &self.tables.audit
    }

    /// The name of the audit table for an items table.
    pub fn audit_table_of(table: &str) -> String {
        format!("{table}{AUDIT_SUFFIX}")
    }

    /// The capacity that this store's requests consumed so far. Failed requests consume capacity too, but their answers
    /// do not report it.
    pub fn consumed(&self) -> Consumed {
        self.meter.total()
    }

    /// Sends one request of `call` by [`attempt`], counts its attempts, and classifies its errors.
    pub(super) async fn send<T, E, F>(
        &self,
        call: &'static str,
        repeat: Repeat,
        send: impl Fn() -> F,
    ) -> Result<T, StoreError>
    where
        E: Error + ProvideErrorMetadata + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        attempt(repeat, || async {
            self.meter.sent();
            send().await.map_err(|error| classify(call, error))
        })
        .await
    }
}
