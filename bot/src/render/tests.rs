use proptest::prelude::*;
use sluice_model::{Button, ButtonStyle, ChannelId, Confirm, StepLine, StepState, Tone, UserId};

use super::*;

fn user() -> UserId {
    UserId::new("U024BE7LH").unwrap()
}

fn snapshot(name: &str, card: &Card) {
    let message = message(card).to_json();
    assert_within_limits(&message);
    insta::assert_snapshot!(name, serde_json::to_string_pretty(&message).unwrap());
}

fn step(state: StepState, title: Text, took_ms: Option<u64>, note: Option<&str>) -> StepLine {
    StepLine { state, title, took_ms, note: note.map(Text::from) }
}

#[test]
fn a_running_operation() {
    let steps = vec![
        step(StepState::Done, Text::plain("read template of ").code("#1"), Some(420), None),
        step(
            StepState::Running,
            Text::plain("update ").code("hello"),
            Some(12_300),
            Some("try 2: throttled"),
        ),
        step(StepState::Waiting, "its turn".into(), None, None),
        step(StepState::Pending, Text::plain("move alias ").code("dev"), None, None),
    ];
    let card = Card::new(Tone::Running, Text::plain("Deploying ").code("orders").then(" #1 to dev"))
        .part(Part::Fields(vec![
            ("Asked by".into(), Text::default().user(&user())),
            ("Commit".into(), Text::default().code("0a1b2c3").then(" fix <script> & *this*")),
            (
                "Log".into(),
                Text::default().link("https://eu-central-1.console.aws.amazon.com/x?a=1&b=2", "build log"),
            ),
        ]))
        .part(Part::Steps(steps))
        .foot(Text::plain("since ").time("2026-03-01T10:00:00Z".parse().unwrap()));
    snapshot("operation_under_way", &card);
}

#[test]
fn a_request_for_approval() {
    let button = |action_id: &str, label: &str, style| Button {
        action_id: action_id.into(),
        label: label.into(),
        style,
        value: "01J00000000000000000000000 3".into(),
        confirm: Some(Confirm {
            title: format!("{label}?"),
            text: "orders r2 will run in prod.".into(),
            confirm: label.into(),
            deny: "Back".into(),
        }),
    };
    let header = ["".into(), "release".into(), "commit".into(), "author".into()].to_vec();
    let rows = vec![
        vec![Text::plain("now"), Text::default().code("r1"), Text::default().code("0a1b2c3"), "ann".into()],
        vec![
            Text::plain("then"),
            Text::default().code("r2"),
            Text::default().code("1b2c3d4"),
            Text::default().user(&user()),
        ],
    ];
    let card = Card::new(Tone::Waiting, "Promotion of orders r2 to prod waits for approval")
        .part(Part::Table { header, rows })
        .part(Part::Divider)
        .hint(
            Text::plain("An approver other than the requester decides, here or with ")
                .code("/promote approve orders prod"),
        )
        .button(button("promotion.approve", "Approve", ButtonStyle::Primary))
        .button(button("promotion.reject", "Reject", ButtonStyle::Danger));
    snapshot("request_for_approval", &card);
}

#[test]
fn a_refusal() {
    let answer = Answer::refusal(Text::plain("There is no pipeline ").code("ordres"), "unknown-pipeline");
    let body = super::answer(&answer);
    assert_within_limits(&body);
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap());
}

#[test]
fn button_values_are_never_cut() {
    let button = |value: String| Button {
        action_id: "drift.go".into(),
        label: "Go on".into(),
        style: ButtonStyle::Default,
        value,
        confirm: None,
    };
    let line = format!("/rollback orders prod {}", "why ".repeat(100));
    let card = Card::new(Tone::Waiting, "It moved.").button(button(line.clone()));
    let body = super::answer(&Answer::private(card.button(button("x".repeat(601)))));
    assert_within_limits(&body);
    let elements = body["blocks"][1]["elements"].as_array().unwrap();
    assert_eq!(elements.len(), 1, "the button with too long a value is left out: {elements:?}");
    assert_eq!(elements[0]["value"], line);
}

#[test]
fn a_failure_with_a_log() {
    let log: String = (0..400).map(|line| format!("line {line}: <error> & more ```\n")).collect();
    let card = Card::new(Tone::Bad, Text::plain("Build ").code("#1").then(" of orders failed"))
        .text(Text::plain("The phase ").bold("BUILD").then(" ended with exit status 1."))
        .part(Part::Code(log))
        .hint("Push a fix and type /build orders.");
    let message = message(&card).to_json();
    assert_within_limits(&message);
    let code = message["blocks"][2]["text"]["text"].as_str().unwrap();
    assert!(
        code.starts_with("```…\n") && code.ends_with("line 399: &lt;error&gt; &amp; more '''```"),
        "{code}"
    );
}

#[test]
fn a_second_table_becomes_lines_and_a_long_table_is_folded() {
    let table = |rows: usize| Part::Table {
        header: vec!["build".into(), "state".into()],
        rows: (0..rows).map(|row| vec![Text::plain(format!("#{row}")), "green".into()]).collect(),
    };
    let card = Card::new(Tone::Neutral, "Builds").part(table(300)).part(table(2));
    let message = message(&card).to_json();
    assert_within_limits(&message);
    assert_eq!(message["blocks"][1]["rows"].as_array().unwrap().len(), 100);
    assert_eq!(message["blocks"][2]["elements"][0]["text"], "… and 201 more");
    assert_eq!(message["blocks"][3]["text"]["text"], "• #0 · state: green\n• #1 · state: green");
}

