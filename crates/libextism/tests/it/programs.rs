//! The programs of `tests/c`, each in the oldest and the newest language and run in both.

use crate::library::{self, C11, C99, CPP17, Language};

/// Builds and runs one program.
#[track_caller]
fn check(name: &str) {
    let root = library::root();
    let source = root
        .join("crates/libextism/tests/c")
        .join(name)
        .with_extension("c");
    // A checker sees the same in all of them, and takes its time.
    let languages: &[Language] = match library::is_checked() {
        true => &[C11],
        false => &[C99, C11, CPP17],
    };
    for language in languages {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        std::fs::copy(library::shared(), scratch.path().join("copy.so")).expect("room for a copy");
        let program = library::build(&source, *language, scratch.path());
        let mut command = library::program(&program);
        library::run(command.arg(root.join("fixtures/wat")).arg(scratch.path()));
    }
}

macro_rules! programs {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name));
            }
        )*

        #[test]
        fn no_program_is_forgotten() {
            let folder = library::root().join("crates/libextism/tests/c");
            let mut found: Vec<String> = std::fs::read_dir(folder)
                .expect("the folder is there")
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter_map(|name| Some(name.strip_suffix(".c")?.to_owned()))
                .collect();
            found.sort();
            // It is written against another header, and has a test of its own.
            found.retain(|name| name != "drop_in");
            let mut listed = vec![$(stringify!($name).to_owned()),*];
            listed.sort();
            assert_eq!(found, listed);
        }
    };
}

programs! {
    cancel,
    compile,
    config,
    context,
    fork,
    host_functions,
    lifetime,
    log_custom,
    log_file,
    misuse,
    pool,
    reload,
    signals,
    threads,
    together,
    two_copies,
}
