//! Projects and builds, and their JSON.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::account::arn;
use super::super::answer::{ServiceError, epoch, uuid};

/// A project: the fields of its request, and what the service adds.
#[derive(Debug, Clone)]
pub struct Project {
    pub name: String,
    fields: Map<String, Value>,
    created: Timestamp,
    changed: Timestamp,
}

impl Project {
    /// Reads `CreateProject`.
    pub fn read(body: &Value) -> Result<Self, ServiceError> {
        let invalid = |message: &str| Err(ServiceError::new("InvalidInputException", message));
        let Some(name) = body["name"].as_str().filter(|name| (2..=150).contains(&name.len())) else {
            return invalid("Project name must be 2 to 150 characters");
        };
        for field in ["source", "artifacts", "environment", "serviceRole"] {
            if body[field].is_null() {
                return invalid(&format!("{field} is required"));
            }
        }
        let now = Timestamp::now();
        let fields = body.as_object().cloned().unwrap_or_default();
        Ok(Self { name: name.into(), fields, created: now, changed: now })
    }

    /// Applies `UpdateProject`.
    pub fn update(&mut self, body: &Value) {
        for (field, value) in body.as_object().into_iter().flatten() {
            self.fields.insert(field.clone(), value.clone());
        }
        self.changed = Timestamp::now();
    }

    pub fn arn(&self) -> String {
        arn("codebuild", &format!("project/{}", self.name))
    }

    /// The JSON of `BatchGetProjects`.
    pub fn to_json(&self) -> Value {
        let mut json = self.fields.clone();
        json.insert("arn".into(), self.arn().into());
        json.insert("created".into(), epoch(self.created));
        json.insert("lastModified".into(), epoch(self.changed));
        json.entry("timeoutInMinutes").or_insert(json!(60));
        json.entry("queuedTimeoutInMinutes").or_insert(json!(480));
        Value::Object(json)
    }
}

#[derive(Debug, Clone)]
pub struct Phase {
    pub kind: &'static str,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub status: Option<&'static str>,
    pub context: Option<(&'static str, String)>,
}

#[derive(Debug, Clone)]
pub struct Build {
    pub id: String,
    pub uuid: String,
    pub project: String,
    pub status: &'static str,
    pub phases: Vec<Phase>,
    pub resolved: Option<String>,
    pub source: Value,
    pub source_version: Option<String>,
    pub artifacts: Value,
    pub artifact_location: Option<String>,
    pub environment: Value,
    pub buildspec: Option<String>,
    pub timeout_minutes: u64,
    pub ended: Option<Timestamp>,
    pub log_group: String,
    number: u64,
    role: Value,
    started: Timestamp,
    link: String,
}

impl Build {
    pub fn service_role(&self) -> &str {
        self.role.as_str().unwrap_or_default()
    }

    /// A build of a project, with the overrides of `StartBuild`.
    pub fn new(project: &Project, request: &Value, number: u64, links: &str) -> Self {
        let fields = &project.fields;
        let uuid = uuid();
        let id = format!("{}:{uuid}", project.name);
        let given = |name: &str| fields.get(name).cloned().unwrap_or(Value::Null);
        let mut source = given("source");
        for (field, name) in [("sourceTypeOverride", "type"), ("sourceLocationOverride", "location")] {
            if request[field].is_string() {
                source[name] = request[field].clone();
            }
        }
        let buildspec = request["buildspecOverride"].as_str().or(source["buildspec"].as_str());
        let buildspec = buildspec.filter(|text| !text.is_empty()).map(str::to_owned);
        let mut environment = given("environment");
        environment["environmentVariables"] =
            merged(&environment["environmentVariables"], &request["environmentVariablesOverride"]);
        let started = Timestamp::now();
        let phase = |kind, ended, status| Phase { kind, started, ended, status, context: None };
        let version =
            request["sourceVersion"].as_str().or(fields.get("sourceVersion").and_then(Value::as_str));
        Self {
            link: format!("{links}/log/{id}"),
            log_group: format!("/aws/codebuild/{}", project.name),
            id,
            uuid,
            project: project.name.clone(),
            status: "IN_PROGRESS",
            phases: vec![phase("SUBMITTED", Some(started), Some("SUCCEEDED")), phase("QUEUED", None, None)],
            resolved: None,
            source,
            source_version: version.map(str::to_owned),
            artifacts: if request["artifactsOverride"].is_object() {
                request["artifactsOverride"].clone()
            } else {
                given("artifacts")
            },
            artifact_location: None,
            environment,
            buildspec,
            timeout_minutes: request["timeoutInMinutesOverride"]
                .as_u64()
                .or(given("timeoutInMinutes").as_u64())
                .unwrap_or(60),
            ended: None,
            number,
            role: given("serviceRole"),
            started,
        }
    }

