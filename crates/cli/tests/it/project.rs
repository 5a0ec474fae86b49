//! `new` and `generate`: a plug-in to begin with.

use std::process::Command;

use crate::support::{Folder, extism, repository, run, wait};

const FILES: [&str; 4] = [".gitignore", "Cargo.toml", "README.md", "src/lib.rs"];

#[test]
fn a_plugin_is_begun_in_a_folder_of_its_name() {
    let folder = Folder::new();
    let mut command = extism();
    command
        .current_dir(folder.path())
        .args(["new", "my-plugin"]);
    let text = String::from_utf8(wait(command, b"").quiet_success()).unwrap();
    assert!(
        text.starts_with(
            "my-plugin is a plug-in with one function, greet. Next:\n\n  cd my-plugin\n"
        )
    );
    let call =
        "  extism call target/wasm32-unknown-unknown/release/my_plugin.wasm greet --input Ada\n";
    assert!(text.ends_with(call), "{text}");
    for file in FILES {
        let text = std::fs::read_to_string(folder.join("my-plugin").join(file)).unwrap();
        assert!(!text.contains("{{"), "{file}: {text}");
    }
    let manifest = std::fs::read_to_string(folder.join("my-plugin/Cargo.toml")).unwrap();
    assert!(manifest.contains("name = \"my-plugin\"\n"), "{manifest}");
    let kit = format!("extism-pdk = \"{}\"\n", env!("CARGO_PKG_VERSION"));
    assert!(manifest.contains(&kit), "{manifest}");
}

#[test]
fn nothing_is_overwritten() {
    let folder = Folder::new();
    let file = folder.write("taken/Cargo.toml", "mine");
    let taken = folder.file("taken");
    let expected = format!(
        "extism: {taken} exists already\nhint: choose another name, or a folder with --dir\n"
    );
    assert_eq!(run(["new", "a", "--dir", &taken]).failure(), expected);
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    let expected = format!(
        "extism: {file} exists already\nhint: choose another name, or a folder with --dir\n"
    );
    assert_eq!(run(["new", "a", "--dir", &file]).failure(), expected);
    let empty = folder.file("empty");
    std::fs::create_dir(&empty).unwrap();
    assert_eq!(
        run(["-q", "new", "a", "--dir", &empty]).quiet_success(),
        b""
    );
}

/// The kit of this repository stands in for the published one.
#[test]
fn what_is_begun_resolves() {
    let folder = Folder::new();
    let project = folder.file("project");
    let kit = repository("pdk/rust");
    let ran = run([
        "-q", "new", "begun", "--lang", "Rust", "--dir", &project, "--pdk", &kit,
    ]);
    assert_eq!(ran.quiet_success(), b"");
    // What this test was built with is at hand; anything newer may not be.
    std::fs::copy(repository("Cargo.lock"), folder.join("project/Cargo.lock")).unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    let manifest = folder.file("project/Cargo.toml");
    command.args([
        "metadata",
        "--offline",
        "--format-version",
        "1",
        "--manifest-path",
        &manifest,
    ]);
    let ran = wait(command, b"");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let metadata: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let begun = packages
        .iter()
        .find(|package| package["name"] == "begun")
        .unwrap();
    assert_eq!(
        begun["targets"][0]["crate_types"],
        serde_json::json!(["cdylib"])
    );
    let found = packages
        .iter()
        .find(|package| package["name"] == "extism-pdk")
        .unwrap();
    assert_eq!(found["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_plugin_in_c_has_its_kit_beside_it() {
    let folder = Folder::new();
    let project = folder.file("my-plugin");
    let ran = run(["new", "my-plugin", "--lang", "c", "--dir", &project]);
    let text = String::from_utf8(ran.quiet_success()).unwrap();
    let build = "-Wl,--no-entry,--strip-all plugin.c -o my_plugin.wasm\n  \
                 extism call my_plugin.wasm greet --input Ada\n";
    assert!(text.ends_with(build), "{text}");
    let read = |file: &str| std::fs::read_to_string(folder.join("my-plugin").join(file)).unwrap();
    for file in [".gitignore", "README.md", "plugin.c"] {
        assert!(!read(file).contains("{{"), "{file}");
    }
    let kit = std::fs::read_to_string(repository("pdk/c/extism-pdk.h")).unwrap();
    assert_eq!(read("extism-pdk.h"), kit);
}

#[test]
fn a_plugin_in_c_may_have_another_kit() {
    let folder = Folder::new();
    folder.write("kit/extism-pdk.h", "/* mine */\n");
    let (kit, project) = (folder.file("kit"), folder.file("project"));
    let ran = run([
        "-q", "new", "begun", "-l", "C", "--dir", &project, "--pdk", &kit,
    ]);
    assert_eq!(ran.quiet_success(), b"");
    let header = std::fs::read(folder.join("project/extism-pdk.h")).unwrap();
    assert_eq!(header, b"/* mine */\n");
}

#[test]
fn the_published_spelling_makes_the_same() {
    let folder = Folder::new();
    for (command, name) in [("generate", "one"), ("gen", "two")] {
        let output = folder.file(name);
        let ran = run(["-q", command, "plugin", "-l", "rust", "-o", &output]);
        assert_eq!(ran.quiet_success(), b"");
        for file in FILES {
            assert!(folder.join(name).join(file).exists(), "{file}");
        }
    }
    let ran = run(["generate", "plugin", "-l", "cobol", "-o", "x"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("cobol") && ran.stderr.contains("rust"),
        "{ran:?}"
    );
    let ran = run(["generate", "plugin", "-o", ".."]);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.stderr, "extism: .. does not end with a name\n");
}

#[test]
fn a_kit_that_is_not_there_is_named() {
    let folder = Folder::new();
    let kit = folder.file("kit");
    let project = folder.file("project");
    for lang in ["rust", "c"] {
        let options = ["--lang", lang, "--dir", &project, "--pdk", &kit];
        let stderr = run(["new", "a"].into_iter().chain(options)).failure();
        assert!(
            stderr.starts_with(&format!("extism: cannot use the kit in {kit}: ")),
            "{stderr}"
        );
        assert!(!folder.join("project").exists());
    }
}
