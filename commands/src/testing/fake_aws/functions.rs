//! Lambda: revisions that guard every change, versions that never change, changes that take a while to apply.

mod layers;
mod port;
mod separate;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use super::{Made, State, refuse};
use crate::ports::{Alias, FunctionConfig, FunctionVersion, Readiness, SeparateSetting, Tags};
use sluice_model::{Class, PortResult};

/// The error of unhealthy code.
pub(super) const ILL: &str = "it is <ill> & `tired`";
const LATEST: &str = "$LATEST";
const STALE: &str = "PreconditionFailedException";
const BUSY: &str = "ResourceConflictException";
const GONE: &str = "ResourceNotFoundException";

/// A function with its versions and aliases.
#[derive(Clone)]
pub(crate) struct FunctionState {
    arn: String,
    tags: Tags,
    made: Instant,
    changes: u64,
    /// The number of the last published version: numbers are never reused.
    published: u64,
    latest: VersionState,
    pub(super) versions: Vec<VersionState>,
    pub(super) aliases: BTreeMap<String, AliasState>,
    /// Settings with calls of their own, those of a version under its name, the others under `$LATEST`.
    separate: BTreeMap<(SeparateSetting, String), Value>,
}

pub(crate) use layers::LayerState;

/// `$LATEST`, or a version.
#[derive(Clone)]
pub(crate) struct VersionState {
    pub(super) number: String,
    pub(super) config: FunctionConfig,
    pub(super) sha256: String,
    pub(super) code: Bytes,
    changed: Instant,
    revision: u64,
    /// Why it is inactive, if it is.
    idle: Option<String>,
}

/// An alias.
#[derive(Clone)]
pub(crate) struct AliasState {
    pub(super) version: String,
    /// The share of calls of other versions, in thousandths.
    pub(super) weights: BTreeMap<String, u32>,
    pub(super) revision: u64,
    /// The previous version, and when the alias moved from it.
    moved: Option<(String, Instant)>,
}

impl AliasState {
    /// An alias at that version.
    pub(super) fn at(version: &str) -> Self {
        Self { version: version.to_owned(), weights: BTreeMap::new(), revision: 1, moved: None }
    }
}

impl FunctionState {
    /// The settings with calls of their own, those of versions under `name:version`.
    pub(super) fn separate<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = ((String, SeparateSetting), Value)> + 'a {
        self.separate.iter().map(move |((setting, version), value)| {
            let of = if setting.is_of_version() { format!("{name}:{version}") } else { name.to_owned() };
            ((of, *setting), value.clone())
        })
    }

    /// The ARN of the role of `$LATEST`.
    pub(super) fn role(&self) -> &str {
        &self.latest.config.role
    }

    /// A function of which only the aliases matter.
    pub(super) fn bare(arn: String, aliases: BTreeMap<String, AliasState>, now: Instant) -> Self {
        let config = FunctionConfig {
            runtime: Some("python3.12".to_owned()),
            handler: Some("app.handler".to_owned()),
            ..FunctionConfig::default()
        };
        let (sha256, code) = (String::new(), Bytes::new());
        let latest = VersionState {
            number: LATEST.into(),
            config,
            sha256,
            code,
            changed: now,
            revision: 0,
            idle: None,
        };
        let tags = Tags::new();
        Self {
            arn,
            tags,
            made: now,
            changes: 0,
            published: 0,
            latest,
            versions: vec![],
            aliases,
            separate: BTreeMap::new(),
        }
    }

    /// A function without aliases: its version has one role, and `$LATEST` another.
    pub(super) fn unreleased(arn: String, published: &str, latest: &str, now: Instant) -> Self {
        let mut made = Self::bare(arn, BTreeMap::new(), now);
        let role = |role: &str| FunctionConfig { role: role.to_owned(), ..made.latest.config.clone() };
        let (published, latest) = (role(published), role(latest));
        made.versions.push(VersionState { number: "1".into(), config: published, ..made.latest.clone() });
        made.latest.config = latest;
        made.published = 1;
        made
    }

    /// A version that no alias points to, with that role or one of its own; gives the role.
    pub(super) fn leave_version(&mut self, role: Option<&str>) -> String {
        let newest = self.versions.last().expect("a version").clone();
        self.published += 1;
        let number = self.published;
        let role =
            role.map_or_else(|| format!("{}-left{number}", newest.config.role), |role| role.to_owned());
        let config = FunctionConfig { role: role.clone(), ..newest.config.clone() };
        self.versions.push(VersionState { number: number.to_string(), config, ..newest });
        role
    }

    /// The size of the code of all its versions.
    pub(super) fn bytes(&self) -> u64 {
        std::iter::once(&self.latest).chain(&self.versions).map(|version| version.code.len() as u64).sum()
    }

    /// Makes a version inactive for that reason.
    pub(super) fn fall_idle(&mut self, version: &str, reason: &str) {
        let found = self.versions.iter_mut().find(|known| known.number == version).expect("a version");
        found.idle = Some(reason.to_owned());
    }

    /// Changes the revision of `$LATEST`, and nothing else.
    pub(super) fn revise(&mut self) {
        self.latest.revision = self.change();
    }

    /// The next revision of the function.
    pub(super) fn change(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }
}

