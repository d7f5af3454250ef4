//! `docs/gates.md`: the answer to every changing command in every situation of the gates. The document is generated from the
//! service's answers.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::ports::{Guard, Item};
use crate::records::REVISION;
use crate::rules::{Lock, Policy, Unknown};
use crate::testing::{FakeAws, samples};
use sluice_model::{Actor, Member, Permission, Role, StageName};

/// The time of all commands: a Monday, 12:00 UTC. The releases were deployed or promoted between 8:30 and 9:00.
const NOW: &str = "2026-03-02T12:00:00Z";

/// A situation of `orders`: its stages `dev` and `staging` run `r2`, and `prod` runs `r1`.
struct Situation {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
    /// The owner of a lock of `prod`, and whether it is hard.
    lock: Option<(&'static str, bool)>,
    /// Whether `prod` ran `r2` and was rolled back from it.
    rolled_back: bool,
    /// The stages whose alias was moved outside Sluice.
    moved: &'static [&'static str],
    /// The members of the group `@leads`, which then has every role.
    leads: Option<Result<&'static [&'static str], Unknown>>,
}

const QUIET: Situation =
    Situation { name: "", settings: &[], lock: None, rolled_back: false, moved: &[], leads: None };

/// The group.
const LEADS: &str = "S0LEADS01";

const SITUATIONS: [Situation; 14] = [
    Situation { name: "Nothing is set", ..QUIET },
    Situation { name: "`prod` is locked by ben", lock: Some(("ben", false)), ..QUIET },
    Situation { name: "`prod` is locked hard by eve, an admin", lock: Some(("eve", true)), ..QUIET },
    Situation {
        name: "`prod` is frozen",
        settings: &[("freeze", "2026-03-01..2026-03-08 Europe/Berlin the fair is on")],
        ..QUIET
    },
    Situation {
        name: "It is outside the window of `prod`",
        settings: &[("window", "Tue-Fri 09:00-17:00 Europe/Berlin")],
        ..QUIET
    },
    Situation { name: "`prod` takes releases in strict order", settings: &[("order", "strict")], ..QUIET },
    Situation { name: "A release has to soak for a day before `prod`", settings: &[("soak", "1d")], ..QUIET },
    Situation { name: "`prod` was rolled back from `r2`", rolled_back: true, ..QUIET },
    Situation { name: "`prod` asks for two approvals", settings: &[("approvals", "2")], ..QUIET },
    Situation { name: "`prod` is open", settings: &[("approvals", "0")], ..QUIET },
    Situation {
        name: "`staging` and `prod` were moved outside Sluice",
        moved: &["staging", "prod"],
        ..QUIET
    },
    Situation {
        name: "The group `@leads`, which zoe is in, has every role by `sluice.toml`",
        leads: Some(Ok(&["zoe"])),
        ..QUIET
    },
    Situation {
        name: "`@leads` has every role, and Slack does not say who is in it",
        leads: Some(Err(Unknown::Silent)),
        ..QUIET
    },
    Situation {
        name: "`@leads` has every role, and the app lacks the scope to ask who is in it",
        leads: Some(Err(Unknown::Scope("usergroups:read"))),
        ..QUIET
    },
];

