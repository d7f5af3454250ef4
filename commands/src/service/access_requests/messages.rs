//! Texts about role requests.

use crate::operation::marked;
use crate::records::{Decided, RequestState, RoleRequest};
use crate::rules::{Access, for_whom};
use sluice_model::{
    AccessRequest, Actor, Button, ButtonStyle, Card, Click, PipelineName, Refusal, Role, Text, Tone,
};

/// How many people a request mentions.
const MENTIONS: usize = 10;

/// The requested role: "an operator for `orders`".
fn what(role: Role, name: Option<&PipelineName>) -> Text {
    marked(&format!("{} {}", role.one(), for_whom(name)))
}

/// The request, as the channel sees it.
pub(super) fn card(request: &RoleRequest, access: &Access) -> Card {
    let RoleRequest { id, person, role, name, wanted, asked, .. } = request;
    let title = Text::default().user(&person.id).then(" asks to be ").join(what(*role, name.as_ref()));
    let admins = access.admins.iter().take(MENTIONS);
    let please = admins.fold(Text::default(), |text, admin| text.user(admin).then(" "));
    let request =
        AccessRequest { person: person.id.clone(), role: *role, pipeline: name.clone(), id: id.clone() };
    let grant = Button::new(&Click::GrantAccess(request.clone()), "Grant").style(ButtonStyle::Primary);
    let decline = Button::new(&Click::DeclineAccess(request), "Decline").style(ButtonStyle::Danger);
    let (who, what) = (&person.name, what(*role, name.as_ref()).flat());
    let line = format!("/pipeline grant @{} {}", person.name, role.word());
    let line = name.as_ref().map_or(line.clone(), |name| format!("{line} {name}"));
    let mut hint = Text::plain("An admin can decide within a week, with a button or with ").code(line);
    // The pipeline does not exist yet, so the missing role is one for all pipelines.
    let created = wanted.strip_prefix("/repo create ").and_then(|line| line.split_whitespace().next());
    if let (None, Some(new)) = (name, created) {
        let smaller = format!("/pipeline grant @{} {} {new}", person.name, role.word());
        hint = hint.then(". To grant less, run ").code(wanted.clone()).then(" yourself, then ").code(smaller);
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

/// The refusal of a decision on a closed request, or of a repeated request.
pub(super) fn closed(request: &RoleRequest, state: RequestState<'_>) -> Refusal {
    let RoleRequest { person, role, name, .. } = request;
    let what = format!("<@{}>'s request to be {} {}", person.id, role.one(), for_whom(name.as_ref()));
    let (problem, hint) = match state {
        RequestState::Open => {
            (format!("{what} is open."), "An admin decides it: see its message in the channel.")
        }
        RequestState::Expired => (
            format!("{what} expired, because nobody decided within a week."),
            "The request can be made again.",
        ),
        RequestState::Decided(Decided { by, granted: true, .. }) => {
            (format!("{what} was granted by <@{}> already; nothing changed.", by.id), "See `/pipeline who`.")
        }
        RequestState::Decided(Decided { by, .. }) => (
            format!("{what} was declined by <@{}>; nothing changed.", by.id),
            "Talk to them. You can make the request again after a day; an admin can grant it at any time.",
        ),
    };
    Refusal::new("late", problem, hint)
}

/// The notification of the decision for the requester.
pub(super) fn told(request: &RoleRequest, by: &Actor, granted: bool) -> Card {
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
