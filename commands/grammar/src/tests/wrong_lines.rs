//! Lines with a mistake, its code, and the suggested line ("" for none).

use super::*;

const WRONG: &[(&str, &str, &str)] = &[
    // A verb's word misspelt, missing or another's.
    ("/repo craete orders", "unknown-word", "/repo create orders"),
    ("/repo lsit", "unknown-word", "/repo list"),
    ("/repo orders", "unknown-word", "/repo create orders"),
    ("/repo new orders", "unknown-word", "/repo create orders"),
    ("/stage orders", "unknown-word", "/stage list orders"),
    ("/stage ad orders staging", "unknown-word", "/stage add orders staging"),
    ("/stage orders add staging", "unknown-word", "/stage add orders staging"),
    ("/pipeline orders", "unknown-word", "/pipeline status orders"),
    ("/pipeline stauts orders", "unknown-word", "/pipeline status orders"),
    ("/pipeline hist orders", "unknown-word", "/pipeline history orders"),
    ("/pipeline create orders", "unknown-word", "/repo create orders"),
    ("/deploy create orders", "reserved-word", "/repo create orders"),
    ("/deploy list orders", "reserved-word", "/build list orders"),
    ("/deploy build orders", "reserved-word", "/build orders"),
    ("/promote aprove orders prod", "extra", "/promote approve orders prod"),
    ("/sluice deplyo orders", "unknown-command", "/deploy orders"),
    ("/sluice status", "unknown-command", "/pipeline status"),
    ("/sluice create orders", "unknown-command", "/repo create orders"),
    ("/sluice orders", "unknown-command", ""),
    ("/biuld orders", "unknown-command", "/build orders"),
    ("/weather today", "unknown-command", ""),
    // Nothing, or not enough.
    ("/build", "empty", ""),
    ("/stage", "empty", ""),
    ("/rollback   ", "empty", ""),
    ("/sluice build", "empty", ""),
    ("/promote orders", "missing", ""),
    ("/promote orders to", "missing", ""),
    ("/promote orders prod from", "missing", ""),
    ("/promote approve orders", "missing", ""),
    ("/promote diff orders", "missing", ""),
    ("/deploy plan", "missing", ""),
    ("/pipeline logs", "missing", ""),
    ("/pipeline log orders", "unknown-word", "/pipeline logs orders"),
    ("/pipeline logs orders since yesterday", "bad-time", ""),
    ("/rollback orders", "missing", ""),
    ("/rollback orders to r6", "missing", ""),
    ("/stage add orders", "missing", ""),
    ("/build log", "missing", ""),
    ("/build orders@", "bad-reference", ""),
    // Names.
    ("/build list", "missing", ""),
    ("/build deploy", "reserved-word", "/build \"deploy\""),
    ("/repo create build", "reserved-word", "/repo create \"build\""),
    ("/stage add orders latest", "reserved-word", "/stage add orders \"latest\""),
    ("/build Ord_ers", "bad-name", "/build ord-ers"),
    ("/build #orders", "bad-name", "/build orders"),
    ("/build <#C0123|orders>", "bad-name", "/build orders"),
    ("/build 🚀", "bad-name", ""),
    ("/build ördérs", "bad-name", ""),
    ("/build o", "bad-name", ""),
    ("/repo create my service", "bad-language", "/repo create my-service"),
    ("/repo create orders from pyton", "bad-language", "/repo create orders from python"),
    ("/repo create orders from java", "bad-language", ""),
    ("/stage add orders a-stage-with-a-very-long-name", "bad-stage", ""),
    ("/build https://github.com/x/y", "bad-name", ""),
    ("/build <@U0123|ann>", "bad-name", ""),
    // Courtesy and mentions are dropped; they never become a waiver of a safeguard.
    ("/promote orders prod <@U0123|bob>", "extra", "/promote orders prod"),
    ("/promote orders prod please", "extra", "/promote orders prod"),
    ("/promote orders prod r8 again please", "extra", ""),
    ("/deploy billing and orders", "reserved-word", ""),
    ("/promot orders prod override it is down", "unknown-command", ""),
    // The end of a lock.
    ("/stage lock orders prod until the fix is out", "bad-time", ""),
    ("/stage lock orders prod until further notice", "bad-time", ""),
    ("/stage lock orders prod the ledger until bob is back", "bad-time", ""),
    ("/stage lock orders prod for two hours", "bad-time", ""),
    ("/stage lock orders prod for 30m1h a test", "bad-time", ""),
    ("/stage lock orders prod the fair for the weekend", "bad-time", ""),
    ("/stage lock orders prod waiting for 2 hours of tests", "bad-time", ""),
    ("/pipeline history orders since yesterday", "bad-time", ""),
    // Numbers and references.
    ("/deploy #12 orders", "bad-name", "/deploy orders #12"),
    ("/build log #12 orders", "bad-name", "/build log orders #12"),
    ("/deploy orders r7", "bad-build", ""),
    ("/deploy orders #x", "bad-build", ""),
    ("/deploy orders 0", "bad-build", ""),
    ("/promote orders prod #12", "bad-release", ""),
    ("/promote prod orders r7x", "bad-release", ""),
    ("/rollback orders prod #12 is bad", "bad-release", ""),
    ("/rollback orders prod 6 checkout is down", "ambiguous", "/rollback orders prod to r6 checkout is down"),
    ("/sluice rollback orders prod 6 is bad", "ambiguous", "/rollback orders prod to r6 is bad"),
    ("/rollback orders prod r6 to r5", "repeated", ""),
    ("/rollback orders prod from r7 to r6", "ambiguous", ""),
    ("/rollback orders prod release 6", "ambiguous", ""),
    ("/rollback orders r6", "bad-stage", ""),
    ("/build orders 12", "bad-reference", ""),
    ("/build orders #12", "bad-reference", ""),
    ("/build orders a..b", "bad-reference", ""),
    ("/build orders@main now please", "extra", ""),
    ("/deploy orders build 12", "reserved-word", "/deploy orders #12"),
    // Small words.
    ("/promote orders prod form staging", "extra", "/promote orders prod from staging"),
    ("/promote orders prod staging", "extra", "/promote orders prod from staging"),
    ("/promote orders staging to prod", "repeated", "/promote orders prod from staging"),
    ("/stage add orders staging dev", "extra", "/stage add orders staging after dev"),
    ("/stage add orders staging atfer dev", "extra", "/stage add orders staging after dev"),
    ("/deploy orders too dev", "extra", "/deploy orders to dev"),
    ("/deploy orders to dev to prod", "repeated", ""),
    ("/build list orders please", "extra", "/build list orders"),
    // People, times, topics.
    ("/pipeline history orders @ann", "pick-person", ""),
    ("/pipeline history orders since yesterday", "bad-time", ""),
    ("/pipeline help biuld", "unknown-topic", "/pipeline help build"),
    ("/build help lgo", "unknown-topic", "/pipeline help build log"),
    ("/pipeline help nothing", "unknown-topic", ""),
    // Not available yet, so not explained.
    ("/pipeline watch", "not-available", ""),
];

