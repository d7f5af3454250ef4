//! No input makes the reader panic.

use proptest::prelude::*;

use super::*;

/// JSON that resembles SAM templates.
fn any_json() -> impl Strategy<Value = Value> {
    resembling(&[
        "Ref",
        "Fn::Sub",
        "Fn::Join",
        "Fn::GetAtt",
        "Fn::If",
        "Stage",
        "Hello",
        "Arn",
        "Hello.Arn",
        "${Stage}",
        "${!x}",
        "${Hello.Arn}${",
        "AWS::Region",
        "HttpApi",
        "Properties",
        "Type",
        "Path",
        "Method",
        "/a/{b+}",
        "GET",
        "Variables",
        "Statement",
        "Effect",
        "Action",
        "Resource",
        "é",
        "",
        "Default",
        "String",
        "s3://b/orders/k",
        "2012-10-17",
    ])
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(value in any_json(), slot in 0usize..10, original in "\\PC{0,60}") {
        let mut whole = template(json!({ "Hello": function(json!({})) }));
        match slot {
            0 => whole = value,
            1 => whole["Resources"] = value,
            2 => whole["Parameters"] = value,
            3 => whole["Globals"] = value,
            4 => whole["Resources"]["Hello"] = value,
            5 => whole["Resources"]["Hello"]["Properties"] = value,
            6 => whole["Resources"]["Hello"]["Properties"]["Environment"] = json!({ "Variables": { "XX": value } }),
            7 => whole["Resources"]["Hello"]["Properties"]["Policies"] = value,
            8 => whole["Resources"]["Hello"]["Properties"]["Events"] = value,
            _ => whole["Parameters"]["Other"] = value,
        }
        let manifest = Manifest::default();
        let read = read(&whole.to_string(), &original, &manifest, &World::new().deploying());
        // Without a manifest no function has code, so nothing may pass.
        prop_assert!(read.is_err());
    }
}
