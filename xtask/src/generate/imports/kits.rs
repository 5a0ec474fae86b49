//! What the kits for plug-ins declare as imported, next to the table.
//!
//! Must not know: the rest of a kit. Invariant: no complaint means that every import a kit declares exists
//! with that type, and that it declares all that it should. The declarations themselves are written by hand:
//! they are the place where a kit explains them, under names its users already know.

use anyhow::{Context, Result, ensure};

use super::super::c::Declaration;
use super::{Imports, Kind, SOURCE, signature};
use crate::project::Project;

/// A declaration of a kit: the import and its type in Wasm.
type Declared = (String, String);

/// Reads the declarations of a language.
type Reader = fn(&str) -> Result<Vec<Declared>>;

/// The files with declarations.
const KITS: &[(&str, Reader)] = &[("pdk/c/extism-pdk.h", c), ("pdk/rust/src/extism.rs", rust)];

/// One line for each difference.
pub(in super::super) fn differences(project: &Project) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    let imports = Imports::load(project)?;
    for (file, read) in KITS.iter().filter(|(file, _)| project.exists(file)) {
        let declared = read(&project.read(file)?).with_context(|| (*file).to_string())?;
        let compared = compared(&imports, &declared);
        complaints.extend(
            compared
                .iter()
                .map(|complaint| format!("{file}: {complaint}")),
        );
    }
    Ok(complaints)
}

fn compared(imports: &Imports, declared: &[Declared]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, ty) in declared {
        match imports.all().find(|import| import.name == *name) {
            None => complaints.push(format!("{name} is not in {SOURCE}")),
            Some(import) if import.signature() != *ty => {
                let expected = import.signature();
                complaints.push(format!(
                    "{name} is `{ty}` here and `{expected}` in {SOURCE}"
                ));
            }
            Some(_) => {}
        }
    }
    for import in imports.all().filter(|import| import.in_kits) {
        if !declared.iter().any(|(name, _)| *name == import.name) {
            complaints.push(format!("{} is in {SOURCE} and not declared", import.name));
        }
    }
    complaints
}

/// `EXTISM_IMPORT_ENV("alloc") extern ExtismHandle extism_alloc(const uint64_t length);`
fn c(text: &str) -> Result<Vec<Declared>> {
    let declarations = text.split("EXTISM_IMPORT_ENV(\"").skip(1);
    declarations
        .map(|rest| {
            let (name, rest) = rest.split_once("\")").context("an import has no name")?;
            let (declaration, _) = rest.split_once(';').context("an import has no end")?;
            let declaration = declaration.trim_start().trim_start_matches("extern ");
            let declaration = Declaration::parse(declaration)?;
            let params = declaration.parameters.iter().flatten();
            let params = params
                .map(|one| c_kind(&one.ty))
                .collect::<Result<Vec<Kind>>>()?;
            let result = match declaration.ty.as_str() {
                "void" => None,
                ty => Some(c_kind(ty)?),
            };
            Ok((name.to_string(), signature(&params, result)))
        })
        .collect()
}

fn c_kind(ty: &str) -> Result<Kind> {
    Ok(match ty.trim_start_matches("const ") {
        "ExtismHandle" => Kind::Handle,
        "uint64_t" | "ExtismPointer" => Kind::U64,
        "uint8_t" => Kind::U8,
        "uint32_t" => Kind::U32,
        "int32_t" => Kind::I32,
        other => anyhow::bail!("`{other}` is no type of an import"),
    })
}

/// `fn alloc(length: u64) -> u64;` within `imports! { … }`
fn rust(text: &str) -> Result<Vec<Declared>> {
    let (_, block) = text
        .split_once("\nimports! {\n")
        .context("there is no `imports!`")?;
    let (block, _) = block.split_once("\n}").context("`imports!` has no end")?;
    let lines = block
        .lines()
        .filter_map(|line| line.trim().strip_prefix("fn "));
    lines
        .map(|line| {
            let (name, rest) = line.split_once('(').context("a function has no name")?;
            let (params, result) = rest.split_once(')').context("a bracket is open")?;
            let kind = |param: &str| {
                let (_, ty) = param.split_once(": ").context("a parameter has no type")?;
                Kind::read(ty)
            };
            let params = params.split(", ").filter(|param| !param.is_empty());
            let params = params.map(kind).collect::<Result<Vec<Kind>>>()?;
            let result = result.trim_end_matches(';').strip_prefix(" -> ");
            ensure!(!name.contains(' '), "`{name}` is no name");
            Ok((
                name.to_string(),
                signature(&params, result.map(Kind::read).transpose()?),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "[[list]]\nname = \"KERNEL\"\ndoc = \"Some.\"\n\
        [[list.import]]\nname = \"alloc\"\ntable = \"blocks\"\nparams = [\"length: u64\"]\n\
        result = \"handle\"\ndoc = \"Allocates.\"\n\
        [[list.import]]\nname = \"reset\"\ntable = \"blocks\"\nin_kits = false\ndoc = \"Resets.\"\n";

    #[test]
    fn the_declarations_of_both_languages_are_read() {
        let header =
            "EXTISM_IMPORT_ENV(\"alloc\")\nextern ExtismHandle extism_alloc(const uint64_t n);\n";
        let alloc = [("alloc".to_string(), "(i64) -> i64".to_string())];
        assert_eq!(c(header).unwrap(), alloc);
        let source = "\nimports! {\n    /// Text.\n    fn alloc(length: u64) -> u64;\n}\n";
        assert_eq!(rust(source).unwrap(), alloc);
    }

    #[test]
    fn what_differs_is_named() {
        let imports = Imports::parse(TABLE).unwrap();
        let declared = |name: &str, ty: &str| (name.to_string(), ty.to_string());
        assert!(compared(&imports, &[declared("alloc", "(i64) -> i64")]).is_empty());
        assert_eq!(
            compared(
                &imports,
                &[declared("alloc", "(i32) -> i64"), declared("grow", "()")]
            ),
            [
                "alloc is `(i32) -> i64` here and `(i64) -> i64` in abi/imports.toml",
                "grow is not in abi/imports.toml"
            ]
        );
        assert_eq!(
            compared(&imports, &[]),
            ["alloc is in abi/imports.toml and not declared"]
        );
    }

    #[test]
    fn the_kits_of_the_project_declare_what_they_should() {
        assert_eq!(
            differences(&Project::locate()).unwrap(),
            Vec::<String>::new()
        );
    }
}
