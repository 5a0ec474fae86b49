//! `lib`: libraries are found, asked for their version, compared with what belongs to them, installed and
//! removed.

use std::path::Path;
use std::process::Command;

use crate::support::{Folder, Ran, extism, run, wait};

pub(crate) const NAME: &str = if cfg!(windows) {
    "extism.dll"
} else if cfg!(target_vendor = "apple") {
    "libextism.dylib"
} else {
    "libextism.so"
};

const HEADER: &str = "/* extism_no(void) */\nconst char *extism_version(void);\n";

/// Makes a library that knows its version.
fn library(folder: &Folder, at: &str, version: &str) -> String {
    let source = format!(
        "//! A library.\n#[unsafe(no_mangle)]\n\
         pub extern \"C\" fn extism_version() -> *const std::ffi::c_char {{ c\"{version}\".as_ptr() }}\n"
    );
    let source = folder.write(&format!("{at}.rs"), source);
    let path = folder.join(at).join(NAME);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(rustc)
        .args(["--crate-type", "cdylib", "--edition", "2024", "-o"])
        .args([path.as_path(), Path::new(&source)])
        .status();
    assert!(built.unwrap().success());
    path.to_str().unwrap().to_owned()
}

fn lib(command: &str, prefix: &str) -> Ran {
    run(["lib", command, "--prefix", prefix])
}

#[test]
fn a_library_is_found_and_checked() {
    let folder = Folder::new();
    let path = library(&folder, "prefix/lib", "1.42.0");
    let prefix = folder.file("prefix");
    assert_eq!(
        lib("path", &prefix).quiet_success(),
        format!("{path}\n").as_bytes()
    );
    let expected = format!("{path}  1.42.0\n");
    assert_eq!(
        lib("versions", &prefix).quiet_success(),
        expected.as_bytes()
    );

    let ran = lib("check", &prefix);
    let text = ran.text();
    assert_eq!(ran.code, 1, "{text}");
    assert!(
        text.starts_with(&format!(
            "ok    library {path}: version 1.42.0\nwrong header "
        )),
        "{text}"
    );

    let header = folder.write("prefix/include/extism.h", HEADER);
    let package = folder.write("prefix/lib/pkgconfig/extism.pc", "Version: 1.42.0\n");
    let expected = format!(
        "ok    library {path}: version 1.42.0\n\
         ok    header  {header}: all 1 functions are in the library\n\
         ok    package {package}: version 1.42.0\n"
    );
    assert_eq!(lib("check", &prefix).quiet_success(), expected.as_bytes());

    folder.write(
        "prefix/include/extism.h",
        format!("{HEADER}int extism_newer(int);\n"),
    );
    folder.write("prefix/lib/pkgconfig/extism.pc", "Version: 1.41.0\n");
    let expected = format!(
        "ok    library {path}: version 1.42.0\n\
         wrong header  {header}: the library has no extism_newer\n\
         wrong package {package}: version 1.41.0, but the library is 1.42.0\n"
    );
    let ran = lib("check", &prefix);
    assert_eq!((ran.code, ran.text()), (1, expected.as_str()));
}

#[test]
fn the_environment_says_where_a_library_is() {
    let folder = Folder::new();
    let path = library(&folder, "somewhere", "0.0.7");
    for value in [folder.file("somewhere"), path.clone()] {
        let mut command = extism();
        command.args(["lib", "path"]).env("EXTISM_PATH", value);
        assert_eq!(
            wait(command, b"").quiet_success(),
            format!("{path}\n").as_bytes()
        );
    }
}

#[test]
fn what_is_no_library_is_told() {
    let folder = Folder::new();
    let path = folder.write(&format!("prefix/lib/{NAME}"), "no library");
    let ran = lib("versions", &folder.file("prefix"));
    assert!(
        ran.text().starts_with(&format!("{path}  unknown: ")),
        "{ran:?}"
    );
    let ran = lib("check", &folder.file("prefix"));
    assert_eq!(ran.code, 1);
    assert!(
        ran.text().starts_with(&format!("wrong library {path}: ")),
        "{ran:?}"
    );

    let nowhere = folder.file("nowhere");
    let stderr = lib("path", &nowhere).failure();
    assert!(stderr.starts_with("extism: no libextism in "), "{stderr}");
    assert!(
        stderr.contains("\nhint: in the sources of Extism, `cargo xtask install"),
        "{stderr}"
    );
}

