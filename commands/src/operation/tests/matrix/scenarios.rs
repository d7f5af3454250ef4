//! Scenarios: for each kind of operation, the world in which it has all its work to do, and the command.

use crate::testing::fake_aws::App;

/// An earlier event.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// A person types a line, and its operation runs to the end; promotions are approved.
    Types(&'static str, &'static str),
    /// A change of these functions is pushed, with that memory.
    Pushes(&'static [&'static str], &'static str, u32),
    /// The same without a route to any of them.
    Hides(&'static [&'static str], &'static str, u32),
    /// These functions with that code are pushed, each with that reserved concurrency.
    Reserves(&'static [&'static str], &'static str, u32),
    /// These functions with that code are pushed, and their API accepts so many requests at once.
    Limits(&'static [&'static str], &'static str, u32),
    /// A change of these functions is pushed, which all have this layer with this content.
    Layers(&'static [&'static str], &'static str, (&'static str, &'static str)),
    /// A change of these functions is pushed; the code of the last one is a container image.
    Images(&'static [&'static str], &'static str),
    /// A change with that code is pushed of an application with a stack, with a topic or without.
    Stacks(&'static str, bool),
    /// A change with that code is pushed, whose functions get a value of Systems Manager; with a topic that has it, too.
    Reads(&'static str, bool),
    /// Somebody stores that value in Systems Manager.
    Stores(&'static str),
    /// Failed attempts leave a version of each of these functions, and its role.
    Leaves(&'static [&'static str]),
    /// A stage remembers no more that a release ran there, because so many others did since.
    Forgets(&'static str, u32),
    /// So many hours pass.
    Waits(u64),
}

/// One scenario.
#[derive(Debug)]
pub(super) struct Scenario {
    /// Its name.
    pub(super) name: &'static str,
    /// The kind of operation.
    pub(super) kind: &'static str,
    /// The earlier events.
    pub(super) before: &'static [&'static [Act]],
    /// The person who types the command.
    pub(super) who: &'static str,
    /// The command.
    pub(super) line: &'static str,
    /// The stage and the release that it runs afterwards, if the command is about a stage.
    pub(super) runs: Option<(&'static str, u32)>,
}

use Act::{
    Forgets, Hides, Images, Layers, Leaves, Limits, Pushes, Reads, Reserves, Stacks, Stores, Types, Waits,
};

const TWO: &[&str] = &["Hello", "World"];
pub(super) const CREATED: &[Act] = &[Types("ann", "/repo create orders"), Pushes(TWO, "one", 128)];
pub(super) const BUILT: &[Act] = &[Types("ann", "/build orders")];
const DEPLOYED: &[Act] = &[Types("ann", "/deploy orders")];
const STAGED: &[Act] = &[Types("ada", "/stage add orders prod")];
const TESTED: &[Act] = &[Types("ada", "/stage set orders prod smoke=\"GET /world\"")];
const EXAMINED: &[Act] = &[Types("ada", "/stage set orders dev smoke='invoke World {\"ping\":true}'")];
const PROMOTED: &[Act] = &[Types("ann", "/promote orders prod")];
const STACKED: &[Act] = &[Types("ann", "/repo create orders"), Stacks("one", false)];
/// A topic more, and other code.
const GROWN: &[Act] = &[Stacks("two", true), Types("ann", "/build orders")];
const LEFT: &[Act] = &[Leaves(&["sluice-orders-dev-Hello", "sluice-orders-dev-World"]), Waits(2)];
/// A release without the topic, and the one with it is out of every rollback's reach.
const SHRUNK: &[Act] = &[
    Stacks("three", false),
    Types("ann", "/build orders"),
    Types("ann", "/deploy orders"),
    Forgets("dev", 1),
    Waits(2),
];
/// Other code of both functions, another configuration, and one more function with a route of its own.
const CHANGED: &[Act] = &[Pushes(&["Extra", "Hello", "World"], "two", 256), Types("ann", "/build orders")];

/// The same code, with a layer.
const LAYERED: &[Act] = &[Layers(TWO, "one", ("Tools", "tools")), Types("ann", "/build orders")];

const IMAGES: &[Act] = &[Types("ann", "/repo create orders"), Images(TWO, "one")];
/// Another image, and other code of the other function.
const REIMAGED: &[Act] = &[Images(TWO, "two"), Types("ann", "/build orders")];

const HIDES: &[Act] = &[Types("ann", "/repo create orders"), Hides(TWO, "one", 128)];
const SHOWN: &[Act] = &[Pushes(TWO, "one", 128), Types("ann", "/build orders")];

/// The same code, and other settings of the API's stage.
const LIMITED: &[Act] = &[Limits(TWO, "one", 20), Types("ann", "/build orders")];

const RESERVES: &[Act] = &[Types("ann", "/repo create orders"), Reserves(TWO, "one", 5)];
/// The same code, and another reserved concurrency.
const RESERVED: &[Act] = &[Reserves(TWO, "one", 10), Types("ann", "/build orders")];

const READS: &[Act] = &[Types("ann", "/repo create orders"), Stores("one"), Reads("one", false)];
const STACK_READS: &[Act] = &[Types("ann", "/repo create orders"), Stores("one"), Reads("one", true)];
/// The same build, and another value.
const STORED: &[Act] = &[Stores("two")];

/// Other code, and no route.
const CLOSED: &[Act] = &[Hides(TWO, "two", 128), Types("ann", "/build orders")];

/// All scenarios.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "create",
        kind: "repo-create",
        before: &[],
        who: "ann",
        line: "/repo create orders",
        runs: None,
    },
    Scenario {
        name: "build",
        kind: "build",
        before: &[CREATED],
        who: "ann",
        line: "/build orders",
        runs: None,
    },
    Scenario {
        name: "add a stage",
        kind: "stage-add",
        before: &[CREATED],
        who: "ada",
        line: "/stage add orders prod",
        runs: None,
    },
    Scenario {
        name: "set a policy",
        kind: "stage-set",
        before: &[CREATED, STAGED],
        who: "ada",
        line: "/stage set orders prod approvals=2 soak=30m",
        runs: None,
    },
    Scenario {
        name: "remove a stage",
        kind: "stage-remove",
        before: &[CREATED, BUILT, DEPLOYED, STAGED, PROMOTED, CHANGED, DEPLOYED, PROMOTED],
        who: "ada",
        line: "/stage remove orders prod now",
        runs: None,
    },
    Scenario {
        name: "lock all stages",
        kind: "stage-lock",
        before: &[CREATED, STAGED],
        who: "ann",
        line: "/stage lock orders for 20s \"the fair is on\"",
        runs: None,
    },
    Scenario {
        name: "take a lock over",
        kind: "stage-lock",
        before: &[CREATED, STAGED, &[Types("ben", "/stage lock orders prod for 9d \"the ledger\"")]],
        who: "ada",
        line: "/stage lock orders prod for 20s \"the fair is on\"",
        runs: None,
    },
    Scenario {
        name: "unlock",
        kind: "stage-unlock",
        before: &[CREATED, STAGED, &[Types("ann", "/stage lock orders for 2h \"the fair is on\"")]],
        who: "ann",
        line: "/stage unlock orders",
        runs: None,
    },
    Scenario {
        name: "unlock for somebody",
        kind: "stage-unlock",
        before: &[CREATED, STAGED, &[Types("ben", "/stage lock orders prod for 9d \"the ledger\"")]],
        who: "ada",
        line: "/stage unlock orders prod",
        runs: None,
    },
    Scenario {
        name: "grant a role",
        kind: "access-grant",
        before: &[CREATED],
        who: "ada",
        line: "/pipeline grant <@U0ZOE> operators orders",
        runs: None,
    },
    Scenario {
        name: "revoke a role",
        kind: "access-revoke",
        before: &[CREATED, &[Types("ada", "/pipeline grant <@U0ZOE> operators orders")]],
        who: "ada",
        line: "/pipeline revoke <@U0ZOE> operators orders",
        runs: None,
    },
    Scenario {
        name: "first deploy",
        kind: "deploy",
        before: &[CREATED, BUILT],
        who: "ann",
        line: "/deploy orders",
        runs: Some(("dev", 1)),
    },
    Scenario {
        name: "deploy with a layer",
        kind: "deploy",
        before: &[CREATED, BUILT, DEPLOYED, LAYERED],
        who: "ann",
        line: "/deploy orders",
        runs: Some(("dev", 2)),
    },
    Scenario {
        name: "deploy an image",
        kind: "deploy",
        before: &[IMAGES, BUILT, DEPLOYED, REIMAGED],
        who: "ann",
        line: "/deploy orders",
        runs: Some(("dev", 2)),
    },
    Scenario {
        name: "promote an image",
        kind: "promote",
        before: &[IMAGES, BUILT, DEPLOYED, STAGED],
        who: "ann",
        line: "/promote orders prod",
        runs: Some(("prod", 1)),
    },
    Scenario {
        name: "second deploy",
        kind: "deploy",
        before: &[CREATED, BUILT, DEPLOYED, CHANGED],
        who: "ann",
        line: "/deploy orders",
        runs: Some(("dev", 2)),
    },
    Scenario {
        name: "deploy of settings of an API",
        kind: "deploy",
        before: &[CREATED, BUILT, DEPLOYED, LIMITED],
        who: "ann",
        line: "/deploy orders",
        runs: Some(("dev", 2)),
    },
    Scenario {
        name: "deploy of settings of functions",
        kind: "deploy",
        before: &[RESERVES, BUILT, DEPLOYED, RESERVED],
        who: "ann",
        line: "/deploy orders",
        runs: Some(("dev", 2)),
    },
    Scenario {
        name: "deploy without an API",
        kind: "deploy",
        before: &[CREATED, BUILT, DEPLOYED, CLOSED],
        who: "ann",
        line: "/deploy orders",
        runs: Some(("dev", 2)),
    },
    Scenario {
        name: "deploy of another value",
        kind: "deploy",
        before: &[READS, BUILT, DEPLOYED, STORED],
        who: "ann",
        line: "/deploy orders",
        runs: Some(("dev", 2)),
    },
    Scenario {
        name: "examined deploy",
        kind: "deploy",
        before: &[CREATED, BUILT, DEPLOYED, EXAMINED, CHANGED],
        who: "ann",
        line: "/deploy orders",
        runs: Some(("dev", 2)),
    },
    Scenario {
        name: "tested promotion",
        kind: "promote",
        before: &[CREATED, BUILT, DEPLOYED, STAGED, TESTED, PROMOTED, CHANGED, DEPLOYED],
        who: "ann",
        line: "/promote orders prod",
        runs: Some(("prod", 2)),
    },
    Scenario {
        name: "first promotion",
        kind: "promote",
        before: &[CREATED, BUILT, DEPLOYED, STAGED],
        who: "ann",
        line: "/promote orders prod",
        runs: Some(("prod", 1)),
    },
    Scenario {
        name: "second promotion",
        kind: "promote",
        before: &[CREATED, BUILT, DEPLOYED, STAGED, PROMOTED, CHANGED, DEPLOYED],
        who: "ann",
        line: "/promote orders prod",
        runs: Some(("prod", 2)),
    },
    Scenario {
        name: "list leftovers",
        kind: "tidy",
        before: &[CREATED, BUILT, DEPLOYED, LEFT],
        who: "ada",
        line: "/pipeline tidy orders",
        runs: Some(("dev", 1)),
    },
    Scenario {
        name: "tidy",
        kind: "tidy",
        before: &[CREATED, BUILT, DEPLOYED, LEFT],
        who: "ada",
        line: "/pipeline tidy orders now",
        runs: Some(("dev", 1)),
    },
    Scenario {
        name: "rollback",
        kind: "rollback",
        before: &[CREATED, BUILT, DEPLOYED, STAGED, PROMOTED, CHANGED, DEPLOYED, PROMOTED],
        who: "ann",
        line: "/rollback orders prod",
        runs: Some(("prod", 1)),
    },
    Scenario {
        name: "rollback of settings of an API",
        kind: "rollback",
        before: &[CREATED, BUILT, DEPLOYED, LIMITED, DEPLOYED],
        who: "ann",
        line: "/rollback orders dev",
        runs: Some(("dev", 1)),
    },
    Scenario {
        name: "rollback of settings of functions",
        kind: "rollback",
        before: &[CREATED, BUILT, DEPLOYED, RESERVED, DEPLOYED],
        who: "ann",
        line: "/rollback orders dev",
        runs: Some(("dev", 1)),
    },
    Scenario {
        name: "rollback to a release without an API",
        kind: "rollback",
        before: &[HIDES, BUILT, DEPLOYED, SHOWN, DEPLOYED],
        who: "ann",
        line: "/rollback orders dev",
        runs: Some(("dev", 1)),
    },
];

