//! AWS itself, read over its wire, to compare messages and records with.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::World;

/// A reader of a world's AWS.
#[derive(Debug)]
pub struct Aws<'a>(pub &'a World);

impl Aws<'_> {
    /// The functions of a pipeline.
    pub async fn functions(&self, pipeline: &str) -> Vec<String> {
        let prefix = format!("sluice-{pipeline}-");
        let answer = self.get("lambda", "/2015-03-31/functions").await;
        let names = answer["Functions"].as_array().cloned().unwrap_or_default();
        let names = names.iter().filter_map(|function| function["FunctionName"].as_str().map(str::to_owned));
        names.filter(|name| name.starts_with(&prefix)).collect()
    }

    /// The version of each alias of a function.
    pub async fn aliases(&self, function: &str) -> BTreeMap<String, String> {
        let answer = self.get("lambda", &format!("/2015-03-31/functions/{function}/aliases")).await;
        let aliases = answer["Aliases"].as_array().cloned().unwrap_or_default();
        let pair = |alias: &Value| {
            Some((alias["Name"].as_str()?.to_owned(), alias["FunctionVersion"].as_str()?.to_owned()))
        };
        aliases.iter().filter_map(pair).collect()
    }

    /// The published versions of a function, each with the SHA-256 of its code.
    pub async fn versions(&self, function: &str) -> BTreeMap<String, String> {
        let versions = self.all_versions(function).await;
        let pair = |version: &Value| {
            Some((version["Version"].as_str()?.to_owned(), version["CodeSha256"].as_str()?.to_owned()))
        };
        versions.iter().filter_map(pair).filter(|(version, _)| version != "$LATEST").collect()
    }

    /// Every version of a function and `$LATEST`, over all pages.
    async fn all_versions(&self, function: &str) -> Vec<Value> {
        let (mut all, mut marker) = (vec![], String::new());
        loop {
            let path = format!("/2015-03-31/functions/{function}/versions{marker}");
            let answer = self.get("lambda", &path).await;
            all.extend(answer["Versions"].as_array().cloned().unwrap_or_default());
            match answer["NextMarker"].as_str().filter(|next| !next.is_empty()) {
                Some(next) => marker = format!("?Marker={next}"),
                None => return all,
            }
        }
    }

    /// The ids of all builds of a build project.
    pub async fn builds(&self, project: &str) -> Vec<String> {
        let answer = self
            .post("codebuild", "CodeBuild_20161006.ListBuildsForProject", &json!({"projectName": project}))
            .await;
        let ids = answer["ids"].as_array().cloned().unwrap_or_default();
        ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect()
    }

    /// For each build of a project, the operation that started it, from the build's environment.
    pub async fn build_operations(&self, project: &str) -> Vec<String> {
        self.build_states(project).await.into_iter().map(|(operation, _)| operation).collect()
    }

    /// The same with the state of each build (`IN_PROGRESS`, `SUCCEEDED`, `STOPPED`…).
    pub async fn build_states(&self, project: &str) -> Vec<(String, String)> {
        let mut states = vec![];
        for ids in self.builds(project).await.chunks(100) {
            let answer =
                self.post("codebuild", "CodeBuild_20161006.BatchGetBuilds", &json!({"ids": ids})).await;
            for build in answer["builds"].as_array().into_iter().flatten() {
                let variables = build["environment"]["environmentVariables"].as_array();
                let mut operation = variables.into_iter().flatten().filter(|v| v["name"] == "SLUICE_OP");
                let operation = operation.next().and_then(|v| v["value"].as_str());
                let state = build["buildStatus"].as_str().unwrap_or_default();
                states.extend(operation.map(|operation| (operation.to_owned(), state.to_owned())));
            }
        }
        states
    }

    /// What the stage of each API serves, by API id: the deployment and the stage variables.
    pub async fn served(&self) -> BTreeMap<String, Value> {
        let mut served = BTreeMap::new();
        let apis = self.get("apigateway", "/v2/apis").await;
        for api in apis["items"].as_array().into_iter().flatten() {
            let id = api["apiId"].as_str().unwrap_or_default();
            let stages = self.get("apigateway", &format!("/v2/apis/{id}/stages")).await;
            for stage in stages["items"].as_array().into_iter().flatten() {
                let serves =
                    json!({ "deployment": stage["deploymentId"], "variables": stage["stageVariables"] });
                served.insert(id.to_owned(), serves);
            }
        }
        served
    }

    /// The code, environment and role of each published version of a function.
    pub async fn version_contents(&self, function: &str) -> Vec<String> {
        let versions = self.all_versions(function).await;
        let published = versions.iter().filter(|version| version["Version"] != "$LATEST");
        published
            .map(|version| {
                format!("{} {} {}", version["CodeSha256"], version["Environment"], version["Role"])
            })
            .collect()
    }

    /// All APIs by name, and their deployments by description, a line each.
    pub async fn api_parts(&self) -> Vec<String> {
        let mut parts = vec![];
        let apis = self.get("apigateway", "/v2/apis").await;
        for api in apis["items"].as_array().into_iter().flatten() {
            let id = api["apiId"].as_str().unwrap_or_default();
            parts.push(format!("an API named {}", api["name"]));
            let found = self.get("apigateway", &format!("/v2/apis/{id}/deployments")).await;
            let found = found["items"].as_array().into_iter().flatten();
            parts.extend(found.map(|part| format!("deployments of {id}: {}", part["description"])));
        }
        parts
    }

    /// The names of all build projects.
    pub async fn projects(&self) -> Vec<String> {
        let answer = self.post("codebuild", "CodeBuild_20161006.ListProjects", &json!({})).await;
        let names = answer["projects"].as_array().cloned().unwrap_or_default();
        names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }

    /// Every item of the bot's two tables, as DynamoDB's JSON.
    pub async fn table(&self) -> Vec<Value> {
        let mut all = self.scan(json!({"TableName": "sluice", "ConsistentRead": true})).await;
        all.extend(self.scan(json!({"TableName": "sluice-audit", "ConsistentRead": true})).await);
        all
    }

    /// The due index of the bot's table. It is empty once all operations wait for people, or have ended and are reported.
    pub async fn due(&self) -> Vec<Value> {
        self.scan(json!({"TableName": "sluice", "IndexName": "due"})).await
    }

    /// The items of a table, as DynamoDB's JSON.
    pub async fn items(&self, table: &str) -> Vec<Value> {
        self.scan(json!({"TableName": table, "ConsistentRead": true})).await
    }

    async fn scan(&self, request: Value) -> Vec<Value> {
        let mut items = vec![];
        let mut from = Value::Null;
        loop {
            let mut body = request.clone();
            if !from.is_null() {
                body["ExclusiveStartKey"] = from;
            }
            let page = self.post("dynamodb", "DynamoDB_20120810.Scan", &body).await;
            items.extend(page["Items"].as_array().cloned().unwrap_or_default());
            from = page["LastEvaluatedKey"].clone();
            if from.is_null() {
                return items;
            }
        }
    }

    /// The items of a partition.
    pub async fn partition(&self, key: &str) -> Vec<Value> {
        let request = json!({
            "TableName": "sluice", "ConsistentRead": true, "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": key}},
        });
        let answer = self.post("dynamodb", "DynamoDB_20120810.Query", &request).await;
        answer["Items"].as_array().cloned().unwrap_or_default()
    }

    /// Writes items to the bot's table.
    pub async fn put_items(&self, items: &[Value]) {
        // One `BatchWriteItem` takes 25 items.
        for batch in items.chunks(25) {
            let puts: Vec<Value> = batch.iter().map(|item| json!({"PutRequest": {"Item": item}})).collect();
            let request = json!({"RequestItems": {"sluice": puts}});
            let answer = self.post("dynamodb", "DynamoDB_20120810.BatchWriteItem", &request).await;
            let is_empty = |left: &Value| left.as_object().is_none_or(serde_json::Map::is_empty);
            assert!(is_empty(&answer["UnprocessedItems"]), "{answer}");
        }
    }

    /// The replica that drives an operation (empty if none does), and its fence.
    pub async fn owner(&self, operation: &str) -> (String, u64) {
        let table = self.table().await;
        let is_head = |item: &&Value| {
            item["sk"]["S"] == "head" && item["pk"]["S"].as_str().is_some_and(|pk| pk.ends_with(operation))
        };
        let head = table.iter().find(is_head).unwrap_or_else(|| panic!("no head of {operation}"));
        let fence = head["g_fence"]["N"].as_str().and_then(|fence| fence.parse().ok());
        (head["g_owner"]["S"].as_str().unwrap_or_default().to_owned(), fence.unwrap_or_default())
    }

    /// Deletes a queue with its messages.
    pub async fn delete_queue(&self, name: &str) {
        let url = self.post("sqs", "AmazonSQS.GetQueueUrl", &json!({"QueueName": name})).await;
        let url = json!({"QueueUrl": url["QueueUrl"]});
        self.post("sqs", "AmazonSQS.PurgeQueue", &url).await;
        self.post("sqs", "AmazonSQS.DeleteQueue", &url).await;
    }

    /// Sends a message to the only queue whose name begins like this.
    pub async fn send_message(&self, prefix: &str, message: &str) {
        let found = self.post("sqs", "AmazonSQS.ListQueues", &json!({"QueueNamePrefix": prefix})).await;
        let urls = found["QueueUrls"].as_array().map(Vec::as_slice).unwrap_or_default();
        let [url] = urls else { panic!("{prefix}: {urls:?}") };
        self.post("sqs", "AmazonSQS.SendMessage", &json!({"QueueUrl": url, "MessageBody": message})).await;
    }

    /// Stores a plain value in Systems Manager: a further version if there is one.
    pub async fn store_parameter(&self, name: &str, value: &str) {
        let body = json!({ "Name": name, "Value": value, "Type": "String", "Overwrite": true });
        self.post("ssm", "AmazonSSM.PutParameter", &body).await;
    }

    /// What a service of the local AWS answers at this path.
    pub async fn get(&self, service: &str, path: &str) -> Value {
        let request = self.0.http.get(format!("{}{path}", self.0.ready.aws));
        self.send(service, request).await
    }

    pub(crate) async fn post(&self, service: &str, target: &str, body: &Value) -> Value {
        let request = self.0.http.post(&self.0.ready.aws).header("x-amz-target", target);
        let request = request.header("content-type", "application/x-amz-json-1.1").body(body.to_string());
        self.send(service, request).await
    }

    /// Creates a repository of images.
    pub async fn create_repository(&self, name: &str) {
        self.ecr("CreateRepository", &json!({ "repositoryName": name })).await;
    }

    /// Sets the policy of a repository of images.
    pub async fn set_repository_policy(&self, name: &str, policy: &str) {
        let body = json!({ "repositoryName": name, "policyText": policy });
        self.ecr("SetRepositoryPolicy", &body).await;
    }

    /// Pushes an image with this Python program as `app.py`: the sandbox runs the archive in the manifest's annotation. Returns its
    /// digest in hexadecimal.
    pub async fn push_image(&self, repository: &str, tag: &str, program: &str) -> String {
        let script = "import base64, io, sys, zipfile\n\
                      out = io.BytesIO()\n\
                      with zipfile.ZipFile(out, 'w') as z: z.writestr('app.py', sys.argv[1])\n\
                      print(base64.b64encode(out.getvalue()).decode(), end='')";
        let made = std::process::Command::new("python3").args(["-c", script, program]).output();
        let made = made.expect("python3 runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind, "layers": [],
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json" },
            "annotations": { "sluice.sandbox/zip": String::from_utf8_lossy(&made.stdout) },
        });
        let body = json!({
            "repositoryName": repository, "imageTag": tag, "imageManifest": manifest.to_string(),
            "imageManifestMediaType": kind,
        });
        let answer = self.ecr("PutImage", &body).await;
        let digest = answer["image"]["imageId"]["imageDigest"].as_str().unwrap_or_default();
        digest.strip_prefix("sha256:").unwrap_or_else(|| panic!("no digest in {answer}")).to_owned()
    }

    async fn ecr(&self, method: &str, body: &Value) -> Value {
        self.post("ecr", &format!("AmazonEC2ContainerRegistry_V20150921.{method}"), body).await
    }

    /// Suspends versioning of a bucket.
    pub async fn suspend_versioning(&self, bucket: &str) {
        let body = r#"<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Suspended</Status></VersioningConfiguration>"#;
        let request = self.0.http.put(format!("{}/{bucket}?versioning", self.0.ready.aws)).body(body);
        self.text("s3", request).await;
    }

    /// Calls a function by an alias: the HTTP status (0 without an answer), whether the function failed, and what it returned.
    pub async fn invoke(&self, function: &str, alias: &str, event: &str) -> (u16, bool, String) {
        let path = format!("/2015-03-31/functions/{function}/invocations?Qualifier={alias}");
        let request = self.0.http.post(format!("{}{path}", self.0.ready.aws)).body(event.to_owned());
        let Ok(answer) = self.signed("lambda", request).send().await else { return <_>::default() };
        let failed = answer.headers().contains_key("x-amz-function-error");
        (answer.status().as_u16(), failed, answer.text().await.unwrap_or_default())
    }

    async fn send(&self, service: &str, request: reqwest::RequestBuilder) -> Value {
        let text = self.text(service, request).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{service}: {error}: {text}"))
    }

    pub(crate) async fn text(&self, service: &str, request: reqwest::RequestBuilder) -> String {
        let answer = self.signed(service, request).send().await.expect("the local AWS answers");
        let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
        assert!(status.is_success(), "{service}: {status} {text}");
        text
    }

    /// The local AWS reads only the access key of a signature. This key's calls are not logged, count for no rate limit and
    /// meet no faults.
    fn signed(&self, service: &str, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let key = &self.0.ready.observer;
        let scope = format!("{key}/20260101/us-east-1/{service}/aws4_request");
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={:064}",
            0
        );
        request.header("authorization", signature).header("x-amz-date", "20260101T000000Z")
    }
}
