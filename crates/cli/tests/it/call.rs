//! `call`: where plug-in and input come from, where the output goes.

use crate::server::Server;
use crate::support::{ENDINGS, Folder, count_vowels, extism, plain, run, run_with, wait};

const REPORT: &str = "{\"count\":4,\"total\":4,\"vowels\":\"aAeEiIoOuU\"}\n";

#[test]
fn vowels_are_counted() {
    let ran = run([
        "call",
        &count_vowels(),
        "count_vowels",
        "--input",
        "this is a test",
    ]);
    assert_eq!(ran.quiet_success(), REPORT.as_bytes());
}

#[test]
fn flags_may_come_in_any_order() {
    let ran = run([
        "-q",
        "call",
        "-i",
        "this is a test",
        "--timeout",
        "60000",
        &count_vowels(),
        "count_vowels",
    ]);
    assert_eq!(ran.quiet_success(), REPORT.as_bytes());
}

#[test]
fn output_is_what_the_plugin_gave_and_a_line_feed() {
    let every_byte: Vec<u8> = (0..=255).collect();
    let ran = run_with(["call", &plain(), "echo", "--stdin"], &every_byte);
    assert_eq!(ran.quiet_success(), [every_byte.as_slice(), b"\n"].concat());
}

#[test]
fn no_input_is_the_empty_input() {
    assert_eq!(run(["call", &plain(), "echo"]).quiet_success(), b"\n");
    let ran = run(["call", &plain(), "echo", "-i", "-v"]);
    assert_eq!(
        ran.quiet_success(),
        b"-v\n",
        "an input may begin with a dash"
    );
}

#[test]
fn a_loop_keeps_the_plugin() {
    let ran = run([
        "call",
        &count_vowels(),
        "count_vowels",
        "-i",
        "aa",
        "--loop",
        "3",
    ]);
    let line = |total| format!("{{\"count\":2,\"total\":{total},\"vowels\":\"aAeEiIoOuU\"}}\n");
    let expected = [2, 4, 6].map(line).concat();
    assert_eq!(ran.quiet_success(), expected.as_bytes());
    let ran = run(["call", &plain(), "echo", "-i", "x", "--loop", "0"]);
    assert_eq!(ran.quiet_success(), b"");
}

#[test]
fn input_and_output_may_be_files() {
    let folder = Folder::new();
    let input = folder.write("in", b"\x00\xff\n");
    let output = folder.file("out");
    let args = [
        "call",
        &plain(),
        "echo",
        "--input-file",
        &input,
        "--output",
        &output,
    ];
    assert_eq!(run(args).quiet_success(), b"");
    assert_eq!(std::fs::read(&output).unwrap(), b"\x00\xff\n");

    let looped = [&args[..], &["--loop", "2"]].concat();
    assert_eq!(run(looped).quiet_success(), b"");
    assert_eq!(std::fs::read(&output).unwrap(), b"\x00\xff\n\n\x00\xff\n");
}

#[test]
fn a_file_is_not_touched_by_a_call_that_fails() {
    let folder = Folder::new();
    let output = folder.write("out", "before");
    let ran = run(["call", &plain(), "fail", "-i", "no", "--output", &output]);
    assert_eq!(ran.failure(), "extism: no\n");
    assert_eq!(std::fs::read(&output).unwrap(), b"before");
}

#[test]
fn a_plugin_may_be_text_standard_input_or_a_url() {
    let folder = Folder::new();
    let wat = folder.write("endings.wat", "(module (func (export \"run\")))");
    assert_eq!(run(["call", &wat, "run"]).quiet_success(), b"\n");

    let module = std::fs::read(count_vowels()).unwrap();
    let ran = run_with(
        ["call", "-", "count_vowels", "-i", "this is a test"],
        &module,
    );
    assert_eq!(ran.quiet_success(), REPORT.as_bytes());

    let server = Server::start(vec![("/a.wasm", module)]);
    let ran = run([
        "call",
        &server.url("/a.wasm"),
        "count_vowels",
        "-i",
        "this is a test",
    ]);
    assert_eq!(ran.quiet_success(), REPORT.as_bytes());
    let url = server.url("/b.wasm");
    let message = format!("extism: cannot download {url}: HTTP 404\n");
    assert_eq!(run(["call", &url, "count_vowels"]).failure(), message);
}

