use super::*;
use crate::addresses::Addresses;
use crate::aws::{Rule, Strict};

struct Fixture {
    codebuild: CodeBuild,
    folder: tempfile::TempDir,
}

impl Fixture {
    /// CodeBuild with the project `orders`, whose repository has this buildspec. S3 and CloudWatch Logs do not answer.
    async fn with(buildspec: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repositories = Repositories::open(folder.path().join("git"), "http://git".into()).unwrap();
        repositories.create("orders").await.unwrap();
        let stream = format!(
            "commit refs/heads/main\ncommitter Ann <a@b> now\ndata 5\nfirst\nM 100644 inline buildspec.yml\ndata {}\n{buildspec}\n",
            buildspec.len()
        );
        repositories
            .git("orders", &["fast-import", "--quiet", "--date-format=now"], stream.as_bytes())
            .await
            .unwrap();
        let url = |name: &str| format!("http://{name}");
        let at = Addresses {
            page: url("page"),
            aws: url("aws"),
            codecommit: url("codecommit"),
            codebuild: url("codebuild"),
            git: url("git"),
            stages: url("stages"),
            bot: url("bot"),
        };
        let strict = Strict::new(Rule::ALL.into());
        let config = AwsConfig {
            at,
            strict,
            folder: folder.path().to_owned(),
            tools: "/nowhere".into(),
            packager: "/prepared".into(),
        };
        let upstream = Upstream::new("http://127.0.0.1:9".into()).unwrap();
        let access = Access::new(config.strict.clone(), folder.path().to_owned(), upstream.clone());
        let processes = Processes::start().unwrap();
        let codebuild = CodeBuild::new(&config, repositories, upstream, access, processes).unwrap();
        let project = json!({
            "name": "orders", "serviceRole": "arn:role", "artifacts": {"type": "NO_ARTIFACTS"},
            "source": {"type": "CODECOMMIT", "location": "http://git/v1/repos/orders"},
            "environment": {"image": "i", "environmentVariables": [{"name": "A", "value": "project"}]},
        });
        codebuild.create_project(&project).unwrap();
        Self { codebuild, folder }
    }

    fn start(&self, request: Value) -> String {
        let mut request = request;
        request["projectName"] = "orders".into();
        self.codebuild.start(&request).unwrap()["build"]["id"].as_str().unwrap().to_owned()
    }

    fn build(&self, id: &str) -> Value {
        self.codebuild.builds(&json!({"ids": [id]}))["builds"][0].clone()
    }

