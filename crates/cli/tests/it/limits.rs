//! Limits: what a call may use, and what the program says when it uses more.

use crate::server::Server;
use crate::support::{ENDINGS, Folder, plain, repository, run, run_fed};

#[test]
fn a_call_that_takes_too_long_is_a_timeout() {
    let folder = Folder::new();
    let endings = folder.write("endings.wat", ENDINGS);
    let expected = "extism: timeout\nhint: raise --timeout, which is 20 ms now\n";
    let ran = run(["call", &endings, "spin", "--timeout", "20"]);
    assert_eq!(ran.failure(), expected);

    let manifest = format!("{{\"wasm\": [{{\"path\": {endings:?}}}], \"timeout_ms\": 30}}");
    let manifest = folder.write("manifest.json", manifest);
    let expected = "extism: timeout\nhint: raise --timeout, which is 30 ms now\n";
    assert_eq!(run(["call", "-m", &manifest, "spin"]).failure(), expected);
    let zero = run(["call", "-m", &manifest, "spin", "--timeout", "0"]);
    assert_eq!(zero.failure(), expected, "0 keeps what the manifest says");
}

#[test]
fn fuel_is_a_limit() {
    let folder = Folder::new();
    let endings = folder.write("endings.wat", ENDINGS);
    let expected = "extism: plugin ran out of fuel\nhint: raise --fuel\n";
    let ran = run(["call", &endings, "spin", "--fuel", "1000"]);
    assert_eq!(ran.failure(), expected);
}

#[test]
fn memory_is_a_limit() {
    let folder = Folder::new();
    let endings = folder.write("endings.wat", ENDINGS);
    let args = ["call", &endings, "grow", "--memory-max"];
    for enough in ["6000", "0"] {
        let ran = run([&args[..], &[enough]].concat());
        assert_eq!(ran.quiet_success(), b"\n", "{enough}");
    }
    let expected = "extism: oom\nhint: raise --memory-max\n";
    assert_eq!(run([&args[..], &["64"]].concat()).failure(), expected);
}

#[test]
fn variables_are_limited() {
    let plugin = plain();
    let args = [
        "call",
        &plugin,
        "var_set",
        "-i",
        "name=0123456789",
        "--var-max",
    ];
    assert_eq!(run([&args[..], &["1000"]].concat()).quiet_success(), b"\n");
    assert_eq!(run([&args[..], &["-1"]].concat()).quiet_success(), b"\n");
    for max in ["0", "5"] {
        let stderr = run([&args[..], &[max]].concat()).failure();
        assert!(
            stderr.ends_with("\nhint: raise --var-max\n"),
            "{max}: {stderr}"
        );
    }
}

#[test]
fn responses_are_limited() {
    let server = Server::start(vec![("/x", vec![b'x'; 100])]);
    let fetch = repository("examples/plugins/http.wasm");
    let url = server.url("/x");
    let args = [
        "call",
        &fetch,
        "fetch",
        "-i",
        &url,
        "--allow-host",
        "127.0.0.1",
        "--http-response-max",
    ];
    let exact = run([&args[..], &["100"]].concat());
    assert_eq!(exact.quiet_success().len(), 101);
    let expected = "extism: HTTP response exceeds the configured maximum number of bytes: 99\n\
                    hint: raise --http-response-max\n";
    assert_eq!(run([&args[..], &["99"]].concat()).failure(), expected);
}

#[test]
fn plugins_nobody_has_read_have_tight_limits() {
    let folder = Folder::new();
    let endings = folder.write("endings.wat", ENDINGS);
    let args = ["call", &endings, "grow"];
    assert_eq!(run(args).quiet_success(), b"\n");
    let expected = "extism: oom\n\
                    hint: raise --memory-max, or leave out --untrusted, whose limits are tight\n";
    assert_eq!(
        run([&args[..], &["--untrusted"]].concat()).failure(),
        expected
    );
}

/// Nothing reads what it is going to refuse.
#[test]
fn what_is_too_large_is_not_read_to_its_end() {
    const MAX: u64 = 64 << 20;
    const SLACK: u64 = 1 << 20;
    let plugin = plain();
    let too_large = |what: &str| format!("{what} is larger than the limit of {MAX} bytes");
    for (args, status, error) in [
        (&["-", "f"][..], "TOO_LARGE", too_large("module")),
        (&["-m", "-", "f"], "TOO_LARGE", too_large("standard input")),
        (
            &[&plugin, "echo", "--stdin"],
            "MEMORY",
            "failed to allocate extism memory\n  because: oom".to_owned(),
        ),
    ] {
        let args = [&["call", "--untrusted", "--json"], args].concat();
        let (ran, read) = run_fed(&args, 4 * MAX);
        let told: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(
            (&told["status"], &told["error"]),
            (&status.into(), &error.into()),
            "{args:?}"
        );
        let hint = told["hint"].as_str().unwrap();
        assert!(hint.contains("leave out --untrusted"), "{args:?}: {hint}");
        assert!((MAX..=MAX + SLACK).contains(&read), "{args:?}: {read}");
    }
    let (ran, read) = run_fed(&["inspect", "--untrusted", "-"], 4 * MAX);
    assert_eq!(ran.failure(), format!("extism: {}\n", too_large("module")));
    assert!((MAX..=MAX + SLACK).contains(&read), "{read}");

    // Files that take no room.
    let folder = Folder::new();
    let path = folder.write("zeros", "");
    let zeros = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    zeros.set_len(4 * MAX).unwrap();
    let expected = format!(
        "extism: {}\nhint: leave out --untrusted if you trust the plug-in\n",
        too_large(&path)
    );
    assert_eq!(
        run(["call", "--untrusted", "-m", &path, "f"]).failure(),
        expected
    );
    let args = [
        "call",
        "--untrusted",
        &plugin,
        "echo",
        "--input-file",
        &path,
    ];
    let stderr = run(args).failure();
    assert!(
        stderr.starts_with("extism: failed to allocate extism memory\n"),
        "{stderr}"
    );
}
