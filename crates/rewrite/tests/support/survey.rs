//! What the calls of kernel functions in a module look like: where they are, and how often they are
//! there.
//!
//! Reads modules on its own, so that a generator that makes no calls, or only dull ones, is found
//! out.

use std::collections::BTreeMap;

use extism_abi::import::{ENV_MODULE, LEGACY_MODULE, LEGACY_PREFIX};
use wasmparser::{BlockType, CompositeInnerType, ElementItems, ExternalKind, FunctionBody};
use wasmparser::{Operator, Parser, Payload, TypeRef};

/// The kernel functions that become instructions, by their 1.x names.
pub(crate) const INLINED: [&str; 10] = [
    "input_length",
    "input_load_u64",
    "input_load_u8",
    "input_offset",
    "load_u32",
    "load_u64",
    "load_u8",
    "store_u32",
    "store_u64",
    "store_u8",
];

/// How often each thing was met.
#[derive(Debug, Default)]
pub(crate) struct Survey(BTreeMap<String, usize>);

impl Survey {
    /// Adds what a module has.
    pub(crate) fn add(&mut self, wasm: &[u8]) {
        let mut module = Module::default();
        for payload in Parser::new(0).parse_all(wasm) {
            self.payload(&mut module, payload.expect("a valid module"));
        }
    }

    /// How often it was met.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// Demands that each of these was met that often or more.
    pub(crate) fn demand(&self, floors: &[(&str, usize)]) {
        for (what, floor) in floors {
            assert!(self.count(what) >= *floor, "{what}: {self:#?}");
        }
    }

    fn note(&mut self, what: &str) {
        *self.0.entry(what.to_string()).or_default() += 1;
    }

    fn payload(&mut self, module: &mut Module, payload: Payload<'_>) {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group.expect("readable").into_types() {
                        module.ty(&ty.composite_type.inner);
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    module.import(&import.expect("readable"));
                }
            }
            Payload::FunctionSection(section) => {
                let types = section.into_iter().map(|ty| ty.expect("readable"));
                module.functions.extend(types);
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.expect("readable");
                    if export.kind == ExternalKind::Func && module.name(export.index).is_some() {
                        self.note("exported");
                    }
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    if let ElementItems::Functions(functions) = element.expect("readable").items {
                        let all = functions.into_iter().map(|index| index.expect("readable"));
                        all.filter(|index| module.name(*index).is_some())
                            .for_each(|_| self.note("element"));
                    }
                }
            }
            Payload::CodeSectionEntry(body) => self.body(module, &body),
            _ => {}
        }
    }

    fn body(&mut self, module: &mut Module, body: &FunctionBody<'_>) {
        let ty = module.functions[module.bodies];
        module.bodies += 1;
        let mut frames = vec![Frame::default()];
        let mut operators = body.get_operators_reader().expect("readable");
        while !operators.eof() {
            let operator = operators.read().expect("readable");
            let top = frames.last().copied().unwrap_or_default();
            match operator {
                Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                    let tail = matches!(operator, Operator::ReturnCall { .. });
                    let several = module.results[ty as usize] > 1;
                    if let Some(name) = module.name(function_index) {
                        self.site(name, top, tail, several, module.collected);
                    }
                }
                Operator::RefFunc { function_index } if module.name(function_index).is_some() => {
                    self.note("ref.func");
                }
                _ => {}
            }
            step(&operator, &mut frames, module);
        }
    }

    fn site(&mut self, name: &str, frame: Frame, tail: bool, several: bool, collected: bool) {
        if frame.dead {
            return self.note("dead");
        }
        self.note("live");
        self.note(name);
        let traits = [
            ("tail", tail),
            ("in a loop", frame.in_loop),
            ("in try_table", frame.in_try),
            ("in a block of several values", frame.several),
            ("in a function of several results", several),
            ("beside collected types", collected),
        ];
        traits
            .iter()
            .filter(|(_, met)| *met)
            .for_each(|(what, _)| self.note(what));
    }
}

/// What is known of a module when its code comes.
#[derive(Default)]
struct Module {
    /// For each type the number of results, were it a function.
    results: Vec<usize>,
    /// Whether a struct or an array type is there.
    collected: bool,
    imported: Vec<Option<&'static str>>,
    /// The types of functions with a body.
    functions: Vec<u32>,
    bodies: usize,
}

impl Module {
    fn ty(&mut self, ty: &CompositeInnerType) {
        self.collected |= matches!(
            ty,
            CompositeInnerType::Struct(_) | CompositeInnerType::Array(_)
        );
        self.results.push(match ty {
            CompositeInnerType::Func(ty) => ty.results().len(),
            _ => 0,
        });
    }

    fn import(&mut self, import: &wasmparser::Import<'_>) {
        let (TypeRef::Func(_) | TypeRef::FuncExact(_)) = import.ty else {
            return;
        };
        let name = match import.module {
            ENV_MODULE => Some(import.name),
            LEGACY_MODULE => import.name.strip_prefix(LEGACY_PREFIX),
            _ => None,
        };
        let known = INLINED.into_iter().find(|known| Some(*known) == name);
        self.imported.push(known);
    }

    fn name(&self, function: u32) -> Option<&'static str> {
        self.imported.get(function as usize).copied().flatten()
    }
}

/// What surrounds an instruction.
#[derive(Clone, Copy, Default)]
struct Frame {
    dead: bool,
    /// Whether the whole block is dead, its `else` too.
    born_dead: bool,
    in_loop: bool,
    in_try: bool,
    several: bool,
}

fn step(operator: &Operator<'_>, frames: &mut Vec<Frame>, module: &Module) {
    let top = frames.last().copied().unwrap_or_default();
    let several = |blockty: &BlockType| match blockty {
        BlockType::FuncType(ty) => module.results[*ty as usize] > 1,
        _ => false,
    };
    let inside = Frame {
        born_dead: top.dead,
        ..top
    };
    match operator {
        Operator::Block { blockty } | Operator::If { blockty } => frames.push(Frame {
            several: top.several || several(blockty),
            ..inside
        }),
        Operator::Loop { .. } => frames.push(Frame {
            in_loop: true,
            ..inside
        }),
        Operator::TryTable { .. } => frames.push(Frame {
            in_try: true,
            ..inside
        }),
        Operator::Else => {
            if let Some(frame) = frames.last_mut() {
                frame.dead = frame.born_dead;
            }
        }
        Operator::End => {
            frames.pop();
        }
        Operator::Unreachable
        | Operator::Return
        | Operator::Br { .. }
        | Operator::BrTable { .. }
        | Operator::ReturnCall { .. }
        | Operator::ReturnCallIndirect { .. }
        | Operator::ReturnCallRef { .. }
        | Operator::Throw { .. }
        | Operator::ThrowRef => {
            if let Some(frame) = frames.last_mut() {
                frame.dead = true;
            }
        }
        _ => {}
    }
}
