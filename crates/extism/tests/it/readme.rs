//! The example of README.md runs.

use std::path::Path;
use std::process::Command;

#[test]
fn the_example_of_the_readme_runs_at_the_root() {
    // Cargo builds the examples of a package beside its tests: target/PROFILE/{deps,examples}.
    let tests = std::env::current_exe().unwrap();
    let profile = tests.parent().and_then(Path::parent).unwrap();
    let example = profile
        .join("examples")
        .join(format!("embed{}", std::env::consts::EXE_SUFFIX));
    let output = Command::new(example)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        printed,
        "{\"count\":4,\"total\":4,\"vowels\":\"aAeEiIoOuU\"}\n"
    );
}