#[test]
fn a_library_beside_the_program_is_installed_and_removed() {
    let folder = Folder::new();
    let files = [
        "include/extism.h".to_owned(),
        "lib/cmake/extism/extism-config.cmake".to_owned(),
        format!("lib/{NAME}"),
        "lib/pkgconfig/extism.pc".to_owned(),
    ];
    for file in &files {
        folder.write(&format!("release/{file}"), file);
    }
    folder.write("release/lib/other.txt", "not the library's");
    let program = folder.join("release/bin/extism");
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    let built = env!("CARGO_BIN_EXE_extism");
    if std::fs::hard_link(built, &program).is_err() {
        std::fs::copy(built, &program).unwrap();
    }
    let install = |command: &str, prefix: &str| {
        let mut process = Command::new(&program);
        process.args(["lib", command, "--prefix", prefix]);
        wait(process, b"")
    };
    let prefix = folder.file("prefix");
    let listed: String = files
        .iter()
        .map(|file| format!("{prefix}/{file}\n"))
        .collect();
    if cfg!(unix) {
        assert_eq!(
            install("install", &prefix).quiet_success(),
            listed.as_bytes()
        );
    }
    for file in &files {
        let path = folder.join("prefix").join(file);
        assert_eq!(std::fs::read_to_string(path).unwrap(), *file);
    }
    assert!(!folder.join("prefix/lib/other.txt").exists());
    let again = install("install", &prefix);
    assert_eq!(again.code, 0, "installing again replaces the files");

    folder.write("prefix/lib/mine.txt", "stays");
    assert_eq!(
        install("uninstall", &prefix).quiet_success(),
        listed.as_bytes()
    );
    assert!(
        files
            .iter()
            .all(|file| !folder.join("prefix").join(file).exists())
    );
    assert!(!folder.join("prefix/lib/cmake/extism").exists());
    assert!(folder.join("prefix/lib/mine.txt").exists());
    let expected = format!("extism: no library is installed in {prefix}\n");
    assert_eq!(install("uninstall", &prefix).failure(), expected);

    let release = folder.file("release");
    let expected = format!("extism: the library is installed in {release} already\n");
    assert_eq!(install("install", &release).failure(), expected);
}

#[test]
fn without_a_library_beside_the_program_the_way_is_shown() {
    let folder = Folder::new();
    let prefix = folder.file("prefix");
    let expected = format!(
        "extism: no library came with this program\n\
         hint: in the sources of Extism, `cargo xtask install --prefix {prefix}` builds and installs it\n"
    );
    assert_eq!(lib("install", &prefix).failure(), expected);
    assert!(!folder.join("prefix").exists());
}

#[test]
fn only_what_is_the_librarys_is_removed() {
    let folder = Folder::new();
    let theirs = [
        "include/extism.h",
        "lib/cmake/extism/extism-config-version.cmake",
        "lib/cmake/extism/extism-config.cmake",
        "lib/extism.dll",
        "lib/extism.dll.lib",
        "lib/extism.lib",
        "lib/libextism.1.42.0.dylib",
        "lib/libextism.a",
        "lib/libextism.dylib",
        "lib/libextism.so",
        "lib/libextism.so.1",
        "lib/libextism.so.1.42.0",
        "lib/pkgconfig/extism-static.pc",
        "lib/pkgconfig/extism.pc",
        "lib64/libextism.so.2",
    ];
    let others = [
        "include/extism.h.orig",
        "include/extism.hpp",
        "lib/cmake/extism/extism-config-mine.cmake",
        "lib/extism.dll.backup",
        "lib/libextism.1.42.0.dylib.backup",
        "lib/libextism.mine.dylib",
        "lib/libextism.so.",
        "lib/libextism.so..1",
        "lib/libextism.so.1.",
        "lib/libextism.so.1.debug",
        "lib/libextism.so.my-backup",
        "lib/libextism.so1",
        "lib/pkgconfig/extism.pc.bak",
    ];
    for file in theirs.iter().chain(&others) {
        folder.write(&format!("prefix/{file}"), "");
    }
    let prefix = folder.file("prefix");
    let listed: String = theirs
        .iter()
        .map(|file| format!("{prefix}/{file}\n"))
        .collect();
    let ran = lib("uninstall", &prefix).quiet_success();
    if cfg!(unix) {
        assert_eq!(String::from_utf8(ran).unwrap(), listed);
    }
    let exists = |file: &&str| folder.join("prefix").join(file).exists();
    assert_eq!(theirs.iter().find(|file| exists(file)), None);
    assert_eq!(others.iter().find(|file| !exists(file)), None);
}