impl State {
    /// Whether a version is unhealthy: by its code, or by the climate.
    pub(super) fn is_ill(&self, version: &VersionState) -> bool {
        self.climate.ill || version.code.ends_with(b" ill")
    }

    /// The version that answers for an alias.
    pub(super) fn answering(&self, function: &str, alias: &str) -> Option<&VersionState> {
        let found = self.functions.get(function)?;
        let alias = found.aliases.get(alias)?;
        let late =
            alias.moved.as_ref().filter(|(_, when)| self.now.duration_since(*when) < self.climate.late);
        let at = late.map_or(&alias.version, |(before, _)| before);
        found.versions.iter().find(|version| version.number == *at)
    }

    fn is_applied(&self, version: &VersionState) -> bool {
        self.now.duration_since(version.changed) >= self.climate.applies
    }

    /// The revision changes with the change, and once more when it is applied.
    fn revision(&self, version: &VersionState) -> String {
        let applied = if self.is_applied(version) { "" } else { "-pending" };
        format!("rev-{}{applied}", version.revision)
    }

    fn version(&self, function: &FunctionState, version: &VersionState) -> FunctionVersion {
        FunctionVersion {
            version: version.number.clone(),
            arn: format!("{}:{}", function.arn, version.number),
            code_sha256: version.sha256.clone(),
            config: version.config.clone(),
            revision: self.revision(version),
            readiness: match &version.idle {
                Some(reason) => Readiness::Inactive(reason.clone()),
                None if self.is_applied(version) => Readiness::Ready,
                None => Readiness::Pending,
            },
        }
    }

    fn alias(function: &FunctionState, name: &str, alias: &AliasState) -> Alias {
        Alias {
            name: name.to_owned(),
            arn: format!("{}:{name}", function.arn),
            version: alias.version.clone(),
            weights: alias.weights.clone(),
            revision: format!("alias-{}", alias.revision),
        }
    }

    /// A function whose `$LATEST` has that revision and can change.
    fn writable(&self, call: &'static str, name: &str, revision: &str) -> PortResult<&FunctionState> {
        let Some(function) = self.functions.get(name) else { return refuse(call, Class::Absent, GONE) };
        if !self.is_applied(&function.latest) {
            return refuse(call, Class::Busy, BUSY);
        }
        if self.revision(&function.latest) != revision {
            return refuse(call, Class::Precondition, STALE);
        }
        Ok(function)
    }

    /// What a call finds at a version that can be called: an inactive one begins to become active, if Lambda can restore it.
    fn called(&mut self, function: &str, version: &str) -> Option<()> {
        let (now, versions) = (self.now, &mut self.functions.get_mut(function)?.versions);
        let found = versions.iter_mut().find(|known| known.number == version)?;
        if found.idle.as_deref() == Some("Idle") {
            (found.idle, found.changed) = (None, now);
        }
        Some(())
    }

    /// Publishes `$LATEST`, unless the newest version is equal.
    fn publish(&mut self, call: &'static str, name: &str) -> PortResult<Made<FunctionVersion>> {
        let now = self.now;
        let Some(function) = self.functions.get_mut(name) else { return refuse(call, Class::Absent, GONE) };
        let revision = function.change();
        let latest = &function.latest;
        let newest = function.versions.last();
        let same =
            newest.is_some_and(|newest| newest.config == latest.config && newest.sha256 == latest.sha256);
        if !same {
            let number = function.published + 1;
            let made = VersionState { number: number.to_string(), changed: now, revision, ..latest.clone() };
            function.published = number;
            function.versions.push(made);
            function.latest.revision = revision;
        }
        match self.functions.get(name).and_then(|function| Some((function, function.versions.last()?))) {
            None => refuse(call, Class::Absent, GONE),
            Some((function, version)) if same => Ok(Made::Same(self.version(function, version))),
            Some((function, version)) => Ok(Made::New(self.version(function, version))),
        }
    }

    fn alias_of(&mut self, call: &'static str, function: &str, alias: &str) -> PortResult<&mut AliasState> {
        match self.functions.get_mut(function).and_then(|found| found.aliases.get_mut(alias)) {
            Some(alias) => Ok(alias),
            None => refuse(call, Class::Absent, GONE),
        }
    }
}