#[test]
fn a_plugin_is_downloaded_once() {
    let server = Server::start(vec![("/a.wasm", std::fs::read(count_vowels()).unwrap())]);
    let expected = "extism: Function not found: countVowel\n\
                    hint: `extism inspect` lists the functions\n";
    let url = server.url("/a.wasm");
    assert_eq!(run(["call", &url, "countVowel"]).failure(), expected);
    assert_eq!(server.requests(), 1);
}

#[test]
fn passwords_of_urls_are_not_shown() {
    let server = Server::start(Vec::new());
    let url = server.url("/a.wasm");
    let secret = url.replace("http://", "http://ann:secret@");
    let expected = format!("extism: cannot download {url}: HTTP 404\n");
    assert_eq!(run(["call", &secret, "f"]).failure(), expected);
    let stderr = run(["-v", "call", "http://ann:secret@127.0.0.1:x/", "f"]).failure();
    assert!(!stderr.contains("secret"), "{stderr}");
}

#[test]
fn a_manifest_may_be_json_toml_or_standard_input() {
    let folder = Folder::new();
    let path = serde_json::to_string(&count_vowels()).unwrap();
    let json = format!("{{\"wasm\": [{{\"path\": {path}}}], \"config\": {{\"vowels\": \"t\"}}}}");
    let toml = format!("config = {{ vowels = \"t\" }}\n[[wasm]]\npath = {path}\n");
    let expected = "{\"count\":3,\"total\":3,\"vowels\":\"t\"}\n";
    for (name, text) in [("a.json", &json), ("a.toml", &toml)] {
        let file = folder.write(name, text);
        let ran = run(["call", "-m", &file, "count_vowels", "-i", "this is a test"]);
        assert_eq!(ran.quiet_success(), expected.as_bytes(), "{name}");
    }
    let args = [
        "call",
        "--manifest",
        "-",
        "count_vowels",
        "-i",
        "this is a test",
    ];
    assert_eq!(
        run_with(args, json.as_bytes()).quiet_success(),
        expected.as_bytes()
    );

    // Flags come after the manifest.
    let flags = [&args[..], &["--config", "vowels=s"]].concat();
    let ran = run_with(flags, json.as_bytes());
    let expected = "{\"count\":3,\"total\":3,\"vowels\":\"s\"}\n";
    assert_eq!(ran.quiet_success(), expected.as_bytes());
}

#[test]
fn configuration_comes_from_an_object_and_from_pairs() {
    let config = |flags: &[&str], key: &str| {
        let plugin = plain();
        let args = [&["call", &plugin, "config", "-i", key], flags].concat();
        String::from_utf8(run(args).quiet_success()).unwrap()
    };
    let object = "{\"a\": \"1\", \"b\": \"2\"}";
    assert_eq!(config(&["--set-config", object], "a"), "1\n");
    let both = ["--config", "a=x=y", "--set-config", object, "--config", "c"];
    assert_eq!(config(&both, "a"), "x=y\n");
    assert_eq!(config(&both, "b"), "2\n");
    assert_eq!(config(&both, "c"), "\n");
}

#[test]
fn modules_are_linked_by_file_name_or_by_name() {
    let folder = Folder::new();
    let main = r#"(module
        (import "math" "seven" (func $seven (result i32)))
        (func (export "run") (result i32) (i32.sub (call $seven) (i32.const 7))))"#;
    let main = folder.write("main.wat", main);
    let library = r#"(module (func (export "seven") (result i32) (i32.const 7)))"#;
    let math = folder.write("math.wat", library);
    let other = folder.write("other.wat", library);
    assert_eq!(
        run(["call", &main, "run", "--link", &math]).quiet_success(),
        b"\n"
    );
    let named = format!("math={other}");
    assert_eq!(
        run(["call", &main, "run", "--link", &named]).quiet_success(),
        b"\n"
    );

    let server = Server::start(vec![("/math.wasm", wat::parse_str(library).unwrap())]);
    let url = server.url("/math.wasm");
    assert_eq!(
        run(["call", &main, "run", "--link", &url]).quiet_success(),
        b"\n"
    );

    let expected = "extism: unknown import: `math::seven` has not been defined\n\
                    hint: pass --link math=FILE if another module provides it\n";
    assert_eq!(run(["call", &main, "run"]).failure(), expected);
}