/// The scenarios of stages with a stack. They have tests of their own: each step of a stack takes long.
pub(super) const OF_STACKS: &[Scenario] = &[
    Scenario {
        name: "first deploy of a stack",
        kind: "deploy",
        before: &[STACKED, BUILT],
        who: "ann",
        line: "/deploy orders",
        runs: Some(("dev", 1)),
    },
    Scenario {
        name: "deploy that changes a stack",
        kind: "deploy",
        before: &[STACKED, BUILT, DEPLOYED, GROWN],
        who: "ann",
        line: "/deploy orders",
        runs: Some(("dev", 2)),
    },
    Scenario {
        name: "promotion of a stack",
        kind: "promote",
        before: &[STACKED, BUILT, DEPLOYED, STAGED],
        who: "ann",
        line: "/promote orders prod",
        runs: Some(("prod", 1)),
    },
    Scenario {
        name: "deploy of another value to functions and stack",
        kind: "deploy",
        before: &[STACK_READS, BUILT, DEPLOYED, STORED],
        who: "ann",
        line: "/deploy orders",
        runs: Some(("dev", 2)),
    },
    Scenario {
        name: "removal of a stack",
        kind: "stage-remove",
        before: &[STACKED, BUILT, DEPLOYED, GROWN, DEPLOYED, STAGED, PROMOTED],
        who: "ada",
        line: "/stage remove orders prod now",
        runs: None,
    },
    Scenario {
        name: "tidy of a stack",
        kind: "tidy",
        before: &[&[Types("ann", "/repo create orders")], GROWN, DEPLOYED, SHRUNK],
        who: "ada",
        line: "/pipeline tidy orders now",
        runs: Some(("dev", 2)),
    },
    Scenario {
        name: "rollback of a stack",
        kind: "rollback",
        before: &[STACKED, BUILT, DEPLOYED, GROWN, DEPLOYED],
        who: "ann",
        line: "/rollback orders dev",
        runs: Some(("dev", 1)),
    },
];

/// Two releases on two stages, and a third build that is deployed nowhere.
pub(super) const PLENTY: &[&[Act]] = &[
    CREATED,
    BUILT,
    DEPLOYED,
    STAGED,
    PROMOTED,
    CHANGED,
    DEPLOYED,
    PROMOTED,
    &[Pushes(TWO, "three", 128), Types("ann", "/build orders")],
];

/// Two builds that are deployed nowhere, and two empty stages.
pub(super) const FRESH: &[&[Act]] = &[CREATED, BUILT, STAGED, CHANGED];

/// No API: a release on two stages without routes, and a build of the same code with routes.
pub(super) const HIDDEN: &[&[Act]] = &[HIDES, BUILT, DEPLOYED, STAGED, PROMOTED, SHOWN];

/// The application of an event.
pub(super) fn app(functions: &[&str], code: &str, memory: u32) -> App {
    App::of(functions, code).memory(memory)
}
