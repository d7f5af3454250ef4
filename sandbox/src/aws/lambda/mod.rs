//! Lambda: refuses what AWS would refuse and the local AWS accepts; forwards the rest.
//!
//! Fixed: aliases to versions that do not exist (404); changes and publications while an update is in progress (409);
//! `PublishVersion` with another `CodeSha256` (400) or `RevisionId` (412); publishing an unchanged function (returns the
//! newest version); a dry run (changes nothing); deletion of `$LATEST` (refused); ARNs of versions without their version;
//! roles that do not exist, or lack what a setting needs (400); statement ids of policies (unique per alias, not per function);
//! container images (see [`images`]).

mod answers;
mod configuration;
mod images;
mod own_store;
mod policies;
mod reads;
mod role_check;
mod tail;
#[cfg(test)]
mod tests;

pub use configuration::weighted_version;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::access::Access;
use super::cloudwatch::Invocations;
use super::request::{AwsRequest, query};
use super::strict::{Rule, Strict, alias_key};
use super::upstream::{Answer, Upstream};
use answers::{Refusable, not_found, refuse, refused};
use configuration::{frozen, qualify, unsettle};
use images::Images;
use own_store::OwnStore;

/// The fixes for the local AWS's Lambda.
pub struct Lambda {
    upstream: Upstream,
    strict: Strict,
    access: Access,
    invocations: Invocations,
    own: OwnStore,
    images: Images,
}

impl Lambda {
    pub fn new(upstream: Upstream, strict: Strict, access: Access, invocations: Invocations) -> Self {
        let images = Images::new(upstream.clone(), access.clone());
        Self { upstream, strict, access, invocations, own: OwnStore::default(), images }
    }

    /// Answers one call.
    pub async fn answer(&self, method: &str, request: AwsRequest) -> Response {
        let function = function_of(request.parts.uri.path());
        let answer = match method {
            "CreateFunction" => self.create(&request).await,
            "UpdateFunctionCode" => self.update_code(&function, request).await,
            "UpdateFunctionConfiguration" => self.update_configuration(&function, request).await,
            "PublishVersion" => self.checked_publish(&function, &request).await,
            "CreateAlias" | "UpdateAlias" => self.alias(&function, request).await,
            "AddPermission" | "RemovePermission" | "GetPolicy" => {
                policies::answer(&self.upstream, request).await
            }
            "DeleteFunction" if request.parts.uri.query().is_some_and(|q| q.contains("LATEST")) => {
                let message = "$LATEST version cannot be deleted without deleting the function.";
                Err(refuse(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message))
            }
            "DeleteAlias" => {
                let alias = request.parts.uri.path().rsplit('/').next().unwrap_or_default();
                self.strict.deleted(&alias_key(&function, alias));
                return self.upstream.forward(request).await;
            }
            "GetFunction" | "GetFunctionConfiguration" => {
                self.upstream.exchange(&request).await.map(|answer| self.shown(answer).into_response())
            }
            "ListVersionsByFunction" => {
                self.upstream.exchange(&request).await.map(|answer| self.listed(answer).into_response())
            }
            "GetRuntimeManagementConfig"
            | "PutRuntimeManagementConfig"
            | "GetFunctionScalingConfig"
            | "PutFunctionScalingConfig" => self.kept_here(method, &function, &request).await,
            "Invoke" => self.invoke(&function, request).await,
            _ => return self.upstream.forward(request).await,
        };
        answer.unwrap_or_else(|refusal| *refusal)
    }

    async fn create(&self, request: &AwsRequest) -> Refusable<Response> {
        let body = request.json();
        self.assumable(body["FunctionName"].as_str().unwrap_or_default(), &body).await?;
        self.permitted(&body, &Value::Null).await?;
        if body["PackageType"] == "Image" || body["Code"]["ImageUri"].is_string() {
            return self.create_image(request, body).await;
        }
        let answer = self.upstream.exchange(request).await?;
        let mut config = answer.json();
        qualify(&mut config);
        let answer = if answer.status.is_success() { answer.with_json(&config) } else { answer };
        Ok(self.shown(answer).into_response())
    }

