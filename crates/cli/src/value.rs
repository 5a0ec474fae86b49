//! What stands behind flags: `KEY=VALUE`, `HOST:GUEST`, `NAME=MODULE`, and where a module is.
//!
//! Must not know: flags and commands. Invariant: a text is read in one way only, whatever the files at
//! hand.

use std::collections::BTreeMap;
use std::path::PathBuf;

use extism_runtime::manifest::Wasm;

/// Where a module, or a manifest, is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    Stdin,
    File(PathBuf),
    Url(String),
}

impl Location {
    pub(crate) fn parse(text: &str) -> Result<Location, String> {
        Ok(match text {
            "" => return Err("a path, a URL or `-` is expected".to_owned()),
            "-" => Location::Stdin,
            _ if is_url(text) => Location::Url(text.to_owned()),
            _ => Location::File(text.into()),
        })
    }

    /// As messages show it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Location::Stdin => "standard input".to_owned(),
            Location::File(path) => path.display().to_string(),
            // A URL may carry a password.
            Location::Url(text) => match url::Url::parse(text) {
                Ok(mut url) => {
                    let _ = url.set_username("");
                    let _ = url.set_password(None);
                    url.into()
                }
                Err(_) if text.contains('@') => "an invalid URL".to_owned(),
                Err(_) => text.clone(),
            },
        }
    }
}

fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|s| s.eq_ignore_ascii_case("http") || s.eq_ignore_ascii_case("https"))
}

/// A module to link: `[NAME=]PATH` or `[NAME=]URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    name: String,
    module: Location,
}

impl Link {
    pub(crate) fn parse(text: &str) -> Result<Link, String> {
        // A URL without a name may have `=` in its query.
        let (name, module) = match text.split_once('=') {
            Some((name, module)) if !is_url(text) => (name.to_owned(), module),
            _ => (stem(text).to_owned(), text),
        };
        if name.is_empty() {
            return Err("the module needs a name, as in NAME=PATH".to_owned());
        }
        match Location::parse(module)? {
            Location::Stdin => Err("a linked module is a file or a URL".to_owned()),
            module => Ok(Link { name, module }),
        }
    }

    pub(crate) fn module(&self) -> Wasm {
        let wasm = match &self.module {
            Location::Url(url) => Wasm::url(url),
            Location::File(path) => Wasm::file(path),
            Location::Stdin => Wasm::file("-"),
        };
        wasm.with_name(&self.name)
    }
}

/// The last part of a path or URL, without query and extension.
fn stem(text: &str) -> &str {
    let path = match is_url(text) {
        true => text.split(['?', '#']).next().unwrap_or(text),
        false => text,
    };
    let separator = |c| c == '/' || (cfg!(windows) && c == '\\');
    let file = path.rsplit(separator).next().unwrap_or(path);
    match file.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => file,
    }
}

/// A folder and where the plug-in sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathGrant {
    /// The folder, with `ro:` before it if it is read-only.
    pub(crate) host: String,
    pub(crate) guest: String,
}

/// How paths are spelled.
#[derive(Clone, Copy)]
enum Spelling {
    Unix,
    Windows,
}

impl PathGrant {
    pub(crate) fn parse(text: &str) -> Result<PathGrant, String> {
        let native = match cfg!(windows) {
            true => Spelling::Windows,
            false => Spelling::Unix,
        };
        PathGrant::parse_as(text, native)
    }

    fn parse_as(text: &str, spelling: Spelling) -> Result<PathGrant, String> {
        let (access, rest) = match text.strip_prefix("ro:") {
            Some(rest) => ("ro:", rest),
            None => ("", text),
        };
        let drive_bytes = if begins_with_drive(rest, spelling) {
            2
        } else {
            0
        };
        let (drive, path) = rest.split_at(drive_bytes);
        let (host, guest) = match path.split_once(':') {
            Some((host, guest)) => (format!("{drive}{host}"), guest.to_owned()),
            None => (rest.to_owned(), rest.to_owned()),
        };
        if host.is_empty() || guest.is_empty() {
            return Err("expected HOST, HOST:GUEST or ro:HOST:GUEST".to_owned());
        }
        let host = format!("{access}{host}");
        Ok(PathGrant { host, guest })
    }
}

/// `C:\data`, and on Windows `C:/data`: elsewhere `c:/data` is the folder `c` under another name.
fn begins_with_drive(path: &str, spelling: Spelling) -> bool {
    match (path.as_bytes(), spelling) {
        ([letter, b':', b'\\', ..], _) => letter.is_ascii_alphabetic(),
        ([letter, b':', b'/', ..], Spelling::Windows) => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

/// `KEY=VALUE`; a key alone has the empty value.
pub(crate) fn config(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    Ok((key.to_owned(), value.to_owned()))
}

/// `NAME=VALUE`.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// The object behind `--set-config`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConfigObject(pub(crate) BTreeMap<String, String>);

impl ConfigObject {
    pub(crate) fn parse(text: &str) -> Result<ConfigObject, String> {
        serde_json::from_str(text)
            .map(ConfigObject)
            .map_err(|error| format!("expected a JSON object of strings: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_access_and_drives() {
        let unix = |text| PathGrant::parse_as(text, Spelling::Unix);
        let windows = |text| PathGrant::parse_as(text, Spelling::Windows);
        let grant = |host: &str, guest: &str| {
            Ok(PathGrant {
                host: host.into(),
                guest: guest.into(),
            })
        };
        assert_eq!(unix("/data"), grant("/data", "/data"));
        assert_eq!(unix("/data:/in"), grant("/data", "/in"));
        assert_eq!(unix("ro:/data:/in"), grant("ro:/data", "/in"));
        assert_eq!(unix("ro:/data"), grant("ro:/data", "/data"));
        assert_eq!(unix("d:/in"), grant("d", "/in"));
        assert_eq!(unix("C:\\data:/in"), grant("C:\\data", "/in"));
        assert_eq!(windows("C:/data:/in"), grant("C:/data", "/in"));
        assert_eq!(windows("ro:C:\\data:/in"), grant("ro:C:\\data", "/in"));
        assert_eq!(windows("C:\\data"), grant("C:\\data", "C:\\data"));
        for text in ["", "ro:", ":/in", "/data:"] {
            let expected = "expected HOST, HOST:GUEST or ro:HOST:GUEST";
            assert_eq!(unix(text), Err(expected.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn links_are_named_after_their_file() {
        for (text, name, module) in [
            (
                "lib/math.wasm",
                "math",
                Location::File("lib/math.wasm".into()),
            ),
            (
                "m=lib/math.wasm",
                "m",
                Location::File("lib/math.wasm".into()),
            ),
            ("math", "math", Location::File("math".into())),
            (
                "http://localhost/a/math.wasm?v=1",
                "math",
                Location::Url("http://localhost/a/math.wasm?v=1".into()),
            ),
            (
                "m=https://localhost/?v=1",
                "m",
                Location::Url("https://localhost/?v=1".into()),
            ),
        ] {
            let name = name.to_owned();
            assert_eq!(Link::parse(text), Ok(Link { name, module }), "{text}");
        }
        let expected = "the module needs a name, as in NAME=PATH";
        assert_eq!(Link::parse("=a.wasm"), Err(expected.to_owned()));
        let expected = "a linked module is a file or a URL";
        assert_eq!(Link::parse("m=-"), Err(expected.to_owned()));
    }

    #[test]
    fn passwords_are_not_shown() {
        let location = Location::parse("https://ann:secret@localhost/a.wasm").unwrap();
        assert_eq!(location.shown(), "https://localhost/a.wasm");
    }
}
