use std::time::Duration;

use sluice_grammar::Names;

use super::*;

fn sources(env: &[(&str, &str)], toml: &str) -> (Sources, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sluice.toml");
    std::fs::write(&path, toml).unwrap();
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    (Sources { flags: Flags { config: Some(path), ..Flags::default() }, env }, dir)
}

const SECRETS: [(&str, &str); 2] =
    [("SLACK_BOT_TOKEN", "xoxb-canary"), ("SLACK_SIGNING_SECRET", "canary-secret")];

fn text(problems: &[Problem], dir: &tempfile::TempDir) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n").replace(&format!("{}/", dir.path().display()), "")
}

#[test]
fn the_secrets_alone_are_enough() {
    let (sources, _dir) = sources(&SECRETS, "");
    let config = Config::load(sources).unwrap();
    assert_eq!(config.base.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.base.state, State::Table("sluice".into()));
    assert_eq!(config.base.backup, None);
    assert_eq!(config.base.queue, None);
    assert_eq!((config.base.lease, config.base.settle), (Duration::from_secs(15), Duration::from_secs(15)));
    assert_eq!(config.base.look_after, Some(Duration::from_mins(6)));
    assert_eq!(config.slack.api_url.as_str(), "https://slack.com/api");
    assert_eq!(config.base.access, sluice_commands::rules::PinnedRoles::default());
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let toml = "listen = \"127.0.0.1:1\"\nstate = \"dynamodb:from-file\"\nlease = 7\n";
    let env = [("SLUICE_LISTEN", "127.0.0.1:2"), ("SLUICE_STATE", "dynamodb:from-env")];
    let (mut sources, _dir) = sources(&[&env[..], &SECRETS[..]].concat(), toml);
    sources.flags.listen = Some("127.0.0.1:3".into());
    let base = Config::load(sources).unwrap().base;
    assert_eq!(base.listen.port(), 3);
    assert_eq!(base.state, State::Table("from-env".into()));
    assert_eq!(base.lease, Duration::from_secs(7));
}

#[test]
fn the_suffix_of_a_queue_is_optional() {
    let queue = |text: &str| {
        let (sources, _dir) = sources(&[&[("SLUICE_QUEUE", text)], &SECRETS[..]].concat(), "");
        Config::load(sources).map(|config| config.base.queue)
    };
    for given in ["sqs:wake", "sqs:wake.fifo"] {
        assert_eq!(queue(given).unwrap().as_deref(), Some("wake.fifo"));
    }
    assert_eq!(queue("none").unwrap(), None);
    let longest = "q".repeat(75);
    assert_eq!(queue(&format!("sqs:{longest}")).unwrap().unwrap().len(), 80, "SQS's limit");
    let arn = "sqs:arn:aws:sqs:eu-central-1:123456789012:wake.fifo";
    for bad in ["sqs:", "sqs:.fifo", "sqs:a b", "sqs", "sns:wake", arn, &format!("sqs:{longest}q")] {
        let problems = queue(bad).unwrap_err();
        assert_eq!(problems.len(), 1, "{bad}");
        assert_eq!(problems[0].name, "SLUICE_QUEUE");
    }
}

#[test]
fn the_file_pins_roles_and_names() {
    let toml = "[access]\noperators = [\"U1\", \"S2\"]\nadmins = [\"U3\"]\n[commands]\nprefix = \"acme-\"\n";
    let (sources, _dir) = sources(&SECRETS, toml);
    let base = Config::load(sources).unwrap().base;
    assert_eq!(base.access.operators.iter().filter_map(|member| member.group()).count(), 1);
    assert_eq!(base.access.operators.len(), 2);
    assert_eq!(base.access.approvers.len(), 0);
    assert_eq!(base.names, Names { prefix: "acme-".into(), only_umbrella: false });
}

