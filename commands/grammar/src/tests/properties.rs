//! Properties of every line and every command.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::strategy::Union;

use super::*;
use crate::values::{ArgumentType, Value, Values};
use sluice_model::{BuildNumber, GroupId, Member, PipelineName, ReleaseNumber, Role, StageName, UserId};

/// Names, including the grammar's own words.
fn slug() -> impl Strategy<Value = String> {
    let words = table().flat_map(|form| form.word.into_iter().chain([form.verb.word()]));
    let small = [
        "to",
        "from",
        "after",
        "for",
        "until",
        "since",
        "again",
        "anyway",
        "override",
        "r7",
        "operators",
        "v2",
    ];
    let words: Vec<_> = words.chain(small).map(str::to_owned).collect();
    prop_oneof![3 => "[a-z][a-z0-9-]{0,10}[a-z0-9]", 1 => prop::sample::select(words)]
}

fn name() -> impl Strategy<Value = PipelineName> {
    slug().prop_map(|slug| PipelineName::new(slug).unwrap())
}

fn stage() -> impl Strategy<Value = StageName> {
    slug().prop_map(|slug| StageName::new(slug).unwrap())
}

fn build() -> impl Strategy<Value = BuildNumber> {
    (1..=u32::MAX).prop_map(BuildNumber)
}

fn release() -> impl Strategy<Value = ReleaseNumber> {
    (1..=u32::MAX).prop_map(ReleaseNumber)
}

fn person() -> impl Strategy<Value = UserId> {
    "[UW][A-Z0-9]{1,10}".prop_map(|id| UserId::new(id).unwrap())
}

fn member() -> impl Strategy<Value = Member> {
    let group = "S[A-Z0-9]{1,10}".prop_map(|id| Member::Group(GroupId::new(id).unwrap()));
    prop_oneof![person().prop_map(Member::User), group]
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL.to_vec())
}

fn reference_name() -> impl Strategy<Value = String> {
    let wild = any::<String>().prop_map(|text| normalise(&text));
    prop_oneof!["[a-zA-Z0-9#@,!%é][a-zA-Z0-9/#@,!.%é-]{0,12}", wild]
        .prop_filter("a name for git", |text| super::super::read::is_reference(text))
}

/// Reasons that look like something else.
fn why() -> impl Strategy<Value = String> {
    let tricky = vec(
        prop::sample::select(vec![
            "to",
            "for",
            "2h",
            "2",
            "hours",
            "until",
            "17:00",
            "r7",
            "7",
            "#7",
            "prod",
            "\"",
            "\"a",
            "b\"",
            "\\",
            "'x'",
            "`",
            "<@U1",
            "<!subteam^S1",
            "|a>",
            ">",
            "&",
            "lt;",
            "again",
            "anyway",
            "anyway,",
            "override",
            "é",
            "  ",
            "help",
            "k=v",
            "since",
            "from",
            "release",
            "x.",
            "=\"",
        ]),
        1..8,
    )
    .prop_map(|words| words.join(" "));
    prop_oneof!["[A-Za-z ,.!']{1,30}", tricky, any::<String>()]
        .prop_map(|text| reason(&text))
        .prop_filter("a reason", |text| !text.is_empty())
}

fn time() -> impl Strategy<Value = jiff::civil::Time> {
    (0..24_i8, 0..60_i8, 0..60_i8).prop_map(|(h, m, s)| jiff::civil::time(h, m, s, 0))
}

fn date() -> impl Strategy<Value = jiff::civil::Date> {
    (1000..9999_i16, 1..=12_i8, 1..=28_i8).prop_map(|(y, m, d)| jiff::civil::date(y, m, d))
}

fn period() -> impl Strategy<Value = Period> {
    prop_oneof![
        (1..=3660 * 86_400_u64).prop_map(Period::Seconds),
        (1..=3660_u64).prop_map(|days| Period::Seconds(days * 86_400)),
        time().prop_map(Period::Time),
        date().prop_map(Period::Date),
        (date(), time()).prop_map(|(date, time)| Period::Moment(date.to_datetime(time))),
    ]
}

fn end() -> impl Strategy<Value = Period> {
    use jiff::civil::Weekday;
    let days = [Day::Today, Day::Tomorrow, Day::Weekday(Weekday::Monday), Day::Weekday(Weekday::Sunday)];
    let day =
        (prop::sample::select(days.to_vec()), of(time())).prop_map(|(day, time)| Period::Day(day, time));
    prop_oneof![3 => period(), 1 => day]
}

