//! AWS over the wire, on free ports, with the real emulator.

use std::path::PathBuf;
use std::time::Duration;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::account::{ACCESS_KEY, REGION};
use super::config::AwsConfig;
use super::request::AwsRequest;
use super::server::serve;
use super::strict::{Rule, Strict};
use crate::addresses::Addresses;
use crate::calls::Calls;
use crate::emulator;
use crate::ports::Ports;
use crate::processes::{Process, Processes};
use crate::setup::set_up;

/// A signed request that was not sent.
pub(super) fn signed(service: &str, method: &str, uri: &str, target: Option<&str>, body: &str) -> AwsRequest {
    let credential = format!("AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1/{service}/aws4_request, X=1");
    let mut request =
        axum::http::Request::builder().method(method).uri(uri).header("authorization", credential);
    if let Some(target) = target {
        request = request.header("x-amz-target", target);
    }
    AwsRequest { parts: request.body(()).unwrap().into_parts().0, body: body.to_owned().into() }
}

/// A trust policy for one service.
pub(super) fn trust(service: &str) -> String {
    let statement = json!({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

pub(super) struct World {
    pub http: reqwest::Client,
    pub calls: Calls,
    pub at: Addresses,
    pub folder: tempfile::TempDir,
    pub rules: Strict,
    tools: PathBuf,
    _servers: JoinSet<std::io::Result<()>>,
    _emulator: Process,
}

pub(super) struct Reply {
    pub status: u16,
    pub code: String,
    pub body: Value,
}

impl World {
    pub async fn start() -> Self {
        Self::with(Strict::new(Rule::ALL.into())).await
    }

    pub async fn with(strict: Strict) -> Self {
        let processes = Processes::start().unwrap();
        let target = crate::sandbox::folders().1;
        let venv = set_up(&target.join("sandbox"), &processes, &|line| eprintln!("{line}")).await;
        let venv = venv.unwrap_or_else(|error| panic!("{error}"));
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        let ports = Ports::bind(0).await.unwrap();
        let at = ports.at.clone();
        let started = emulator::start(ports.emulator, &at.aws, &venv, folder.path(), &processes).await;
        let (upstream, emulator) = started.unwrap_or_else(|error| panic!("{error}"));
        let rules = strict.clone();
        let config = AwsConfig {
            at: at.clone(),
            strict,
            folder: folder.path().to_owned(),
            tools: venv.bin.clone(),
            packager: folder.path().join("packager"),
        };
        let calls = Calls::new();
        let servers = serve(config, ports.aws, upstream, calls.clone(), processes).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, calls, at, folder, rules, tools: venv.bin, _servers: servers, _emulator: emulator }
    }

    pub async fn send(&self, key: &str, service: &str, method: Method, path: &str, body: &Value) -> Reply {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/{REGION}/{service}/aws4_request, Signature=0"
        );
        let target = path.strip_prefix('#');
        let mut request = self
            .http
            .request(method, format!("{}{}", self.at.aws, if target.is_some() { "/" } else { path }))
            .header("authorization", scope)
            .header("content-type", "application/x-amz-json-1.1");
        if let Some(target) = target {
            request = request.header("x-amz-target", target);
        }
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let code = answer.headers().get("x-amzn-errortype").map(|v| v.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply { status, code: code.unwrap_or_default(), body }
    }

    pub async fn lambda(&self, method: Method, path: &str, body: Value) -> Reply {
        self.send(ACCESS_KEY, "lambda", method, &format!("/2015-03-31/functions{path}"), &body).await
    }

    pub async fn gateway(&self, method: Method, path: &str, body: Value) -> Value {
        let reply = self.send(ACCESS_KEY, "apigateway", method, &format!("/v2/apis{path}"), &body).await;
        assert!(reply.status < 300, "{path}: {}", reply.body);
        reply.body
    }

    pub async fn json(&self, target: &str, body: Value) -> Reply {
        self.send(ACCESS_KEY, "x", Method::POST, &format!("#{target}"), &body).await
    }

    /// A package with one Python file that answers with this text.
    pub async fn package(&self, answer: &str) -> String {
        self.package_code(&format!(
            "def handler(event, context):\n    return {{'statusCode': 200, 'body': '{answer}'}}\n"
        ))
        .await
    }

    /// A package with this Python file.
    pub async fn package_code(&self, code: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.py"), code).unwrap();
        let mut zip = tokio::process::Command::new(self.tools.join("python3"));
        zip.current_dir(folder.path()).args(["-m", "zipfile", "-c", "app.zip", "app.py"]);
        assert!(zip.status().await.unwrap().success());
        STANDARD.encode(std::fs::read(folder.path().join("app.zip")).unwrap())
    }

    pub async fn create_function(&self, answer: &str) -> Reply {
        let body = self.function(answer).await;
        let early = self.lambda(Method::POST, "", body.clone()).await;
        assert_eq!(
            (early.status, early.code.as_str()),
            (400, "InvalidParameterValueException"),
            "the role does not exist yet"
        );
        self.create_role().await;
        let reply = self.lambda(Method::POST, "", body).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply
    }

    /// The request that creates the function `f` with the role `r`.
    pub async fn function(&self, answer: &str) -> Value {
        json!({
            "FunctionName": "f", "Runtime": "python3.12", "Handler": "app.handler", "Publish": true,
            "Role": "arn:aws:iam::000000000000:role/sluice/r", "Code": {"ZipFile": self.package(answer).await},
        })
    }

    pub async fn create_role(&self) {
        let trust = trust("lambda.amazonaws.com");
        let role = [("RoleName", "r"), ("Path", "/sluice/"), ("AssumeRolePolicyDocument", &trust)];
        assert_eq!(self.iam("CreateRole", &role).await, 200);
    }

    /// A call to IAM; the status of its answer.
    pub async fn iam(&self, action: &str, fields: &[(&str, &str)]) -> u16 {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .extend_pairs(fields)
            .finish();
        let scope = format!("X Credential={ACCESS_KEY}/1/{REGION}/iam/aws4_request,");
        let call = self.http.post(&self.at.aws).header("authorization", scope).body(form);
        let answer = call.header("content-type", "application/x-www-form-urlencoded").send().await;
        answer.unwrap().status().as_u16()
    }

    /// `$LATEST`, after updates have settled.
    pub async fn settled(&self) -> Value {
        let settled = async {
            loop {
                let config = self.lambda(Method::GET, "/f/configuration", Value::Null).await.body;
                if config["State"] == "Active" && config["LastUpdateStatus"] == "Successful" {
                    return config;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), settled).await.expect("the function settles")
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(format!("{}{path}", self.at.stages)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}
