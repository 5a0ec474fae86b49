//! One word for one thing: `docs/sdk-names.md`, from the words of the functions and from how each language
//! spells them.
//!
//! Must not know: an SDK beyond its sources as text. Invariant: a name that stands in the document occurs in
//! the sources of that SDK.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::Produced;
use super::interface::{FUNCTIONS, Interface};
use crate::project::Project;

/// Where the spellings are.
pub(super) const SOURCE: &str = "abi/words.toml";

/// The document.
pub(super) const OUTPUT: &str = "docs/sdk-names.md";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "language")]
    languages: Vec<Language>,
}

/// How a language spells words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Language {
    name: String,
    /// Folders, relative to the root.
    sources: Vec<String>,
    separator: String,
    style: Style,
    spelled: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Style {
    Snake,
    Camel,
    Pascal,
}

/// A word and the functions of C it stands for, in the order of the header.
type Words<'a> = Vec<(&'a str, Vec<&'a str>)>;

pub(super) fn generate(project: &Project) -> Result<Produced> {
    let interface = Interface::load(project)?;
    Ok(Produced::Text(document(&interface, &languages(project)?)?))
}

/// One line for each name that does not occur where it should.
pub(super) fn differences(project: &Project) -> Result<Vec<String>> {
    let interface = Interface::load(project)?;
    let mut complaints = Vec::new();
    for language in languages(project)? {
        let known = identifiers(project, &language.sources)?;
        if known.is_empty() {
            continue; // There is no such SDK yet.
        }
        for (word, _) in words(&interface) {
            let spelled = language.spelling(word);
            if let Some(lost) = pieces(&spelled).find(|piece| !known.contains(*piece)) {
                complaints.push(format!(
                    "{SOURCE}: {word} is `{spelled}` in {}, whose sources have no `{lost}`",
                    language.name
                ));
            }
        }
    }
    Ok(complaints)
}

fn languages(project: &Project) -> Result<Vec<Language>> {
    let file: File = toml::from_str(&project.read(SOURCE)?).context(SOURCE)?;
    let interface = Interface::load(project)?;
    let words = words(&interface);
    for language in &file.languages {
        for key in language.spelled.keys() {
            let is_used = |(word, _): &(&str, Vec<&str>)| {
                word == key || (key.starts_with('.') && word.ends_with(key))
            };
            ensure!(
                words.iter().any(is_used),
                "{SOURCE}: {key} of {} is no word of {FUNCTIONS}",
                language.name
            );
        }
    }
    Ok(file.languages)
}

fn words(interface: &Interface) -> Words<'_> {
    let mut words: Words<'_> = Vec::new();
    for function in interface.functions() {
        let Some(word) = function.word.as_deref() else {
            continue;
        };
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, functions)) => functions.push(function.name()),
            None => words.push((word, vec![function.name()])),
        }
    }
    words
}

impl Language {
    fn spelling(&self, word: &str) -> String {
        let (class, method) = word.split_once('.').unwrap_or(("", word));
        let of_any_class = || {
            self.spelled
                .get(&format!(".{method}"))
                .filter(|_| !class.is_empty())
        };
        if let Some(spelled) = self.spelled.get(word).or_else(of_any_class) {
            return spelled.replace("{class}", class);
        }
        let method = self.style.of(method);
        if class.is_empty() {
            method
        } else {
            format!("{class}{}{method}", self.separator)
        }
    }
}

impl Style {
    fn of(self, snake: &str) -> String {
        let capital = |word: &str| {
            let (first, rest) = word.split_at(word.len().min(1));
            format!("{}{rest}", first.to_uppercase())
        };
        match self {
            Style::Snake => snake.to_string(),
            Style::Pascal => snake.split('_').map(capital).collect(),
            Style::Camel => {
                let (first, rest) = snake.split_once('_').unwrap_or((snake, ""));
                format!("{first}{}", Style::Pascal.of(rest))
            }
        }
    }
}

/// The names in a text.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    parts.filter(|part| part.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

