//! The commands beside `call`: inspect, compile, bench, completion, man, schema, help and version.

use crate::support::{ENDINGS, Folder, count_vowels, repository, run};

#[test]
fn the_version_is_the_packages() {
    let expected = concat!("extism ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(run(["--version"]).quiet_success(), expected.as_bytes());
}

const COMMANDS: &[&str] = &[
    "call",
    "inspect",
    "compile",
    "bench",
    "new",
    "generate",
    "lib",
    "completion",
    "man",
    "schema",
];

#[test]
fn help_is_there_for_every_command() {
    let help = run(["help"]);
    for command in COMMANDS {
        assert!(
            help.text().contains(&format!("\n  {command} ")),
            "{command}"
        );
        assert_eq!(run([command, "--help"]).code, 0, "{command}");
    }
}

#[test]
fn a_plugin_is_inspected_for_people_and_programs() {
    let text = run(["inspect", &count_vowels()]);
    assert!(text.text().contains("count_vowels"), "{text:?}");
    let json = run(["inspect", &count_vowels(), "--json"]).quiet_success();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["functions"], serde_json::json!(["count_vowels"]));
    assert_eq!(json["wasi"], false);
    let kv = repository("examples/plugins/kv.wasm");
    let json = run(["inspect", &kv, "--json"]).quiet_success();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["host_functions"][0]["name"], "kv_read");
}

#[test]
fn a_plugin_is_compiled_ahead_of_time() {
    let folder = Folder::new();
    let artefact = folder.file("out.wasm");
    let ran = run(["compile", &count_vowels(), "-o", &artefact]);
    let text = String::from_utf8(ran.quiet_success()).unwrap();
    let start = format!("{artefact}: ");
    let bytes = std::fs::metadata(count_vowels()).unwrap().len();
    let from = format!(" from {:.1} KiB, compiled in ", bytes as f64 / 1024.0);
    assert!(text.starts_with(&start) && text.contains(&from), "{text}");
    let entries = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(entries, 1, "nothing else is left in the folder");

    let expected = b"{\"count\":1,\"total\":1,\"vowels\":\"aAeEiIoOuU\"}\n";
    for flags in [&["--trust-artefact"][..], &[]] {
        let ran = run([&["call", &artefact, "count_vowels", "-i", "a"], flags].concat());
        assert_eq!(ran.quiet_success(), expected, "{flags:?}");
    }

    // One bit of the machine code is wrong: it is not run, and the module alone still is.
    let mut bytes = std::fs::read(&artefact).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&artefact, bytes).unwrap();
    let args = ["call", &artefact, "count_vowels", "-i", "a"];
    let stderr = run([&args[..], &["--trust-artefact"]].concat()).failure();
    assert!(
        stderr.ends_with("hint: compile it again with `extism compile`\n"),
        "{stderr}"
    );
    assert_eq!(run(args).quiet_success(), expected);
}

#[test]
fn compiling_is_quiet_on_request_and_needs_a_place_to_write() {
    let folder = Folder::new();
    let artefact = folder.file("out.wasm");
    let ran = run(["-q", "compile", &count_vowels(), "-o", &artefact, "--fuel"]);
    assert_eq!(ran.quiet_success(), b"");
    let args = [
        "call",
        &artefact,
        "count_vowels",
        "--trust-artefact",
        "--fuel",
        "1000000",
    ];
    assert_eq!(run(args).code, 0);
    let nowhere = folder.file("no/such/folder/out.wasm");
    let stderr = run(["compile", &count_vowels(), "-o", &nowhere]).failure();
    assert!(
        stderr.starts_with(&format!("extism: cannot write {nowhere}: ")),
        "{stderr}"
    );
}