    /// Creates a function with the archive of its image.
    async fn create_image(&self, request: &AwsRequest, mut body: Value) -> Refusable<Response> {
        let function = body["FunctionName"].as_str().unwrap_or_default().to_owned();
        let only_archives = ["Runtime", "Handler", "Layers"].iter().any(|field| !body[*field].is_null());
        let Some(uri) = body["Code"]["ImageUri"].as_str().filter(|_| !only_archives) else {
            let message = "Please don't provide Handler or Runtime or Layer when the intent is to create function using an image.";
            return Err(refuse(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message));
        };
        let unpacked = self.images.unpack(&function, uri).await?;
        let (publish, image_config) = (body["Publish"] == true, body["ImageConfig"].take());
        let command = image_config["Command"][0].as_str().map(str::to_owned);
        body["Code"] = json!({ "ZipFile": unpacked.zip });
        body["PackageType"] = "Zip".into();
        body["Runtime"] = unpacked.runtime.into();
        body["Handler"] = command.unwrap_or(unpacked.handler).into();
        body["Publish"] = false.into();
        let request = AwsRequest { parts: request.parts.clone(), body: body.to_string().into() };
        let mut answer = self.upstream.exchange(&request).await?;
        if !answer.status.is_success() {
            return Ok(answer.into_response());
        }
        if image_config.is_object() {
            let path = format!("/2015-03-31/functions/{function}/configuration");
            let body = json!({ "ImageConfig": image_config }).to_string();
            answer.body = self.upstream.call("lambda", Method::PUT, &path, &[], body).await?.body;
        }
        if publish {
            answer = answer.with_json(&self.publish(&function, &json!({})).await?);
        }
        Ok(self.shown(answer).into_response())
    }

    async fn update_code(&self, function: &str, mut request: AwsRequest) -> Refusable<Response> {
        let mut body = request.json();
        let mut latest = reads::idle(&self.upstream, function).await?;
        let wrong = match (body["ImageUri"].as_str(), self.images.is_image(&latest)) {
            (Some(_), false) => {
                "Please don't provide ImageUri when updating a function with packageType Zip."
            }
            (None, true) => "Please provide ImageUri when updating a function with packageType Image.",
            (None, false) => "",
            (Some(uri), true) => {
                body["ZipFile"] = self.images.unpack(function, uri).await?.zip.into();
                body.as_object_mut().map(|fields| fields.remove("ImageUri"));
                ""
            }
        };
        if !wrong.is_empty() {
            return Err(refuse(StatusCode::BAD_REQUEST, "InvalidParameterValueException", wrong));
        }
        if body["DryRun"] == true {
            self.images.show(&mut latest);
            return Ok(axum::Json(latest).into_response());
        }
        let publish = body["Publish"] == true;
        body["Publish"] = json!(false);
        request.body = body.to_string().into();
        let answer = self.upstream.exchange(&request).await?;
        if !publish || !answer.status.is_success() {
            return Ok(self.shown(answer).into_response());
        }
        let mut version = self.publish(function, &json!({})).await?;
        self.images.show(&mut version);
        Ok(axum::Json(version).into_response())
    }

    async fn update_configuration(&self, function: &str, mut request: AwsRequest) -> Refusable<Response> {
        let latest = reads::idle(&self.upstream, function).await?;
        let mut body = request.json();
        self.assumable(function, &body).await?;
        self.permitted(&body, &latest).await?;
        let only_archives = ["Runtime", "Handler", "Layers"].iter().any(|field| !body[*field].is_null());
        if only_archives && self.images.is_image(&latest) {
            let message =
                "Runtime, Handler and Layers are not supported for functions created with container images.";
            return Err(refuse(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message));
        }
        if body["ImageConfig"].is_object()
            && let Some(handler) = self.images.handler(&latest, &body["ImageConfig"])
        {
            body["Handler"] = handler.into();
            request.body = body.to_string().into();
        }
        Ok(self.shown(self.upstream.exchange(&request).await?).into_response())
    }