    /// The environment variables of the build, overrides included.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let list = self.environment["environmentVariables"].as_array();
        list.into_iter().flatten().filter_map(|one| Some((one["name"].as_str()?, one["value"].as_str()?)))
    }

    /// Ends the current phase, if there is one, and begins another.
    pub fn enter(&mut self, kind: &'static str) {
        self.leave("SUCCEEDED", None);
        self.phases.push(Phase { kind, started: Timestamp::now(), ended: None, status: None, context: None });
    }

    /// Ends the current phase.
    pub fn leave(&mut self, status: &'static str, context: Option<(&'static str, String)>) {
        if let Some(phase) = self.phases.last_mut().filter(|phase| phase.ended.is_none()) {
            phase.ended = Some(Timestamp::now());
            phase.status = Some(status);
            phase.context = context;
        }
    }

    pub fn finish(&mut self, status: &'static str) {
        self.leave("SUCCEEDED", None);
        let now = Timestamp::now();
        self.phases.push(Phase { kind: "COMPLETED", started: now, ended: None, status: None, context: None });
        self.status = status;
        self.ended = Some(now);
    }

    pub fn arn(&self) -> String {
        arn("codebuild", &format!("build/{}", self.id))
    }

    pub fn is_complete(&self) -> bool {
        self.ended.is_some()
    }

    /// The JSON of `BatchGetBuilds`.
    pub fn to_json(&self) -> Value {
        let phases: Vec<Value> = self.phases.iter().map(Phase::to_json).collect();
        let (group, stream) = (&self.log_group, &self.uuid);
        let mut json = json!({
            "id": self.id,
            "arn": self.arn(),
            "buildNumber": self.number,
            "startTime": epoch(self.started),
            "currentPhase": self.phases.last().map(|phase| phase.kind),
            "buildStatus": self.status,
            "sourceVersion": self.source_version,
            "resolvedSourceVersion": self.resolved,
            "projectName": self.project,
            "phases": phases,
            "source": self.source,
            "artifacts": {"location": self.artifact_location},
            "cache": {"type": "NO_CACHE"},
            "environment": self.environment,
            "serviceRole": self.role,
            "logs": {
                "groupName": group, "streamName": stream, "deepLink": self.link,
                "cloudWatchLogsArn": arn("logs", &format!("log-group:{group}:log-stream:{stream}")),
                "cloudWatchLogs": {"status": "ENABLED"},
            },
            "timeoutInMinutes": self.timeout_minutes,
            "queuedTimeoutInMinutes": 480,
            "buildComplete": self.is_complete(),
            "initiator": "sluice",
        });
        if let Some(ended) = self.ended {
            json["endTime"] = epoch(ended);
        }
        without_nulls(json)
    }
}

impl Phase {
    fn to_json(&self) -> Value {
        let mut json = json!({"phaseType": self.kind, "startTime": epoch(self.started)});
        if let (Some(ended), Some(status)) = (self.ended, self.status) {
            json["phaseStatus"] = status.into();
            json["endTime"] = epoch(ended);
            json["durationInSeconds"] = ended.duration_since(self.started).as_secs().max(0).into();
            let (code, message) = self.context.clone().unwrap_or(("", String::new()));
            json["contexts"] = json!([{"statusCode": code, "message": message}]);
        }
        json
    }
}

/// The variables of `base`, replaced or extended by those of `over`.
fn merged(base: &Value, over: &Value) -> Value {
    let mut list = base.as_array().cloned().unwrap_or_default();
    for one in over.as_array().into_iter().flatten() {
        list.retain(|held| held["name"] != one["name"]);
        let mut one = one.clone();
        if one["type"].is_null() {
            one["type"] = "PLAINTEXT".into();
        }
        list.push(one);
    }
    Value::Array(list)
}

/// AWS omits fields instead of writing `null`.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect(),
        ),
        other => other,
    }
}
