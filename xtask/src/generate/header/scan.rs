//! The header as it is written, taken apart into items.
//!
//! Must not know: the tables. Invariant: everything the header declares is an item or an error; nothing is
//! passed over but include guards and conditional directives.

use anyhow::{Context, Result, bail, ensure};

use super::super::c::{Declaration, word_end, words};
use super::super::item::{Item, Kind, Part};

/// What marks the interface of Extism 1.41 in a comment.
const PUBLISHED: &str = "[1.x]";

/// A word of the header, with the comment before it and the section it stands in.
struct Token {
    text: String,
    doc: String,
    noun: String,
}

/// Every item of a header, in its order.
pub(super) fn items(header: &str) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    let tokens = tokens(header)?;
    let mut rest: &[Token] = &tokens;
    while let Some((first, after)) = rest.split_first() {
        if first.text.starts_with('#') {
            items.extend(directive(first));
            rest = after;
        } else if texts(rest).starts_with(&["extern", "\"C\"", "{"]) {
            rest = &rest[3..];
        } else if first.text == "}" {
            rest = after;
        } else {
            let end = end_of_declaration(rest)?;
            items.push(declared(&rest[..end])?);
            rest = &rest[end + 1..];
        }
    }
    Ok(items)
}

fn texts(tokens: &[Token]) -> Vec<&str> {
    tokens.iter().map(|token| token.text.as_str()).collect()
}

/// Where the semicolon is that is not within braces.
fn end_of_declaration(tokens: &[Token]) -> Result<usize> {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return Ok(at),
            _ => {}
        }
    }
    bail!("a declaration has no end: {}", texts(tokens).join(" "))
}

fn tokens(header: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let (mut doc, mut noun) = (String::new(), String::new());
    let mut rest = header.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("/*") {
            let (text, after) = comment.split_once("*/").context("a comment has no end")?;
            if let Some(text) = text.strip_prefix('*') {
                doc = cleaned(text);
            } else if let Some(title) = heading(text) {
                noun = title;
            }
            rest = after.trim_start();
            continue;
        }
        let end = if first == '#' {
            directive_end(rest)
        } else {
            word_end(rest, first)
        };
        tokens.push(Token {
            text: rest[..end].to_string(),
            doc: std::mem::take(&mut doc),
            noun: noun.clone(),
        });
        rest = rest[end..].trim_start();
    }
    Ok(tokens)
}

/// The title of a section: `---- Pools ----`.
fn heading(comment: &str) -> Option<String> {
    let title = comment.trim().strip_prefix("---- ")?;
    Some(title.trim_end_matches('-').trim_end().to_string())
}

/// A comment without the stars at the beginnings of its lines.
fn cleaned(comment: &str) -> String {
    let lines = comment
        .lines()
        .map(|line| line.trim().trim_start_matches('*').trim());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// Where a line ends that may be continued.
fn directive_end(text: &str) -> usize {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        if !line.trim_end().ends_with('\\') {
            break;
        }
    }
    end
}

fn directive(token: &Token) -> Option<Item> {
    let text = token.text.replace("\\\n", " ");
    let definition = text.strip_prefix("#define ")?;
    let at = definition.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let (name, rest) = definition.split_at(at);
    if rest.trim().is_empty() {
        return None; // The guard of the header.
    }
    let item = if rest.starts_with('(') {
        let (parameters, body) = rest.split_once(')')?;
        let shape = format!("{parameters}) {}", words(body).join(" "));
        Item::new(Kind::Macro, name, shape)
    } else {
        Item::new(Kind::Constant, name, words(rest).join(" "))
    };
    Some(explained(item, token))
}

/// The item with the text that stands before it.
fn explained(item: Item, first: &Token) -> Item {
    let doc = first.doc.replace(PUBLISHED, "");
    let noun = if item.kind == Kind::Function {
        first.noun.clone()
    } else {
        String::new()
    };
    Item {
        noun,
        is_published: first.doc.contains(PUBLISHED),
        doc: doc.split_whitespace().collect::<Vec<_>>().join(" "),
        ..item
    }
}

fn declared(tokens: &[Token]) -> Result<Item> {
    let first = tokens.first().context("a semicolon stands alone")?;
    let item = match texts(tokens).as_slice() {
        ["typedef", "struct", tag, name] if tag == name => Item::new(Kind::Opaque, *name, ""),
        ["typedef", "struct" | "union" | "enum", "{" | _, ..]
            if tokens.last().is_some() && texts(tokens).contains(&"{") =>
        {
            composed(tokens)?
        }
        ["typedef", rest @ ..] => {
            let declaration = Declaration::from_words(rest)?;
            if declaration.parameters.is_some() {
                Item::of_declaration(Kind::Callback, &declaration)
            } else {
                Item::new(Kind::Alias, declaration.name, declaration.ty)
            }
        }
        all => {
            let declaration = Declaration::from_words(all)?;
            ensure!(
                declaration.parameters.is_some(),
                "`{}` is neither a type nor a function",
                all.join(" ")
            );
            Item::of_declaration(Kind::Function, &declaration)
        }
    };
    Ok(explained(item, first))
}

