//! `--json`: whatever fails, and wherever, is one object on standard output.

use serde_json::{Value, json};

use crate::support::{ENDINGS, Folder, count_vowels, plain, run, run_with};

/// The object of a run that failed.
fn told(args: &[&str], exit_code: i32) -> Value {
    let ran = run_with(args, b"");
    assert_eq!((ran.code, ran.stderr.as_str()), (exit_code, ""), "{args:?}");
    let mut told: Value = serde_json::from_slice(&ran.stdout).unwrap();
    told.as_object_mut().unwrap().remove("duration_us").unwrap();
    told
}

#[test]
fn what_fails_before_a_call_is_told() {
    let folder = Folder::new();
    let plugin = count_vowels();
    let missing = folder.file("missing");
    let broken = folder.write("broken.json", "{");
    let wrong = folder.write("wrong.json", "{\"wasm\": [], \"typo\": 1}");
    let place = folder.path().to_str().unwrap();
    for command in ["call", "bench"] {
        for (args, status, status_code, exit_code) in [
            (&["-m", &missing, "f"][..], "NOT_FOUND", 204, 1),
            (&["-m", place, "f"], "IO", 205, 1),
            (&["-m", &broken, "f"], "MANIFEST_SYNTAX", 200, 1),
            (&["-m", &wrong, "f"], "MANIFEST_FIELD", 201, 1),
            (
                &["-m", "http://127.0.0.1/", "f"],
                "INVALID_ARGUMENT",
                106,
                2,
            ),
            (&["-", "f", "--stdin"], "INVALID_ARGUMENT", 106, 2),
            (
                &[&plugin, "f", "--input-file", &missing],
                "NOT_FOUND",
                204,
                1,
            ),
            (&[&missing, "f"], "NOT_FOUND", 204, 1),
            (&[&plugin, "f"], "FUNCTION_NOT_FOUND", 400, 1),
        ] {
            let told = told(&[&[command, "--json"], args].concat(), exit_code);
            assert_eq!(told["code"], -1, "{args:?}");
            assert_eq!(told["status"], status, "{args:?}");
            assert_eq!(told["status_code"], status_code, "{args:?}");
            assert!(told["error"].is_string(), "{args:?}");
        }
    }
    if cfg!(unix) {
        assert_eq!(
            told(&["call", "--json", "-m", &missing, "f"], 1),
            json!({
                "code": -1, "status": "NOT_FOUND", "status_code": 204, "fuel": null,
                "error": format!("cannot read {missing}: No such file or directory (os error 2)"),
            })
        );
    }
}

#[test]
fn a_call_that_fails_while_it_is_measured_is_told() {
    let folder = Folder::new();
    let endings = folder.write("endings.wat", ENDINGS);
    let args = ["bench", "--json", &endings, "three", "--seconds", "0.01"];
    assert_eq!(
        told(&args, 1),
        json!({
            "code": 3, "status": "GUEST_ERROR", "status_code": 402, "fuel": null,
            "error": "returned non-zero exit code: 3",
        })
    );
}

#[test]
fn what_cannot_be_inspected_is_told() {
    let folder = Folder::new();
    let (missing, text) = (folder.file("missing"), folder.write("a.wasm", "nonsense"));
    for (args, status) in [
        (&[missing.as_str()][..], "NOT_FOUND"),
        (&["-m", &missing], "NOT_FOUND"),
        (&[&text], "MODULE_INVALID"),
    ] {
        let told = told(&[&["inspect", "--json"], args].concat(), 1);
        assert_eq!(
            (&told["code"], &told["status"]),
            (&json!(-1), &json!(status)),
            "{args:?}"
        );
    }
}

#[test]
fn an_output_that_cannot_be_written_is_told() {
    let folder = Folder::new();
    let place = folder.path().to_str().unwrap();
    let args = ["call", &plain(), "echo", "--json", "--output", place];
    let told = told(&args, 1);
    assert_eq!(
        (&told["code"], &told["status"]),
        (&json!(-1), &json!("IO")),
        "{told}"
    );
    let error = told["error"].as_str().unwrap();
    assert!(
        error.starts_with(&format!("cannot write {place}: ")),
        "{told}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn where_nothing_can_be_told_standard_error_says_so() {
    for args in [&["echo", "-i", "x"][..], &["fail", "-i", "x"]] {
        let mut command = crate::support::extism();
        command.args(["call", "--json", &plain()]).args(args);
        let full = std::fs::File::create("/dev/full").unwrap();
        let output = command.stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let expected =
            "extism: cannot write to standard output: No space left on device (os error 28)\n";
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    }
}

#[test]
fn arguments_that_are_not_understood_are_told_on_standard_error() {
    let ran = run(["call", "--json", "--nonsense"]);
    assert_eq!((ran.code, ran.text()), (2, ""));
}
