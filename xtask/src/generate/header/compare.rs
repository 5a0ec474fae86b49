//! The header next to the tables: every difference, with the name of what differs.
//!
//! Must not know: how either was read. Invariant: no complaint means that the header declares exactly what
//! the tables have, in their order, in the same words.

use std::collections::BTreeMap;

use super::super::item::{Item, Kind, Part};

/// Where a kind of item is told, for people who have to mend it.
fn table(kind: Kind) -> &'static str {
    match kind {
        Kind::Function => super::super::interface::FUNCTIONS,
        _ => super::super::interface::TYPES,
    }
}

/// One line for each difference.
pub(super) fn differences(header: &[Item], tables: &[Item]) -> Vec<String> {
    let mut complaints = Vec::new();
    let declared: BTreeMap<&str, &Item> = header
        .iter()
        .map(|item| (item.name.as_str(), item))
        .collect();
    let known: BTreeMap<&str, &Item> = tables
        .iter()
        .map(|item| (item.name.as_str(), item))
        .collect();
    if declared.len() != header.len() {
        complaints.push("the header declares a name twice".to_string());
    }
    for item in header {
        match known.get(item.name.as_str()) {
            Some(expected) => complaints.extend(difference(item, expected)),
            None => complaints.push(format!("{} is not in {}", item.name, table(item.kind))),
        }
    }
    for item in tables
        .iter()
        .filter(|item| !declared.contains_key(item.name.as_str()))
    {
        let table = table(item.kind);
        complaints.push(format!("{} is in {table} and not in the header", item.name));
    }
    if complaints.is_empty() {
        complaints.extend(displaced(header, tables));
    }
    complaints
}

/// The first item of each table that stands at another place in the header.
fn displaced(header: &[Item], tables: &[Item]) -> Vec<String> {
    let mut complaints = Vec::new();
    for of_functions in [true, false] {
        let own = |item: &&Item| (item.kind == Kind::Function) == of_functions;
        let pairs = header.iter().filter(own).zip(tables.iter().filter(own));
        if let Some((first, _)) = pairs.clone().find(|(one, other)| one.name != other.name) {
            complaints.push(format!(
                "{} stands at another place in {}",
                first.name,
                table(first.kind)
            ));
        }
    }
    complaints
}

fn difference(header: &Item, expected: &Item) -> Option<String> {
    let name = &header.name;
    let table = table(expected.kind);
    let says = |what: &str, ours: &str, theirs: &str| {
        Some(format!(
            "{name}: {what} is `{ours}` in the header and `{theirs}` in {table}"
        ))
    };
    if header.kind != expected.kind {
        return says(
            "the kind",
            &format!("{:?}", header.kind),
            &format!("{:?}", expected.kind),
        );
    }
    if header.shape != expected.shape {
        return says("the type or value", &header.shape, &expected.shape);
    }
    if header.noun != expected.noun {
        return says("the section", &header.noun, &expected.noun);
    }
    if header.is_published != expected.is_published {
        return Some(format!(
            "{name}: `[1.x]` in the header does not agree with {table}"
        ));
    }
    if !header.doc.starts_with(&expected.doc) {
        return says("the beginning of the text", &header.doc, &expected.doc);
    }
    part_difference(&header.parts, &expected.parts).map(|(part, ours, theirs)| {
        format!("{name}: {part} is `{ours}` in the header and `{theirs}` in {table}")
    })
}

/// The first part that differs: which, and what it is here and there.
fn part_difference(header: &[Part], expected: &[Part]) -> Option<(String, String, String)> {
    let shown = |part: Option<&Part>| {
        part.map_or("nothing".to_string(), |part| {
            format!("{} {}", part.shape, part.name)
        })
    };
    for at in 0..header.len().max(expected.len()) {
        let (ours, theirs) = (header.get(at), expected.get(at));
        if shown(ours) != shown(theirs) {
            return Some((format!("part {}", at + 1), shown(ours), shown(theirs)));
        }
        let doc = |part: Option<&Part>| part.map_or(String::new(), |part| part.doc.clone());
        if !doc(ours).starts_with(&doc(theirs)) {
            let name = theirs.map_or(String::new(), |part| part.name.clone());
            return Some((format!("the text of {name}"), doc(ours), doc(theirs)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::scan::items;
    use super::*;

    const HEADER: &str = "\
/** Size. [1.x] */
typedef struct S { /** The size. */ int size; long rest; } S;
/* ---- Things ---- */
/** Calls. More. */
int f(const char *name);
/** Frees. */
void g(S *s);
";

    fn check(before: &str, after: &str, complaint: &str) {
        let changed = HEADER.replacen(before, after, 1);
        assert_ne!(changed, HEADER, "{before}");
        let found = differences(&items(&changed).unwrap(), &items(HEADER).unwrap());
        assert_eq!(found, [complaint]);
    }

    #[test]
    fn a_header_agrees_with_tables_that_say_the_same_in_fewer_words() {
        let mut tables = items(HEADER).unwrap();
        tables[1].doc = "Calls.".to_string();
        assert!(differences(&items(HEADER).unwrap(), &tables).is_empty());
    }

    #[test]
    fn each_difference_is_told_with_its_name() {
        let (functions, types) = ("abi/functions.toml", "abi/types.toml");
        check(
            "const char *name",
            "char *name",
            &format!(
                "f: part 1 is `char * name` in the header and `const char * name` in {functions}"
            ),
        );
        check(
            "int f",
            "long f",
            &format!("f: the type or value is `long` in the header and `int` in {functions}"),
        );
        check(
            " long rest;",
            "",
            &format!("S: part 2 is `nothing` in the header and `long rest` in {types}"),
        );
        check(
            "[1.x]",
            "",
            &format!("S: `[1.x]` in the header does not agree with {types}"),
        );
    }

    #[test]
    fn a_section_with_another_title_is_told_for_each_of_its_functions() {
        let changed = HEADER.replace("Things", "Words");
        let found = differences(&items(&changed).unwrap(), &items(HEADER).unwrap());
        let complaint = |name: &str| {
            format!(
                "{name}: the section is `Words` in the header and `Things` in abi/functions.toml"
            )
        };
        assert_eq!(found, [complaint("f"), complaint("g")]);
    }

    #[test]
    fn what_is_on_one_side_only_is_told() {
        let more = format!("{HEADER}int h(void);\n");
        let (more, less) = (items(&more).unwrap(), items(HEADER).unwrap());
        assert_eq!(
            differences(&more, &less),
            ["h is not in abi/functions.toml"]
        );
        assert_eq!(
            differences(&less, &more),
            ["h is in abi/functions.toml and not in the header"]
        );
    }

    #[test]
    fn the_order_is_compared_when_all_else_agrees() {
        let mut tables = items(HEADER).unwrap();
        tables.swap(1, 2);
        assert_eq!(
            differences(&items(HEADER).unwrap(), &tables),
            ["f stands at another place in abi/functions.toml"]
        );
    }
}