/// Every name in the files of some folders.
fn identifiers(project: &Project, folders: &[String]) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<_> = folders.iter().map(|folder| project.path(folder)).collect();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                waiting.push(entry?.path());
            }
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            found.extend(pieces(&text).map(str::to_string));
        }
    }
    Ok(found)
}

fn document(interface: &Interface, languages: &[Language]) -> Result<String> {
    let mut text = format!(
        "<!-- @generated by `cargo xtask gen` from {FUNCTIONS} and {SOURCE}. Do not edit. -->\n\n\
         # One word for one thing\n\n{INTRODUCTION}\n"
    );
    let names: Vec<&str> = languages
        .iter()
        .map(|language| language.name.as_str())
        .collect();
    writeln!(text, "| word | C | {} |", names.join(" | "))?;
    writeln!(text, "| --- | --- |{}", " --- |".repeat(names.len()))?;
    for (word, functions) in words(interface) {
        let functions: Vec<String> = functions.iter().map(|name| format!("`{name}`")).collect();
        write!(text, "| {word} | {} |", functions.join(" "))?;
        for language in languages {
            let spelled = language.spelling(word);
            let shown = if spelled.is_empty() {
                "–".to_string()
            } else {
                format!("`{spelled}`")
            };
            write!(text, " {shown} |")?;
        }
        text.push('\n');
    }
    let hidden = interface
        .functions()
        .filter(|function| function.word.is_none());
    let hidden: Vec<String> = hidden
        .map(|function| format!("`{}`", function.name()))
        .collect();
    if hidden.is_empty() {
        bail!(
            "{FUNCTIONS}: every function has a word, which leaves no example of one that has none"
        );
    }
    writeln!(text, "\n{HIDDEN}\n\n{}.", hidden.join(" "))?;
    Ok(text)
}

const INTRODUCTION: &str = "\
The same thing has the same name everywhere; only case and punctuation follow the language. Where a language has an
idiom for something, such as a constructor, or where a published SDK had a name first, that is used. A dash is what an
SDK does not have, or what its language does by itself.
";

const HIDDEN: &str = "\
What no SDK shows, because it is part of something else there: freeing what was copied, asking for an error that is
raised, and what exists beside a newer function for programs linked with Extism 1.41.";

#[cfg(test)]
mod tests {
    use super::*;

    fn language(text: &str) -> Language {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_word_follows_the_style_of_the_language_unless_it_is_spelled_out() {
        let camel = language(
            "name = \"A\"\nsources = []\nseparator = \".\"\nstyle = \"camel\"\n\
             [spelled]\n\".new\" = \"new {class}\"\nstats = \"Stats.now\"\n",
        );
        assert_eq!(
            camel.spelling("Plugin.function_exists"),
            "Plugin.functionExists"
        );
        assert_eq!(camel.spelling("Plugin.new"), "new Plugin");
        assert_eq!(camel.spelling("set_log_file"), "setLogFile");
        assert_eq!(camel.spelling("stats"), "Stats.now");
        let pascal = Language {
            style: Style::Pascal,
            separator: "::".into(),
            ..camel
        };
        assert_eq!(pascal.spelling("Plugin.call"), "Plugin::Call");
    }

    #[test]
    fn names_are_found_in_a_spelling() {
        let found: Vec<&str> = pieces("Plugin.call(host_context=…), 3 {:?}").collect();
        assert_eq!(found, ["Plugin", "call", "host_context"]);
    }

    #[test]
    fn every_word_of_the_project_has_a_row_with_all_its_functions() {
        let project = Project::locate();
        let interface = Interface::load(&project).unwrap();
        let text = document(&interface, &languages(&project).unwrap()).unwrap();
        let (_, hidden) = text.split_once(HIDDEN).unwrap();
        let in_c = text.lines().filter_map(|line| line.split(" | ").nth(1));
        let shown: String = in_c.chain([hidden]).collect();
        for function in interface.functions() {
            let name = format!("`{}`", function.name());
            assert_eq!(shown.matches(&name).count(), 1, "{name}");
        }
        assert!(
            text.contains("\n| Plugin.call | `extism_plugin_call` `extism_plugin_try_call` | ")
        );
    }
}