    async fn checked_publish(&self, function: &str, request: &AwsRequest) -> Refusable<Response> {
        let (wanted, mut latest) = (request.json(), reads::idle(&self.upstream, function).await?);
        self.images.show(&mut latest);
        if wanted["CodeSha256"].is_string() && wanted["CodeSha256"] != latest["CodeSha256"] {
            let message = format!(
                "CodeSHA256 ({}) is different from current CodeSHA256 in $LATEST ({}). Please try again with the \
                 CodeSHA256 in $LATEST.",
                wanted["CodeSha256"].as_str().unwrap_or_default(),
                latest["CodeSha256"].as_str().unwrap_or_default()
            );
            return Err(refuse(StatusCode::BAD_REQUEST, "InvalidParameterValueException", &message));
        }
        if wanted["RevisionId"].is_string() && wanted["RevisionId"] != latest["RevisionId"] {
            let message = "The RevisionId provided does not match the latest RevisionId.";
            return Err(refuse(StatusCode::PRECONDITION_FAILED, "PreconditionFailedException", message));
        }
        let mut version = self.publish(function, &wanted).await?;
        self.images.show(&mut version);
        Ok((StatusCode::CREATED, axum::Json(version)).into_response())
    }

    /// Publishes `$LATEST`, unless the newest version is identical.
    async fn publish(&self, function: &str, wanted: &Value) -> Refusable<Value> {
        let path = format!("/2015-03-31/functions/{function}/versions");
        let (latest, newest) = reads::ends(&self.upstream, function).await?;
        if let Some(newest) = newest
            && frozen(&newest) == frozen(&latest)
        {
            return Ok(newest);
        }
        let mut body = serde_json::Map::new();
        if wanted["Description"].is_string() {
            body.insert("Description".into(), wanted["Description"].clone());
        }
        let body = Value::Object(body).to_string();
        let answer = self.upstream.call("lambda", Method::POST, &path, &[], body).await?;
        if !answer.status.is_success() {
            return Err(Box::new(answer.into_response()));
        }
        let mut version = answer.json();
        qualify(&mut version);
        Ok(version)
    }

    async fn alias(&self, function: &str, request: AwsRequest) -> Refusable<Response> {
        let body = request.json();
        let weighted = body["RoutingConfig"]["AdditionalVersionWeights"].as_object();
        let weighted = weighted.into_iter().flat_map(|weights| weights.keys().map(String::as_str));
        for version in body["FunctionVersion"].as_str().into_iter().chain(weighted) {
            if version != "$LATEST" && reads::config(&self.upstream, function, version).await?.is_none() {
                return Err(not_found(&format!("{function}:{version}")));
            }
        }
        let path = request.parts.uri.path();
        let updated = path.split_once("/aliases/").map(|(_, name)| name.to_owned());
        let before = match &updated {
            Some(_) => self.upstream.call("lambda", Method::GET, path, &[], "").await?.json(),
            None => Value::Null,
        };
        let answer = self.upstream.exchange(&request).await?;
        if answer.status.is_success() {
            let name = updated.as_deref().or(body["Name"].as_str()).unwrap_or_default();
            self.strict.moved(&alias_key(function, name), before, answer.json());
        }
        Ok(answer.into_response())
    }

    /// Invokes what the data plane sees: an alias that moved a moment ago may still point to the earlier version, and a new
    /// role may not be assumable yet. The log tail gets the lines that AWS always writes.
    async fn invoke(&self, function: &str, mut request: AwsRequest) -> Refusable<Response> {
        let query = request.parts.uri.query().unwrap_or_default();
        let mut pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let qualifier = pairs.iter_mut().find(|(key, _)| key == "Qualifier").map(|(_, value)| value);
        let mut version = qualifier.as_ref().map_or("$LATEST".to_owned(), |value| (*value).clone());
        let named = qualifier.as_ref().map(|value| (*value).clone());
        if let Some(qualifier) = qualifier
            && let Some(earlier) = self.strict.seen(&alias_key(function, qualifier))
        {
            let Some(seen) = weighted_version(&earlier, rand::random::<f64>()) else {
                return Err(not_found(&format!("{function}:{qualifier}")));
            };
            qualifier.clone_from(&seen);
            version = seen;
            let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            if let Ok(uri) = format!("{}?{query}", request.parts.uri.path()).parse() {
                request.parts.uri = uri;
            }
        }
        if self.strict.is_on(Rule::IamPropagation)
            && let Some(config) = reads::config(&self.upstream, function, &version).await?
        {
            let role = config["Role"].as_str().unwrap_or_default();
            self.strict.role_of_invocation(role).map_err(refused)?;
        }
        let wants_log = request.parts.headers.get("x-amz-log-type").is_some_and(|kind| kind == "Tail");
        let record =
            |status, headers: &_| self.invocations.record(function, named.as_deref(), status, headers);
        if !wants_log {
            let answer = self.upstream.forward(request).await;
            record(answer.status(), answer.headers());
            return Ok(answer);
        }
        let began = std::time::Instant::now();
        let answer = self.upstream.exchange(&request).await?;
        record(answer.status, &answer.headers);
        Ok(tail::with_tail(answer, began.elapsed()).into_response())
    }

