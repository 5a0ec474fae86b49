//! A module taken apart, and whether it is valid: asked here, or known before.
//!
//! Must not know: what the pass looks for. Keeps: whoever has walked all bodies with a [`Check`] holds a
//! valid module. Without the feature `validate` it is the caller who promises that, as a page can whose
//! engine has accepted the very same bytes; what is walked then is only taken apart.

use std::ops::Range;

pub(crate) use kind::Check;

/// A part of a module, by its place.
pub(crate) enum Piece {
    /// The contents of the section of that number.
    Section(u8, Range<usize>),
    /// The next body of the code section, to be walked at once.
    Body(Range<usize>),
}

#[cfg(feature = "validate")]
mod kind {
    use wasmparser::{
        BinaryReader, FuncValidator, FuncValidatorAllocations, FunctionBody, Parser, Payload,
        ValidPayload, Validator, ValidatorResources,
    };

    use super::Piece;
    use crate::Declined;
    use crate::outline::FEATURES;

    type Payloads<'a> = Box<dyn Iterator<Item = wasmparser::Result<Payload<'a>>> + 'a>;

    /// Validates a module piece by piece.
    pub(crate) struct Check<'a> {
        payloads: Payloads<'a>,
        validator: Validator,
        allocations: FuncValidatorAllocations,
        body: Option<(FuncValidator<ValidatorResources>, FunctionBody<'a>)>,
    }

    impl<'a> Check<'a> {
        pub(crate) fn new(wasm: &'a [u8]) -> Self {
            let mut parser = Parser::new(0);
            parser.set_features(FEATURES);
            Check {
                payloads: Box::new(parser.parse_all(wasm)),
                validator: Validator::new_with_features(FEATURES),
                allocations: FuncValidatorAllocations::default(),
                body: None,
            }
        }

        /// Validates the next piece; of a body, only that it may come.
        pub(crate) fn next(&mut self) -> Result<Option<Piece>, Declined> {
            for payload in self.payloads.by_ref() {
                let payload = payload?;
                if let ValidPayload::Func(function, body) = self.validator.payload(&payload)? {
                    let allocations = std::mem::take(&mut self.allocations);
                    let range = body.range();
                    self.body = Some((function.into_validator(allocations), body));
                    return Ok(Some(Piece::Body(range)));
                }
                if let Some((id, range)) = payload.as_section() {
                    return Ok(Some(Piece::Section(id, range)));
                }
            }
            Ok(None)
        }

        /// Validates the body that came last, and shows where each instruction begins.
        pub(crate) fn walk(
            &mut self,
            mut each: impl FnMut(&BinaryReader<'a>) -> Result<(), Declined>,
        ) -> Result<(), Declined> {
            let Some((mut validator, body)) = self.body.take() else {
                return Ok(());
            };
            let mut reader = body.get_binary_reader();
            validator.read_locals(&mut reader)?;
            while !reader.eof() {
                each(&reader)?;
                let start = reader.original_position();
                reader.visit_operator(&mut validator.visitor(start))??;
            }
            reader.finish_expression(&validator.visitor(body.range().end))?;
            self.allocations = validator.into_allocations();
            Ok(())
        }
    }
}

#[cfg(not(feature = "validate"))]
mod kind {
    use wasmparser::BinaryReader;

    use super::Piece;
    use crate::Declined;
    use crate::instruction::Instructions;
    use crate::module::{Sections, section};
    use crate::types;

    /// Takes a module apart that is known to be valid.
    pub(crate) struct Check<'a> {
        sections: Sections<'a>,
        wasm: &'a [u8],
        /// The rest of the code section, and how many bodies are in it.
        code: BinaryReader<'a>,
        bodies: u32,
        body: &'a [u8],
        body_start: usize,
    }

    impl<'a> Check<'a> {
        pub(crate) fn new(wasm: &'a [u8]) -> Self {
            Check {
                sections: Sections::new(wasm),
                wasm,
                code: BinaryReader::new(&[], 0),
                bodies: 0,
                body: &[],
                body_start: 0,
            }
        }

        pub(crate) fn next(&mut self) -> Result<Option<Piece>, Declined> {
            if let Some(left) = self.bodies.checked_sub(1) {
                self.bodies = left;
                let length = self.code.read_var_u32()?;
                self.body_start = self.code.original_position();
                self.body = self.code.read_bytes(length as usize)?;
                let end = self.body_start.saturating_add(self.body.len());
                return Ok(Some(Piece::Body(self.body_start..end)));
            }
            let Some(found) = self.sections.next() else {
                return Ok(None);
            };
            let (id, range) = found?;
            if id == section::CODE {
                self.code = BinaryReader::new(&self.wasm[range.clone()], range.start);
                self.bodies = self.code.read_var_u32()?;
            }
            Ok(Some(Piece::Section(id, range)))
        }

        /// Shows where each instruction of the body that came last begins.
        pub(crate) fn walk(
            &mut self,
            mut each: impl FnMut(&BinaryReader<'a>) -> Result<(), Declined>,
        ) -> Result<(), Declined> {
            let mut reader = BinaryReader::new(self.body, self.body_start);
            for _ in 0..reader.read_var_u32()? {
                reader.read_var_u32()?;
                types::value(&mut reader)?;
            }
            let mut instructions = Instructions::new(reader);
            while !instructions.is_done() {
                each(instructions.reader())?;
                instructions.next()?;
            }
            Ok(())
        }
    }
}
