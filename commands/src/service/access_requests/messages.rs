//! Texts about role requests.

use crate::operation::marked;
use crate::records::{Decided, RequestState, RoleRequest};
use crate::rules::{Access, for_whom};
use sluice_model::{
    AccessRequest, Actor, Button, ButtonStyle, Card, Click, PipelineName, Refusal, Role, Text, Tone, UserId,
};

/// How many people a request mentions.
const MENTIONS: usize = 10;

/// The requested role: "an operator for `orders`".
fn what(role: Role, name: Option<&PipelineName>) -> Text {
    marked(&format!("{} {}", role.one(), for_whom(name)))
}

/// The command that grants the requested role for that pipeline, or for all.
fn grant_line(RoleRequest { person, role, .. }: &RoleRequest, name: Option<&str>) -> String {
    let line = format!("/pipeline grant @{} {}", person.name, role.word());
    name.map_or(line.clone(), |name| format!("{line} {name}"))
}

/// The request, as the channel sees it.
pub(super) fn card(request: &RoleRequest, access: &Access) -> Card {
    let RoleRequest { id, person, role, name, wanted, asked, .. } = request;
    let title = Text::default().user(&person.id).then(" asks to be ").join(what(*role, name.as_ref()));
    let admins = access.admins.iter().take(MENTIONS);
    let please = admins.fold(Text::default(), |text, admin| text.user(admin).then(" "));
    let value =
        AccessRequest { person: person.id.clone(), role: *role, pipeline: name.clone(), id: id.clone() };
    let grant = Button::new(&Click::GrantAccess(value.clone()), "Grant").style(ButtonStyle::Primary);
    let decline = Button::new(&Click::DeclineAccess(value), "Decline").style(ButtonStyle::Danger);
    let (who, what) = (&person.name, what(*role, name.as_ref()).flat());
    let mut hint = Text::plain("An admin can decide within a week, with a button or with ")
        .code(grant_line(request, name.as_ref().map(PipelineName::as_str)));
    // The pipeline does not exist yet, so the missing role is one for all pipelines.
    let created = wanted.strip_prefix("/repo create ").and_then(|line| line.split_whitespace().next());
    if let (None, Some(new)) = (name, created) {
        hint = hint.then(". To grant less, run ").code(wanted.clone()).then(" yourself, then ");
        hint = hint.code(grant_line(request, Some(new)));
    }
    Card::new(Tone::Waiting, title)
        .text(please.then("please decide. The role is needed for ").code(wanted.clone()).then("."))
        .button(grant.asking(format!("{who} will be {what}."), "Grant"))
        .button(decline.asking(format!("{who} will not be {what}."), "Decline"))
        .hint(hint.then("."))
        .foot(Text::plain("Requested ").time(*asked))
}

/// The decided request, without its buttons.
pub(super) fn decided_card(request: &RoleRequest, decided: &Decided) -> Card {
    let RoleRequest { person, role, name, wanted, .. } = request;
    let (tone, said) = match decided.granted {
        true => (Tone::Good, "Granted by "),
        false => (Tone::Bad, "Declined by "),
    };
    let title = Text::default().user(&person.id).then(" asked to be ").join(what(*role, name.as_ref()));
    Card::new(tone, title)
        .text(Text::plain("The role was needed for ").code(wanted.clone()).then("."))
        .foot(Text::plain(said).user(&decided.by.id).then(" ").time(decided.at))
}

/// The refusal of a person who asks again.
pub(super) fn not_again(request: &RoleRequest, state: RequestState<'_>) -> Refusal {
    let what = format!("{} {}", request.role.one(), for_whom(request.name.as_ref()));
    let (problem, hint) = match state {
        RequestState::Decided(Decided { by, .. }) => (
            format!("<@{}> declined your request to be {what}.", by.id),
            "Talk to them. You can ask again after a day.",
        ),
        _ => (
            format!("You already asked to be {what}, and no admin has decided yet."),
            "An admin can decide with the buttons of that message.",
        ),
    };
    Refusal::new("late", problem, hint)
}

/// The refusal of an admin who decides on a closed request.
pub(super) fn closed(request: &RoleRequest, state: RequestState<'_>, reader: &UserId) -> Refusal {
    let problem = match state {
        RequestState::Decided(Decided { by, granted, .. }) => {
            let who = if by.id == *reader { "You".to_owned() } else { format!("<@{}>", by.id) };
            let done = if *granted { "granted" } else { "declined" };
            format!("{who} already {done} this request. Nothing was changed.")
        }
        _ => "This request expired, because nobody decided within a week.".to_owned(),
    };
    let name = request.name.as_ref().map(PipelineName::as_str);
    let hint = match state {
        RequestState::Decided(Decided { granted: true, .. }) => {
            "To see all roles, run `/pipeline who`.".to_owned()
        }
        _ => format!("To grant the role anyway, run `{}`.", grant_line(request, name)),
    };
    Refusal::new("late", problem, hint)
}

/// The refusal of a decision on a request that its author made again.
pub(super) fn replaced() -> Refusal {
    let problem = "A newer request replaced this one. Nothing was changed.";
    Refusal::new("late", problem, "Decide in the newer message.")
}

/// The refusal of a request for a role that the person has.
pub(super) fn already_granted(role: Role, name: Option<&PipelineName>) -> Refusal {
    let problem = format!("You are already {} {}.", role.one(), for_whom(name));
    Refusal::new("already-granted", problem, "Run your command again.")
}

/// The refusal of a click while the roles kept changing.
pub(super) fn busy() -> Refusal {
    let problem = "Too many role changes arrived at the same time, so nothing was done.";
    Refusal::new("busy", problem, "Click again.")
}

/// The reason in the history.
pub(super) fn reason(wanted: &str) -> String {
    format!("needed for {wanted}")
}

/// The notification of the decision for the requester.
pub(super) fn decision(request: &RoleRequest, by: &Actor, granted: bool) -> Card {
    let RoleRequest { person, role, name, wanted, .. } = request;
    let text = Text::default().user(&person.id);
    match granted {
        true => Card::new(Tone::Good, text.then(" is ").join(what(*role, name.as_ref())).then("."))
            .hint(Text::plain("Next: ").code(wanted.clone())),
        false => {
            let said = text.then(": ").user(&by.id).then(" declined your request to be ");
            Card::new(Tone::Neutral, said.join(what(*role, name.as_ref())).then("."))
                .hint("Talk to them. You can make the request again after a day.")
        }
    }
}
