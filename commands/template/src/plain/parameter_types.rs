//! The types of parameters: what CloudFormation allows, and how a value of each is written.

use super::partial::Partial;

/// The type of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `String`, or a type of AWS's with one value, such as `AWS::EC2::VPC::Id`: AWS checks that it exists.
    Text,
    /// `Number`.
    Number,
    /// `List<Number>`.
    Numbers,
    /// `CommaDelimitedList`, or a list of a type of AWS's.
    List,
    /// `AWS::SSM::Parameter::Value<…>`: the value is the name of a parameter of Systems Manager, which holds text or a list.
    System {
        /// Whether it holds a list.
        is_list: bool,
    },
}

/// The types that AWS checks against what exists in the account. From
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html>.
const SUPPLIED: [&str; 10] = [
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::VPC::Id",
    "AWS::EC2::Volume::Id",
    "AWS::Route53::HostedZone::Id",
];

impl Kind {
    /// The type of that name; `None` if CloudFormation has none.
    pub(super) fn of(name: &str) -> Option<Self> {
        let inner = |outer: &str| name.strip_prefix(outer)?.strip_prefix('<')?.strip_suffix('>');
        match name {
            "String" | "AWS::SSM::Parameter::Name" => Some(Kind::Text),
            "Number" => Some(Kind::Number),
            "List<Number>" => Some(Kind::Numbers),
            // `List<String>` is not documented for plain parameters, but CloudFormation takes it.
            "CommaDelimitedList" | "List<String>" => Some(Kind::List),
            _ if SUPPLIED.contains(&name) => Some(Kind::Text),
            _ if inner("List").is_some_and(|one| SUPPLIED.contains(&one)) => Some(Kind::List),
            _ => match Kind::of_system(inner("AWS::SSM::Parameter::Value")?)? {
                Kind::Text => Some(Kind::System { is_list: false }),
                _ => Some(Kind::System { is_list: true }),
            },
        }
    }

    /// What a parameter of Systems Manager may hold; those have no numbers.
    fn of_system(name: &str) -> Option<Self> {
        Kind::of(name).filter(|kind| matches!(kind, Kind::Text | Kind::List))
    }

    /// A type of CloudFormation's with the same values, without checks in the account.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Kind::Text => "String",
            Kind::Number => "Number",
            Kind::Numbers => "List<Number>",
            Kind::List => "CommaDelimitedList",
            Kind::System { is_list: false } => "AWS::SSM::Parameter::Value<String>",
            Kind::System { is_list: true } => "AWS::SSM::Parameter::Value<List<String>>",
        }
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self, Kind::Numbers | Kind::List | Kind::System { is_list: true })
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Kind::Number | Kind::Numbers)
    }

    /// The items of a written value: one, or those between the commas.
    pub(super) fn items(&self, text: &str) -> Vec<String> {
        match self {
            Kind::Numbers | Kind::List => text.split(',').map(|item| item.trim().to_owned()).collect(),
            _ => vec![text.to_owned()],
        }
    }

    /// The value that a `Ref` gives: a string or a list of strings, as CloudFormation passes numbers on.
    pub(super) fn value(&self, text: &str) -> Partial {
        match self.is_list() {
            true => {
                let items = text.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>();
                Partial::Known(items.into())
            }
            false => Partial::Known(text.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_type_is_known_and_no_other() {
        let table = [
            ("String", Some(Kind::Text)),
            ("Number", Some(Kind::Number)),
            ("List<Number>", Some(Kind::Numbers)),
            ("CommaDelimitedList", Some(Kind::List)),
            ("AWS::EC2::VPC::Id", Some(Kind::Text)),
            ("List<AWS::EC2::Subnet::Id>", Some(Kind::List)),
            ("AWS::SSM::Parameter::Name", Some(Kind::Text)),
            ("AWS::SSM::Parameter::Value<String>", Some(Kind::System { is_list: false })),
            ("AWS::SSM::Parameter::Value<List<String>>", Some(Kind::System { is_list: true })),
            ("AWS::SSM::Parameter::Value<CommaDelimitedList>", Some(Kind::System { is_list: true })),
            ("AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Some(Kind::System { is_list: false })),
            ("AWS::SSM::Parameter::Value<List<AWS::EC2::VPC::Id>>", Some(Kind::System { is_list: true })),
            ("AWS::SSM::Parameter::Value<Number>", None),
            ("AWS::SSM::Parameter::Value<AWS::SSM::Parameter::Value<String>>", None),
            ("List<AWS::EC2::Nothing>", None),
            ("string", None),
            ("", None),
        ];
        for (name, expected) in table {
            assert_eq!(Kind::of(name), expected, "{name}");
        }
    }
}
