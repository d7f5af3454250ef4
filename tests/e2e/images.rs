//! A function whose code is a container image, beside one whose code is an archive: a build pins the tag, and a tag that moves changes
//! nothing that was approved.

use sluice_e2e::fixture::{approved_promotion, build_and_deploy, deploy};
use sluice_e2e::{Aws, Message, Repository, World};

const NAME: &str = "painter";
/// The part of the template with the image.
const PAINT: &str = "  Paint:
    Type: AWS::Serverless::Function
    Properties:
      PackageType: Image
      ImageUri: !Sub \"${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/painter:stable\"
      ImageConfig:
        Command: [app.paint]
      Events:
        Paint:
          Type: HttpApi
          Properties:
            Method: GET
            Path: /paint
";

/// A program that answers with this colour.
fn program(colour: &str) -> String {
    format!(
        "import os\ndef paint(event, context):\n    return {{'statusCode': 200, 'body': '{colour} on ' + os.environ['STAGE']}}\n"
    )
}

async fn paints(world: &World, stage: &str, colour: &str) {
    world
        .expect_at(&format!("{}/paint", world.stage_url(NAME, stage)), &format!("{colour} on {stage}"))
        .await;
}

/// The digest that the stage's alias runs.
async fn digest(world: &World, stage: &str) -> String {
    let (aws, function) = (Aws(world), format!("sluice-{NAME}-{stage}-Paint"));
    let version = aws.aliases(&function).await.remove(stage).unwrap();
    aws.versions(&function).await.remove(&version).unwrap()
}

/// The policy that a refused deploy shows, as a person copies it from the message.
fn policy_of(failed: &Message) -> String {
    let text = failed.text();
    let (_, rest) = text.rsplit_once("--policy-text '").unwrap_or_else(|| panic!("no policy in {text}"));
    rest.split_once('\'').unwrap().0.to_owned()
}

#[tokio::test]
async fn a_tag_is_pinned_by_the_build_and_what_was_approved_runs() {
    let world = World::shared(module_path!()).await;
    let (ann, aws) = (world.ann(), Aws(&world));
    let created = deploy(&world, NAME, "").await;
    let clone = Repository::clone_from_message(&created);
    clone.edit("template.yaml", |text| {
        let text = text.replacen("    Runtime: python3.12\n", "", 1);
        let text = text.replacen(
            "      Handler: app.handler\n",
            "      Handler: app.handler\n      Runtime: python3.12\n",
            1,
        );
        text.replacen("Resources:\n", &format!("Resources:\n{PAINT}"), 1)
    });
    clone.push("Paint by an image");
    let line = format!("/build {NAME}");
    world.submit(ann, &line).await.fails().await.says(&["ECR has no repository painter"]);
    aws.create_repository(NAME).await;
    world.submit(ann, &line).await.fails().await.says(&["no image with the tag stable"]);
    let red = aws.push_image(NAME, "stable", &program("red")).await;
    world.submit(ann, &line).await.succeeds().await;

    let deploy = format!("/deploy {NAME}");
    let denied = world.submit(ann, &deploy).await.fails().await;
    denied
        .says(&["Lambda may not read the image", "aws ecr set-repository-policy --repository-name painter"]);
    aws.set_repository_policy(NAME, &policy_of(&denied)).await;
    world.submit(ann, &deploy).await.succeeds().await;
    paints(&world, "dev", "red").await;
    assert_eq!(digest(&world, "dev").await, red);

    // The tag moves while the promotion waits.
    let promotion = world.submit(ann, &format!("/promote {NAME} prod")).await;
    let card = promotion.waits().await;
    let blue = aws.push_image(NAME, "stable", &program("blue")).await;
    world.click(world.bob(), &card, "promotion.approve").await;
    promotion.succeeds().await.says(&["is live on prod"]);
    paints(&world, "prod", "red").await;
    assert_eq!(digest(&world, "prod").await, red);

    build_and_deploy(&world, NAME).await;
    paints(&world, "dev", "blue").await;
    paints(&world, "prod", "red").await;
    approved_promotion(&world, NAME).await.succeeds().await;
    paints(&world, "prod", "blue").await;
    assert_eq!(digest(&world, "prod").await, blue);
    world.submit(ann, &format!("/rollback {NAME} prod")).await.succeeds().await;
    paints(&world, "prod", "red").await;
    world.expect_response(NAME, "prod", "").await;

    clone.edit("template.yaml", |text| {
        let (head, rest) = text.split_once("      PackageType: Image\n").unwrap();
        let (_, rest) = rest.split_once("      Events:\n").unwrap();
        format!("{head}      CodeUri: src\n      Handler: app.handler\n      Runtime: python3.12\n      Events:\n{rest}")
    });
    clone.push("Paint by an archive");
    world.submit(ann, &line).await.succeeds().await;
    let converted = world.submit(ann, &deploy).await.fails().await;
    converted.says(&["Lambda cannot convert a function", "another logical id"]);
    paints(&world, "dev", "blue").await;
}

#[tokio::test]
async fn an_image_of_another_team_needs_an_admin() {
    let world = World::shared(module_path!()).await;
    let (ann, aws) = (world.ann(), Aws(&world));
    let created = deploy(&world, "forger", "").await;
    aws.create_repository("vault").await;
    aws.push_image("vault", "stable", &program("gold")).await;
    let anybody = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]}]}"#;
    aws.set_repository_policy("vault", anybody).await;
    let clone = Repository::clone_from_message(&created);
    clone.edit("template.yaml", |text| {
        let text = text.replacen("    Runtime: python3.12\n", "", 1);
        let text = text.replacen(
            "      Handler: app.handler\n",
            "      Handler: app.handler\n      Runtime: python3.12\n",
            1,
        );
        text.replacen("Resources:\n", &format!("Resources:\n{}", PAINT.replace("painter:", "vault:")), 1)
    });
    clone.push("Run what another team has");
    world.submit(ann, "/build forger").await.succeeds().await;
    let refused = world.submit(ann, "/deploy forger").await.fails().await;
    refused.says(&["in the repository vault", "/stage set forger dev images=vault"]);
    world.submit(ann, "/stage set forger dev images=vault").await.succeeds().await;
    world.submit(ann, "/deploy forger").await.succeeds().await;
    world.expect_at(&format!("{}/paint", world.stage_url("forger", "dev")), "gold on dev").await;
}
