//! Declarations in C, read well enough to compare them and to write them down for other languages.
//!
//! Must not know: the header or the tables. Invariant: two declarations that differ in white space, comments
//! or the names of a callback's own parameters read the same; nothing else does.

use anyhow::{Context, Result, bail, ensure};

/// What is declared: a function, a pointer to one, or a thing with a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declaration {
    pub(super) name: String,
    /// What a function returns, or the type of the thing.
    pub(super) ty: String,
    /// Of a function, or of the function that is pointed to.
    pub(super) parameters: Option<Vec<Parameter>>,
}

/// A parameter, or a field of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    /// Empty where none is given.
    pub(super) name: String,
    /// As it is written without a name: `const char *`, `void (*)(void *)`.
    pub(super) ty: String,
}

impl Parameter {
    /// As C has it: `const char *name`.
    pub(super) fn declared(&self) -> String {
        let Parameter { name, ty } = self;
        if ty.contains("(*)") {
            ty.replacen("(*)", &format!("(*{name})"), 1)
        } else {
            spaced(ty, name)
        }
    }
}

impl Declaration {
    /// The words of a declaration, without the semicolon.
    pub(super) fn parse(text: &str) -> Result<Declaration> {
        let words = words(text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        declaration(&words).with_context(|| format!("`{text}` is no declaration"))
    }

    pub(super) fn from_words(words: &[&str]) -> Result<Declaration> {
        declaration(words).with_context(|| format!("`{}` is no declaration", words.join(" ")))
    }

    /// As a parameter or field: a pointer to a function becomes its type.
    pub(super) fn into_parameter(self) -> Parameter {
        let Declaration {
            name,
            ty,
            parameters,
        } = self;
        let ty = match parameters {
            None => ty,
            Some(own) => {
                let types: Vec<String> = own.into_iter().map(|parameter| parameter.ty).collect();
                spaced(&ty, &format!("(*)({})", or_void(&types)))
            }
        };
        Parameter { name, ty }
    }

    /// As C has it, a function: `int32_t extism_f(const char *name)`.
    pub(super) fn declared(&self) -> String {
        let own: Vec<String> = self
            .parameters
            .iter()
            .flatten()
            .map(Parameter::declared)
            .collect();
        spaced(&self.ty, &format!("{}({})", self.name, or_void(&own)))
    }

    /// As C has it, a type that points to a function: `void (*Name)(const char *data)`.
    pub(super) fn declared_as_pointer(&self) -> String {
        let pointer = Declaration {
            name: format!("(*{})", self.name),
            ..self.clone()
        };
        pointer.declared()
    }
}

/// Words, numbers, strings and single signs; comments are gone.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else {
            let end = word_end(rest, first);
            found.push(rest[..end].to_string());
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    found
}

/// Where the word ends that `text` begins with.
pub(super) fn word_end(text: &str, first: char) -> usize {
    if first == '"' {
        return text[1..].find('"').map_or(text.len(), |at| at + 2);
    }
    if !is_of_word(first) {
        return first.len_utf8();
    }
    text.find(|c| !is_of_word(c)).unwrap_or(text.len())
}

fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn is_word(text: &str) -> bool {
    text.starts_with(is_of_word)
}

/// A type and what is declared with it.
fn spaced(ty: &str, name: &str) -> String {
    let gap = if ty.ends_with('*') || name.is_empty() {
        ""
    } else {
        " "
    };
    format!("{ty}{gap}{name}")
}

fn or_void(parameters: &[String]) -> String {
    if parameters.is_empty() {
        "void".to_string()
    } else {
        parameters.join(", ")
    }
}

fn declaration(words: &[&str]) -> Result<Declaration> {
    let Some(open) = words.iter().position(|word| *word == "(") else {
        let (name, ty) = match words.split_last() {
            Some((name, ty)) if is_word(name) && !ty.is_empty() => (*name, ty),
            Some(_) => ("", words),
            None => bail!("there is nothing"),
        };
        return Ok(Declaration {
            name: name.to_string(),
            ty: joined(ty),
            parameters: None,
        });
    };
    let (before, after) = words.split_at(open);
    let (name, ty, rest) = if after.get(1) == Some(&"*") {
        let close = after
            .iter()
            .position(|word| *word == ")")
            .context("a bracket is open")?;
        let name = after.get(2).filter(|_| close == 3).copied();
        (name.unwrap_or_default(), before, &after[close + 1..])
    } else {
        let (name, ty) = before.split_last().context("it has no name")?;
        (*name, ty, after)
    };
    ensure!(
        rest.first() == Some(&"(") && rest.last() == Some(&")"),
        "the parameters are not in brackets"
    );
    Ok(Declaration {
        name: name.to_string(),
        ty: joined(ty),
        parameters: Some(parameters(&rest[1..rest.len() - 1])?),
    })
}

fn parameters(words: &[&str]) -> Result<Vec<Parameter>> {
    if words.is_empty() || words == ["void"] {
        return Ok(Vec::new());
    }
    let mut depth = 0;
    let separates = |word: &&str| {
        match *word {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        *word == "," && depth == 0
    };
    words
        .split(separates)
        .map(|one| Ok(declaration(one)?.into_parameter()))
        .collect()
}

/// The words of a type in the usual spacing: `const char *const *`.
fn joined(words: &[&str]) -> String {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() && !text.ends_with('*') {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_written_as_it_was_read() {
        for text in [
            "void extism_error_free(ExtismError *error)",
            "const char *extism_version(void)",
            "const ExtismCancelHandle *extism_plugin_cancel_handle(const ExtismPlugin *plugin)",
            "bool f(const char *const *wasi_args, void (*free_user_data)(void *), uint64_t n)",
        ] {
            assert_eq!(Declaration::parse(text).unwrap().declared(), text);
        }
        let text = "void (*ExtismLogDrainFunctionType)(const char *data, ExtismSize size)";
        let callback = Declaration::parse(text).unwrap();
        assert_eq!(callback.name, "ExtismLogDrainFunctionType");
        assert_eq!(callback.declared_as_pointer(), text);
    }

    #[test]
    fn white_space_comments_and_names_in_callbacks_do_not_matter() {
        let one = Declaration::parse("int  f ( /* none */ void(* done )( void * _ ) , char*x)");
        let other = Declaration::parse("int f(void (*done)(void *), char *x)");
        assert_eq!(one.unwrap(), other.unwrap());
    }

    #[test]
    fn a_field_has_a_name_and_a_type() {
        let field = |text: &str| Declaration::parse(text).unwrap().into_parameter();
        let parameter = |name: &str, ty: &str| Parameter {
            name: name.into(),
            ty: ty.into(),
        };
        assert_eq!(
            field("const ExtismFunction **functions"),
            parameter("functions", "const ExtismFunction **")
        );
        assert_eq!(
            field("void (*release)(void *)"),
            parameter("release", "void (*)(void *)")
        );
        assert_eq!(field("void *"), parameter("", "void *"));
    }

    #[test]
    fn what_is_no_declaration_is_refused_with_its_text() {
        let complaint = |text: &str| format!("{:#}", Declaration::parse(text).unwrap_err());
        assert_eq!(complaint(""), "`` is no declaration: there is nothing");
        assert_eq!(
            complaint("int f(void"),
            "`int f(void` is no declaration: the parameters are not in brackets"
        );
    }
}
