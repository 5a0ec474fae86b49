//! What a plug-in can be made from, and what is said about the rest.

use extism_runtime::{Limits, Options, Plugin, Status, inspect, precompile};

use crate::support::load_error;

#[test]
fn modules_and_manifests_are_told_apart() {
    for source in [
        "(module)",
        "  (module)",
        ";; a comment\n(module)",
        "(; another ;) (module)",
        r#"{"wasm": [{"data": "AGFzbQEAAAA="}]}"#,
        "[[wasm]]\ndata = \"AGFzbQEAAAA=\"\n",
    ] {
        assert!(Plugin::load(source, Options::default()).is_ok(), "{source}");
    }
    assert!(Plugin::load(&b"\0asm\x01\0\0\0"[..], Options::default()).is_ok());
}

#[test]
fn bad_sources_say_what_is_wrong() {
    use Status::*;
    for (source, status, text) in [
        (
            &b""[..],
            NoModules,
            "No wasm files specified in Extism manifest",
        ),
        (
            b"{}",
            NoModules,
            "No wasm files specified in Extism manifest",
        ),
        (b"\xff\xfe", ModuleInvalid, "input bytes aren't valid utf-8"),
        (b"\0asm", ModuleInvalid, "unexpected end"),
        (b"nonsense", ManifestSyntax, "Unknown manifest format"),
        (
            br#"{"wasm": [{"path": "/nonexist.wasm"}]}"#,
            NotFound,
            "Unable to load Wasm file \"/nonexist.wasm\": entity not found",
        ),
        (
            br#"{"wasm": [{"path": "/"}]}"#,
            Io,
            "Unable to load Wasm file \"/\": is a directory",
        ),
        (
            br#"{"wasm": [{"data": "AGFzbQEAAAA=", "hash": "00"}]}"#,
            HashMismatch,
            "Hash mismatch, found 93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476 but expected 00",
        ),
    ] {
        let error = Plugin::load(source, Options::default()).err().unwrap();
        let found = error.root_cause();
        assert_eq!(error.status(), status, "{found}");
        assert!(found.starts_with(text), "{found}");
    }
}

#[test]
fn the_hash_is_checked_before_anything_parses_the_bytes() {
    let source = r#"{"wasm": [{"data": "bm90IHdhc20=", "hash": "00"}]}"#;
    assert_eq!(
        load_error(source, Options::default()).0,
        Status::HashMismatch
    );
}

#[test]
fn what_is_switched_off_is_refused_as_such() {
    for source in [
        "(module (memory i64 1))",
        "(module (memory 1 1 shared))",
        "\0asm\x0d\0\x01\0",
        "\0asm\x0d\0\x01\0\x07\x01\x00",
    ] {
        let (status, text) = load_error(source, Options::default());
        assert_eq!(status, Status::ModuleUnsupported, "{text}");
    }
    let (status, _) = load_error("(module (func (result i32)))", Options::default());
    assert_eq!(status, Status::ModuleInvalid);
}

#[test]
fn sizes_are_bounded() {
    let limits = Limits {
        module_bytes_max: 8,
        ..Limits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    assert!(Plugin::load(&b"\0asm\x01\0\0\0"[..], options.clone()).is_ok());
    assert_eq!(load_error("(module (func))", options).0, Status::TooLarge);
}

#[test]
fn an_artefact_is_a_module_and_is_only_trusted_when_told_to() {
    let source = r#"(module (func (export "run") (result i32) i32.const 3))"#;
    let artefact = precompile(source, &Options::default()).unwrap();
    let trusting = Options {
        trust_artefacts: true,
        cache: extism_runtime::Cache::Off,
        ..Options::default()
    };
    for options in [Options::default(), trusting.clone()] {
        let mut plugin = Plugin::load(artefact.as_slice(), options).unwrap();
        assert_eq!(plugin.call("run", b"").code, 3);
    }
    assert!(inspect(artefact.as_slice(), &Options::default()).is_ok());
    // Another configuration compiles what is inside.
    let fuel = Options {
        fuel: Some(1_000),
        ..trusting.clone()
    };
    let mut plugin = Plugin::load(artefact.as_slice(), fuel).unwrap();
    assert_eq!(plugin.call("run", b"").code, 3);
    // Damage is found wherever it is.
    let middle = artefact.len() / 2;
    for at in [20, middle, artefact.len() - 1] {
        let mut damaged = artefact.clone();
        damaged[at] ^= 1;
        let error = Plugin::load(damaged, trusting.clone()).err().unwrap();
        assert!(
            [Status::ArtefactRefused, Status::ModuleInvalid].contains(&error.status()),
            "byte {at}: {error:?}"
        );
    }
}

/// The head of the answer a module comes with is bounded by the host's limits, and by nothing else.
#[test]
fn a_download_has_a_head_as_large_as_the_limits_say() {
    use std::io::{Read as _, Write as _};

    let module = wat::parse_str(r#"(module (func (export "run")))"#).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = stream.unwrap();
            _ = stream.read(&mut [0; 4096]).unwrap();
            let length = module.len();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n");
            // Who refuses the head does not wait for the rest.
            _ = stream
                .write_all(format!("{head}x-long: {}\r\n\r\n", "x".repeat(100_000)).as_bytes());
            _ = stream.write_all(&module);
        }
    });
    let manifest = format!(r#"{{"wasm": [{{"url": "{url}"}}]}}"#);
    let load = |http_header_bytes_max| {
        let limits = Limits {
            http_header_bytes_max,
            ..Limits::default()
        };
        let options = Options {
            limits,
            ..Options::default()
        };
        Plugin::load(manifest.as_str(), options)
    };
    assert_eq!(load(200_000).unwrap().call("run", b"").code, 0);
    let error = load(50_000).err().expect("its head is too long");
    assert_eq!(error.status(), Status::TooLarge);
    assert!(error.report().contains("50000"), "{}", error.report());
    server.join().unwrap();
}