fn settings() -> impl Strategy<Value = Vec<(String, String)>> {
    let value =
        prop_oneof!["[A-Za-z0-9 .,\"\\\\<>|!#=@-]{0,12}", any::<String>()].prop_map(|text| normalise(&text));
    let key = prop_oneof!["[A-Za-z][A-Za-z0-9._-]{0,8}", "param\\.[A-Za-z0-9]{1,8}"];
    vec((key, value), 1..4)
}

fn url() -> impl Strategy<Value = String> {
    "(https://|ssh://git@|codecommit::eu-west-1://)[a-z]{1,8}\\.[a-z]{2,3}(/[A-Za-z0-9._?=,-]{1,8}){1,3}"
}

/// Any value of an argument.
fn value(kind: ArgumentKind) -> BoxedStrategy<Value> {
    fn of_type<T: ArgumentType + std::fmt::Debug + 'static>(
        strategy: impl Strategy<Value = T> + 'static,
    ) -> BoxedStrategy<Value> {
        strategy.prop_map(T::into_value).boxed()
    }
    match kind {
        ArgumentKind::Name => of_type(name()),
        ArgumentKind::Stage | ArgumentKind::From | ArgumentKind::After => of_type(stage()),
        ArgumentKind::Reference => of_type(reference_name()),
        ArgumentKind::Build => of_type(build()),
        ArgumentKind::Release => of_type(release()),
        ArgumentKind::Again
        | ArgumentKind::Anyway
        | ArgumentKind::Replace
        | ArgumentKind::Hard
        | ArgumentKind::Now
        | ArgumentKind::Confirm => Just(Value::Flag).boxed(),
        ArgumentKind::End => of_type(end()),
        ArgumentKind::Until | ArgumentKind::Since => of_type(period()),
        ArgumentKind::Person => of_type(person()),
        ArgumentKind::Member => of_type(member()),
        ArgumentKind::Role => of_type(role()),
        ArgumentKind::Language => of_type(prop::sample::select(Language::ALL.to_vec())),
        ArgumentKind::Reason | ArgumentKind::Override => of_type(why()),
        ArgumentKind::Settings => of_type(settings()),
        ArgumentKind::Url => of_type(url()),
        ArgumentKind::Data => of_type("[a-z]{2,5}/[A-Za-z0-9]{1,5}(,[a-z]{2,5}/[A-Z]{1,5})?"),
        ArgumentKind::Topic => of_type(prop::sample::select(topics())),
    }
}

/// Any command of a form, with every required argument and some of the others.
fn command_of(form: &'static Form) -> BoxedStrategy<Command> {
    let arguments: Vec<_> = form
        .arguments
        .iter()
        .map(|argument| match argument.required {
            true => value(argument.kind).prop_map(Some).boxed(),
            false => of(value(argument.kind)).boxed(),
        })
        .collect();
    arguments
        .prop_map(move |given| {
            let mut values = Values::default();
            for (argument, value) in form.arguments.iter().zip(given) {
                values.set(argument.kind, value);
            }
            Command::from_values(form, &values).expect("every required argument is there")
        })
        .boxed()
}

fn any_command() -> impl Strategy<Value = Command> {
    Union::new(table().map(command_of))
}

/// Words that waive a safeguard.
const WAIVERS: [&str; 5] = ["override", "again", "anyway", "hard", "confirm"];

/// A plain command with one slip: an example without such a word, changed in one place.
fn slips() -> impl Strategy<Value = String> {
    let is_plain = |line: &&str| !line.split(' ').any(|word| WAIVERS.contains(&word));
    let examples = table().flat_map(|form| form.examples).copied().filter(is_plain);
    let lines: Vec<String> =
        examples.chain(["/promote orders prod r8", "/stage lock orders prod"]).map(str::to_owned).collect();
    let extra = [
        "please",
        "<@U1|bob>",
        "@bob",
        "now",
        "agian",
        "over",
        "anyhow",
        "hrad",
        "r",
        "#",
        "prod",
        "orders",
        "🚀",
        "=",
        "yes",
    ];
    (prop::sample::select(lines), prop::sample::select(extra.to_vec()), any::<prop::sample::Index>(), 0..4_u8)
        .prop_map(|(line, extra, at, slip)| {
            let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let at = at.index(words.len());
            match slip {
                0 => words.insert(at + 1, extra.to_owned()),
                1 => words[at] = extra.to_owned(),
                2 => drop(words[at].pop()),
                _ => words.swap(0, at),
            }
            words.join(" ")
        })
}

