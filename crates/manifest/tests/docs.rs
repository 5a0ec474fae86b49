//! The reference in `docs/manifest.md`: every example is a manifest, and every error is what the parser says.

use extism_manifest::{Manifest, ParseOptions};

const DOCS: &str = include_str!("../../../docs/manifest.md");

/// The fenced blocks of a language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let starts = DOCS.split(fence.as_str()).skip(1);
    starts
        .map(|rest| rest.split_once("\n```").expect("the block ends").0)
        .collect()
}

fn parse(text: &str) -> Result<Manifest, String> {
    let parsed = Manifest::parse(text.as_bytes(), &ParseOptions::default());
    parsed.map_err(|error| error.to_string())
}

#[test]
fn every_example_is_given_in_both_languages() {
    let (json, toml) = (blocks("json"), blocks("toml"));
    assert_eq!(
        (json.len(), toml.len()),
        (9, 9),
        "an example has no twin, or this number is stale"
    );
    for (json, toml) in json.into_iter().zip(toml) {
        let options = ParseOptions::default();
        let from_json = Manifest::from_json(json.as_bytes(), &options).expect(json);
        let from_toml = Manifest::from_toml(toml.as_bytes(), &options).expect(toml);
        assert_eq!(from_json, from_toml, "{json}\n{toml}");
        assert_eq!(parse(json).as_ref(), Ok(&from_json));
        assert_eq!(parse(toml).as_ref(), Ok(&from_toml));
    }
}

#[test]
fn errors_read_as_documented() {
    let texts = [
        "[memory]\nmax_page = 4",
        "wasm = [{ path = 'a' }, { path = 'b', url = 'u' }]",
        "[config]\nretries = 3",
        "{\n  \"wasm\": [],\n}",
    ];
    let documented = blocks("text");
    let documented = documented
        .iter()
        .flat_map(|block| block.lines())
        .collect::<Vec<_>>();
    let actual = texts.map(|text| parse(text).expect_err(text));
    assert_eq!(actual.as_slice(), documented);
}

/// Every name the parser knows is explained.
#[test]
fn every_field_is_documented() {
    for text in ["x = 1", "memory.x = 1", "wasm = [{ x = 1 }]"] {
        let error = parse(text).expect_err("unknown field");
        let (_, known) = error
            .split_once("Known fields: ")
            .expect("the known fields are listed");
        for name in known.split(", ") {
            let row = DOCS
                .lines()
                .filter(|line| line.starts_with(&format!("| `{name}` |")));
            assert_eq!(row.count(), 1, "{name} has a row");
        }
    }
}

#[test]
fn the_bound_of_values_is_the_documented_one() {
    assert_eq!(ParseOptions::default().values_max, 1_048_576);
    let said = "at most 1,048,576 values (strings, numbers, lists, objects)";
    assert!(DOCS.contains(said), "{said}");
}
