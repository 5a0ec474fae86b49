//! WASI: what is granted and what is not.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use extism_runtime::manifest::{Manifest, Wasm};
use extism_runtime::{CompiledPlugin, Options, Plugin, Status};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber, subscriber};

use crate::support::{call, each_way};

fn files(paths: &[(String, &str)]) -> Plugin {
    let wasm = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/plugins/published_wasi.wasm"
    );
    let mut manifest = Manifest::new([Wasm::file(wasm)]);
    for (host, guest) in paths {
        manifest = manifest.with_allowed_path(host.clone(), guest);
    }
    let options = Options {
        wasi: true,
        ..Options::default()
    };
    Plugin::load(manifest, options).unwrap()
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn folders_are_read_and_written_as_granted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.txt"), "contents").unwrap();
    let paths = [
        (show(folder.path()), "/rw"),
        (format!("ro:{}", show(folder.path())), "/ro"),
    ];
    let mut plugin = files(&paths);
    for path in ["/rw/in.txt", "/ro/in.txt"] {
        assert_eq!(plugin.call("read_file", path.as_bytes()).code, 0);
        assert_eq!(plugin.output(), b"contents");
    }
    assert_eq!(plugin.call("write_file", b"/rw/out.txt=new").code, 0);
    assert_eq!(
        std::fs::read(folder.path().join("out.txt")).unwrap(),
        b"new"
    );
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    for target in ["/ro/in.txt", "/ro/other.txt"] {
        let outcome = plugin.call("write_file", format!("{target}=no").as_bytes());
        assert_ne!(outcome.code, 0, "{target}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before);
    assert_eq!(
        std::fs::read(folder.path().join("in.txt")).unwrap(),
        b"contents"
    );
    for path in [
        "/rw/../../../../etc/passwd",
        "/etc/passwd",
        "/rw/in.txt/",
        "in.txt",
    ] {
        assert_ne!(plugin.call("read_file", path.as_bytes()).code, 0, "{path}");
    }
}

#[test]
fn a_missing_folder_is_known_at_once() {
    let wasm = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/plugins/published_wasi.wasm"
    );
    let manifest =
        Manifest::new([Wasm::file(wasm)]).with_allowed_path("/no/such/folder".to_owned(), "/x");
    let options = Options {
        wasi: true,
        ..Options::default()
    };
    let error = Plugin::load(manifest, options).err().unwrap();
    assert_eq!(error.status(), Status::NotFound);
    assert_eq!(error.root_cause(), "No such file or directory (os error 2)");
    let without = Manifest::new([Wasm::data(&b"\0asm\x01\0\0\0"[..])])
        .with_allowed_path("/no/such/folder".to_owned(), "/x");
    assert!(
        Plugin::load(without, Options::default()).is_ok(),
        "nothing is opened without WASI"
    );
}

#[test]
fn exit_codes() {
    let source = r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "zero") (call $exit (i32.const 0)))
        (func (export "three") (call $exit (i32.const 3)))
        (func (export "255") (call $exit (i32.const 255)))
        (func (export "-1") (call $exit (i32.const -1)))
        (func (export "fine")))"#;
    each_way(source, |plugin| {
        assert_eq!(call(plugin, "zero", b""), (0, Status::Ok, String::new()));
        for (name, code) in [("three", 3), ("255", 255), ("-1", -1)] {
            let outcome = plugin.call(name, b"");
            assert_eq!((outcome.code, outcome.status()), (code, Status::GuestExit));
            let error = outcome.error.unwrap();
            assert_eq!(error.guest_code(), Some(code));
            assert!(
                error
                    .message()
                    .starts_with("error while executing at wasm backtrace:")
            );
        }
        assert_eq!(plugin.call("fine", b"").code, 0);
    });
}

