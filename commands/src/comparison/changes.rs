//! What a release changes on a stage. Each kind of resource describes its part; variables appear by name only. For approvers
//! nothing is left out: lines that do not fit into the card go to the thread, and a release with more changes than fit there is
//! refused.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::comparison::refusals::too_many_changes;
use crate::resources::{self, Change, Line};
use crate::steps::value_changes;
use sluice_model::{Refusal, Target};
use sluice_template::Application;
use sluice_template::plain::SystemParameters;
use sluice_template::rights::size;

/// The size of all lines in the card, in bytes.
const CARD: usize = 6_000;
/// The size of a page in the thread, in bytes.
const PAGE: usize = 3_600;
/// The number of pages in the thread.
const PAGES: usize = 12;

/// The changes, as they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// The lines of each kind of resource, in the order of [`resources::all`]: rights, functions, routes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Line>,
    /// The number of functions that change.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(crate) functions: usize,
    /// Since when the source stage runs the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

impl Changes {
    /// From one application to another, of the same stage. `before` is `None` if nothing runs there yet.
    pub(super) fn between(
        before: Option<&Application>,
        now: &Application,
        target: &Target,
        since: Option<Timestamp>,
    ) -> Self {
        let change = Change::new(before, now, target);
        let mut lines: Vec<Line> = resources::all().iter().flat_map(|kind| kind.describe(&change)).collect();
        let none = SystemParameters::new();
        let values = value_changes(before.map_or(&none, |before| &before.system), &now.system);
        lines.extend(values.into_iter().map(|line| Line::plain(line, false)));
        Self { lines, functions: resources::count_changed(&change), since }
    }

    /// The same with lines after all others.
    pub(super) fn and(mut self, lines: &[Line]) -> Self {
        self.lines.extend_from_slice(lines);
        self
    }

    /// The same with a line before all others.
    pub(super) fn noting(mut self, line: &str) -> Self {
        self.lines.insert(0, Line::plain(line.to_owned(), true));
        self
    }

    /// Whether nothing changes.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines in the card, and those that do not fit there.
    pub(super) fn split(&self) -> (&[Line], &[Line]) {
        let mut left = CARD;
        let fit = self.lines.iter().take_while(|line| {
            let size = line.size() + 1;
            let fits = size <= left;
            left = left.saturating_sub(size);
            fits
        });
        self.lines.split_at(fit.count())
    }

    /// The lines that do not fit into the card, in pages for the thread.
    pub(crate) fn pages(&self) -> Vec<Vec<String>> {
        let (_, thread) = self.split();
        let mut pages: Vec<(usize, Vec<String>)> = Vec::new();
        for line in thread {
            let text = line.text().flat();
            let size = size(&text) + 1;
            match pages.last_mut() {
                Some((open, lines)) if *open + size <= PAGE => {
                    *open += size;
                    lines.push(text);
                }
                _ => pages.push((size, vec![text])),
            }
        }
        pages.into_iter().map(|(_, lines)| lines).collect()
    }

    /// Refuses more changes than card and thread can show.
    pub(super) fn readable(self) -> Result<Self, Refusal> {
        match self.unreadable() {
            None => Ok(self),
            Some(refusal) => Err(refusal),
        }
    }

