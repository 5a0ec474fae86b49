//! Files that are written: a path is followed to where it leads, and nothing else is touched.

use crate::support::{Folder, count_vowels, extism, plain, run, wait};

#[test]
fn a_dash_is_standard_output() {
    let folder = Folder::new();
    let call = |flags: &[&str]| {
        let mut command = extism();
        command.current_dir(folder.path());
        command.args(["call", &plain(), "echo", "-i", "a"]);
        command.args(flags);
        wait(command, b"")
    };
    assert_eq!(call(&["--output", "-"]).quiet_success(), b"a");
    let looped = call(&["--output", "-", "--loop", "3"]);
    assert_eq!(looped.quiet_success(), b"a\na\na");
    let both = call(&["--output", "-", "--json"]);
    assert_eq!(both.code, 2);
    assert!(both.text().contains("--json has the output in it"));

    let mut command = extism();
    command.current_dir(folder.path());
    command.args(["compile", &count_vowels(), "-o", "-"]);
    let artefact = wait(command, b"").quiet_success();
    assert!(artefact.starts_with(b"\0asm"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let artefact = folder.write("a.wasm", artefact);
    let args = ["call", &artefact, "count_vowels", "--trust-artefact"];
    assert_eq!(run(args).code, 0);
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::process::Command;

    use super::*;

    /// Whether there is a link at this path.
    fn is_link(path: &Path) -> bool {
        std::fs::symlink_metadata(path).unwrap().is_symlink()
    }

    #[test]
    fn an_artefact_goes_to_where_a_link_leads() {
        let folder = Folder::new();
        let compile =
            |name: &str| run(["-q", "compile", &count_vowels(), "-o", &folder.file(name)]);
        let target = folder.write("there/target", "before");
        symlink(&target, folder.join("link")).unwrap();
        symlink("there/new", folder.join("dangling")).unwrap();
        for (link, target) in [("link", "there/target"), ("dangling", "there/new")] {
            assert_eq!(compile(link).quiet_success(), b"");
            assert!(is_link(&folder.join(link)), "{link}");
            let bytes = std::fs::read(folder.join(target)).unwrap();
            assert!(bytes.starts_with(b"\0asm"), "{link}");
        }
        let entries = std::fs::read_dir(folder.join("there")).unwrap().count();
        assert_eq!(entries, 2, "nothing else is left in the folder");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_written_and_not_replaced() {
        let folder = Folder::new();
        let full = folder.file("full");
        symlink("/dev/full", &full).unwrap();
        let ran = run(["compile", &count_vowels(), "-o", &full]);
        let expected =
            format!("extism: cannot write {full}: No space left on device (os error 28)\n");
        assert_eq!(ran.failure(), expected);
        assert!(is_link(Path::new(&full)));
    }

    /// Runs the program in a shell that first makes links to `victim` where a program with a known
    /// process number might write.
    fn with_planted(folder: &Folder, program: &Path, target: &str, args: &[&str]) -> i32 {
        folder.write("victim", "untouched");
        let script = "for name in .$$.new .$$ .$$.tmp .new .tmp; do \
                      ln -s \"$0\" \"$1$name\" || exit 9; done; shift; exec \"$@\"";
        let mut command = Command::new("sh");
        command
            .args(["-c", script, &folder.file("victim"), target])
            .arg(program)
            .args(args);
        let ran = wait(command, b"");
        let victim = std::fs::read_to_string(folder.join("victim")).unwrap();
        assert_eq!(victim, "untouched");
        ran.code
    }

    #[test]
    fn links_that_others_planted_are_not_followed() {
        let program = Path::new(env!("CARGO_BIN_EXE_extism"));
        let folder = Folder::new();
        let out = folder.file("out.wasm");
        let plugin = count_vowels();
        let args = ["compile", &plugin, "-o", &out];
        assert_eq!(with_planted(&folder, program, &out, &args), 0);
        assert!(!is_link(&folder.join("out.wasm")));

        let header = "include/extism.h";
        folder.write(&format!("release/{header}"), "header");
        let library = folder.write(&format!("release/lib/{}", crate::library::NAME), "library");
        let program = folder.join("release/bin/extism");
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        if std::fs::hard_link(env!("CARGO_BIN_EXE_extism"), &program).is_err() {
            std::fs::copy(env!("CARGO_BIN_EXE_extism"), &program).unwrap();
        }
        std::fs::create_dir_all(folder.join("prefix/include")).unwrap();
        let prefix = folder.file("prefix");
        let target = folder.file(&format!("prefix/{header}"));
        let args = ["lib", "install", "--prefix", &prefix];
        assert_eq!(with_planted(&folder, &program, &target, &args), 0);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "header");
        assert!(!is_link(Path::new(&target)));
        assert_eq!(std::fs::read_to_string(library).unwrap(), "library");
    }
}
