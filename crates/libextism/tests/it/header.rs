//! The header: correct in every language, complete, and the published interface unchanged within
//! it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::library::{self, C11, C99, CPP11, CPP17};
use crate::prototype::{Prototype, parse};

pub(crate) fn ours() -> Vec<Prototype> {
    parse(&library::read("include/extism.h"))
}

fn published() -> Vec<Prototype> {
    parse(&library::read("crates/libextism/tests/c/published.h"))
}

#[test]
fn the_header_compiles_in_every_language_even_twice() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let source = scratch.path().join("twice");
    std::fs::write(&source, "#include <extism.h>\n#include <extism.h>\n").expect("a file");
    for language in [C99, C11, CPP11, CPP17] {
        let mut compiler = library::compiler(language);
        library::run(compiler.arg("-fsyntax-only").arg(&source));
    }
}

#[test]
fn the_published_functions_are_declared_unchanged() {
    let ours = ours();
    let published = published();
    assert_eq!(published.len(), 33);
    for prototype in published {
        let same = ours.iter().find(|other| other.name == prototype.name);
        assert_eq!(same, Some(&prototype));
    }
}

/// With the header of a published release at hand: its functions, too, and programs written against
/// it compile.
#[test]
fn the_real_published_header_says_the_same() {
    let Some(path) = std::env::var_os("EXTISM_PUBLISHED_HEADER") else {
        return;
    };
    let text = std::fs::read_to_string(Path::new(&path)).expect("the published header");
    let sorted = |prototypes: Vec<Prototype>| {
        let pairs = prototypes
            .into_iter()
            .map(|one| (one.name.clone(), format!("{one:?}")));
        pairs.collect::<BTreeSet<_>>()
    };
    assert_eq!(sorted(parse(&text)), sorted(published()));
}

#[test]
fn the_document_names_every_function() {
    let document = library::read("docs/abi.md");
    for prototype in ours() {
        let name = format!("`{}`", prototype.name);
        assert!(document.contains(&name), "docs/abi.md does not name {name}");
    }
}

/// Sizes and numbers the bindings of other languages rely on, as the compiler sees them.
#[test]
fn layouts_are_what_bindings_were_told() {
    let source = r#"
        #include <extism.h>
        #include <stddef.h>
        #define IS(what, value) _Static_assert((what) == (value), #what)
        IS(sizeof(ExtismVal), 16);
        IS(offsetof(ExtismVal, v), 8);
        IS(sizeof(ExtismValType), 4);
        IS(sizeof(ExtismStatus), 4);
        IS(ExtismValType_ExternRef, 6);
        IS(EXTISM_PTR, ExtismValType_I64);
        IS(sizeof(ExtismLimits), 27 * 8);
        IS(sizeof(ExtismStats), 6 * 8);
        IS(sizeof(ExtismPoolOptions), 2 * 8);
        IS(sizeof(ExtismPoolStats), 7 * 8);
        IS(sizeof(ExtismOptions), sizeof(void *) == 8 ? 16 * 8 : sizeof(ExtismOptions));
        EXTISM_FUNCTION(a_function);
        EXTISM_GO_FUNCTION(another_function);
    "#;
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let file = scratch.path().join("layout");
    std::fs::write(&file, source).expect("a file");
    library::run(library::compiler(C11).arg("-fsyntax-only").arg(&file));
}