/// A URL may carry a password, and errors are shown to anybody.
#[test]
fn no_error_shows_the_password_of_a_url() {
    use std::io::{Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        _ = stream.read(&mut [0; 4096]).unwrap();
        _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    });
    let error = |url: &str| {
        let manifest = format!(r#"{{"wasm": [{{"url": "{url}"}}]}}"#);
        let loaded = Plugin::load(manifest.as_str(), Options::default());
        loaded.err().expect("must not load")
    };
    let missing = error(&format!("http://ann:secret@{address}/a.wasm"));
    server.join().unwrap();
    let expected = format!("cannot download http://{address}/a.wasm: HTTP 404");
    assert_eq!(missing.report(), expected);
    // Nobody listens any more.
    let refused = error(&format!("http://ann:secret@{address}/a.wasm"));
    let expected = format!("cannot download http://{address}/a.wasm");
    assert_eq!(refused.message(), expected);
    let invalid = error("http://ann:secret@127.0.0.1:x/a.wasm");
    for error in [missing, refused, invalid] {
        assert_eq!(error.status(), Status::DownloadFailed);
        assert!(!error.report().contains("secret"), "{}", error.report());
    }
}

/// A server may answer with much that is no module; what is said names the place and the reason.
#[test]
fn an_answer_that_is_no_module_is_no_syntax_error_of_one() {
    use std::io::{Read as _, Write as _};

    let page = "200 OK\r\ncontent-length: 12\r\n\r\n<html></html";
    let answers = [
        "302 Found\r\ncontent-length: 12\r\n\r\n<html></html",
        "304 Not Modified\r\n\r\n",
        "101 Switching Protocols\r\n\r\n",
        page,
    ];
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://ann:secret@{}/a.wasm",
        listener.local_addr().unwrap()
    );
    let shown = url.replace("ann:secret@", "");
    let server = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            _ = stream.read(&mut [0; 4096]).unwrap();
            _ = stream.write_all(format!("HTTP/1.1 {answer}").as_bytes());
        }
    });
    let manifest = format!(r#"{{"wasm": [{{"url": "{url}"}}]}}"#);
    for answer in answers {
        let loaded = Plugin::load(manifest.as_str(), Options::default());
        let error = loaded.err().expect("must not load");
        let (status, text) = match answer == page {
            false => (
                Status::DownloadFailed,
                format!("cannot download {shown}: HTTP {}", &answer[..3]),
            ),
            true => (
                Status::ModuleInvalid,
                format!("{shown} is no module, neither binary nor text"),
            ),
        };
        assert_eq!((error.status(), error.message()), (status, text.as_str()));
    }
    server.join().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.wasm");
    std::fs::write(&file, "hello").unwrap();
    let manifest = extism_manifest::Manifest::new([extism_manifest::Wasm::file(&file)]);
    let error = Plugin::load(manifest, Options::default()).err().unwrap();
    let text = format!("{} is no module, neither binary nor text", file.display());
    assert_eq!(error.message(), text);
    assert!(error.root_cause().starts_with("expected `(`"), "{error}");
}