#[test]
fn a_plugin_that_exits_while_it_is_started_has_not_run() {
    let source = r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_initialize") (call $exit (i32.const 0)))
        (func (export "run")))"#;
    each_way(source, |plugin| {
        for _ in 0..2 {
            let (code, status, text) = call(plugin, "run", b"");
            assert_eq!((code, status), (-1, Status::GuestExit));
            assert_eq!(text, "the plug-in ended itself while it was started");
        }
    });
}

/// The plug-in is at fault there, and no host function.
#[test]
fn pointers_outside_of_memory_and_misaligned_ones() {
    let source = r#"(module
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "outside") (result i32) (call $random (i32.const 65_530) (i32.const 100)))
        (func (export "overflow") (result i32) (call $random (i32.const -1) (i32.const -1)))
        (func (export "misaligned") (result i32) (call $sizes (i32.const 1) (i32.const 8)))
        (func (export "inside") (result i32) (call $random (i32.const 65_530) (i32.const 6))))"#;
    each_way(source, |plugin| {
        for (name, text) in [
            ("outside", "Pointer out of bounds"),
            ("overflow", "Pointer out of bounds"),
            ("misaligned", "Pointer not aligned"),
        ] {
            let (code, status, cause) = call(plugin, name, b"");
            assert_eq!((code, status), (-1, Status::TrapMemory), "{name}: {cause}");
            assert!(cause.contains(text), "{name}: {cause}");
            assert_eq!(call(plugin, "inside", b"").0, 0);
        }
    });
}

#[test]
fn arguments_and_environment_are_what_the_host_says() {
    let source = r#"(module
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "count") (result i32)
            (drop (call $args (i32.const 0) (i32.const 4)))
            (drop (call $env (i32.const 8) (i32.const 12)))
            (i32.add (i32.mul (i32.load (i32.const 0)) (i32.const 10)) (i32.load (i32.const 8)))))"#;
    each_way(source, |plugin| {
        assert_eq!(plugin.call("count", b"").code, 0)
    });
    let options = Options {
        wasi: true,
        wasi_args: vec!["program".into(), "argument".into()],
        wasi_env: vec![("KEY".into(), "value".into())],
        ..Options::default()
    };
    assert_eq!(
        Plugin::load(source, options)
            .unwrap()
            .call("count", b"")
            .code,
        21
    );
}

#[test]
fn a_plugin_can_be_called_inside_an_async_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "x").unwrap();
    runtime.block_on(async {
        let mut plugin = files(&[(show(folder.path()), "/f")]);
        assert_eq!(plugin.call("read_file", b"/f/a").code, 0);
        assert_eq!(plugin.output(), b"x");
    });
}

#[cfg(unix)]
#[test]
fn reading_a_silent_pipe_ends_with_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let wasm = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/plugins/published_wasi.wasm"
    );
    let manifest = Manifest::new([Wasm::file(wasm)])
        .with_allowed_path(show(folder.path()), "/f")
        .with_timeout(std::time::Duration::from_millis(100));
    let options = Options {
        wasi: true,
        ..Options::default()
    };
    let mut plugin = Plugin::load(manifest, options).unwrap();
    assert_eq!(
        plugin.call("read_file", b"/f/pipe").status(),
        Status::Timeout
    );
    // Whoever waits for the pipe in the background is let go.
    drop(std::fs::OpenOptions::new().write(true).open(&pipe));
}

/// Opens the file `f` of its folder, without ever closing it.
const OPENS: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "f")
    (func $to (param $result i32) (result i32)
        (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 0)
            (i64.const 2) (i64.const 0) (i32.const 0) (local.get $result)))
    (func (export "once") (result i32) (call $to (i32.const 12)))
    (func (export "nowhere") (result i32) (call $to (i32.const -4)))
    ;; Gives each the number that it has, until there is an error.
    (func (export "renumber") (result i32) (local $error i32) (local $left i32)
        (local.set $left (i32.const 1000))
        (loop $next
            (local.set $error (call $to (i32.const 12)))
            (if (local.get $error) (then (return (local.get $error))))
            (drop (call $renumber (i32.load (i32.const 12)) (i32.load (i32.const 12))))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $next (local.get $left)))
        (i32.const 0)))"#;

