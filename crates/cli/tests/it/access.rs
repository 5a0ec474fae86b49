//! What a plug-in may reach: hosts, folders, environment, and nothing that was not granted.

use crate::server::Server;
use crate::support::{Folder, count_vowels, plain, repository, run, wasi};

#[test]
fn http_needs_the_host_to_be_allowed() {
    let server = Server::start(vec![("/x", b"body".to_vec())]);
    let url = server.url("/x");
    let fetch = repository("examples/plugins/http.wasm");
    let args = ["call", &fetch, "fetch", "-i", &url];
    let expected = format!(
        "extism: HTTP request to {url} is not allowed: allowed_hosts is empty\n\
         hint: pass --allow-host 127.0.0.1\n"
    );
    assert_eq!(run(args).failure(), expected);
    let other = [&args[..], &["--allow-host", "example.com"]].concat();
    let expected = format!(
        "extism: HTTP request to {url} is not allowed: host 127.0.0.1 is not in allowed_hosts (example.com)\n\
         hint: pass --allow-host 127.0.0.1\n"
    );
    assert_eq!(run(&other).failure(), expected);
    let allowed = [&other[..], &["--allow-host", "127.0.0.1"]].concat();
    assert_eq!(run(allowed).quiet_success(), b"body\n");
}

#[test]
fn response_headers_are_shown_on_request() {
    let server = Server::start(vec![("/x", b"body".to_vec())]);
    let request = format!(
        "{{\"request\": {{\"url\": {:?}}}, \"body\": \"\"}}",
        server.url("/x")
    );
    let send = |flags: &[&str]| -> serde_json::Value {
        let plugin = plain();
        let args = [
            "call",
            &plugin,
            "http_send",
            "--allow-host",
            "127.0.0.1",
            "-i",
            &request,
        ];
        let output = run([&args[..], flags].concat()).quiet_success();
        serde_json::from_slice(&output).unwrap()
    };
    assert_eq!(send(&[])["headers"], serde_json::json!({}));
    let shown = send(&["--enable-http-response-headers"]);
    assert_eq!(shown["headers"]["x-test"], "yes");
}

#[test]
fn wasi_is_enabled_by_a_flag_and_prints_through() {
    let expected = "extism: unknown import: `wasi_snapshot_preview1::";
    let stderr = run(["call", &wasi(), "noop"]).failure();
    assert!(stderr.starts_with(expected), "{stderr}");
    assert!(
        stderr.ends_with("has not been defined\nhint: pass --wasi\n"),
        "{stderr}"
    );

    let ran = run(["call", &wasi(), "print", "--wasi", "-i", "hello"]);
    assert_eq!(ran.quiet_success(), b"hello\n\n");
    let ran = run(["call", &wasi(), "print_error", "--wasi", "-i", "hello"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "hello\n"));
    let ran = run(["call", &wasi(), "print", "--wasi", "-i", "hello", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&ran.quiet_success()).unwrap();
    assert_eq!(told["output"], "");
}

#[test]
fn folders_are_granted_with_their_access() {
    let folder = Folder::new();
    let host = folder.path().to_str().unwrap();
    folder.write("a", "contents");
    let call = |function: &str, input: &str, grant: &str| {
        let plugin = wasi();
        run([
            "call",
            &plugin,
            function,
            "--wasi",
            "-i",
            input,
            "--allow-path",
            grant,
        ])
    };
    assert_eq!(
        call("read_file", "/in/a", &format!("{host}:/in")).quiet_success(),
        b"contents\n"
    );
    let same_path = folder.file("a");
    assert_eq!(
        call("read_file", &same_path, host).quiet_success(),
        b"contents\n"
    );

    assert_eq!(
        call("write_file", "/in/b=x", &format!("{host}:/in")).quiet_success(),
        b"\n"
    );
    assert_eq!(std::fs::read(folder.join("b")).unwrap(), b"x");
    let refused = call("write_file", "/in/c=x", &format!("ro:{host}:/in"));
    assert_eq!(refused.code, 1);
    assert!(!folder.join("c").exists());
    let read = call("read_file", "/in/a", &format!("ro:{host}:/in"));
    assert_eq!(read.quiet_success(), b"contents\n");

    let missing = folder.file("missing");
    let stderr = call("read_file", "/in/a", &format!("{missing}:/in")).failure();
    let expected = format!(
        "extism: allowed_paths: cannot open folder \"{missing}\"\n  \
         because: No such file or directory (os error 2)\n\
         hint: every folder of --allow-path and of the manifest has to exist\n"
    );
    if cfg!(unix) {
        assert_eq!(stderr, expected);
    }
}

#[test]
fn environment_and_arguments_are_what_flags_say() {
    let plugin = wasi();
    let args = [
        "call",
        &plugin,
        "environment",
        "--wasi",
        "--env",
        "B=2=3",
        "--env",
        "A=1",
    ];
    assert_eq!(run(args).quiet_success(), b"A=1\nB=2=3\n");
    let args = [
        "call",
        &plugin,
        "arguments",
        "--wasi",
        "--arg",
        "name",
        "--arg",
        "-x",
    ];
    assert_eq!(run(args).quiet_success(), b"name\n-x\n");
    let args = ["call", &plugin, "environment", "--wasi"];
    assert_eq!(run(args).quiet_success(), b"\n");
}

#[test]
fn wasi_flags_without_wasi_are_a_mistake() {
    let ran = run(["call", &count_vowels(), "count_vowels", "--env", "A=1"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--wasi"), "{ran:?}");
}
