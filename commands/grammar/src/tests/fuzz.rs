//! Every input is parsed or refused, and a parsed command prints as a line that means the same.

use proptest::prelude::*;

use super::*;
use sluice_testkit::fuzz::{self, Seeds};

#[test]
fn fuzz_grammar() {
    let lines = [
        "/repo create orders",
        "/build orders@main",
        "/build log orders #12",
        "/build cancel orders #12",
        "/deploy orders #12 again",
        "/stage add orders prod after dev protected",
        "/stage lock orders prod for 3h \"the reason\"",
        "/stage unlock orders prod",
        "/stage set orders prod approvals=2 window=\"mon-fri 09:00-17:00 Europe/Berlin\" soak=1h smoke=\"GET /health 200\"",
        "/promote orders from dev to prod r7",
        "/promote approve orders prod looks good",
        "/promote reject orders prod no",
        "/rollback orders prod to r3 because",
        "/pipeline status orders",
        "/pipeline grant orders operators <@U1|ann> <!subteam^S1>",
        "/pipeline history orders since 7d",
        "/pipeline check orders prod",
        "/sluice promote orders",
        "/pipeline help stage",
    ];
    let words: Vec<String> = table()
        .flat_map(|form| form.word.into_iter().chain([form.verb.word()]))
        .chain([
            " ",
            "\n",
            "\t",
            "\"",
            "'",
            "“",
            "”",
            "=",
            "@",
            "#",
            "r",
            "<@U1>",
            "<#C1|x>",
            "<!channel>",
            "&amp;",
            "–",
            "override",
        ])
        .chain([
            "anyway",
            "again",
            "for",
            "until",
            "since",
            "after",
            "to",
            "99999999999999999999",
            "\u{202e}",
            "\u{0}",
            "🧨",
            "param.A=b",
        ])
        .map(str::to_owned)
        .collect();
    let inputs: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let names = Names::default();
    fuzz::run("grammar", &fuzz::damaged(&Seeds { inputs, words }), |line| {
        match parse_line(&line, &names) {
            Ok(command) => {
                let shown = command.to_string();
                let again = parse_line(&shown, &names);
                prop_assert_eq!(again.ok(), Some(command), "{}", shown);
            }
            Err(problem) => {
                let shown = format!("{problem:?}");
                prop_assert!(!shown.is_empty());
            }
        }
        Ok(())
    });
}