/// `typedef struct Name { … } Name`, and the same with `union` and `enum`.
fn composed(tokens: &[Token]) -> Result<Item> {
    let all = texts(tokens);
    let open = all
        .iter()
        .position(|word| *word == "{")
        .context("it has no body")?;
    let (body, name) = match all.as_slice() {
        [.., "}", name] => (&tokens[open + 1..tokens.len() - 2], *name),
        _ => bail!("`{}` has no name", all.join(" ")),
    };
    let shape = match all[2..open] {
        [] => "",
        [tag] if tag == name => "tagged",
        _ => bail!("{name} has another name behind `{}`", all[1]),
    };
    let (kind, parts) = match all[1] {
        "enum" => (Kind::Enum, values(body)?),
        "union" => (Kind::Union, fields(body)?),
        _ => (Kind::Struct, fields(body)?),
    };
    Ok(Item {
        parts,
        ..Item::new(kind, name, shape)
    })
}

fn fields(body: &[Token]) -> Result<Vec<Part>> {
    let parts = body
        .split(|token| token.text == ";")
        .filter(|field| !field.is_empty());
    parts
        .map(|field| {
            let declared = Declaration::from_words(&texts(field))?.into_parameter();
            Ok(Part {
                doc: field[0].doc.clone(),
                ..Part::new(declared.name, declared.ty)
            })
        })
        .collect()
}

fn values(body: &[Token]) -> Result<Vec<Part>> {
    let mut next = 0;
    let mut parts = Vec::new();
    for value in body
        .split(|token| token.text == ",")
        .filter(|value| !value.is_empty())
    {
        let number = match texts(value).as_slice() {
            [_] => next,
            [_, "=", number] => number
                .parse()
                .with_context(|| format!("{number} is no number"))?,
            other => bail!("`{}` is no value of an enum", other.join(" ")),
        };
        next = number + 1;
        parts.push(Part {
            doc: value[0].doc.clone(),
            ..Part::new(&value[0].text, number.to_string())
        });
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"/* A header. */
#ifndef A_H
#define A_H
#include <stdint.h>
/** One. [1.x] */
#define A_ONE 1
/** Two lines. */
#define A_F(N) \
  extern void N(void)
/**
 * A thing
 * of the host. [1.x] It lives.
 */
typedef struct A A;
typedef uint64_t Size;
#ifdef __cplusplus
extern "C" {
#endif
/* ---- Some things ------- */
typedef enum { A_X, A_Y = 4, A_Z } Letter;
typedef struct B {
  /** Its size. */
  Size size;
  void (*release)(void *_);
} B;
typedef void (*Sink)(const char *data, Size size);
/** Frees it. */
void a_free(A *a);
#ifdef __cplusplus
} /* extern "C" */
#endif
#endif
"#;

    #[test]
    fn everything_a_header_declares_is_an_item() {
        let items = items(HEADER).unwrap();
        let shown: Vec<String> = items
            .iter()
            .map(|item| {
                let parts = item
                    .parts
                    .iter()
                    .map(|part| format!("{} {}", part.shape, part.name));
                let parts: Vec<String> = parts.collect();
                format!(
                    "{:?} {} `{}` [{}]",
                    item.kind,
                    item.name,
                    item.shape,
                    parts.join("; ")
                )
            })
            .collect();
        let expected = [
            "Constant A_ONE `1` []",
            "Macro A_F `(N) extern void N ( void )` []",
            "Opaque A `` []",
            "Alias Size `uint64_t` []",
            "Enum Letter `` [0 A_X; 4 A_Y; 5 A_Z]",
            "Struct B `tagged` [Size size; void (*)(void *) release]",
            "Callback Sink `void` [const char * data; Size size]",
            "Function a_free `void` [A * a]",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn an_item_has_its_comment_its_section_and_its_age() {
        let items = items(HEADER).unwrap();
        let find = |name: &str| items.iter().find(|item| item.name == name).unwrap();
        assert_eq!(find("A").doc, "A thing of the host. It lives.");
        assert!(find("A").is_published && find("A_ONE").is_published);
        assert_eq!(find("a_free").noun, "Some things");
        assert_eq!(find("a_free").doc, "Frees it.");
        assert!(!find("a_free").is_published);
        assert_eq!(find("B").parts[0].doc, "Its size.");
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let complaint = |header: &str| items(header).unwrap_err().to_string();
        assert_eq!(
            complaint("int a;"),
            "`int a` is neither a type nor a function"
        );
        assert_eq!(
            complaint("int f(void)"),
            "a declaration has no end: int f ( void )"
        );
        assert_eq!(complaint("/* x"), "a comment has no end");
        assert_eq!(
            complaint("typedef struct A { int x; } B;"),
            "B has another name behind `struct`"
        );
    }
}
