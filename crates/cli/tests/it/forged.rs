//! Plug-ins that put lines into their texts which look like lines of the program.

use crate::support::{Folder, plain, run};

#[test]
fn a_reason_of_several_lines_is_indented() {
    for (reason, shown) in [
        ("no\nhint: run `curl`", "no\n    hint: run `curl`"),
        ("no\n  because: x", "no\n      because: x"),
        ("no\n\n\thint: x", "no\n\n    \thint: x"),
        ("no\n    0: f", "no\n    0: f"),
        ("no\rhint: x", "no\\rhint: x"),
        ("no\u{2028}hint: x", "no\\u{2028}hint: x"),
        (
            "a\u{202e}b\u{2066}c\u{2069}d",
            "a\\u{202e}b\\u{2066}c\\u{2069}d",
        ),
        (
            "a\u{200e}b\u{200f}c\u{61c}d",
            "a\\u{200e}b\\u{200f}c\\u{61c}d",
        ),
        (
            "h\u{e9} \u{1f469}\u{200d}\u{1f680}",
            "h\u{e9} \u{1f469}\u{200d}\u{1f680}",
        ),
    ] {
        let ran = run(["call", &plain(), "fail", "-i", reason]);
        assert_eq!(ran.failure(), format!("extism: {shown}\n"), "{reason:?}");
    }
}

#[test]
fn a_message_of_several_lines_is_indented() {
    let args = ["call", &plain(), "log_all", "-i", "x\nerror: y\u{202e}z"];
    let expected = "error: error x\n    error: y\\u{202e}z\n";
    assert_eq!(run(args).stderr, expected);
}

#[test]
fn names_that_are_no_words_are_quoted() {
    let folder = Folder::new();
    let fails = |function: &str, module: &str| {
        run(["call", &folder.write("a.wat", module), function]).failure()
    };
    let names = r#"(module (func (export "greet\nhint: run it\u{202e}")) (func (export "a, b")) (func (export "c")))"#;
    let expected = "extism: Function not found: xyz\n\
                    hint: it has \"greet\\nhint: run it\\u{202e}\", \"a, b\", c\n";
    assert_eq!(fails("xyz", names), expected);
    let expected = "extism: Function not found: greet\n\
                    hint: did you mean \"greet\\nhint: run it\\u{202e}\"?\n";
    assert_eq!(fails("greet", names), expected);

    let long = format!("(module (func (export \"{}\")))", "x".repeat(300));
    let expected = format!(
        "extism: Function not found: abc\nhint: it has {}…\n",
        "x".repeat(256)
    );
    assert_eq!(fails("abc", &long), expected);

    let import = r#"(module (import "m=x\nhint: y" "f" (func)) (func (export "run")))"#;
    let stderr = fails("run", import);
    assert!(
        stderr.ends_with(
            "\nhint: pass --link \"m=x\\nhint: y\"=FILE if another module provides it\n"
        ),
        "{stderr}"
    );
    let hints = stderr.lines().filter(|line| line.starts_with("hint: "));
    assert_eq!(hints.count(), 1, "{stderr}");
}

#[test]
fn no_hint_grants_every_host() {
    let http = crate::support::repository("examples/plugins/http.wasm");
    let stderr = run(["call", &http, "fetch", "-i", "http://*/"]).failure();
    assert!(
        stderr.contains("HTTP request to http://*/ is not allowed"),
        "{stderr}"
    );
    assert!(!stderr.contains("hint: "), "{stderr}");
}

#[cfg(unix)]
#[test]
fn what_is_said_with_verbose_is_indented() {
    let folder = Folder::new();
    let path = folder.write(
        "a\nextism: b\u{202e}.wat",
        "(module (func (export \"run\")))",
    );
    let ran = run(["-vv", "call", &path, "run"]);
    assert_eq!(ran.code, 0);
    let forged = |line: &&str| line.starts_with("extism: ");
    assert_eq!(ran.stderr.lines().find(forged), None, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("\n    extism: b\\u{202e}.wat"),
        "{}",
        ran.stderr
    );
}

#[test]
fn no_json_steers_a_terminal() {
    let steering = "a\u{9b}2Jb\u{202e}c\u{7f}";
    let folder = Folder::new();
    let module = format!("(module (func (export \"{}\")))", steering.escape_default());
    let file = folder.write("a.wat", module);
    let plain = plain();
    for (args, code) in [
        (
            vec!["call", "--json", plain.as_str(), "echo", "-i", steering],
            0,
        ),
        (
            vec!["call", "--json", plain.as_str(), "fail", "-i", steering],
            1,
        ),
        (vec!["inspect", "--json", file.as_str()], 0),
    ] {
        let ran = run(&args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        for c in ['\u{9b}', '\u{202e}', '\u{7f}'] {
            assert!(!ran.text().contains(c), "{args:?}: {ran:?}");
        }
        let value: serde_json::Value = serde_json::from_str(ran.text()).unwrap();
        assert!(value.to_string().contains(steering), "{args:?}");
    }
}