    /// An answer about one function. While an update is in progress, `RevisionId` is not the final one.
    fn shown(&self, answer: Answer) -> Answer {
        if !answer.status.is_success() {
            return answer;
        }
        let mut body = answer.json();
        let nested = body["Configuration"].is_object();
        if self.strict.is_on(Rule::Revision) {
            unsettle(if nested { &mut body["Configuration"] } else { &mut body });
        }
        if nested {
            self.images.show_function(&mut body)
        } else {
            self.images.show(&mut body)
        }
        answer.with_json(&body)
    }

    /// A list of versions. It leaves out the state of updates.
    fn listed(&self, answer: Answer) -> Answer {
        if !answer.status.is_success() {
            return answer;
        }
        let (revision, states) = (self.strict.is_on(Rule::Revision), self.strict.is_on(Rule::States));
        let mut body = answer.json();
        for config in body["Versions"].as_array_mut().into_iter().flatten() {
            if revision {
                unsettle(config);
            }
            self.images.show(config);
            if let (true, Some(fields)) = (states, config.as_object_mut()) {
                fields
                    .retain(|field, _| !field.starts_with("State") && !field.starts_with("LastUpdateStatus"));
            }
        }
        answer.with_json(&body)
    }

    /// Refuses a role that IAM does not know, or that is too new.
    async fn assumable(&self, function: &str, body: &Value) -> Refusable<()> {
        let Some(role) = body["Role"].as_str() else { return Ok(()) };
        let name = role.rsplit('/').next().unwrap_or_default();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("Action", "GetRole"), ("Version", "2010-05-08"), ("RoleName", name)])
            .finish();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.upstream.call("iam", Method::POST, "/", &headers, form).await?;
        if answer.status == StatusCode::NOT_FOUND {
            let message = "The role defined for the function cannot be assumed by Lambda.";
            return Err(refuse(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message));
        }
        let variables = body["Environment"]["Variables"].as_object();
        let encrypts = variables.is_some_and(|variables| !variables.is_empty());
        self.strict.role_of_function(role, function, encrypts).map_err(refused)
    }

    /// Refuses a role that lacks what the settings of a request need, or those that the function keeps.
    async fn permitted(&self, request: &Value, latest: &Value) -> Refusable<()> {
        for (role, action, message) in role_check::needed(request, latest) {
            if self.access.refused_to_role(&role, "awslambda", &action).await.is_some() {
                return Err(refuse(StatusCode::BAD_REQUEST, "InvalidParameterValueException", &message));
            }
        }
        Ok(())
    }

    /// Settings of versions that the local AWS does not keep.
    async fn kept_here(&self, method: &str, function: &str, request: &AwsRequest) -> Refusable<Response> {
        let version = query(&request.parts, "Qualifier").unwrap_or_else(|| "$LATEST".to_owned());
        let Some(config) = reads::config(&self.upstream, function, &version).await? else {
            return Err(not_found(&format!("{function}:{version}")));
        };
        let answer = self.own.answer(method, &config, &request.json());
        let answer = answer.map(IntoResponse::into_response);
        answer.map_err(|why| refuse(StatusCode::BAD_REQUEST, "InvalidParameterValueException", &why))
    }
}

/// The function's name in `/2015-03-31/functions/{name}/…`, which may be an ARN there.
fn function_of(path: &str) -> String {
    let segment = path.split('/').nth(3).unwrap_or_default().replace("%3A", ":");
    match segment.strip_prefix("arn:") {
        Some(arn) => arn.split(':').nth(5).unwrap_or_default().to_owned(),
        None => segment,
    }
}
