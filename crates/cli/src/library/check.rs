//! Whether a library, its header and its pkg-config file agree.
//!
//! Must not know: how the findings are printed. Invariant: a finding is good only if it was looked at.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::loaded::Loaded;

/// What was found about one part of an installation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) part: &'static str,
    pub(crate) path: PathBuf,
    /// What is good about it, or what is wrong.
    pub(crate) result: Result<String, String>,
}

/// Looks at a library and what belongs to it.
pub(crate) fn check(library: &Path) -> Vec<Finding> {
    let finding = |part, path: &Path, result| Finding {
        part,
        path: path.to_path_buf(),
        result,
    };
    let loaded = match Loaded::open(library) {
        Ok(loaded) => loaded,
        Err(error) => return vec![finding("library", library, Err(error))],
    };
    let version = match loaded.version() {
        Ok(version) => version,
        Err(error) => return vec![finding("library", library, Err(error))],
    };
    let folder = library.parent().unwrap_or(Path::new("."));
    let header = header_path(folder);
    let package = folder.join("pkgconfig").join("extism.pc");
    let header_result = read(&header).and_then(|text| check_header(&text, &loaded, &version));
    let package_result = read(&package).and_then(|text| check_package(&text, &version));
    vec![
        finding("library", library, Ok(format!("version {version}"))),
        finding("header", &header, header_result),
        finding("package", &package, package_result),
    ]
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| error.to_string())
}

/// `include` stands beside the folder of libraries; for `lib/x86_64-linux-gnu`, beside the one above it.
fn header_path(folder: &Path) -> PathBuf {
    let places: Vec<PathBuf> = folder
        .ancestors()
        .skip(1)
        .take(2)
        .map(|prefix| prefix.join("include").join("extism.h"))
        .collect();
    let found = places.iter().find(|path| path.is_file());
    let first = found.or(places.first()).cloned();
    first.unwrap_or_else(|| PathBuf::from("include/extism.h"))
}

/// Every function that is declared must be in the library; a version, if the header states one, must be
/// the library's.
fn check_header(text: &str, loaded: &Loaded, version: &str) -> Result<String, String> {
    if let Some(stated) = stated_version(text)
        && stated != version
    {
        return Err(format!("version {stated}, but the library is {version}"));
    }
    let functions = declared_functions(text);
    if functions.is_empty() {
        return Err("it declares no function".to_owned());
    }
    let missing: Vec<&str> = functions
        .iter()
        .map(String::as_str)
        .filter(|name| !loaded.has(name))
        .collect();
    if !missing.is_empty() {
        return Err(format!("the library has no {}", missing.join(", ")));
    }
    Ok(format!(
        "all {} functions are in the library",
        functions.len()
    ))
}

fn stated_version(header: &str) -> Option<&str> {
    let line = header
        .lines()
        .find_map(|line| line.trim().strip_prefix("#define EXTISM_VERSION "))?;
    Some(line.trim().trim_matches('"'))
}

/// Names that begin with `extism_` and are followed by a parenthesis, outside of comments and macros.
fn declared_functions(header: &str) -> BTreeSet<String> {
    let text = without_comments(header);
    let mut functions = BTreeSet::new();
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for (at, _) in line.match_indices("extism_") {
            let (before, rest) = line.split_at(at);
            let end = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if !before.ends_with(in_name) && after.trim_start().starts_with('(') {
                functions.insert(name.to_owned());
            }
        }
    }
    functions
}

fn without_comments(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find('/') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        rest = if let Some(comment) = from.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, after)| after)
        } else if from.starts_with("//") {
            from.find('\n').map_or("", |end| &from[end..])
        } else {
            text.push('/');
            &from[1..]
        };
    }
    text.push_str(rest);
    text
}

fn check_package(text: &str, version: &str) -> Result<String, String> {
    let stated = text.lines().find_map(|line| line.strip_prefix("Version:"));
    match stated.map(str::trim) {
        None => Err("it states no version".to_owned()),
        Some(stated) if stated == version => Ok(format!("version {stated}")),
        Some(stated) => Err(format!("version {stated}, but the library is {version}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_in_a_header() {
        let header = "/* extism_no(1) */ // extism_nor(2)\n\
                      #define CALL(n) extism_macro(n)\n\
                      typedef void (*extism_callback)(int);\n\
                      const char *extism_version(void);\n\
                      bool\nextism_plugin_config (int a / 2);\n\
                      int not_extism_this(void);\n";
        let found: Vec<String> = declared_functions(header).into_iter().collect();
        assert_eq!(found, ["extism_plugin_config", "extism_version"]);
    }

    #[test]
    fn versions_are_compared() {
        let text = "Name: extism\nVersion: 1.42.0\n";
        assert_eq!(check_package(text, "1.42.0"), Ok("version 1.42.0".into()));
        let other = Err("version 1.42.0, but the library is 1.41.0".into());
        assert_eq!(check_package(text, "1.41.0"), other);
        assert_eq!(check_package("", "1"), Err("it states no version".into()));
        let header = "#define EXTISM_VERSION \"1.42.0\"\n";
        assert_eq!(stated_version(header), Some("1.42.0"));
        assert_eq!(stated_version("void f(void);"), None);
    }

    #[test]
    fn the_header_of_a_multiarch_folder_is_above() {
        let scratch = tempfile::tempdir().unwrap();
        let prefix = scratch.path();
        let folder = prefix.join("lib").join("x86_64-linux-gnu");
        let beside = prefix.join("lib").join("include").join("extism.h");
        assert_eq!(header_path(&folder), beside);
        fs::create_dir_all(prefix.join("include")).unwrap();
        fs::write(prefix.join("include").join("extism.h"), "").unwrap();
        assert_eq!(
            header_path(&folder),
            prefix.join("include").join("extism.h")
        );
    }
}
