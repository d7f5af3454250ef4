//! The other tools, and the application that they deploy.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use sluice_e2e::{World, target};
use tempfile::TempDir;

/// <https://pypi.org/project/aws-sam-cli/>
const SAM: &str = "aws-sam-cli==1.170.0";
const BUCKET: &str = "compared-artifacts";

/// `sam` and `aws`, with the credentials of a person at a terminal.
pub(crate) struct Tools {
    sam: PathBuf,
    aws: PathBuf,
    env_file: PathBuf,
}

impl Tools {
    /// Installs `sam` below Cargo's target folder, once, and makes its bucket.
    pub(crate) fn install(world: &World) -> Result<Self, String> {
        let venv = target().join("bench/venv");
        let sam = venv.join("bin/sam");
        if !sam.exists() {
            run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", SAM]))
                .map_err(|why| format!("{SAM} could not be installed; it needs PyPI.\n{why}"))?;
        }
        let aws = target().join("sandbox/venv/bin/aws");
        let tools = Self { sam, aws, env_file: world.env_file() };
        run(tools.command(&tools.aws, Path::new(".")).args(["s3", "mb", &format!("s3://{BUCKET}")]))?;
        Ok(tools)
    }

    /// The application of this many functions behind one API, which nothing has deployed yet.
    pub(crate) fn application<'a>(&'a self, stack: &str, functions: usize) -> Application<'a> {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("template.json"), template(functions).to_string()).unwrap();
        let stack = format!("{stack}-by-hand");
        let application = Application { tools: self, folder, stack, functions, revision: Cell::new(0) };
        application.change_code();
        application
    }

    fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", ". \"$0\" && exec \"$@\""]).arg(&self.env_file).arg(program);
        command.current_dir(folder).env("SAM_CLI_TELEMETRY", "0");
        command
    }
}

/// An application on a laptop.
pub(crate) struct Application<'a> {
    tools: &'a Tools,
    folder: TempDir,
    stack: String,
    functions: usize,
    revision: Cell<u32>,
}

impl Application<'_> {
    /// Changes the code of all functions.
    pub(crate) fn change_code(&self) {
        self.revision.set(self.revision.get() + 1);
        let code =
            format!("def handler(event, context):\n    return {{'body': '{}'}}\n", self.revision.get());
        fs::write(self.folder.path().join("src/app.py"), code).unwrap();
    }

    /// `sam deploy`, with all that is needed to run without a question.
    pub(crate) fn sam_deploy(&self) -> Duration {
        let fixed = ["--no-confirm-changeset", "--no-fail-on-empty-changeset"];
        self.timed(self.sam("deploy").args(["--capabilities", "CAPABILITY_IAM"]).args(fixed))
    }

    /// `sam sync --code`: the code alone, without a version.
    pub(crate) fn sam_sync(&self) -> Duration {
        self.timed(self.sam("sync").args(["--code", "--no-dependency-layer"]))
    }

    /// `aws lambda update-function-code` and the wait for it, for each function.
    pub(crate) fn aws(&self) -> Duration {
        let began = Instant::now();
        let zip = self.folder.path().join("code.zip");
        let make = "import shutil; shutil.make_archive('code', 'zip', 'src')";
        run(Command::new("python3").current_dir(self.folder.path()).args(["-c", make])).unwrap();
        for function in 0..self.functions {
            let name = format!("{}-part{function}", self.stack);
            let code = format!("fileb://{}", zip.display());
            self.timed(self.aws_lambda().args([
                "update-function-code",
                "--function-name",
                &name,
                "--zip-file",
                &code,
            ]));
            self.timed(self.aws_lambda().args(["wait", "function-updated-v2", "--function-name", &name]));
        }
        began.elapsed()
    }

    fn sam(&self, verb: &str) -> Command {
        let mut command = self.tools.command(&self.tools.sam, self.folder.path());
        command.args([
            verb,
            "--template",
            "template.json",
            "--stack-name",
            &self.stack,
            "--s3-bucket",
            BUCKET,
        ]);
        command
    }

    fn aws_lambda(&self) -> Command {
        let mut command = self.tools.command(&self.tools.aws, self.folder.path());
        command.arg("lambda");
        command
    }

    fn timed(&self, command: &mut Command) -> Duration {
        let began = Instant::now();
        run(command).unwrap_or_else(|why| panic!("{}: {why}", self.stack));
        began.elapsed()
    }
}

/// Runs a command that must succeed. `sam sync` asks whether the stack is one for development: yes.
fn run(command: &mut Command) -> Result<(), String> {
    use std::io::Write as _;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{command:?} does not start: {error}"))?;
    // It may have ended without a question.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(b"y\n"));
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{command:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&said)))
}

/// Functions of the same code and one role behind an HTTP API, in plain CloudFormation.
fn template(functions: usize) -> Value {
    let mut resources = Map::new();
    let mut paths = Map::new();
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole",
    }] });
    let logs = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
    let role = json!({ "AssumeRolePolicyDocument": trust, "ManagedPolicyArns": [logs] });
    resources.insert("Role".into(), json!({ "Type": "AWS::IAM::Role", "Properties": role }));
    for index in 0..functions {
        let function = json!({
            "FunctionName": { "Fn::Sub": format!("${{AWS::StackName}}-part{index}") },
            "Code": "src", "Handler": "app.handler", "Runtime": "python3.11",
            "Role": { "Fn::GetAtt": ["Role", "Arn"] },
        });
        let permission = json!({
            "FunctionName": { "Ref": format!("Part{index}") },
            "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com",
        });
        let uri = format!(
            "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{Part{index}.Arn}}/invocations"
        );
        let integration = json!({
            "type": "aws_proxy", "httpMethod": "POST", "payloadFormatVersion": "2.0", "uri": { "Fn::Sub": uri },
        });
        let route = json!({ "get": { "responses": {}, "x-amazon-apigateway-integration": integration } });
        resources.insert(format!("Part{index}"), of_type("AWS::Lambda::Function", function));
        resources.insert(format!("Permission{index}"), of_type("AWS::Lambda::Permission", permission));
        paths.insert(format!("/part{index}"), route);
    }
    let body = json!({ "openapi": "3.0.1", "info": { "title": "compared", "version": "1" }, "paths": paths });
    resources.insert("Api".into(), of_type("AWS::ApiGatewayV2::Api", json!({ "Body": body })));
    let stage = json!({ "ApiId": { "Ref": "Api" }, "StageName": "$default", "AutoDeploy": true });
    resources.insert("ApiStage".into(), of_type("AWS::ApiGatewayV2::Stage", stage));
    json!({ "AWSTemplateFormatVersion": "2010-09-09", "Resources": resources })
}

fn of_type(kind: &str, properties: Value) -> Value {
    json!({ "Type": kind, "Properties": properties })
}
