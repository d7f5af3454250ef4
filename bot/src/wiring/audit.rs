//! `sluice audit export`: the audit records of all pipelines, a line of JSON each, as they were recorded.
//!
//! It only reads, a page at a time, beside the process that serves the state. Where it belongs to is read from it, so neither AWS's
//! identity nor Slack is asked.

use std::io;

use jiff::Timestamp;
use sluice_commands::operation::Keys;
use sluice_commands::service::AuditExport;

use crate::backend::Obstacle;
use crate::wiring::FakeAws;

impl FakeAws {
    /// Writes what was recorded since then, or ever. The inner error is that of `out`.
    pub(crate) async fn export(
        &self,
        since: Option<Timestamp>,
        out: &mut dyn io::Write,
    ) -> Result<io::Result<()>, Obstacle> {
        self.state.is_there().await?;
        let target = self.recorded().await?.ok_or_else(|| self.not_set_up())?;
        let mut trail = AuditExport::new(self.state.store()?, Keys::new(&target), since);
        while let Some(records) = trail.next().await.map_err(|error| self.state.obstacle(&error))? {
            for record in records {
                if let Err(error) = writeln!(out, "{record}") {
                    return Ok(Err(error));
                }
            }
        }
        Ok(out.flush())
    }
}
