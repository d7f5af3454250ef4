//! The templates of `commands/template/fixtures/stacks`, which `.ci/test` lints once they are emitted.

use super::*;

#[test]
fn each_fixture_is_emitted_and_can_be_read_again() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stacks");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    assert!(files.len() >= 15, "only {} fixtures", files.len());
    for file in files {
        let template: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let world = World::new().with("Password", "hunter2222");
        let stack = stacked(&world, &template).map(|stacked| stacked.desired.stack);
        let stack = stack.unwrap_or_else(|errors| panic!("{}: {errors:?}", file.display())).unwrap();
        assert_eq!(
            StackTemplate::read(&stack.template.text()).unwrap(),
            stack.template,
            "{}",
            file.display()
        );
    }
}