/// The commands. ann and ben are operators and, with cleo, approvers; dan is on call; eve is an admin; zoe has no role.
const LINES: [(&str, &str); 59] = [
    ("ann", "/repo create invoices"),
    ("zoe", "/repo create invoices"),
    ("ann", "/build orders"),
    ("zoe", "/build orders"),
    ("ann", "/build cancel orders"),
    ("ann", "/build retry orders"),
    ("ann", "/deploy orders #1"),
    ("dan", "/deploy orders #1"),
    ("ann", "/deploy orders #1 to prod"),
    ("ann", "/deploy cancel orders"),
    ("ann", "/stage add orders qa"),
    ("eve", "/stage add orders qa"),
    ("ann", "/stage set orders prod order=any soak=5m"),
    ("eve", "/stage set orders prod soak=5m"),
    ("eve", "/stage set orders prod approvals=0"),
    ("eve", "/stage set orders prod approvals=0 confirm"),
    ("eve", "/stage set orders prod approvers=<!subteam^S0LEADS01>"),
    ("ann", "/stage remove orders prod"),
    ("eve", "/stage remove orders prod"),
    ("ann", "/stage remove orders prod now"),
    ("eve", "/stage remove orders prod now"),
    ("eve", "/stage remove orders dev now"),
    ("ann", "/stage lock orders prod the ledger"),
    ("dan", "/stage lock orders prod for 1h the ledger"),
    ("ann", "/stage lock orders prod hard the ledger"),
    ("eve", "/stage lock orders prod hard the ledger"),
    ("zoe", "/stage lock orders prod the ledger"),
    ("ann", "/stage unlock orders prod"),
    ("ben", "/stage unlock orders prod"),
    ("eve", "/stage unlock orders prod"),
    ("ann", "/promote orders prod"),
    ("ann", "/promote orders prod from dev"),
    ("ann", "/promote orders prod again"),
    ("ann", "/promote orders prod anyway"),
    ("zoe", "/promote orders prod anyway"),
    ("zoe", "/promote orders prod"),
    ("ann", "/promote orders prod override checkout is down"),
    ("dan", "/promote orders prod override checkout is down"),
    ("ann", "/promote approve orders prod"),
    ("ann", "/promote reject orders prod"),
    ("ann", "/promote cancel orders prod"),
    ("ann", "/rollback orders dev"),
    ("dan", "/rollback orders staging checkout is down"),
    ("dan", "/rollback orders staging anyway checkout is down"),
    ("zoe", "/rollback orders staging"),
    ("ann", "/rollback orders prod r2 checkout is down"),
    ("dan", "/rollback orders prod r2"),
    ("dan", "/rollback orders prod r2 checkout is down"),
    ("eve", "/pipeline grant <@U0ZOE0009> operators orders"),
    ("eve", "/pipeline grant <@U0ZOE0009> operators"),
    ("eve", "/pipeline grant <@U0ANN0001> operators orders"),
    ("ann", "/pipeline grant <@U0ZOE0009> operators orders"),
    ("eve", "/pipeline revoke <@U0ANN0001> operators"),
    ("eve", "/pipeline revoke <@U0ZOE0009> operators orders"),
    ("ann", "/pipeline revoke <@U0BEN0002> approvers orders"),
    ("eve", "/pipeline grant <!subteam^S0LEADS01> oncall orders"),
    ("eve", "/pipeline revoke <!subteam^S0LEADS01> admins"),
    ("ann", "/pipeline tidy orders now"),
    ("eve", "/pipeline tidy orders now"),
];

async fn put(store: &MemoryStore, item: Result<Item, StoreError>) {
    store.write(Write::Put { item: item.unwrap(), when: Precondition::Any }).await.unwrap();
}

fn revision() -> crate::ports::Guards {
    [(REVISION.to_owned(), Guard::Number(1))].into()
}

async fn office_in(situation: &Situation) -> Office {
    let store = Arc::new(MemoryStore::new());
    let stages = [("dev", 2), ("staging", 2), ("prod", 1)];
    samples::orders(&*store, "orders", &stages).await;
    let now: Timestamp = NOW.parse().unwrap();
    let settings = Settings { drive: false, ..Settings::new("test") };
    let (notifier, runner) = (Arc::<RecordingNotifier>::default(), Arc::<RecordingRunner>::default());
    let clock = Arc::new(TestClock::at(now));
    let fake_aws = FakeAws::new(clock.clone());
    samples::aws_as_recorded(&fake_aws, "orders", &stages);
    for stage in situation.moved {
        fake_aws.move_by_hand(&format!("sluice-orders-{stage}-Hello"), stage, "7", None);
    }
    let mut pinned_roles = PinnedRoles::from(samples::access());
    let people = Arc::<TestDirectory>::default();
    if let Some(members) = &situation.leads {
        let group = Member::Group(LEADS.parse().unwrap());
        for role in Role::ALL {
            pinned_roles.of_mut(role).insert(group.clone());
        }
        let members =
            members.clone().map(|names| names.iter().map(|name| sample_user(name).id).collect::<Vec<_>>());
        people.set(LEADS, members.as_deref().map_err(Clone::clone));
    }
    let world = world(settings, pinned_roles, store.clone(), clock, notifier, runner);
    let mut world = fake_aws.fault_proxy().world(world);
    world.ports.directory = people.clone();
    let (keys, orders) = (&world.keys, "orders".parse().unwrap());
    let prod: StageName = "prod".parse().unwrap();
    if !situation.settings.is_empty() {
        let mut policy = Policy::of(true);
        for (key, value) in situation.settings {
            policy.set(key, value, &Policy::of(true)).unwrap();
        }
        put(&store, to_item(keys.policy(&orders, &prod), revision(), &policy)).await;
    }
    if let Some((who, hard)) = situation.lock {
        let lock = Lock {
            stage: prod.clone(),
            owner: samples::actor(who),
            reason: "the ledger is being repaired".into(),
            since: now,
            until: now + SignedDuration::from_hours(1),
            hard,
            operation: operation_id(9),
            over: vec![],
        };
        put(&store, to_item(keys.lock(&orders, &prod), revision(), &lock)).await;
    }
    if situation.rolled_back {
        let item = store.item(&keys.stage(&orders, &prod)).unwrap();
        let mut stage: Stage = crate::records::from_item(&item).unwrap();
        let run = |release, rolled_back| crate::records::Run {
            release: sluice_model::ReleaseNumber(release),
            at: now,
            rolled_back,
        };
        stage.runs = vec![run(1, false), run(2, true)];
        put(&store, to_item(item.key, item.guards, &stage)).await;
        let set = |stage: &StageName| keys.version_set(&orders, sluice_model::ReleaseNumber(2), stage);
        let made = store.item(&set(&"staging".parse().unwrap())).unwrap();
        put(&store, Ok(Item { key: set(&prod), ..made })).await;
    }
    let engine = Arc::new(Engine::new(Arc::new(world), registry()));
    Office { service: Service::new(engine, Names::default()), store, people }
}

