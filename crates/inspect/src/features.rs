//! Which Wasm proposals beyond the first version a module uses.
//!
//! Must not know: which of them the engine has on. Invariant: a proposal is named only if the
//! module would be invalid without it; the converse is best effort (encodings are not looked at).

use std::collections::BTreeSet;

use wasmparser::types::{EntityType, TypesRef};
use wasmparser::{
    BlockType, CompositeInnerType, ConstExpr, DataKind, ElementKind, FunctionBody, Operator,
    OperatorsReader, Payload, Result,
};

/// The proposals seen so far, by the names of their repositories.
#[derive(Default)]
pub(super) struct Features(BTreeSet<&'static str>);

impl Features {
    /// Looks at one part of a valid module.
    pub(super) fn payload(&mut self, payload: &Payload<'_>) -> Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section.clone() {
                    for ty in group?.types() {
                        self.composite(&ty.composite_type.inner);
                    }
                }
            }
            Payload::GlobalSection(section) => {
                for global in section.clone() {
                    self.constant(&global?.init_expr)?;
                }
            }
            Payload::ElementSection(section) => {
                for element in section.clone() {
                    match element?.kind {
                        ElementKind::Active { offset_expr, .. } => self.constant(&offset_expr)?,
                        ElementKind::Passive => self.uses("bulk-memory"),
                        ElementKind::Declared => self.uses("reference-types"),
                    }
                }
            }
            Payload::DataSection(section) => {
                for data in section.clone() {
                    match data?.kind {
                        DataKind::Active { offset_expr, .. } => self.constant(&offset_expr)?,
                        DataKind::Passive => self.uses("bulk-memory"),
                    }
                }
            }
            Payload::CodeSectionEntry(body) => self.body(body)?,
            _ => {}
        }
        Ok(())
    }

    /// Looks at what a module imports, exports and defines.
    pub(super) fn entities(&mut self, types: TypesRef<'_>) {
        let imports = types.core_imports().into_iter().flatten();
        let exports = types.core_exports().into_iter().flatten();
        let outside = imports
            .map(|(_, _, ty)| ty)
            .chain(exports.map(|(_, ty)| ty));
        for ty in outside {
            if matches!(ty, EntityType::Global(global) if global.mutable) {
                self.uses("mutable-global");
            }
        }
        for memory in (0..types.memory_count()).map(|index| types.memory_at(index)) {
            self.uses_if(memory.memory64, "memory64");
            self.uses_if(memory.shared, "threads");
            self.uses_if(memory.page_size_log2.is_some(), "custom-page-sizes");
        }
        for table in (0..types.table_count()).map(|index| types.table_at(index)) {
            self.uses_if(table.table64, "memory64");
            self.uses_if(!table.element_type.is_func_ref(), "reference-types");
        }
        self.uses_if(types.memory_count() > 1, "multi-memory");
        self.uses_if(types.table_count() > 1, "reference-types");
        self.uses_if(types.tag_count() > 0, "exception-handling");
    }

    /// The names, sorted.
    pub(super) fn into_names(self) -> Vec<String> {
        self.0.into_iter().map(str::to_owned).collect()
    }

    fn uses(&mut self, proposal: &'static str) {
        self.0.insert(proposal);
    }

    fn uses_if(&mut self, used: bool, proposal: &'static str) {
        if used {
            self.uses(proposal);
        }
    }

    fn composite(&mut self, ty: &CompositeInnerType) {
        match ty {
            CompositeInnerType::Func(ty) => self.uses_if(ty.results().len() > 1, "multi-value"),
            CompositeInnerType::Array(_) | CompositeInnerType::Struct(_) => self.uses("gc"),
            CompositeInnerType::Cont(_) => self.uses("stack-switching"),
        }
    }

    /// The first version of Wasm knows constants and imported globals only; what computes came later.
    fn constant(&mut self, expression: &ConstExpr<'_>) -> Result<()> {
        let mut reader: OperatorsReader<'_> = expression.get_operators_reader();
        while !reader.eof() {
            match reader.read()? {
                Operator::I32Add
                | Operator::I32Sub
                | Operator::I32Mul
                | Operator::I64Add
                | Operator::I64Sub
                | Operator::I64Mul => self.uses("extended-const"),
                operator => self.operator(&operator),
            }
        }
        Ok(())
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<()> {
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            self.operator(&reader.read()?);
        }
        Ok(())
    }

    fn operator(&mut self, operator: &Operator<'_>) {
        let block = match operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                Some(blockty)
            }
            _ => None,
        };
        self.uses_if(matches!(block, Some(BlockType::FuncType(_))), "multi-value");
        if let Some(proposal) = proposal_of(operator) {
            self.uses(proposal);
        }
    }
}

/// The proposal an instruction came with; `None` for the first version of Wasm.
fn proposal_of(operator: &Operator<'_>) -> Option<&'static str> {
    macro_rules! proposals {
        ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($note:tt)*))*) => {
            match operator {
                $(Operator::$op { .. } => proposals!(name $proposal),)*
                // Instructions this version of the parser does not name are not met: the module was
                // validated by it.
                _ => None,
            }
        };
        (name mvp) => { None };
        (name bulk_memory) => { Some("bulk-memory") };
        (name custom_descriptors) => { Some("custom-descriptors") };
        (name exceptions) => { Some("exception-handling") };
        (name function_references) => { Some("function-references") };
        (name legacy_exceptions) => { Some("legacy-exceptions") };
        (name memory_control) => { Some("memory-control") };
        (name reference_types) => { Some("reference-types") };
        (name relaxed_simd) => { Some("relaxed-simd") };
        (name saturating_float_to_int) => { Some("nontrapping-float-to-int-conversions") };
        (name shared_everything_threads) => { Some("shared-everything-threads") };
        (name sign_extension) => { Some("sign-extension-ops") };
        (name stack_switching) => { Some("stack-switching") };
        (name tail_call) => { Some("tail-call") };
        (name wide_arithmetic) => { Some("wide-arithmetic") };
        (name $one_word:ident) => { Some(stringify!($one_word)) };
    }
    wasmparser::for_each_operator!(proposals)
}
