//! Failures: the texts and the exit codes, to the letter.

use crate::support::{ENDINGS, Folder, count_vowels, plain, repository, run, run_with, wasi};

fn endings(folder: &Folder) -> String {
    folder.write("endings.wat", ENDINGS)
}

#[test]
fn a_code_without_a_reason_is_told() {
    let folder = Folder::new();
    let ran = run(["call", &endings(&folder), "three"]);
    assert_eq!(ran.failure(), "extism: returned non-zero exit code: 3\n");
    let ran = run(["call", &wasi(), "exit_code", "--wasi", "-i", "9"]);
    assert_eq!(ran.failure(), "extism: returned non-zero exit code: 9\n");
    let ran = run(["call", &wasi(), "exit_code", "--wasi", "-i", "0"]);
    assert_eq!(ran.quiet_success(), b"\n");
}

#[test]
fn the_reason_of_the_plugin_is_the_message() {
    assert_eq!(
        run(["call", &plain(), "fail", "-i", "no"]).failure(),
        "extism: no\n"
    );
    assert_eq!(
        run(["call", &plain(), "fail_code", "-i", "no"]).failure(),
        "extism: no\n"
    );
    let ran = run(["call", &plain(), "fail", "-i", "\u{1b}[2J"]);
    assert_eq!(
        ran.failure(),
        "extism: \\u{1b}[2J\n",
        "it cannot steer a terminal"
    );
}

#[test]
fn a_trap_says_what_and_where() {
    let folder = Folder::new();
    let stderr = run(["call", &endings(&folder), "trap"]).failure();
    let expected = "extism: wasm trap: wasm `unreachable` instruction executed\n\
                    error while executing at wasm backtrace:\n    0: ";
    assert!(stderr.starts_with(expected), "{stderr}");
}

#[test]
fn a_missing_function_leads_to_those_there_are() {
    let call = |plugin: &str, function: &str| run(["call", plugin, function]).failure();
    let expected = "extism: Function not found: countVowel\nhint: did you mean count_vowels?\n";
    assert_eq!(call(&count_vowels(), "countVowel"), expected);
    let expected = "extism: Function not found: xyz\nhint: it has count_vowels\n";
    assert_eq!(call(&count_vowels(), "xyz"), expected);
    let stderr = call(&plain(), "xyzzy");
    assert!(stderr.contains("\nhint: it has alloc, "), "{stderr}");
    assert!(stderr.contains(" more\n"), "{stderr}");

    let folder = Folder::new();
    let nothing = folder.write("nothing.wat", "(module)");
    let expected =
        "extism: Function not found: run\nhint: the plug-in has no function that can be called\n";
    assert_eq!(call(&nothing, "run"), expected);
    let expected = "extism: expected 1 arguments, got 0\n\
                    hint: functions to call take no parameters; `extism inspect` lists them\n";
    assert_eq!(call(&endings(&folder), "wants_more"), expected);
}

#[test]
fn host_functions_are_not_the_command_lines_to_give() {
    let kv = repository("examples/plugins/kv.wasm");
    let expected = "extism: unknown import: `extism:host/user::kv_read` has not been defined\n\
                    hint: the plug-in needs host functions, which only a program that embeds Extism can give it; \
                    `extism inspect` lists them\n";
    assert_eq!(run(["call", &kv, "count_vowels"]).failure(), expected);
    let expected = "extism: unknown import: `extism:host/user::kv_read` has not been defined\n\n\
                    Note: ";
    let quiet = run(["-q", "call", &kv, "count_vowels"]).failure();
    assert!(!quiet.contains("hint: "), "{quiet}");
    assert!(!quiet.starts_with(expected), "{quiet}");
}

#[test]
fn what_cannot_be_loaded_is_named() {
    let folder = Folder::new();
    let missing = folder.file("missing.wasm");
    let expected = format!("extism: Unable to load Wasm file \"{missing}\": entity not found\n");
    assert_eq!(run(["call", &missing, "run"]).failure(), expected);
    let expected =
        format!("extism: cannot read {missing}: No such file or directory (os error 2)\n");
    let ran = run(["call", "-m", &missing, "run"]);
    if cfg!(unix) {
        assert_eq!(ran.failure(), expected);
    }

    let manifest = folder.write("a.json", "{\"wasm\": [{\"path\": \"x\", \"typo\": 1}]}");
    let stderr = run(["call", "-m", &manifest, "run"]).failure();
    assert!(
        stderr.starts_with(&format!("extism: {manifest}: ")),
        "{stderr}"
    );
    assert!(stderr.contains("typo"), "{stderr}");
    assert!(
        stderr.ends_with("hint: `extism schema` prints what a manifest may contain\n"),
        "{stderr}"
    );

    let stderr = run(["call", &manifest, "run"]).failure();
    assert!(
        stderr.ends_with("hint: pass --manifest if the file is a manifest\n"),
        "{stderr}"
    );

    let ran = run(["call", "-m", &folder.write("b.json", "{}"), "run"]);
    let expected = "extism: No wasm files specified in Extism manifest\n\
                    hint: `extism schema` prints what a manifest may contain\n";
    assert_eq!(ran.failure(), expected);
}

#[test]
fn arguments_that_cannot_be_meant_end_with_2() {
    let plugin = count_vowels();
    for (args, text) in [
        (&["call", &plugin][..], "<FUNCTION>"),
        (&["call", &plugin, "f", "-i", "x", "--stdin"], "--stdin"),
        (
            &["call", &plugin, "f", "-i", "x", "--input-file", "x"],
            "--input-file",
        ),
        (
            &["call", "-", "f", "--stdin"],
            "standard input cannot be both the plug-in and the input",
        ),
        (&["call", &plugin, "f", "--timeout", "-5"], "-5"),
        (&["call", &plugin, "f", "--timeout", "soon"], "soon"),
        (
            &["call", &plugin, "f", "--set-config", "[]"],
            "expected a JSON object of strings",
        ),
        (
            &["call", &plugin, "f", "--set-config", "{\"a\":1}"],
            "expected a JSON object of strings",
        ),
        (&["call", &plugin, "f", "--log-level", "loud"], "loud"),
        (
            &["call", &plugin, "f", "--allow-path", ":/x"],
            "expected HOST, HOST:GUEST or ro:HOST:GUEST",
        ),
        (
            &["call", &plugin, "f", "--link", "m=-"],
            "a linked module is a file or a URL",
        ),
        (
            &["call", "-m", "http://127.0.0.1/", "f"],
            "a manifest is read from a file or from `-`",
        ),
        (&["-q", "-v", "schema"], "--quiet"),
        (&["--github-token", "x", "schema"], "--github-token"),
        (&["nonsense"], "nonsense"),
        (
            &["bench", &plugin, "f", "--seconds", "0"],
            "expected 0.01 to 86400",
        ),
        (&["new", "1x"], "a name begins with a letter"),
    ] {
        let ran = run_with(args, b"");
        assert_eq!((ran.code, ran.text()), (2, ""), "{args:?}");
        assert!(ran.stderr.contains(text), "{args:?}: {}", ran.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_a_failure() {
    let plugin = plain();
    let ran = run(["call", &plugin, "echo", "-i", "x", "--output", "/dev/full"]);
    let expected = "extism: cannot write /dev/full: No space left on device (os error 28)\n";
    assert_eq!(ran.failure(), expected);
}
