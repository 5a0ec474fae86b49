//! The function declarations of a header, read well enough to compare them and to call the
//! functions.

/// A declared function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prototype {
    /// What it returns, such as `const char *`.
    pub(crate) returns: String,
    pub(crate) name: String,
    pub(crate) parameters: Vec<Parameter>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Its type without blanks around stars, such as `const ExtismFunction**`.
    pub(crate) ty: String,
    pub(crate) name: String,
}

impl Parameter {
    pub(crate) fn is_pointer(&self) -> bool {
        self.ty.contains('*') || self.ty.ends_with("FunctionType")
    }
}

/// Every function a header declares, in its order.
pub(crate) fn parse(header: &str) -> Vec<Prototype> {
    let text = without_comments(header);
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let text = lines.collect::<Vec<_>>().join(" ");
    // Macros that go over several lines leave a backslash on each but the last.
    text.split(';').filter_map(prototype).collect()
}

fn without_comments(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::new();
    while let Some((before, comment)) = rest.split_once("/*") {
        kept.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    kept + rest
}

fn prototype(declaration: &str) -> Option<Prototype> {
    let at = declaration.find("extism_")?;
    let (head, tail) = declaration.split_at(at);
    let (name, parameters) = tail.split_once('(')?;
    let (parameters, _) = parameters.rsplit_once(')')?;
    let returns = head.rsplit(['{', '}', '"', '\\']).next()?;
    Some(Prototype {
        returns: normal(returns),
        name: name.trim().to_owned(),
        parameters: split(parameters)
            .iter()
            .filter_map(|one| parameter(one))
            .collect(),
    })
}

/// Splits at the commas that are not within parentheses.
fn split(parameters: &str) -> Vec<String> {
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in parameters.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("never empty").push(c);
    }
    parts
}

fn parameter(text: &str) -> Option<Parameter> {
    let text = text.trim();
    if text == "void" || text.is_empty() {
        return None;
    }
    // A release callback is the only type that stands around its name.
    if let Some((_, rest)) = text.split_once("(*") {
        return Some(Parameter {
            ty: "Release*".to_owned(),
            name: rest.split_once(')')?.0.to_owned(),
        });
    }
    let at = text.rfind(|c: char| !(c.is_alphanumeric() || c == '_'))? + 1;
    let (ty, name) = text.split_at(at);
    Some(Parameter {
        ty: normal(ty),
        name: name.to_owned(),
    })
}

fn normal(ty: &str) -> String {
    let words: Vec<&str> = ty.split_whitespace().collect();
    words.join(" ").replace(" *", "*")
}
