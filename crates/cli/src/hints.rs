//! What to do next, for failures a flag or another argument can mend.
//!
//! Must not know: how a failure is printed. Invariant: a hint names something this program has; where
//! nothing helps there is no hint.

use extism_abi::Quoted;
use extism_runtime::manifest::{Manifest, Wasm};
use extism_runtime::{Error, Options, Status, inspect};

use crate::plugin::PluginArgs;
use crate::value::Location;

/// What was tried when the failure happened.
pub(crate) struct Attempt<'a> {
    pub(crate) args: &'a PluginArgs,
    pub(crate) manifest: &'a Manifest,
    pub(crate) function: &'a str,
}

/// Against a limit that no flag raises.
pub(crate) const TRUST_IT: &str = "leave out --untrusted if you trust the plug-in";

/// How many names are listed.
const NAMES_MAX: usize = 8;

/// Names longer than this are not compared, and only begun when they are shown: they come from the plug-in.
const NAME_BYTES_MAX: usize = 256;

/// What may help against `error`.
pub(crate) fn of(error: &Error, attempt: &Attempt<'_>) -> Option<String> {
    let root = error.root_cause();
    let untrusted = attempt.args.engine.untrusted;
    let raise = |flag: &str| match untrusted {
        false => format!("raise {flag}"),
        true => format!("raise {flag}, or leave out --untrusted, whose limits are tight"),
    };
    Some(match error.status() {
        Status::FunctionNotFound => return Some(functions(attempt)),
        Status::Timeout => return Some(timeout(attempt)),
        Status::Memory | Status::OutOfMemory => raise("--memory-max"),
        Status::Fuel => "raise --fuel".to_owned(),
        Status::HttpSize => raise("--http-response-max"),
        Status::Vars | Status::VarsDisabled => raise("--var-max"),
        Status::Table
        | Status::Instances
        | Status::Output
        | Status::HttpRequests
        | Status::Blocks
        | Status::TooLarge
            if untrusted =>
        {
            TRUST_IT.to_owned()
        }
        Status::ImportUnknown => return import(&root),
        Status::HostDenied | Status::RedirectDenied | Status::AddressDenied => return host(&root),
        Status::NotFound if error.message().starts_with("allowed_paths") => {
            "every folder of --allow-path and of the manifest has to exist".to_owned()
        }
        Status::ModuleInvalid => return module(attempt),
        Status::ArtefactRefused => "compile it again with `extism compile`".to_owned(),
        Status::ManifestField | Status::ManifestSyntax | Status::NoModules => {
            "`extism schema` prints what a manifest may contain".to_owned()
        }
        Status::FunctionType => {
            "functions to call take no parameters; `extism inspect` lists them".to_owned()
        }
        _ => return None,
    })
}

fn timeout(attempt: &Attempt<'_>) -> String {
    match attempt.args.call_time_max(attempt.manifest) {
        Some(limit) => format!("raise --timeout, which is {} ms now", limit.as_millis()),
        None => "raise --timeout".to_owned(),
    }
}

fn module(attempt: &Attempt<'_>) -> Option<String> {
    let Location::File(path) = &attempt.args.source.wasm else {
        return None;
    };
    let extension = path.extension()?.to_str()?;
    let looks_like_one = ["json", "toml"].contains(&extension) && !attempt.args.source.manifest;
    looks_like_one.then(|| "pass --manifest if the file is a manifest".to_owned())
}

/// The text begins with the import: unknown import: `module::name` ...
fn import(text: &str) -> Option<String> {
    let module = text.split('`').nth(1)?.split("::").next()?;
    Some(if module == "wasi_snapshot_preview1" {
        "pass --wasi".to_owned()
    } else if module == "extism:host/user" {
        "the plug-in needs host functions, which only a program that embeds Extism can give it; \
         `extism inspect` lists them"
            .to_owned()
    } else {
        let module = named(module);
        format!("pass --link {module}=FILE if another module provides it")
    })
}

/// The text holds the URL: HTTP request to URL is not allowed ...
fn host(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("HTTP request to ")?;
    let (url, reason) = rest.split_once(" is not allowed")?;
    if reason.contains("redirects") {
        return None;
    }
    let url = url::Url::parse(url).ok()?;
    // With a wildcard for a host a plug-in would have its user grant more than what it asked for.
    let host = url.host_str().filter(|host| !host.contains('*'))?;
    Some(format!("pass --allow-host {host}"))
}

