//! `extism new`: a plug-in to begin with.
//!
//! Must not know: how plug-ins are built beyond what it prints. Invariant: no file that exists is touched.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use crate::failure::Failure;
use crate::global::Global;
use crate::output;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The name of the plug-in
    #[arg(value_name = "NAME", value_parser = name)]
    pub(super) name: String,
    /// The language
    #[arg(
        short,
        long,
        value_name = "LANGUAGE",
        default_value = "rust",
        ignore_case = true
    )]
    pub(super) lang: Language,
    /// The folder, if it is not to have the plug-in's name
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
    /// Use the kit for plug-ins in this folder instead of the published one
    #[arg(long, value_name = "DIR")]
    pub(super) pdk: Option<PathBuf>,
}

/// A language there is a template for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Language {
    Rust,
    C,
}

/// The files of a template: where they go and what is in them.
const RUST: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        include_str!("../../templates/rust/Cargo.toml.txt"),
    ),
    ("src/lib.rs", include_str!("../../templates/rust/lib.rs")),
    ("README.md", include_str!("../../templates/rust/README.md")),
    (
        ".gitignore",
        include_str!("../../templates/rust/gitignore.txt"),
    ),
];

/// The kit for C is one header, and comes with the plug-in.
const C_KIT: &str = "extism-pdk.h";

const C: &[(&str, &str)] = &[
    ("plugin.c", include_str!("../../templates/c/plugin.c")),
    (C_KIT, include_str!("../../../../pdk/c/extism-pdk.h")),
    ("README.md", include_str!("../../templates/c/README.md")),
    (
        ".gitignore",
        include_str!("../../templates/c/gitignore.txt"),
    ),
];

/// The longest name; the package registry's limit.
const NAME_BYTES_MAX: usize = 64;

/// Checks that a package can have this name.
pub(super) fn name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) || !text.chars().all(allowed) {
        let rule = "a name begins with a letter and has letters, digits, `-` and `_`";
        return Err(rule.to_owned());
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(format!("a name has at most {NAME_BYTES_MAX} letters"));
    }
    // Names the language or its tools keep for themselves.
    const TAKEN: &[&str] = &[
        "alloc",
        "as",
        "async",
        "await",
        "box",
        "break",
        "const",
        "continue",
        "core",
        "crate",
        "do",
        "dyn",
        "else",
        "enum",
        "extern",
        "false",
        "final",
        "fn",
        "for",
        "gen",
        "if",
        "impl",
        "in",
        "let",
        "loop",
        "macro",
        "match",
        "mod",
        "move",
        "mut",
        "override",
        "priv",
        "proc_macro",
        "pub",
        "ref",
        "return",
        "self",
        "static",
        "std",
        "struct",
        "super",
        "test",
        "trait",
        "true",
        "try",
        "type",
        "typeof",
        "unsafe",
        "unsized",
        "use",
        "virtual",
        "where",
        "while",
        "yield",
    ];
    match TAKEN.contains(&text.to_ascii_lowercase().as_str()) {
        true => Err(format!("{text} is a word of the language")),
        false => Ok(text.to_owned()),
    }
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<ExitCode, Failure> {
    let folder = args
        .dir
        .clone()
        .unwrap_or_else(|| PathBuf::from(&args.name));
    refuse_to_overwrite(&folder)?;
    for (path, text) in files(args)? {
        write(&folder.join(path), &text)?;
    }
    if !global.quiet {
        output::line(next(args, &folder))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The files of the plug-in. All that can be wrong is found before the first is written.
fn files(args: &Args) -> Result<Vec<(&'static str, String)>, Failure> {
    let filled = |(path, template): &(&'static str, &str)| {
        let text = template
            .replace("{{name}}", &args.name)
            .replace("{{file}}", &file_stem(&args.name));
        (*path, text)
    };
    let pdk = args.pdk.as_deref();
    match args.lang {
        Language::Rust => {
            let kit = rust_kit(pdk)?;
            let files = RUST.iter().map(filled);
            let files = files.map(|(path, text)| (path, text.replace("{{kit}}", &kit)));
            Ok(files.collect())
        }
        Language::C => {
            let mut files: Vec<_> = C.iter().map(filled).collect();
            if let Some(folder) = pdk {
                let kit = c_kit(folder)?;
                files.retain(|(path, _)| *path != C_KIT);
                files.push((C_KIT, kit));
            }
            Ok(files)
        }
    }
}

/// The compiler names files after the crate, which cannot have a `-` in its name.
fn file_stem(name: &str) -> String {
    name.replace('-', "_")
}

/// How the kit is written in the manifest of the package.
fn rust_kit(folder: Option<&Path>) -> Result<String, Failure> {
    let Some(folder) = folder else {
        return Ok(format!("\"{}\"", env!("CARGO_PKG_VERSION")));
    };
    let doing = format!("cannot use the kit in {}", folder.display());
    let absolute =
        fs::canonicalize(folder.join("Cargo.toml")).map_err(|error| Failure::io(&doing, &error))?;
    let path = absolute.parent().and_then(Path::to_str);
    let path = path.ok_or_else(|| Failure::new(format!("{doing}: its path is not UTF-8")))?;
    // A JSON string is a TOML string.
    let quoted = serde_json::Value::from(path).to_string();
    Ok(format!("{{ path = {quoted} }}"))
}

/// The header of another kit.
fn c_kit(folder: &Path) -> Result<String, Failure> {
    let doing = format!("cannot use the kit in {}", folder.display());
    fs::read_to_string(folder.join(C_KIT)).map_err(|error| Failure::io(&doing, &error))
}

fn refuse_to_overwrite(folder: &Path) -> Result<(), Failure> {
    let taken = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    };
    if !taken {
        return Ok(());
    }
    let hint = "choose another name, or a folder with --dir".to_owned();
    Err(Failure::new(format!("{} exists already", folder.display())).with_hint(hint))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)
        .and_then(|()| fs::File::create_new(path))
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::io(format_args!("cannot write {}", path.display()), &error))
}

/// The commands that follow.
fn next(args: &Args, folder: &Path) -> String {
    let (shown, stem) = (folder.display(), file_stem(&args.name));
    let build = match args.lang {
        Language::Rust => format!(
            "  cargo test
  rustup target add wasm32-unknown-unknown
  cargo build --release --target wasm32-unknown-unknown
  extism call target/wasm32-unknown-unknown/release/{stem}.wasm greet --input Ada"
        ),
        Language::C => format!(
            "  clang --target=wasm32 -nostdlib -O2 -Wl,--no-entry,--strip-all plugin.c -o {stem}.wasm
  extism call {stem}.wasm greet --input Ada"
        ),
    };
    format!(
        "{shown} is a plug-in with one function, greet. Next:

  cd {shown}
{build}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_packages() {
        for good in ["a", "count-vowels", "Count_2"] {
            assert_eq!(name(good), Ok(good.to_owned()));
        }
        let rule = "a name begins with a letter and has letters, digits, `-` and `_`";
        for bad in ["", "2a", "-a", "a b", "a/b", "ä", "../a"] {
            assert_eq!(name(bad), Err(rule.to_owned()), "{bad:?}");
        }
        let taken = "test is a word of the language";
        assert_eq!(name("test"), Err(taken.to_owned()));
        let long = "a name has at most 64 letters";
        assert_eq!(name(&"a".repeat(65)), Err(long.to_owned()));
    }
}