/// A plug-in with one folder, `/f`.
fn with_folder(source: &str, folder: &Path, change: impl FnOnce(Manifest) -> Manifest) -> Plugin {
    let manifest = Manifest::new([Wasm::data(source)]).with_allowed_path(show(folder), "/f");
    let options = Options {
        wasi: true,
        ..Options::default()
    };
    Plugin::load(change(manifest), options).unwrap()
}

/// WASI's error numbers `mfile` and `again`.
const TOO_MANY_OPEN: i32 = 33;
const TRY_AGAIN: i32 = 6;

/// How often this process has a file open.
#[cfg(target_os = "linux")]
fn times_open(file: &Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = links.filter_map(|link| std::fs::read_link(link.ok()?.path()).ok());
    links.filter(|target| target == file).count()
}

#[cfg(target_os = "linux")]
#[test]
fn every_way_to_open_a_file_counts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().canonicalize().unwrap().join("f");
    std::fs::write(&file, "").unwrap();
    for way in ["once", "nowhere", "renumber"] {
        let mut plugin = with_folder(OPENS, folder.path(), |manifest| manifest);
        for _ in 0..300 {
            _ = plugin.call(way, b"");
        }
        assert_eq!(times_open(&file), 256, "{way}");
        assert_eq!(plugin.call("once", b"").code, TOO_MANY_OPEN, "{way}");
        let mut sibling = with_folder(OPENS, folder.path(), |manifest| manifest);
        assert_eq!(sibling.call("once", b"").code, 0, "after {way}");
    }
    assert_eq!(times_open(&file), 0);
}