fn sample_user(name: &str) -> Actor {
    match name {
        "zoe" => Actor::in_slack("U0ZOE0009".parse().unwrap(), name),
        name => samples::actor(name),
    }
}

/// The answer: accepted, or the code and the problem.
async fn answer(office: &Office, who: &str, line: &str) -> String {
    let (command, text) = line.split_once(' ').unwrap();
    let invocation = Invocation {
        delivery: format!("{who} {line}"),
        actor: sample_user(who),
        channel: Some("C0GENERAL1".parse().unwrap()),
        input: Input::Slash { command: command.into(), text: text.into() },
    };
    let before = office.heads();
    let card = office.service.handle(invocation).await.unwrap().card;
    let names = [
        ("U0ANN0001", "ann"),
        ("U0BEN0002", "ben"),
        ("U0CLEO003", "cleo"),
        ("U0DAN0004", "dan"),
        ("U0EVE0005", "eve"),
        ("U0ZOE0009", "zoe"),
        (LEADS, "leads"),
    ];
    let named = |words: String| names.iter().fold(words, |words, (id, name)| words.replace(id, name));
    // Changes that are recorded immediately have no operation.
    if office.heads() > before || card.tone == Tone::Good {
        return format!("accepted: {}", named(card.title.flat()));
    }
    let hint = card.hint.as_ref().map(|hint| hint.flat()).unwrap_or_default();
    let offers: String = card.buttons.iter().map(|button| format!(" [{}]", button.label)).collect();
    named(format!("**{}** {} *{hint}*{offers}", card.code.as_deref().unwrap_or_default(), card.title.flat()))
}

#[tokio::test(start_paused = true)]
async fn answers_match_the_document() {
    let mut page = String::from(
        "# Gates\n\nThe answers to each person, made from the tests (`commands/src/service/tests/gates.rs`). `orders` has the \
         stages `dev` and `staging`, which run `r2`, and `prod`, which runs `r1`. ann and ben operate and, with cleo, \
         approve; dan is on call; eve administers; zoe may nothing. Only answers that differ from those of the first \
         situation are listed in the others. Gates are asked again when a stage's slot is taken, before the first mutation.\n",
    );
    let mut quiet: Vec<String> = vec![];
    for situation in &SITUATIONS {
        writeln!(page, "\n## {}\n\n| person | command | answer |\n|---|---|---|", situation.name).unwrap();
        let mut answers = vec![];
        for (who, line) in LINES {
            // A new service for each command: an accepted command must not affect the next.
            answers.push(answer(&office_in(situation).await, who, line).await);
        }
        for (nth, (who, line)) in LINES.iter().enumerate() {
            if quiet.get(nth) != answers.get(nth) {
                let line = line.replace("<!subteam^S0LEADS01>", "@leads");
                writeln!(page, "| {who} | `{line}` | {} |", answers[nth]).unwrap();
            }
        }
        if quiet.is_empty() {
            quiet = answers;
        }
    }
    sluice_testkit::docs::hold("docs/gates.md", &page);
}

#[test]
fn every_changing_command_is_in_the_document() {
    let lines = LINES.map(|(_, line)| {
        let (command, text) = line.split_once(' ').unwrap();
        sluice_grammar::parse(command, text, &Names::default())
            .unwrap_or_else(|_| panic!("{line}"))
            .form()
            .topic()
    });
    let tried: BTreeSet<String> = lines.into();
    for form in sluice_grammar::table().filter(|form| form.available) {
        let changes = form.permission != Permission::Everyone;
        assert!(!changes || tried.contains(&form.topic()), "`{}` has no line in docs/gates.md", form.topic());
    }
}