#[test]
fn all_problems_are_reported_by_name() {
    let env = [
        ("SLACK_BOT_TOKEN", "xoxb-canary"),
        ("SLACK_BOT_TOKEN_FILE", "/nowhere/canary"),
        ("SLACK_APP_TOKEN", "xoxb-canary"),
        ("SLACK_API_URL", "http://user:canary@slack.example/api"),
        ("SLUICE_LISTEN", "here"),
        ("SLUICE_STATE", "sqlite::memory:"),
        ("SLUICE_BACKUP", "gs://bucket/x"),
        ("SLUICE_BACKUP_EVERY", "1"),
        ("SLUICE_BACKUP_KEEP", "0"),
        ("SLUICE_QUEUE", "sqs:wake.standard"),
        ("SLUICE_LEASE", "0"),
        ("SLUICE_SETTLE", "soon"),
        ("SLUICE_LAMBDA_CALLS", "0"),
        ("SLUICE_LISTNE", "127.0.0.1:1"),
    ];
    let toml = "colour = 1\nsigning_secret = \"canary\"\n[access]\noperators = \"U1\"\nadmins = [\"ann\"]\n\
                owners = []\n[commands]\nprefix = \"Acme\"\nonly_umbrella = 3\n[extra]\n";
    let (sources, dir) = sources(&env, toml);
    let problems = Config::load(sources).unwrap_err();
    let text = text(&problems, &dir);
    assert!(!text.contains("canary"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn deliveries_come_by_socket_mode_or_http() {
    let load = |env: &[(&str, &str)]| {
        let env: Vec<_> = [("SLACK_BOT_TOKEN", "xoxb-1")].iter().chain(env).copied().collect();
        let (sources, dir) = sources(&env, "");
        Config::load(sources).map_err(|problems| text(&problems, &dir))
    };
    let both = [("SLACK_APP_TOKEN", "xapp-1"), ("SLACK_SIGNING_SECRET", "secret")];
    for (env, sockets, http) in
        [(&both[..1], true, false), (&both[1..], false, true), (&both[..], true, true)]
    {
        let slack = load(env).unwrap().slack;
        assert_eq!((slack.app_token.is_some(), slack.signing_secret.is_some()), (sockets, http));
    }
    let neither = load(&[]).unwrap_err();
    assert!(neither.starts_with("SLACK_APP_TOKEN: is required"), "{neither}");
    assert!(neither.contains("SLACK_SIGNING_SECRET instead"), "{neither}");
}

#[test]
fn a_syntax_error_names_its_line_and_quotes_nothing() {
    let (sources, dir) = sources(&SECRETS, "listen = \"127.0.0.1:1\"\nbot_token = canary oops\n");
    let text = text(&Config::load(sources).unwrap_err(), &dir);
    assert_eq!(text, "sluice.toml: line 2 is not valid TOML");
}

#[test]
fn a_file_that_is_named_must_exist() {
    let flags = Flags { config: Some("/nowhere/sluice.toml".into()), ..Flags::default() };
    let problems = Base::load(Sources { flags, env: Default::default() }).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].name, "/nowhere/sluice.toml");
}

#[test]
fn secrets_are_read_from_files_and_never_printed() {
    let dir = tempfile::tempdir().unwrap();
    let (token, secret) = (dir.path().join("token"), dir.path().join("secret"));
    std::fs::write(&token, "xoxb-canary\n").unwrap();
    std::fs::write(&secret, "canary-secret\r\n").unwrap();
    let env = [
        ("SLACK_BOT_TOKEN_FILE", token.to_str().unwrap()),
        ("SLACK_SIGNING_SECRET_FILE", secret.to_str().unwrap()),
    ];
    let (sources, _dir) = sources(&env, "");
    let config = Config::load(sources).unwrap();
    assert_eq!(config.slack.bot_token.expose(), "xoxb-canary");
    assert_eq!(config.slack.signing_secret, Some(Secret::new("canary-secret")));
    let printed = format!("{config:?} {config:#?} {}", config.slack.bot_token);
    assert!(!printed.contains("canary"), "{printed}");
    assert!(printed.contains("***"));
}

#[test]
fn the_environment_and_the_file_make_one_backup_plan() {
    let toml = "state = \"sqlite:/var/lib/sluice/state.db\"\nbackup = \"/var/backups\"\nbackup_keep = 3\n";
    let (sources, _dir) = sources(&[("SLUICE_BACKUP", "s3://acme/sluice")], toml);
    let base = Base::load(sources).unwrap();
    assert_eq!(base.state, State::File("/var/lib/sluice/state.db".into()));
    let location = BackupLocation::Bucket { bucket: "acme".into(), prefix: "sluice".into() };
    assert_eq!(base.backup, Some(BackupPlan { location, every: Duration::from_secs(3600), keep: 3 }));
}

#[test]
fn backup_settings_that_cannot_work_are_problems() {
    for (env, wanted) in [
        (
            &[("SLUICE_BACKUP", "/var/backups")][..],
            "SLUICE_BACKUP: is for state in SQLite; DynamoDB backs up",
        ),
        (
            &[("SLUICE_BACKUP_EVERY", "60"), ("SLUICE_STATE", "sqlite:state.db")],
            "SLUICE_BACKUP_EVERY: has no effect without SLUICE_BACKUP",
        ),
    ] {
        let (sources, dir) = sources(env, "");
        let text = text(&Base::load(sources).unwrap_err(), &dir);
        assert!(text.starts_with(wanted), "{text}");
    }
}

#[test]
fn init_needs_no_slack() {
    let (sources, _dir) =
        sources(&[("SLACK_API_URL", "https://slack.com/api")], "[slack]\napi_url = \"https://x.y/\"\n");
    assert_eq!(Base::load(sources).unwrap().state, State::Table("sluice".into()));
}