/// The names a plug-in has instead of the one that was asked for.
fn functions(attempt: &Attempt<'_>) -> String {
    const LISTED_ELSEWHERE: &str = "`extism inspect` lists the functions";
    let is_download = |wasm: &Wasm| matches!(wasm, Wasm::Url { .. });
    if attempt.manifest.wasm.iter().any(is_download) {
        // To look into it, it would be downloaded a second time.
        return LISTED_ELSEWHERE.to_owned();
    }
    let options = Options {
        wasi: attempt.args.wasi,
        ..attempt.args.engine.options()
    };
    let names = match inspect(attempt.manifest, &options) {
        Ok(inspection) => inspection.functions,
        Err(_) => return LISTED_ELSEWHERE.to_owned(),
    };
    if names.is_empty() {
        return "the plug-in has no function that can be called".to_owned();
    }
    let wanted = attempt.function;
    let mut near: Vec<(usize, &str)> = names
        .iter()
        .filter_map(|name| Some((distance(wanted, name)?, name.as_str())))
        .collect();
    near.sort();
    if let Some((_, name)) = near.first() {
        return format!("did you mean {}?", named(name));
    }
    let listed: Vec<String> = names
        .iter()
        .take(NAMES_MAX)
        .map(|name| named(name))
        .collect();
    let more = match names.len().saturating_sub(NAMES_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("it has {}{more}", listed.join(", "))
}

/// A name that a plug-in chose: as it is if it is a word, between quotes if it could be read as
/// something else.
fn named(name: &str) -> String {
    let (head, cut) = match name.char_indices().nth(NAME_BYTES_MAX) {
        Some((end, _)) => (&name[..end], "…"),
        None => (name, ""),
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    match !head.is_empty() && head.chars().all(is_word) {
        true => format!("{head}{cut}"),
        false => format!("{}{cut}", Quoted(head)),
    }
}

/// How many letters differ, if the names are alike: case, `-` and `_` do not count, and one may be a part
/// of the other.
fn distance(wanted: &str, name: &str) -> Option<usize> {
    if wanted.is_empty() || wanted.len() > NAME_BYTES_MAX || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let plain = |text: &str| -> Vec<char> {
        let letters = text.chars().filter(|c| !matches!(c, '-' | '_'));
        letters.flat_map(char::to_lowercase).collect()
    };
    let (a, b) = (plain(wanted), plain(name));
    let edits = edits(&a, &b);
    let part = a.len() >= 3 && b.windows(a.len()).any(|window| window == a);
    (edits <= a.len().div_ceil(3) || part).then_some(edits)
}

/// Letters to insert, remove or replace, by Levenshtein.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_alike() {
        for (wanted, name, expected) in [
            ("count_vowel", "count_vowels", Some(1)),
            ("countVowels", "count_vowels", Some(0)),
            ("vowels", "count_vowels", Some(5)),
            ("fial", "fail", Some(2)),
            ("greet", "count_vowels", None),
            ("", "a", None),
        ] {
            assert_eq!(distance(wanted, name), expected, "{wanted} {name}");
        }
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        assert_eq!(distance(&long, &long), None);
    }

    #[test]
    fn the_host_is_found_in_the_text() {
        let denied = "HTTP request to http://api.example.com:81/x is not allowed: no";
        let hint = "pass --allow-host api.example.com";
        assert_eq!(host(denied).as_deref(), Some(hint));
        let redirects = "HTTP request to http://a/ is not allowed: more than 5 redirects";
        assert_eq!(host(redirects), None);
        assert_eq!(host("anything"), None);
    }

    #[test]
    fn the_module_is_found_in_the_text() {
        let text = |module| format!("unknown import: `{module}::f` has not been defined");
        let hint = import(&text("wasi_snapshot_preview1"));
        assert_eq!(hint.as_deref(), Some("pass --wasi"));
        let hint = import(&text("math"));
        let expected = "pass --link math=FILE if another module provides it";
        assert_eq!(hint.as_deref(), Some(expected));
    }
}
