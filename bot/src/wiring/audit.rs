//! `sluice audit export`: the audit records of all pipelines as they were recorded, one line of JSON each.
//!
//! It only reads, one page at a time, also while another process serves the state. The account and region are those of the state,
//! so it calls neither STS nor Slack.

use std::io;

use jiff::Timestamp;
use sluice_commands::operation::Keys;
use sluice_commands::service::AuditExport;

use super::aws_backend::AwsBackend;
use crate::startup::StartupError;

impl AwsBackend {
    /// Writes the records since then, or all. The inner error is that of `out`.
    pub(crate) async fn export(
        &self,
        since: Option<Timestamp>,
        out: &mut dyn io::Write,
    ) -> Result<io::Result<()>, StartupError> {
        self.state.exists().await?;
        let target = self.recorded().await?.ok_or_else(|| self.not_set_up())?;
        let mut export = AuditExport::new(self.state.store()?, Keys::new(&target), since);
        while let Some(records) = export.next().await.map_err(|error| self.state.error(&error))? {
            for record in records {
                if let Err(error) = writeln!(out, "{record}") {
                    return Ok(Err(error));
                }
            }
        }
        Ok(out.flush())
    }
}
