//! `/repo create`, `/build` and `/pipeline tidy`.

use serde_json::json;

use super::{BUCKET, LONG, SUBJECT, TEN, denied, hostile};
use crate::operation::SignalKind;
use crate::pipeline::tidy;
use crate::records::Change;
use crate::resources::foreign_refusal;
use crate::testing::samples::outputs::Outputs;
use crate::testing::samples::records::{artifact, change};
use crate::testing::samples::{Journal, Sample};
use crate::{build_op, repo};
use sluice_model::{BuildNumber, Refusal};

const CLONE: &str = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/orders";
/// The log of a build whose tests fail.
const LOG: &str = "[Container] 2026/03/02 09:30:41 Running command python3 -m unittest discover -s tests
F.
======================================================================
FAIL: test_greets (test_app.HelloTest.test_greets)
----------------------------------------------------------------------
Traceback (most recent call last):
  File \"/codebuild/output/src/tests/test_app.py\", line 14, in test_greets
    self.assertEqual(body[\"message\"], \"Hello\")
AssertionError: 'Hallo' != 'Hello'
Ran 2 tests in 0.004s
FAILED (failures=1)
[Container] 2026/03/02 09:30:42 Phase complete: BUILD State: FAILED";
/// A log with characters that mean something to Slack.
const HOSTILE_LOG: &str = "$ echo `whoami` && cat <<EOF > x
```
<!channel> *bold* _under_ ~struck~ &amp; <@U0ANN0001>
\u{202e}txet tfel-ot-thgir\u{202c}
```
error: 💥 ünïcödé  \t tab
line 7
line 8 with a very long tail: ................................................................................................................................................................
line 9
line 10
line 11
error: process exited with 1";

fn creation() -> Journal {
    let params = repo::Params { name: "orders".parse().expect("a name"), from: Default::default() };
    Journal::accepted("repo-create", "/repo create orders", "orders", params, Outputs::of_creation(CLONE))
}

fn building(name: &str, reference: &str, commit: &Change, green: bool, tail: Option<&str>) -> Journal {
    let params = build_op::Params {
        name: name.parse().expect("a name"),
        number: BuildNumber(1),
        reference: reference.into(),
        repository: name.into(),
        project: format!("sluice-{name}"),
        bucket: BUCKET.into(),
        nonce: crate::testing::NONCE.into(),
    };
    let outputs = Outputs::of_build(commit, green, tail).with("artifact", artifact(1, &["Hello"]));
    Journal::accepted("build", &format!("/build {name}"), name, params, outputs)
}

fn tidying(delete: bool, automatic: bool, functions: &[&str], is_more: bool) -> Journal {
    tidying_stacks((delete, automatic), functions, (0, 0), is_more)
}

/// `stacks`: how many resources of a stack go, and how many hold data.
fn tidying_stacks(
    (delete, automatic): (bool, bool),
    functions: &[&str],
    stacks: (usize, usize),
    is_more: bool,
) -> Journal {
    tidying_until((delete, automatic), functions, stacks, is_more, |outputs| outputs)
}

fn tidying_until(
    (delete, automatic): (bool, bool),
    functions: &[&str],
    stacks: (usize, usize),
    is_more: bool,
    more: impl FnOnce(Outputs) -> Outputs,
) -> Journal {
    let stages = vec!["dev".parse().expect("a stage"), "prod".parse().expect("a stage")];
    let params = tidy::Params {
        name: "orders".parse().expect("a name"),
        stages,
        delete,
        automatic,
        data: Default::default(),
    };
    let outputs = Outputs::default().with("look", tidy::sample(functions, stacks, is_more));
    let outputs = outputs.and_change_set();
    let line = if delete { "/pipeline tidy orders now" } else { "/pipeline tidy orders" };
    Journal::accepted(tidy::KIND, line, "orders", params, more(outputs))
}

pub(super) fn samples() -> Vec<Sample> {
    let ordinary = || building("orders", "main", &change(1), true, None);
    let red = |log| building("orders", "main", &change(2), false, Some(log));
    let no_branch = Refusal::new(
        "no-such-reference",
        "Repository `orders` has no branch or commit `mian`.",
        "Push it first, or build the default branch with `/build orders`.",
    );
    vec![
        creation().sample("just accepted"),
        creation().until("project").sample("half way"),
        creation().succeeded().sample("succeeded"),
        creation().failed("repository", denied("codecommit:CreateRepository")).sample("failed: denied"),
        creation()
            .failed("look", foreign_refusal("A CodeCommit repository `orders`"))
            .sample("failed: not ours"),
        ordinary().sample("just accepted"),
        ordinary().until("follow").note("follow", "post build").sample("half way"),
        ordinary().succeeded().sample("succeeded"),
        ordinary().until("follow").stopped("ann", SignalKind::Cancel, None).sample("being stopped"),
        ordinary().until("follow").stopped("ann", SignalKind::Cancel, None).taken_back().sample("cancelled"),
        red(LOG).fails_by_itself("verdict").sample("failed: red"),
        building("orders", "mian", &change(1), true, None)
            .failed("source", no_branch)
            .sample("failed: no such branch"),
        red(HOSTILE_LOG).fails_by_itself("verdict").sample("extreme: a hostile log"),
        building(LONG, "main", &hostile(SUBJECT), true, None)
            .succeeded()
            .sample("extreme: a long name and subject"),
        tidying(true, false, &["Hello"], false).sample("just accepted"),
        tidying(false, false, &["Hello", "Count"], false).succeeded().sample("listed"),
        tidying(false, true, &["Hello"], false).succeeded().sample("announced by itself"),
        tidying(true, false, &["Hello", "Count"], false).succeeded().sample("succeeded"),
        tidying(true, false, &[], false).succeeded().sample("nothing to delete"),
        tidying(true, false, &TEN, true).succeeded().sample("extreme: much, and more"),
        tidying_stacks((false, false), &["Hello"], (2, 1), false).succeeded().sample("listed: with a stack"),
        tidying_stacks((false, false), &[], (0, 1), false).succeeded().sample("listed: data alone"),
        tidying_until((true, false), &["Hello"], (1, 0), false, |outputs| {
            outputs.with(
                "stack-done",
                json!({ "failure": "`Events1` (AWS::SNS::Topic): Access denied <!channel>." }),
            )
        })
        .succeeded()
        .sample("succeeded: but for the stack"),
        tidying_until((true, false), &[], (1, 0), false, |outputs| {
            outputs
                .with("stack-done", json!({ "left": ["`Events1` (AWS::SNS::Topic): The topic is in use."] }))
        })
        .succeeded()
        .sample("succeeded: a resource is left in the account"),
        tidying_stacks((true, false), &TEN, (100, 100), true).succeeded().sample("extreme: a stack of much"),
        tidying(true, false, &["Hello"], false)
            .failed("look", tidy::not_quiet_sample())
            .sample("failed: not quiet"),
    ]
}