    async fn complete(&self, id: &str) -> Value {
        let complete = async {
            loop {
                let build = self.build(id);
                if build["buildComplete"] == true {
                    return build;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), complete).await.expect("the build ends")
    }
}

fn phase<'a>(build: &'a Value, kind: &str) -> &'a Value {
    let phases = build["phases"].as_array().unwrap();
    phases.iter().find(|phase| phase["phaseType"] == kind).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn commands_share_one_shell_and_the_builds_environment() {
    let world = Fixture::with(
        "version: 0.2\nenv:\n  variables: {A: spec, B: spec}\nphases:\n  install:\n    commands: [mkdir d, cd d, export C=c]\n  build:\n    commands:\n      - echo \"$A $B $C $(basename $PWD) ${CARGO_MANIFEST_DIR:-none} $SLUICE_OP\"\n      - test -n \"$CODEBUILD_BUILD_ID\" -a -d \"$HOME\" -a \"$SLUICE_PACKAGE_CACHE\" = /prepared\n",
    )
    .await;
    let id = world.start(json!({"environmentVariablesOverride": [{"name": "SLUICE_OP", "value": "op1"}]}));
    let build = world.complete(&id).await;
    assert_eq!(build["buildStatus"], "SUCCEEDED", "{build:#}");
    let log = world.codebuild.log(&id).unwrap();
    assert!(log.contains("project spec c d none op1"), "{log}");
    assert_eq!(build["resolvedSourceVersion"].as_str().unwrap().len(), 40);
    assert_eq!(build["currentPhase"], "COMPLETED");
    let names: Vec<_> = build["environment"]["environmentVariables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["name"].clone())
        .collect();
    assert_eq!(names, ["A", "SLUICE_OP"]);
    let left = std::fs::read_dir(world.folder.path().join("builds")).unwrap().flatten();
    assert!(left.into_iter().all(|entry| entry.path().extension().is_some()), "only the log stays");
}

#[tokio::test]
async fn a_failed_command_is_reported_and_post_build_still_runs() {
    let world = Fixture::with(
        "version: 0.2\nphases:\n  build:\n    commands: ['echo before', 'false', 'echo not-reached']\n    finally: ['echo finally']\n  post_build:\n    commands: ['echo \"after $CODEBUILD_BUILD_SUCCEEDING\"']\n",
    )
    .await;
    let id = world.start(json!({}));
    let build = world.complete(&id).await;
    assert_eq!(build["buildStatus"], "FAILED");
    let failed = phase(&build, "BUILD");
    assert_eq!(failed["phaseStatus"], "FAILED");
    let message = &failed["contexts"][0]["message"];
    assert_eq!(message, "Error while executing command: false. Reason: exit status 1");
    let log = world.codebuild.log(&id).unwrap();
    assert!(log.contains("\nfinally\n") && log.contains("\nafter 0\n"), "{log}");
    assert!(!log.contains("\nnot-reached"), "{log}");
}

#[tokio::test]
async fn a_failed_install_ends_the_build() {
    let world = Fixture::with(
        "version: 0.2\nphases:\n  install:\n    commands: [exit 3]\n  build:\n    commands: [echo never]\n",
    )
    .await;
    let build = world.complete(&world.start(json!({}))).await;
    assert_eq!(phase(&build, "INSTALL")["phaseStatus"], "FAILED");
    assert!(phase(&build, "BUILD").is_null());
    assert_eq!(build["buildStatus"], "FAILED");
}

#[tokio::test]
async fn stopping_a_build_kills_everything_it_started() {
    let world =
        Fixture::with("version: 0.2\nphases:\n  build:\n    commands: [\"echo pid $$; sleep 1000\"]\n").await;
    let id = world.start(json!({}));
    let started = async {
        while !world.codebuild.log(&id).unwrap_or_default().contains("\npid ") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), started).await.expect("the build starts");
    world.codebuild.stop(&json!({"id": id})).unwrap();
    let build = world.complete(&id).await;
    assert_eq!(build["buildStatus"], "STOPPED");
    assert_eq!(phase(&build, "BUILD")["phaseStatus"], "STOPPED");
}

#[tokio::test]
async fn a_token_starts_one_build() {
    let world = Fixture::with("version: 0.2\nphases:\n  build:\n    commands: ['true']\n").await;
    let first = world.start(json!({"idempotencyToken": "t", "sourceVersion": "main"}));
    assert_eq!(world.start(json!({"idempotencyToken": "t", "sourceVersion": "main"})), first);
    let other = json!({"projectName": "orders", "idempotencyToken": "t", "sourceVersion": "other"});
    assert_eq!(world.codebuild.start(&other).unwrap_err().code, "InvalidInputException");
    let second = world.start(json!({"idempotencyToken": "u"}));
    let ids = world.codebuild.builds_of(&json!({"projectName": "orders"})).unwrap();
    assert_eq!(ids["ids"], json!([second, first]));
    world.complete(&first).await;
    world.complete(&second).await;
}

#[tokio::test]
async fn an_unknown_source_version_fails_the_download() {
    let world = Fixture::with("version: 0.2\nphases: {}\n").await;
    let build = world.complete(&world.start(json!({"sourceVersion": "nowhere"}))).await;
    assert_eq!(phase(&build, "DOWNLOAD_SOURCE")["phaseStatus"], "FAILED");
    let none = json!({"projectName": "none"});
    assert_eq!(world.codebuild.start(&none).unwrap_err().code, "ResourceNotFoundException");
}
