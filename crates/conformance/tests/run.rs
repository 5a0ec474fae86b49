//! The runner against a driver that misbehaves on request.

use std::path::Path;
use std::process::Command;

const RUNNER: &str = env!("CARGO_BIN_EXE_extism-conformance");
const DOUBLE: &str = env!("CARGO_BIN_EXE_extism-conformance-double");

/// A suite of these steps, one case each, named `a0`, `a1` and so on in the area `area`.
fn suite(cases: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("suite/cases")).unwrap();
    let entries = cases.iter().enumerate();
    let text: String = entries
        .map(|(at, steps)| format!("[[case]]\nid = \"a{at}\"\nsteps = '''\n{steps}\n'''\n"))
        .collect();
    write(folder.path(), "suite/cases/area.toml", &text);
    let count = cases.len();
    let minimum = format!("total = {count}\ncore = 0\n[area]\narea = {count}\n");
    write(folder.path(), "suite/minimum.toml", &minimum);
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// What the runner prints, and its exit code.
fn run(folder: &Path, arguments: &[&str]) -> (String, i32) {
    let features = "cancel,compiled,context,fs,fuel,headers,host_context,http,inspect,limits,logs,namespace,\
                    nested,pool,precompile,reenter,renew,stats,threads,vars";
    run_with(folder, &[&["--features", features], arguments].concat())
}

fn run_with(folder: &Path, arguments: &[&str]) -> (String, i32) {
    let output = Command::new(RUNNER)
        .arg("--suite")
        .arg(folder.join("suite"))
        .args(["--driver", DOUBLE])
        .args(arguments)
        .output()
        .unwrap();
    let text =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (text, output.status.code().unwrap())
}

#[test]
fn a_run_without_a_failure_is_quiet() {
    let folder = suite(&[
        "CALL p1 echo 'hi' -> 'hi'",
        "CALL p1 fail -> GUEST_ERROR 7 ~'oups'",
    ]);
    // Two cases, and that nothing is left.
    assert_eq!(
        run(folder.path(), &[]),
        ("3 passed, 0 failed, 0 skipped\n".to_owned(), 0)
    );
    let (text, code) = run(folder.path(), &["--filter", "a1"]);
    assert_eq!(
        (text.as_str(), code),
        ("2 passed, 0 failed, 0 skipped\n", 0)
    );
}

#[test]
fn a_failure_shows_the_step_what_was_expected_and_what_came() {
    let folder = suite(&["CALL p1 echo 'a\\nb' -> 'hi'"]);
    let (text, code) = run(folder.path(), &[]);
    let expected = "area/a0\n    CALL p1 echo 'a\\nb' -> 'hi'\n    word 1 is another\n    got OK 'a\\nb'\n\
                    1 passed, 1 failed, 0 skipped\n";
    assert_eq!((text.as_str(), code), (expected, 1));
}

#[test]
fn a_driver_that_hangs_dies_or_babbles_is_replaced() {
    let folder = suite(&[
        "CALL p1 hang -> OK",
        "CALL p1 die -> OK",
        "CALL p1 babble -> OK",
        "CALL p1 cannot -> OK",
        "CALL p1 echo 'hi' -> 'hi'",
    ]);
    let (text, code) = run(folder.path(), &["--timeout", "1"]);
    for why in [
        "no answer within 1 s",
        "no answer: the driver ended",
        "no reply of the protocol: Nothing that is a reply",
        "a required feature is missing",
    ] {
        assert!(text.contains(why), "{text}");
    }
    assert!(text.ends_with("2 passed, 4 failed, 0 skipped\n"), "{text}");
    assert_eq!(code, 1);
}

#[test]
fn what_is_left_behind_is_a_failure_of_its_own() {
    let folder = suite(&["CALL p1 leak -> OK"]);
    let (text, _) = run(folder.path(), &[]);
    let expected = "area/nothing-is-left\n    STATS\n    expected OK 0 0 0 0\n    got OK 1 0 0 0\n\
                    1 passed, 1 failed, 0 skipped\n";
    assert_eq!(text, expected);
}

#[test]
fn missing_features_are_skipped_with_their_reason() {
    let folder = suite(&["NEW p1 '(module)' wasi=1 -> OK", "GC -> OK"]);
    let (text, code) = run(folder.path(), &[]);
    let expected = "1 skipped: wasi: not declared\n2 passed, 0 failed, 1 skipped\n";
    assert_eq!((text.as_str(), code), (expected, 0));
}

#[test]
fn the_driver_has_what_is_declared() {
    let folder = suite(&["GC -> OK"]);
    let (text, code) = run_with(folder.path(), &["--features", "wasi"]);
    assert!(text.contains("the driver says that it has"), "{text}");
    assert_eq!(code, 2);
    let sdk = folder.path().join("sdk");
    std::fs::create_dir(&sdk).unwrap();
    let toml = format!(
        "[commands]\ndriver = [{DOUBLE:?}, \"http\"]\n[features]\ndeclared = [\"http\"]\n[features.missing]\n{}",
        [
            "cancel",
            "compiled",
            "context",
            "fs",
            "fuel",
            "headers",
            "host_context",
            "inspect",
            "limits",
            "logs",
            "namespace",
            "nested",
            "pool",
            "precompile",
            "reenter",
            "renew",
            "stats",
            "threads",
            "vars",
            "wasi",
        ]
        .map(|name| format!("{name} = \"not yet\"\n"))
        .concat()
    );
    write(&sdk, "sdk.toml", &toml);
    let output = Command::new(RUNNER)
        .arg("--suite")
        .arg(folder.path().join("suite"))
        .arg("--sdk")
        .arg(&sdk)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text,
        "1 skipped: stats: not yet\n1 passed, 0 failed, 1 skipped\n"
    );
}

#[test]
fn known_failures() {
    let folder = suite(&["CALL p1 fail -> OK", "GC -> OK"]);
    let list = folder.path().join("known.txt");
    let check = |lines: &str, expected: &str| {
        std::fs::write(&list, lines).unwrap();
        let (text, _) = run(folder.path(), &["--known-failing", list.to_str().unwrap()]);
        assert!(text.ends_with(expected), "{text}");
    };
    check(
        "area/a0 not yet\n",
        "1 skipped: known to fail: not yet\n2 passed, 0 failed, 1 skipped\n",
    );
    check("area/a* not yet\n", "1 passed, 1 failed, 1 skipped\n");
    check(
        "area/a0 not yet\nhttp/x gone\n",
        "2 passed, 1 failed, 1 skipped\n",
    );
    check("area/a0\n", "area/a0 has no reason\n");
}

#[test]
fn a_suite_that_lost_cases_does_not_run() {
    let folder = suite(&["GC -> OK"]);
    write(
        folder.path(),
        "suite/minimum.toml",
        "total = 2\ncore = 0\n[area]\narea = 1\n",
    );
    let (text, code) = run(folder.path(), &[]);
    assert_eq!(
        (text.as_str(), code),
        (
            "extism-conformance: 1 cases were loaded, 2 are the minimum\n",
            2
        )
    );
}

#[test]
fn results_as_json() {
    let folder = suite(&["GC -> OK", "GC -> 1"]);
    let (text, _) = run(folder.path(), &["--json"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(
        lines[0],
        r#"{"case":"area/a0","result":"passed","text":""}"#
    );
    assert!(lines[1].contains(r#""result":"failed""#), "{}", lines[1]);
    assert_eq!(lines[3], "2 passed, 1 failed, 0 skipped");
}
