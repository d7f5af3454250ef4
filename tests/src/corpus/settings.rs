//! What a refusal asks people to set on the stage, and a simple answer to it.

/// The settings that a refusal names, for `/stage set`: values of parameters and the permission for wild statements.
pub(super) fn asked(refusal: &str, known: &[(String, String)]) -> Vec<String> {
    let mut settings: Vec<String> = vec![];
    for line in refusal.replace('`', "").lines() {
        let Some((_, rest)) = line.split_once("the parameter ") else { continue };
        let Some((name, hint)) = rest.split_once(" has no value for the stage ") else { continue };
        let example = hint.split_once(&format!("param.{name}=")).map_or("VALUE", |(_, rest)| {
            let end = rest.find([',', ' ']).unwrap_or(rest.len());
            rest.get(..end).unwrap_or_default()
        });
        let given = known.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = given.unwrap_or(if example == "VALUE" { guess(name) } else { example });
        settings.push(format!("param.{name}={value}"));
    }
    if refusal.contains("wild_rights=yes") {
        settings.push("wild_rights=yes".to_owned());
    }
    settings.dedup();
    settings
}

/// A value for a parameter of which only the name is known.
fn guess(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let guesses =
        [("email", "dev@example.com"), ("arn", "arn:aws:s3:::corpus-example"), ("phone", "+15555550100")];
    guesses.iter().find(|(part, _)| name.contains(part)).map_or("corpus", |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_answered_with_what_it_names() {
        let refusal = "Parameters of the template have missing values:\n\
                       • the parameter `Size` has no value for the stage dev and no default — set it: `/stage set a dev \
                       param.Size=1`, or give it a `Default`\n\
                       • the parameter Mail has no value for the stage dev and no default — set it: /stage set a dev \
                       param.Mail=VALUE, or give it a Default\n\
                       • `Role`: the resource is `*` — ask an admin to allow it: /stage set a dev wild_rights=yes";
        let known = [("Mail".to_owned(), "me@example.com".to_owned())];
        assert_eq!(asked(refusal, &known), ["param.Size=1", "param.Mail=me@example.com", "wild_rights=yes"]);
        assert_eq!(asked("Sluice cannot deploy this template.", &known), Vec::<String>::new());
    }
}