/// Lines that almost make sense.
fn nearly() -> impl Strategy<Value = String> {
    let words: Vec<String> = table()
        .flat_map(|form| form.examples)
        .flat_map(|example| example.split(' '))
        .chain([
            "“",
            "<@U1|ann>",
            "<#C1|12>",
            "@",
            "\"",
            "for",
            "2h",
            "é👩‍🚀",
            "&lt;",
            "=",
            "override",
            "again",
            "anyway",
            "hard",
            "confirm",
            "please",
            "until",
            "tomorrow",
            "r7",
            "r",
            "#",
            "<",
            ">",
        ])
        .map(str::to_owned)
        .collect();
    vec(prop_oneof![4 => prop::sample::select(words), 1 => any::<String>()], 0..8)
        .prop_map(|words| words.join(" "))
}

fn slash() -> impl Strategy<Value = String> {
    let all = Verb::ALL.map(|verb| format!("/{}", verb.word()));
    prop::sample::select([all.as_slice(), &["/sluice".to_owned(), "/acme-repo".into(), "/é".into()]].concat())
}

#[test]
fn a_command_has_the_form_and_the_arguments_it_was_made_of() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for form in table() {
        let command = command_of(form).new_tree(&mut runner).unwrap().current();
        assert!(std::ptr::eq(command.form(), form), "{}", form.topic());
        assert_eq!(Command::from_values(form, &command.values()), Some(command));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_command_parses_to_the_same_command(command in any_command()) {
        let line = command.to_string();
        prop_assert_eq!(read(&line), Ok(command.clone()), "{}", line);
        prop_assert_eq!(read(&format!("/sluice {}", line.trim_start_matches('/'))), Ok(command));
    }

    #[test]
    fn no_input_panics(slash in slash(), text in prop_oneof![any::<String>(), nearly()]) {
        let names = Names { prefix: "acme-".into(), only_umbrella: false };
        match parse(&slash, &text, &names) {
            Ok(command) => prop_assert_eq!(read(&command.to_string()), Ok(command)),
            Err(wrong) => {
                let length = wrong.typed.chars().count();
                prop_assert!(wrong.span.as_ref().is_none_or(|span| span.start <= span.end && span.end <= length));
                if let Some(nearest) = &wrong.nearest {
                    prop_assert!(read(nearest).is_ok(), "{} offers {}", text, nearest);
                }
                prop_assert!(!wrong.card(&names).title.is_empty());
            }
        }
    }

    #[test]
    fn no_suggestion_waives_a_safeguard(text in prop_oneof![slips(), nearly()], slash in slash()) {
        let names = Names::default();
        let lines = [parse_line(&text, &names), parse(&slash, &text, &names)];
        let readings = lines.iter().flatten().filter_map(Command::other_reading);
        let offered = lines.iter().filter_map(|line| line.as_ref().err()?.nearest.clone()).chain(readings);
        for line in offered {
            let command = read(&line).map_err(|wrong| TestCaseError::fail(format!("{line}: {wrong:?}")))?;
            prop_assert!(!command.waives(), "{} offers {}", text, line);
            // A name or a reason may be such a word; a command without them must not show one.
            let is_typed = WAIVERS.iter().any(|word| text.contains(word));
            prop_assert!(is_typed || !line.split(' ').any(|word| WAIVERS.contains(&word)), "{} offers {}", text, line);
        }
    }

    #[test]
    fn spaces_and_case_between_words_do_not_matter(
        at in 0..LINES.len(),
        spaces in vec(prop::sample::select(vec![" ", "  ", "\u{a0}", "\t", " \u{200b} "]), 8),
    ) {
        let line = LINES[at];
        let mut words = line.split(' ');
        let mut spaced = words.next().unwrap_or_default().to_owned() + " ";
        for (word, space) in words.zip(spaces.iter().cycle()) {
            spaced.push_str(word);
            spaced.push_str(space);
        }
        prop_assert_eq!(read(&spaced), read(line));
        prop_assert_eq!(read(&line.to_uppercase()), read(line));
    }
}

const LINES: [&str; 8] = [
    "/repo create orders from python",
    "/build log orders #12",
    "/deploy orders #12 to dev",
    "/stage add orders staging after dev",
    "/promote orders to prod from staging r7 again",
    "/rollback orders prod to r6",
    "/pipeline history orders prod <@U1> since 7 days",
    "/sluice pipeline help build log",
];
