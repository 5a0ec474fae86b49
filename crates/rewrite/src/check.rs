//! Whether a module is valid: asked here, or known before.
//!
//! Must not know: what the pass looks for. Keeps: whoever has walked all bodies with a [`Check`] holds a
//! valid module. Without the feature `validate` it is the caller who promises that, as a page can whose
//! engine has accepted the very same bytes; what is walked then is only taken apart.

pub(crate) use kind::Check;

#[cfg(feature = "validate")]
mod kind {
    use wasmparser::{
        BinaryReader, FuncValidator, FuncValidatorAllocations, FunctionBody, Payload, ValidPayload,
        Validator, ValidatorResources,
    };

    use crate::Declined;
    use crate::outline::FEATURES;

    /// Validates a module piece by piece.
    pub(crate) struct Check {
        validator: Validator,
        allocations: FuncValidatorAllocations,
        function: Option<FuncValidator<ValidatorResources>>,
    }

    impl Check {
        pub(crate) fn new() -> Self {
            Check {
                validator: Validator::new_with_features(FEATURES),
                allocations: FuncValidatorAllocations::default(),
                function: None,
            }
        }

        /// Validates the next piece; of a body, only that it may come.
        pub(crate) fn payload(&mut self, payload: &Payload<'_>) -> Result<(), Declined> {
            if let ValidPayload::Func(function, _) = self.validator.payload(payload)? {
                let allocations = std::mem::take(&mut self.allocations);
                self.function = Some(function.into_validator(allocations));
            }
            Ok(())
        }

        /// Validates the body that was announced last, and shows where each instruction begins.
        pub(crate) fn walk<'a>(
            &mut self,
            body: &FunctionBody<'a>,
            mut each: impl FnMut(&BinaryReader<'a>) -> Result<(), Declined>,
        ) -> Result<(), Declined> {
            let Some(mut validator) = self.function.take() else {
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
    use wasmparser::{BinaryReader, FunctionBody, Payload};

    use crate::Declined;
    use crate::instruction::Instructions;

    /// Takes a module apart that is known to be valid.
    pub(crate) struct Check;

    impl Check {
        pub(crate) fn new() -> Self {
            Check
        }

        pub(crate) fn payload(&mut self, _: &Payload<'_>) -> Result<(), Declined> {
            Ok(())
        }

        /// Shows where each instruction of a body begins.
        pub(crate) fn walk<'a>(
            &mut self,
            body: &FunctionBody<'a>,
            mut each: impl FnMut(&BinaryReader<'a>) -> Result<(), Declined>,
        ) -> Result<(), Declined> {
            let operators = body.get_operators_reader()?;
            let mut instructions = Instructions::new(operators.get_binary_reader());
            while !instructions.is_done() {
                each(instructions.reader())?;
                instructions.next()?;
            }
            Ok(())
        }
    }
}