#[test]
fn a_function_is_measured() {
    let plugin = count_vowels();
    let args = [
        "bench",
        &plugin,
        "count_vowels",
        "-i",
        "hello",
        "--seconds",
        "0.05",
    ];
    let ran = run([&args[..], &["--threads", "2", "--json"]].concat());
    let told: serde_json::Value = serde_json::from_slice(&ran.quiet_success()).unwrap();
    assert_eq!(
        (&told["function"], &told["threads"]),
        (&"count_vowels".into(), &2.into())
    );
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    assert!(
        number(&told["calls"]) >= 2.0 && number(&told["warm_up_calls"]) >= 2.0,
        "{told}"
    );
    assert!(number(&told["seconds"]) >= 0.05, "{told}");
    for rate in ["calls_per_second", "instances_per_second", "load_ms"] {
        assert!(number(&told[rate]) > 0.0, "{told}");
    }
    let latency =
        ["min", "median", "p90", "p99", "max"].map(|name| number(&told["latency_ns"][name]));
    assert!(latency[0] > 0.0 && latency.is_sorted(), "{told}");

    let text = String::from_utf8(run(args).quiet_success()).unwrap();
    assert!(
        text.starts_with("count_vowels: ") && text.contains(" calls/s\n"),
        "{text}"
    );
}

#[test]
fn a_function_that_fails_is_not_measured() {
    let folder = Folder::new();
    let endings = folder.write("endings.wat", ENDINGS);
    let bench = |function| {
        let args = [
            "bench",
            &endings,
            function,
            "--seconds",
            "0.01",
            "--threads",
            "3",
        ];
        run([&args[..], &["--timeout", "1000"]].concat()).failure()
    };
    assert_eq!(bench("three"), "extism: returned non-zero exit code: 3\n");
    let expected = "extism: Function not found: sprin\nhint: did you mean spin?\n";
    assert_eq!(bench("sprin"), expected);
}

#[test]
fn shells_get_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = String::from_utf8(run(["completion", shell]).quiet_success()).unwrap();
        for word in ["inspect", "allow-host"] {
            assert!(script.contains(word), "{shell} {word}");
        }
    }
}

#[test]
fn the_manual_page_has_every_command_and_flag() {
    let page = String::from_utf8(run(["man"]).quiet_success()).unwrap();
    assert!(page.contains(".TH extism 1"), "{page}");
    for command in COMMANDS {
        let section = format!("\n.SH \"EXTISM {}\"\n", command.to_uppercase());
        assert!(page.contains(&section), "{command}");
    }
    assert!(page.contains("\n.SH \"EXTISM LIB CHECK\"\n"));
    // Every flag that `call --help` lists is on the page.
    let help = run(["call", "--help"]);
    let plain = page.replace("\\-", "-");
    let flags = help
        .text()
        .split_whitespace()
        .filter(|word| word.starts_with("--"));
    for flag in flags {
        let flag = flag.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        assert!(plain.contains(flag), "{flag}");
    }
}

#[test]
fn every_command_has_a_manual_page_of_its_own() {
    let folder = Folder::new();
    let out = folder.file("man");
    assert_eq!(run(["man", "--out", &out]).quiet_success(), b"");
    for command in COMMANDS {
        let page = std::fs::read_to_string(folder.join(&format!("man/extism-{command}.1")));
        assert!(page.unwrap().contains(".SH NAME"), "{command}");
    }
    assert!(folder.join("man/extism.1").exists());
}

#[test]
fn the_schema_is_the_documented_one() {
    let expected = std::fs::read(repository("docs/manifest.schema.json")).unwrap();
    assert_eq!(run(["schema"]).quiet_success(), expected);
}

#[test]
fn the_manual_names_every_command_and_flag() {
    let manual = std::fs::read_to_string(repository("docs/cli.md")).unwrap();
    for command in COMMANDS {
        assert!(manual.contains(&format!("extism {command}")), "{command}");
        let help = run([command, "--help"]);
        let words = help.text().split_whitespace();
        for flag in words.filter(|word| word.starts_with("--")) {
            let flag = flag.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            assert!(manual.contains(flag), "{command} {flag}");
        }
    }
}