#[test]
fn json_has_text_as_text_and_bytes_as_base64() {
    let json = |args: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&run(args).quiet_success()).unwrap()
    };
    let plugin = plain();
    let text = json(&[
        "call", &plugin, "echo", "-i", "h\u{e9}", "--json", "--fuel", "10000000",
    ]);
    assert_eq!(text["output"], "h\u{e9}");
    assert_eq!((&text["code"], &text["status"]), (&0.into(), &"OK".into()));
    assert!(
        text["duration_us"].is_u64() && text["fuel"].as_u64() > Some(0),
        "{text}"
    );
    assert_eq!(text.get("error"), None);

    let folder = Folder::new();
    let input = folder.write("in", [0xff, 0]);
    let bytes = json(&["call", &plugin, "echo", "--input-file", &input, "--json"]);
    assert_eq!(bytes["output_base64"], "/wA=");
    assert_eq!(bytes.get("output"), None);
    assert!(bytes["fuel"].is_null());
}

#[test]
fn json_tells_failures_on_standard_output() {
    let folder = Folder::new();
    let endings = folder.write("endings.wat", ENDINGS);
    let tell = |args: &[&str]| -> serde_json::Value {
        let ran = run([&["call", "--json"], args].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
        let mut told: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
        told.as_object_mut().unwrap().remove("duration_us");
        told
    };
    assert_eq!(
        tell(&[&endings, "three"]),
        serde_json::json!({
            "code": 3, "status": "GUEST_ERROR", "status_code": 402, "fuel": null,
            "error": "returned non-zero exit code: 3",
        })
    );
    assert_eq!(
        tell(&[&endings, "spin", "--timeout", "10"]),
        serde_json::json!({
            "code": 134, "status": "TIMEOUT", "status_code": 500, "fuel": null,
            "error": "timeout", "hint": "raise --timeout, which is 10 ms now",
        })
    );
    let missing = folder.file("missing.wasm");
    let expected = format!("Unable to load Wasm file \"{missing}\": entity not found");
    assert_eq!(
        tell(&[&missing, "three"]),
        serde_json::json!({
            "code": -1, "status": "NOT_FOUND", "status_code": 204, "fuel": null, "error": expected,
        })
    );
}

#[test]
fn messages_of_the_plugin_go_to_standard_error() {
    let log = |flags: &[&str]| {
        let plugin = plain();
        let ran = run([&["call", &plugin, "log_all", "-i", "x"], flags].concat());
        assert_eq!((ran.code, ran.text()), (0, "\n"));
        ran.stderr
    };
    assert_eq!(log(&[]), "error: error x\n");
    assert_eq!(
        log(&["--log-level", "warn"]),
        "warn: warn x\nerror: error x\n"
    );
    let all = "trace: trace x\ndebug: debug x\ninfo: info x\nwarn: warn x\nerror: error x\n";
    assert_eq!(log(&["--log-level", "TRACE"]), all);
    assert_eq!(log(&["--log-level", "off"]), "");
    assert_eq!(log(&["--quiet"]), "");
    assert_eq!(
        log(&["--quiet", "--log-level", "error"]),
        "error: error x\n"
    );
}

#[test]
fn verbose_says_what_is_done() {
    let ran = run(["-v", "call", &count_vowels(), "count_vowels"]);
    assert!(ran.stderr.starts_with(" INFO extism: loaded "), "{ran:?}");
}

#[test]
fn colours_are_for_terminals_or_on_request() {
    let run = |flags: &[&str], no_color: bool| {
        let mut command = extism();
        command
            .args(["call", &plain(), "log_all", "-i", "x"])
            .args(flags);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        wait(command, b"").stderr
    };
    assert_eq!(run(&[], false), "error: error x\n");
    assert_eq!(run(&[], true), "error: error x\n");
    let coloured = "\u{1b}[31merror\u{1b}[0m: error x\n";
    assert_eq!(run(&["--color", "always"], false), coloured);
    assert_eq!(run(&["--color", "never"], false), "error: error x\n");
}

#[test]
fn a_plugin_runs_alike_with_and_without_the_rewriting_pass() {
    let args = [
        "call",
        &count_vowels(),
        "count_vowels",
        "-i",
        "this is a test",
        "--no-rewrite",
    ];
    assert_eq!(run(args).quiet_success(), REPORT.as_bytes());
}
