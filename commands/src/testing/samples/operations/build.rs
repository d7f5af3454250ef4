//! `/repo create`, `/build` and `/pipeline tidy`.

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
    let params = repo::Params { name: "orders".parse().expect("a name") };
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
    let stages = vec!["dev".parse().expect("a stage"), "prod".parse().expect("a stage")];
    let params = tidy::Params { name: "orders".parse().expect("a name"), stages, delete, automatic };
    let outputs = Outputs::default().with("look", tidy::sample(functions, is_more));
    let line = if delete { "/pipeline tidy orders now" } else { "/pipeline tidy orders" };
    Journal::accepted(tidy::KIND, line, "orders", params, outputs)
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
        tidying(true, false, &["Hello"], false)
            .failed("look", tidy::not_quiet_sample())
            .sample("failed: not quiet"),
    ]
}