#[test]
fn the_plain_text_has_a_line_per_row_and_keeps_the_hint() {
    let row =
        |n: usize| vec![Text::plain(format!("#{n}")), Text::plain("–"), Text::default().code("грін 🧨")];
    let table = |rows| Part::Table { header: vec!["a".into(); 3], rows: (0..rows).map(row).collect() };
    let hint = Text::plain("Next: ").code("/build orders");
    let text = |rows| message(&Card::new(Tone::Good, "Builds").part(table(rows)).hint(hint.clone())).text;
    assert_eq!(text(2), "✅ Builds\n#0 · грін 🧨\n#1 · грін 🧨\nNext: /build orders");
    assert!(text(500).ends_with("…\nNext: /build orders"), "{}", text(500));
}

#[test]
fn many_parts_are_folded_and_the_tail_is_kept() {
    let mut card = Card::new(Tone::Neutral, "Everything").hint("Ask for less.").foot("small print");
    for part in 0..80 {
        card = card.text(format!("part {part}"));
    }
    let message = message(&card);
    assert_within_limits(&message.to_json());
    let words = serde_json::to_string(&message.blocks).unwrap();
    assert!(words.contains("… and 38 more parts"), "{words}");
    assert!(words.contains("Ask for less.") && words.contains("small print"));
}

#[test]
fn failed_steps_are_never_left_out() {
    let mut steps: Vec<StepLine> =
        (0..200).map(|n| step(StepState::Done, format!("step {n}").into(), Some(1), None)).collect();
    steps[100].state = StepState::Failed;
    let message = message(&Card::new(Tone::Bad, "Deploy").part(Part::Steps(steps))).to_json();
    assert_within_limits(&message);
    let words = message["blocks"].to_string();
    assert!(words.contains("❌ step 100 · failed") && words.contains("more"), "{words}");
}

#[test]
fn the_check_finds_what_slack_would_refuse() {
    let long = "x".repeat(3_001);
    let bad = json!({ "text": "", "blocks": [
        { "type": "section", "text": { "type": "mrkdwn", "text": long } },
        { "type": "header", "text": { "type": "plain_text", "text": "x".repeat(151) } },
        { "type": "actions", "elements": [] },
        { "type": "nonsense" },
    ]});
    assert_eq!(limit_check::problems(&bad).len(), 5, "{:?}", limit_check::problems(&bad));
    assert_eq!(limit_check::problems(&json!(vec![json!({ "type": "divider" }); 51])).len(), 1);
}

fn span() -> impl Strategy<Value = Span> {
    let words = || {
        let long = ["<&>".repeat(1_200), "🧨".repeat(1_700), "a\u{202e}🧨\u{7}".repeat(300), String::new()];
        prop_oneof!["\\PC{0,60}", "(?s).{0,60}", "[<>&*_~`\n]{0,40}", prop::sample::select(long.to_vec())]
    };
    prop_oneof![
        words().prop_map(Span::Plain),
        words().prop_map(Span::Bold),
        words().prop_map(Span::Code),
        Just(Span::User(UserId::new("U1").unwrap())),
        Just(Span::Group("S1".parse().unwrap())),
        Just(Span::Channel(ChannelId::new("C1").unwrap())),
        ("(?s).{0,2000}", words())
            .prop_map(|(url, label)| Span::Link { url: format!("https://x/{url}"), label }),
        (0i64..4_000_000_000).prop_map(|at| Span::Time(jiff::Timestamp::from_second(at).unwrap())),
    ]
}

fn words() -> impl Strategy<Value = Text> {
    prop::collection::vec(span(), 0..6).prop_map(Text)
}

fn part() -> impl Strategy<Value = Part> {
    let state = prop::sample::select(vec![
        StepState::Pending,
        StepState::Running,
        StepState::Waiting,
        StepState::Done,
        StepState::Failed,
    ]);
    let line = (state, words(), any::<Option<u64>>(), prop::option::of(words()))
        .prop_map(|(state, title, took_ms, note)| StepLine { state, title, took_ms, note });
    prop_oneof![
        words().prop_map(Part::Text),
        prop::collection::vec(("(?s).{0,300}", words()), 0..25).prop_map(Part::Fields),
        prop::collection::vec(line, 0..90).prop_map(Part::Steps),
        (
            prop::collection::vec("(?s).{0,40}", 0..24),
            prop::collection::vec(prop::collection::vec(words(), 0..6), 0..30)
        )
            .prop_map(|(header, rows)| Part::Table { header, rows }),
        prop_oneof!["(?s).{0,5000}", Just("&".repeat(9_000))].prop_map(Part::Code),
        Just(Part::Divider),
    ]
}

fn card() -> impl Strategy<Value = Card> {
    let tone = prop::sample::select(vec![Tone::Neutral, Tone::Running, Tone::Waiting, Tone::Good, Tone::Bad]);
    let confirm = prop::option::of(("(?s).{0,400}", "(?s)[a🧨]{0,400}"));
    let button = ("[a-z.]{1,300}", "(?s).{0,200}", "\\PC{0,2500}", confirm).prop_map(
        |(action_id, label, value, ask)| {
            let confirm =
                ask.map(|(title, text)| Confirm { title, text, confirm: label.clone(), deny: String::new() });
            Button { action_id, label, style: ButtonStyle::Danger, value, confirm }
        },
    );
    let parts = prop::collection::vec(part(), 0..12);
    let (buttons, footer) = (prop::collection::vec(button, 0..4), prop::collection::vec(words(), 0..14));
    (tone, words(), parts, prop::option::of(words()), buttons, footer).prop_map(
        |(tone, title, parts, hint, buttons, footer)| Card {
            tone,
            title,
            parts,
            hint,
            buttons,
            footer,
            code: None,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_card_is_within_slacks_limits(card in card()) {
        assert_within_limits(&message(&card).to_json());
    }
}