/// A read that is given up leaves its file in a table; what the plug-in opens next is not to add to that.
#[cfg(target_os = "linux")]
#[test]
fn calls_that_are_given_up_keep_no_files() {
    let source = OPENS.replace(
        "(memory (export",
        r#"(import "wasi_snapshot_preview1" "fd_pread"
            (func $pread (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
        (func (export "read_on") (result i32) (local $errno i32)
            (drop (call $close (i32.load (i32.const 12))))
            (if (local.tee $errno (call $to (i32.const 12))) (then (return (local.get $errno))))
            (i32.store (i32.const 0) (i32.const 1024))
            (i32.store (i32.const 4) (i32.const 4096))
            (loop $again
                (drop (call $pread (i32.load (i32.const 12))
                    (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 8)))
                (br $again))
            (i32.const 0))
        (memory (export"#,
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().canonicalize().unwrap().join("f");
    std::fs::write(&file, [7; 4096]).unwrap();
    let limited = |manifest: Manifest| manifest.with_timeout(Duration::from_millis(10));
    let mut plugin = with_folder(&source, folder.path(), limited);
    for _ in 0..40 {
        assert_eq!(plugin.call("read_on", b"").status(), Status::Timeout);
    }
    // One that the last call has opened, and one that its last read holds.
    let open = times_open(&file);
    assert!(open <= 2, "{open} files are open");
}

/// Paths and lists of buffers are copied, or gone through, before anything is known of them.
#[test]
fn nobody_needs_paths_and_lists_so_long() {
    let source = OPENS.replace(
        "(memory (export \"memory\") 1)",
        r#"(import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_rename"
            (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
        (func $path (param $bytes i32) (result i32)
            (call $open (i32.const 3) (i32.const 0) (i32.const 64) (local.get $bytes) (i32.const 0)
                (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 12)))
        (func (export "long") (result i32) (call $path (i32.const 65536)))
        (func (export "longer") (result i32) (call $path (i32.const 65537)))
        (func (export "longest") (result i32) (call $path (i32.const -1)))
        (func (export "rename") (result i32)
            (call $rename (i32.const 3) (i32.const 64) (i32.const 1) (i32.const 3) (i32.const 0)
                (i32.const 65537)))
        ;; Of 2000 buffers of 8 bytes, how many bytes were written.
        (func (export "write") (result i32) (local $at i32)
            (loop $next
                (i32.store (i32.add (i32.const 1024) (local.get $at)) (i32.const 64))
                (i32.store (i32.add (i32.const 1028) (local.get $at)) (i32.const 8))
                (br_if $next (i32.lt_u
                    (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 16000))))
            (drop (call $write (i32.const 1) (i32.const 1024) (i32.const 2000) (i32.const 0)))
            (i32.load (i32.const 0)))
        (memory (export "memory") 2)"#,
    );
    let folder = tempfile::tempdir().unwrap();
    let mut plugin = with_folder(&source, folder.path(), |manifest| manifest);
    let name_too_long = 37;
    for name in ["longer", "longest", "rename"] {
        assert_eq!(plugin.call(name, b"").code, name_too_long, "{name}");
    }
    assert_ne!(
        plugin.call("long", b"").code,
        0,
        "a path of nothing but zeros"
    );
    let written = plugin.call("write", b"").code;
    assert!((1..=8 * 1024).contains(&written), "{written}");
}

#[test]
fn what_was_not_opened_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let mut plugin = with_folder(OPENS, folder.path(), |manifest| manifest);
    for _ in 0..300 {
        assert_eq!(plugin.call("once", b"").code, 44, "there is no such file");
    }
    std::fs::write(folder.path().join("f"), "").unwrap();
    assert_eq!(plugin.call("once", b"").code, 0);
}

/// A plug-in waits for a silent pipe again and again. It has few threads for that, and others keep theirs.
#[cfg(target_os = "linux")]
#[test]
fn operations_that_are_left_behind_are_bounded() {
    let source = OPENS.replace("\"f\"", "\"fp\"").replace(
        "(func (export \"once\")",
        r#"(func (export "pipe") (result i32)
            (call $open (i32.const 3) (i32.const 0) (i32.const 65) (i32.const 1) (i32.const 0)
                (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 12)))
        (func (export "once")"#,
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f"), "").unwrap();
    let pipe = folder.path().join("p");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let limited = |manifest: Manifest| manifest.with_timeout(Duration::from_millis(20));
    let mut plugin = with_folder(&source, folder.path(), limited);
    // One on a thread of all, eight on its own, and seven that wait for those; others may be over too early.
    let outcomes = (0..100).map(|_| plugin.call("pipe", b""));
    let refused = outcomes.filter(|outcome| match outcome.code {
        TRY_AGAIN => true,
        _ => {
            assert_eq!(outcome.status(), Status::Timeout);
            false
        }
    });
    let refused = refused.count();
    assert!((50..=84).contains(&refused), "{refused}");
    // Other tests have plug-ins with threads of their own.
    let threads = threads("extism-files");
    assert!((8..=40).contains(&threads), "{threads}");
    let mut sibling = with_folder(&source, folder.path(), |manifest| manifest);
    assert_eq!(sibling.call("once", b"").code, 0);
    // Whoever waits is let go, and the plug-in has files again. To open both ends never blocks.
    let ends = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe);
    let begun = Instant::now();
    loop {
        let outcome = plugin.call("once", b"");
        if outcome.code == 0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{outcome:?}");
        std::thread::yield_now();
    }
    drop(ends.unwrap());
}

/// How many threads of this process have a name.
#[cfg(target_os = "linux")]
fn threads(name: &str) -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.filter(|other| other.trim() == name).count()
}

/// Counts what wasmtime-wasi says to whoever runs the process.
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && *metadata.level() <= Level::INFO
            && metadata.target().starts_with("wasmtime_wasi")
    }
    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn sockets_are_refused_without_a_word() {
    let source = r#"(module
        (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sock_recv"
            (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sock_shutdown" (func $shutdown (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func $all (param $fd i32) (param $error i32) (result i32)
            (i32.or
                (i32.or
                    (i32.ne (call $accept (local.get $fd) (i32.const 0) (i32.const 0)) (local.get $error))
                    (i32.ne (call $shutdown (local.get $fd) (i32.const 1)) (local.get $error)))
                (i32.or
                    (i32.ne (local.get $error)
                        (call $recv (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 0)
                            (i32.const 8) (i32.const 12)))
                    (i32.ne (local.get $error)
                        (call $send (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 0)
                            (i32.const 8))))))
        ;; The errors `notsock` and `badf`.
        (func (export "input") (result i32) (call $all (i32.const 0) (i32.const 57)))
        (func (export "folder") (result i32) (call $all (i32.const 3) (i32.const 57)))
        (func (export "nothing") (result i32) (call $all (i32.const 9) (i32.const 8))))"#;
    let folder = tempfile::tempdir().unwrap();
    let warnings = Arc::new(AtomicUsize::new(0));
    subscriber::with_default(Warnings(Arc::clone(&warnings)), || {
        let mut plugin = with_folder(source, folder.path(), |manifest| manifest);
        for name in ["input", "folder", "nothing"] {
            assert_eq!(plugin.call(name, b"").code, 0, "{name}");
        }
    });
    assert_eq!(warnings.load(Ordering::Relaxed), 0);
}

/// In its first folder it puts a link to the root of everything in the place of its second one.
#[cfg(unix)]
const PLANTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_rename"
      (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_symlink"
      (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "inner")
    (data (i32.const 16) "moved")
    (data (i32.const 32) "../outside")
    (data (i32.const 64) "file")
    (func (export "plant") (result i32)
      (if (call $rename (i32.const 3) (i32.const 0) (i32.const 5) (i32.const 3) (i32.const 16) (i32.const 5))
        (then (return (i32.const 1))))
      (call $symlink (i32.const 32) (i32.const 10) (i32.const 3) (i32.const 0) (i32.const 5)))
    (func (export "trap") unreachable)
    (func (export "open") (result i32)
      (call $open (i32.const 4) (i32.const 0) (i32.const 64) (i32.const 4)
        (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 256))))"#;

#[cfg(unix)]
#[test]
fn a_folder_stays_where_it_was_for_all_instances() {
    const NO_ENTRY: i32 = 44;
    let folder = tempfile::tempdir().unwrap();
    for name in ["outer/inner", "outside"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("outside/file"), "secret").unwrap();
    let manifest = Manifest::new([Wasm::data(PLANTS)])
        .with_allowed_path(show(&folder.path().join("outer")), "/outer")
        .with_allowed_path(show(&folder.path().join("outer/inner")), "/inner");
    let options = Options {
        wasi: true,
        ..Options::default()
    };
    let compiled = CompiledPlugin::new(manifest, options).unwrap();
    let mut plugin = Plugin::new(&compiled).unwrap();
    assert_eq!(plugin.call("open", b"").code, NO_ENTRY);
    assert_eq!(plugin.call("plant", b"").code, 0);
    assert_eq!(plugin.call("trap", b"").status(), Status::TrapUnreachable);
    assert_eq!(plugin.call("open", b"").code, NO_ENTRY, "the next instance");
    let mut other = Plugin::new(&compiled).unwrap();
    assert_eq!(other.call("open", b"").code, NO_ENTRY, "another plug-in");
    std::fs::write(folder.path().join("outer/moved/file"), "its own").unwrap();
    for plugin in [&mut plugin, &mut other] {
        assert_eq!(plugin.call("open", b"").code, 0);
    }
}

#[test]
fn a_folder_that_was_not_there_may_be_there_later() {
    let folder = tempfile::tempdir().unwrap();
    let late = folder.path().join("late");
    let manifest = Manifest::new([Wasm::data("(module (func (export \"run\")))")])
        .with_allowed_path(show(&late), "/late");
    let options = Options {
        wasi: true,
        ..Options::default()
    };
    let compiled = CompiledPlugin::new(manifest, options).unwrap();
    let refused = Plugin::new(&compiled).err().unwrap();
    assert_eq!(refused.status(), Status::NotFound);
    std::fs::create_dir(&late).unwrap();
    Plugin::new(&compiled).unwrap();
}
