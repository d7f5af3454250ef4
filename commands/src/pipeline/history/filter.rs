//! Which records of a history are shown.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::records::AuditRecord;
use sluice_grammar::{Command, Period, PipelineCommand};
use sluice_model::{PipelineName, StageName, UserId};

/// The parameters of `/pipeline history`.
#[derive(Debug, Clone)]
pub(crate) struct HistoryFilter {
    /// The pipeline.
    pub(crate) name: PipelineName,
    /// Only records of this stage.
    pub(crate) stage: Option<StageName>,
    /// Only records of this person.
    pub(crate) person: Option<UserId>,
    /// Only records from this time on.
    pub(crate) since: Option<Period>,
    /// Only records before this time.
    pub(crate) until: Option<Period>,
}

impl HistoryFilter {
    /// The same with absolute times: the next page must cover the same days.
    pub(super) fn fixed(self, now: Timestamp) -> Self {
        let point = |period: Option<Period>| {
            let at = period?.begin(now)?;
            Some(Period::Moment(at.to_zoned(TimeZone::UTC).datetime()))
        };
        Self { since: point(self.since), until: point(self.until), ..self }
    }

    /// Whether every record of the period matches.
    pub(super) fn is_of_all(&self) -> bool {
        self.stage.is_none() && self.person.is_none()
    }

    /// Whether a record of the period matches.
    pub(super) fn matches(&self, record: &AuditRecord) -> bool {
        self.stage.as_ref().is_none_or(|stage| record.about.stage.as_ref() == Some(stage))
            && self.person.as_ref().is_none_or(|person| record.actor.id == *person)
    }

    /// The command.
    pub(super) fn line(&self) -> String {
        let Self { name, stage, person, since, until } = self.clone();
        Command::Pipeline(PipelineCommand::History { name, stage, person, since, until }).to_string()
    }

    /// The filter for the next page at a terminal. Records of the last millisecond are shown again, so none is missing.
    pub(super) fn older_than(&self, at: Timestamp) -> Self {
        let after = Timestamp::from_millisecond(at.as_millisecond() + 1).unwrap_or(at);
        let until = Some(Period::Moment(after.to_zoned(TimeZone::UTC).datetime()));
        Self { until, ..self.clone() }
    }
}