    /// The refusal of more changes than card and thread can show.
    pub(super) fn unreadable(&self) -> Option<Refusal> {
        (self.pages().len() > PAGES).then(|| too_many_changes(self.lines.len()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::comparison::change_sections;
    use crate::comparison::functions_changed;
    use crate::comparison::messages::{SECTION, Sections};
    use crate::testing::samples::{API, application, other_code};
    use crate::testing::target;
    use sluice_model::{ApiKind, Part};
    use sluice_template::rights::size;

    fn app(functions: &[&str]) -> Application {
        application(&"orders".parse().unwrap(), &"prod".parse().unwrap(), functions)
    }

    fn shown(changes: &Changes) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.flat(),
            _ => String::new(),
        };
        change_sections(changes, Sections::WithThread).iter().map(text).collect::<Vec<_>>().join("\n")
    }

    fn words(before: &Application, now: &Application) -> String {
        let changes = Changes::between(Some(before), now, &target(), None);
        let kept = serde_json::to_string(&changes).unwrap();
        assert_eq!(serde_json::from_str::<Changes>(&kept).unwrap(), changes);
        assert!(!kept.contains("s3cret"), "values of variables are not kept: {kept}");
        shown(&changes).trim_start_matches("Changes\n").to_owned()
    }

    fn may(app: &mut Application, function: &str, statements: Vec<Value>) {
        app.functions.get_mut(function).unwrap().rights.statements = statements;
    }

    fn allow(action: &str, resource: &str) -> Value {
        json!({ "Effect": "Allow", "Action": action, "Resource": resource })
    }

    #[test]
    fn a_changed_function_is_one_line() {
        let before = app(&["Hello", "World"]);
        let mut now = before.clone();
        assert_eq!(words(&before, &now), "");
        let hello = now.functions.get_mut("Hello").unwrap();
        hello.code = other_code();
        (hello.memory, hello.timeout, hello.runtime) = (256, 10, Some("python3.13".into()));
        assert_eq!(
            words(&before, &now),
            "Hello: code, memory (MB) 128 → 256, timeout (s) 3 → 10, runtime python3.12 → python3.13"
        );
    }

    #[test]
    fn another_image_is_shown_by_its_digest() {
        let of = |digit: &str| {
            let mut app = app(&["Hello"]);
            let hello = app.functions.get_mut("Hello").unwrap();
            let uri = format!("{}/orders@sha256:{}", target().image_registry(), digit.repeat(64));
            hello.code = sluice_model::ImageUri::new(&uri).unwrap().into();
            (hello.runtime, hello.handler) = (None, None);
            app
        };
        assert_eq!(words(&of("a"), &of("a")), "");
        assert_eq!(words(&of("a"), &of("b")), "Hello: image aaaaaaaaaaaa → bbbbbbbbbbbb");
        let converted = words(&app(&["Hello"]), &of("b"));
        assert!(converted.starts_with("Hello: code, runtime python3.12 → of the image"), "{converted}");
    }

    #[test]
    fn new_rights_are_listed_first_and_broad_ones_before_narrow_ones() {
        let mut before = app(&["Hello", "World", "Zz"]);
        may(&mut before, "Zz", vec![allow("dynamodb:GetItem", "arn:aws:s3:::orders/*")]);
        let mut now = before.clone();
        now.functions.get_mut("Hello").unwrap().code = other_code();
        let write = allow("sqs:SendMessage", "arn:aws:sqs:*:*:orders");
        may(&mut now, "World", vec![write.clone()]);
        may(&mut now, "Zz", vec![allow("*", "*"), write]);
        assert_eq!(
            words(&before, &now),
            "Zz: Allow every action on every resource\n\
             World, Zz: Allow sqs:SendMessage on arn:aws:sqs:*:*:orders\n\
             World, Zz: permissions\n\
             Hello: code"
        );
        let changes = Changes::between(Some(&before), &now, &target(), None);
        assert!(changes.lines[0].bold && !changes.lines[1].bold);
        let new = Changes::between(None, &now, &target(), None);
        assert!(shown(&new).contains("Zz: Allow every action on every resource\n"), "{}", shown(&new));
        assert_eq!(functions_changed(new.functions), "3 changed functions");
        may(&mut before, "Zz", vec![]);
        assert_eq!(
            words(&now, &before),
            "Hello: code\nWorld, Zz: permissions",
            "removed rights are not listed"
        );
    }

    #[test]
    fn variables_are_named_and_never_shown() {
        let mut before = app(&["Hello"]);
        let variables = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let of = |app: &mut Application, pairs: &[(&str, &str)]| {
            app.functions.get_mut("Hello").unwrap().environment = variables(pairs);
        };
        let mut now = before.clone();
        of(&mut before, &[("KEY", "s3cret"), ("OLD", "s3cret"), ("SAME", "s3cret")]);
        of(&mut now, &[("KEY", "s3cret2"), ("NEW", "s3cret"), ("SAME", "s3cret")]);
        assert_eq!(words(&before, &now), "Hello: variables KEY changed, NEW added, OLD removed");
        let many: Vec<String> = (0..20).map(|nth| format!("{}{nth:02}", "V".repeat(60))).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "s3cret")).collect();
        of(&mut now, &many);
        let lines = words(&before, &now);
        assert!(many.iter().all(|(name, _)| lines.contains(name)), "every name is listed: {lines}");
    }

    #[test]
    fn added_and_removed_functions_and_routes_are_listed() {
        let many: Vec<String> = (0..12).map(|nth| format!("F{nth:02}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut now = app(&many);
        let lines = words(&app(&["F00", "Gone"]), &now);
        assert!(
            lines.starts_with("F01, F02, F03, F04, F05, F06, F07, F08 and 3 more: new\nGone: removed\n"),
            "{lines}"
        );
        assert!((1..12).all(|nth| lines.contains(&format!("GET /f{nth:02} added"))), "{lines}");
        assert_eq!(words(&app(&["A", "B"]), &app(&["A"])), "B: removed\nRoutes: GET /b removed");
        let before = now.clone();
        let other = now.apis[API].body["paths"]["/f05"].clone();
        now.apis.get_mut(API).unwrap().body["paths"]["/f00"] = other;
        assert_eq!(words(&before, &now), "Routes: GET /f00 changed");
        let changes = Changes::between(Some(&before), &now, &target(), None);
        assert_eq!(functions_changed(changes.functions), "no changed functions");
    }

    /// An attacker would drop an authorizer beside a new route.
    #[test]
    fn a_change_of_an_api_is_listed_beside_new_routes() {
        let (mut before, mut now) = (app(&["A"]), app(&["A", "B"]));
        let api = |app: &mut Application| app.apis.get_mut(API).unwrap().body.clone();
        let mut guarded = api(&mut before);
        guarded["paths"]["/a"]["get"]["security"] = json!([{ "Own": [] }]);
        guarded["security"] = json!([{ "Own": [] }]);
        before.apis.get_mut(API).unwrap().body = guarded;
        now.functions = before.functions.clone();
        let lines = words(&before, &now);
        assert_eq!(lines, "Routes: GET /a changed, GET /b added\nSettings of the HTTP API changed");
    }

    #[test]
    fn routes_name_their_api_if_there_are_several() {
        let before = app(&["A"]);
        let mut now = before.clone();
        now.functions.extend(app(&["B"]).functions);
        let mut rest = app(&["B"]).apis.remove(API).unwrap();
        rest.kind = ApiKind::Rest;
        now.apis.insert("ServerlessRestApi".into(), rest.clone());
        assert_eq!(words(&before, &now), "B: new\nRoutes: GET /b of the REST API added");
        rest.endpoint = Some("REGIONAL".into());
        let mut then = now.clone();
        then.apis.insert("ServerlessRestApi".into(), rest.clone());
        assert_eq!(words(&then, &now), "Settings of the REST API changed");
        then.apis.insert("Own".into(), rest);
        assert_eq!(words(&now, &then), "Routes: GET /b of API Own added\nSettings of the REST API changed");
    }

    /// An attacker would hide the one dangerous right among hundreds of others.
    #[test]
    fn no_right_is_left_out_however_many_there_are() {
        let (before, mut now) = (app(&["Hello"]), app(&["Hello"]));
        let statements =
            (0..300).map(|nth| allow("s3:GetObject", &format!("arn:aws:s3:::orders-{nth:03}/*")));
        may(&mut now, "Hello", statements.chain([allow("*", "*")]).collect());
        let changes = Changes::between(Some(&before), &now, &target(), None).readable().unwrap();
        let (card, pages) = (shown(&changes), changes.pages());
        assert!(card.starts_with("Changes\nHello: Allow every action on every resource\n"), "{card}");
        assert!(card.contains("more changes are in the thread"), "{card}");
        assert!(size(&card) < CARD + 200, "{}", size(&card));
        let all = format!("{card}\n{}", pages.concat().join("\n"));
        assert!((0..300).all(|nth| all.contains(&format!("on orders-{nth:03}/*"))));
        assert!(pages.iter().all(|page| size(&page.join("\n")) <= PAGE));
        for part in change_sections(&changes, Sections::WithThread) {
            assert!(matches!(part, Part::Text(text) if size(&text.flat()) <= SECTION + 60));
        }
        let endless = (0..2_000).map(|nth| allow("s3:GetObject", &format!("arn:aws:s3:::orders-{nth:04}/*")));
        may(&mut now, "Hello", endless.collect());
        let refused = Changes::between(Some(&before), &now, &target(), None).readable().unwrap_err();
        assert_eq!(refused.code, "too-many-changes");
    }
}
