//! Values of Systems Manager: one is missing, changes between deploys, is shown to approvers, and a rollback returns to the former one.

use sluice_e2e::fixture::{build_and_deploy, deploy};
use sluice_e2e::{Aws, Repository, World};

/// One name by a parameter of the template, which each stage may set, and one by a dynamic reference.
const PARAMETERS: &str = "Parameters:
  Greeting:
    Type: AWS::SSM::Parameter::Value<String>
    Default: /sluice/motto/dev/greeting
";
const VARIABLES: &str = r#"      Variables:
        GREETING: !Ref Greeting
        MOTTO: !Sub "{{resolve:ssm:/sluice/motto/${Stage}/motto}}"
"#;
const TOPIC: &str = "Resources:
  News:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !Ref Greeting
";

async fn store(world: &World, stage: &str, greeting: &str) {
    let aws = Aws(world);
    aws.store_parameter(&format!("/sluice/motto/{stage}/greeting"), greeting).await;
    aws.store_parameter(&format!("/sluice/motto/{stage}/motto"), "carpe diem").await;
}

#[tokio::test]
async fn a_value_that_changes_is_shown_and_a_rollback_returns_to_the_former_one() {
    let world = World::shared(module_path!()).await;
    let ann = world.ann();
    let created = deploy(&world, "motto", "").await;
    let clone = Repository::clone_from_message(&created);
    clone.edit("template.yaml", |text| {
        let text = text.replacen("Parameters:\n", PARAMETERS, 1).replacen("      Variables:\n", VARIABLES, 1);
        text.replacen("Resources:\n", TOPIC, 1)
    });
    clone.edit("src/app.py", |text| {
        let more = "        \"greeting\": os.environ[\"GREETING\"] + \", \" + os.environ[\"MOTTO\"],\n";
        text.replacen("    answer = {\n", &format!("    answer = {{\n{more}"), 1)
    });
    clone.push("Greet as Systems Manager says");
    world.submit(ann, "/build motto").await.succeeds().await;
    let missing = world.submit(ann, "/deploy motto").await.fails().await;
    missing.says(&[
        "the parameter Greeting of the template reads",
        "/sluice/motto/dev/greeting",
        "aws ssm put-parameter --type String --name /sluice/motto/dev/greeting --value VALUE",
        "/stage set motto dev param.Greeting=/path",
        "/sluice/motto/dev/motto",
    ]);
    store(&world, "dev", "Good morning").await;
    world
        .submit(ann, "/deploy motto")
        .await
        .succeeds()
        .await
        .says(&["is live on dev", "/sluice/motto/dev/greeting: Good morning (version 1)"]);
    world.expect_response("motto", "dev", "Good morning, carpe diem").await;
    let again = world.command(ann, "/deploy motto").await.text();
    assert!(again.contains("already runs"), "{again}");

    store(&world, "dev", "Good evening").await;
    let change = "/sluice/motto/dev/greeting: Good morning → Good evening (version 2)";
    let plan = world.command(world.eve(), "/deploy plan motto").await.text();
    assert!(plan.contains(change) && !plan.contains("dev/motto"), "{plan}");
    world.submit(ann, "/deploy motto").await.succeeds().await.says(&[change]);
    world.expect_response("motto", "dev", "Good evening, carpe diem").await;

    store(&world, "prod", "Welcome").await;
    let set = "/stage set motto prod param.Greeting=/sluice/motto/prod/greeting";
    world.submit(ann, set).await.succeeds().await;
    let promotion = world.submit(ann, "/promote motto prod").await;
    let card = promotion.waits().await;
    card.says(&["/sluice/motto/prod/greeting: Welcome (version 1)", "/sluice/motto/prod/motto: carpe diem"]);
    store(&world, "prod", "Too late for this approval").await;
    world.click(world.bob(), &card, "promotion.approve").await;
    promotion.succeeds().await;
    world.expect_response("motto", "prod", "Welcome, carpe diem").await;

    world.submit(ann, "/rollback motto dev").await.succeeds().await;
    world.expect_response("motto", "dev", "Good morning, carpe diem").await;

    // The bot's policy opens two places only, and another stage's parameters are not open to this one.
    Aws(&world).store_parameter("/network/greeting", "Not for everybody").await;
    for (name, wanted) in [
        ("/network/greeting", "which the account does not let Sluice read"),
        ("/sluice/motto/prod/greeting", "belongs to another stage"),
    ] {
        let set = format!("/stage set motto dev param.Greeting={name}");
        world.submit(ann, &set).await.succeeds().await;
        let failed = world.submit(ann, "/deploy motto").await.fails().await;
        failed.says(&[wanted]);
        assert!(!failed.text().contains("Not for everybody"), "{}", failed.text());
    }
    world.submit(ann, "/stage set motto dev param.Greeting=-").await.succeeds().await;
    build_and_deploy(&world, "motto").await;
    world.expect_response("motto", "dev", "Good evening, carpe diem").await;
}