#[test]
fn the_nearest_correct_line_is_suggested() {
    let mut different = Vec::new();
    for (typed, code, nearest) in WRONG {
        let wrong = read(typed).map(|command| command.to_string()).expect_err(typed);
        let answer = (wrong.code, wrong.nearest.clone().unwrap_or_default());
        if answer != (*code, (*nearest).to_owned()) {
            different
                .push(format!("{typed}\n   wanted {code} {nearest}\n   found  {} {}", answer.0, answer.1));
        }
    }
    assert!(different.is_empty(), "\n{}", different.join("\n"));
}

#[test]
fn suggestions_can_be_typed() {
    for (typed, ..) in WRONG {
        let wrong = read(typed).expect_err(typed);
        for line in wrong.nearest.iter().chain([&wrong.example]) {
            assert!(read(line).is_ok(), "{typed}: {line}");
        }
    }
}

#[test]
fn the_span_counts_characters_of_the_normalised_text() {
    let wrong = read("/promote  “list” prod\u{a0}éé x").expect_err("two words too many");
    assert_eq!((wrong.typed.as_str(), wrong.span), ("\"list\" prod éé x", Some(12..14)));
}

#[test]
fn long_lines_and_reasons_are_refused() {
    assert_eq!(
        read(&format!("/rollback orders prod {}", "x".repeat(4000))).expect_err("too long").code,
        "too-long"
    );
    // An accepted command can be printed and typed again, however many quotes have to be escaped.
    let quotes = format!("/stage lock orders prod {}", "\"the ".repeat(200));
    let shown = read(&quotes).expect("1,000 characters").to_string();
    assert_eq!(read(&shown), read(&quotes), "{shown}");
    let wrong = read(&format!("{quotes}\"the")).expect_err("a longer reason");
    assert_eq!(wrong.code, "too-long");
}

#[test]
fn a_command_for_an_unknown_pipeline_may_have_meant_another() {
    for (typed, other) in [
        ("/build lgo orders", Some("/build log orders")),
        ("/deploy craete orders", Some("/repo create orders")),
        ("/build lsit@orders", Some("/build list orders")),
        ("/promote aprove orders", None),
        ("/build orders", None),
        ("/build log orders", None),
    ] {
        assert_eq!(read(typed).ok().and_then(|command| command.other_reading()).as_deref(), other, "{typed}");
    }
    assert_eq!(closest("ordrs", ["payments", "orders", "borders"]), Some("orders"));
    assert_eq!(closest("billing", ["payments", "orders"]), None);
}

#[test]
fn lines_made_to_be_slow_are_parsed() {
    for (open, middle, close) in
        [("<", "@U2", ">"), ("&", "amp;", "amp;"), ("=", "\"", "\""), ("<@U1|", "<", ">")]
    {
        let text = format!("orders prod {}{middle}{}", open.repeat(600), close.repeat(600));
        let _ = read(&format!("/rollback {text}"));
        let _ = read(&format!("/stage set {text}"));
    }
}
