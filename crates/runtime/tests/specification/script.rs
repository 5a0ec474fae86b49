//! Runs one script of the specification, directive by directive.
//!
//! Must not know: which failures are expected. Invariant: every directive is counted, as passed or failed.

use std::collections::HashMap;

use wasmtime::{
    Engine, Error, Global, GlobalType, Instance, Linker, Memory, MemoryType, Module, Mutability,
    Ref, RefType, Result, Store, Table, TableType, ThrownException, Trap, Val, ValType, bail,
};
use wast::lexer::Lexer;
use wast::parser::{ParseBuffer, parse};
use wast::token::Id;
use wast::{QuoteWat, Wast, WastDirective, WastExecute, WastInvoke, WastRet, Wat};

use super::value::{argument, check};
use super::{Way, prepared};

/// What came of a script.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) passed: usize,
    /// One text each.
    pub(super) failures: Vec<String>,
    pub(super) rewritten: usize,
}

/// A script that runs.
pub(super) struct Script<'e> {
    engine: &'e Engine,
    way: Way,
    store: Store<()>,
    linker: Linker<()>,
    modules: HashMap<String, Module>,
    instances: HashMap<String, Instance>,
    last_module: Option<Module>,
    last: Option<Instance>,
    tally: Tally,
}

impl Script<'_> {
    /// Runs a whole script.
    pub(super) fn run(engine: &Engine, way: Way, text: &str) -> Tally {
        let mut lexer = Lexer::new(text);
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer).expect("a script is text");
        let directives = match parse::<Wast<'_>>(&buffer) {
            Ok(script) => script.directives,
            Err(error) => {
                let failures = vec![format!("  not a script: {error}\n")];
                return Tally {
                    failures,
                    ..Tally::default()
                };
            }
        };
        let mut script = Script::new(engine, way).expect("a new store has room");
        for directive in directives {
            let line = directive.span().linecol_in(text).0 + 1;
            match script.directive(directive) {
                Ok(()) => script.tally.passed += 1,
                Err(error) => script
                    .tally
                    .failures
                    .push(format!("  line {line}: {error:?}\n")),
            }
        }
        script.tally
    }

    fn new(engine: &Engine, way: Way) -> Result<Script<'_>> {
        let mut store = Store::new(engine, ());
        // Nobody advances the epoch here.
        store.set_epoch_deadline(1);
        let mut linker = Linker::new(engine);
        linker.allow_shadowing(true);
        spectest(&mut linker, &mut store)?;
        Ok(Script {
            engine,
            way,
            store,
            linker,
            modules: HashMap::new(),
            instances: HashMap::new(),
            last_module: None,
            last: None,
            tally: Tally::default(),
        })
    }

    fn directive(&mut self, directive: WastDirective<'_>) -> Result<()> {
        use WastDirective as D;
        match directive {
            D::Module(mut module) => {
                let name = module.name();
                let compiled = self.compile(&mut module)?;
                let instance = self.instantiate(&compiled)?;
                self.keep_module(name, compiled);
                self.keep(name, instance);
                Ok(())
            }
            D::ModuleDefinition(mut module) => {
                let compiled = self.compile(&mut module)?;
                self.keep_module(module.name(), compiled);
                Ok(())
            }
            D::ModuleInstance {
                instance, module, ..
            } => {
                let module = match module {
                    Some(id) => self.modules.get(id.name()),
                    None => self.last_module.as_ref(),
                };
                let Some(module) = module.cloned() else {
                    bail!("no such module")
                };
                let made = self.instantiate(&module)?;
                self.keep(instance, made);
                Ok(())
            }
            D::Register { name, module, .. } => {
                let instance = self.instance(module)?;
                self.linker.instance(&mut self.store, name, instance)?;
                Ok(())
            }
            D::Invoke(call) => self.invoke(call).map(drop),
            D::AssertReturn { exec, results, .. } => self.returns(exec, &results),
            D::AssertTrap { exec, message, .. } => self.traps(exec, message),
            D::AssertExhaustion { call, message, .. } => {
                let result = self.invoke(call);
                trapped(result, message)
            }
            D::AssertException { exec, .. } => self.throws(exec),
            D::AssertUnlinkable { module, .. } => {
                let module = self.compile(&mut QuoteWat::Wat(module))?;
                refused(self.instantiate(&module))
            }
            D::AssertInvalid { mut module, .. } | D::AssertMalformed { mut module, .. } => {
                refused(self.compile(&mut module))
            }
            // What is wrong with a custom section is nothing to an engine.
            D::AssertInvalidCustom { .. } | D::AssertMalformedCustom { .. } => Ok(()),
            D::Thread(_) | D::Wait { .. } => bail!("there are no threads"),
            D::AssertSuspension { .. } => bail!("stacks are not switched"),
        }
    }

    fn compile(&mut self, module: &mut QuoteWat<'_>) -> Result<Module> {
        let wasm = module
            .encode()
            .map_err(|error| Error::msg(error.message()))?;
        let (wasm, changed) = prepared(wasm, self.way);
        self.tally.rewritten += usize::from(changed);
        Module::from_binary(self.engine, &wasm)
    }

    fn instantiate(&mut self, module: &Module) -> Result<Instance> {
        self.linker.instantiate(&mut self.store, module)
    }

    fn keep_module(&mut self, name: Option<Id<'_>>, module: Module) {
        if let Some(name) = name {
            self.modules.insert(name.name().to_string(), module.clone());
        }
        self.last_module = Some(module);
    }

    fn keep(&mut self, name: Option<Id<'_>>, instance: Instance) {
        if let Some(name) = name {
            self.instances.insert(name.name().to_string(), instance);
        }
        self.last = Some(instance);
    }

    fn instance(&self, name: Option<Id<'_>>) -> Result<Instance> {
        let found = match name {
            Some(name) => self.instances.get(name.name()).copied(),
            None => self.last,
        };
        found.ok_or_else(|| Error::msg("no such instance"))
    }

    fn invoke(&mut self, call: WastInvoke<'_>) -> Result<Vec<Val>> {
        let instance = self.instance(call.module)?;
        let Some(function) = instance.get_func(&mut self.store, call.name) else {
            bail!("no function {}", call.name);
        };
        let arguments = call
            .args
            .iter()
            .map(|value| argument(&mut self.store, value));
        let arguments = arguments.collect::<Result<Vec<Val>>>()?;
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        function.call(&mut self.store, &arguments, &mut results)?;
        Ok(results)
    }

    fn execute(&mut self, exec: WastExecute<'_>) -> Result<Vec<Val>> {
        match exec {
            WastExecute::Invoke(call) => self.invoke(call),
            WastExecute::Wat(wat) => self.start(wat),
            WastExecute::Get { module, global, .. } => {
                let instance = self.instance(module)?;
                let found = instance.get_global(&mut self.store, global);
                let Some(global) = found else {
                    bail!("no global {global}")
                };
                Ok(vec![global.get(&mut self.store)])
            }
        }
    }

    fn start(&mut self, wat: Wat<'_>) -> Result<Vec<Val>> {
        let module = self.compile(&mut QuoteWat::Wat(wat))?;
        self.instantiate(&module).map(|_| Vec::new())
    }

    fn returns(&mut self, exec: WastExecute<'_>, expected: &[WastRet<'_>]) -> Result<()> {
        let found = self.execute(exec)?;
        if found.len() != expected.len() {
            bail!("{} results, not {}", found.len(), expected.len());
        }
        for (found, expected) in found.iter().zip(expected) {
            check(&mut self.store, found, expected)?;
        }
        Ok(())
    }

    fn traps(&mut self, exec: WastExecute<'_>, message: &str) -> Result<()> {
        let result = self.execute(exec);
        trapped(result, message)
    }

    fn throws(&mut self, exec: WastExecute<'_>) -> Result<()> {
        match self.execute(exec) {
            Ok(results) => bail!("no exception but {results:?}"),
            Err(error) if error.is::<ThrownException>() => {
                self.store.take_pending_exception();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn refused<T>(result: Result<T>) -> Result<()> {
    match result {
        Ok(_) => bail!("it was accepted"),
        Err(_) => Ok(()),
    }
}

/// What old scripts say, in full.
const BRIEF_TRAPS: &[(&str, Trap)] = &[
    ("indirect call", Trap::BadSignature),
    ("out of bounds", Trap::MemoryOutOfBounds),
    ("out of bounds", Trap::TableOutOfBounds),
    ("undefined", Trap::TableOutOfBounds),
    ("uninitialized", Trap::IndirectCallToNull),
];

/// What the specification calls a trap, by the beginning of its text.
const TRAPS: &[(&str, Trap)] = &[
    ("call stack exhausted", Trap::StackOverflow),
    ("cast failure", Trap::CastFailure),
    ("indirect call type mismatch", Trap::BadSignature),
    ("integer divide by zero", Trap::IntegerDivisionByZero),
    ("integer overflow", Trap::IntegerOverflow),
    (
        "invalid conversion to integer",
        Trap::BadConversionToInteger,
    ),
    ("null", Trap::NullReference),
    ("null function", Trap::IndirectCallToNull),
    ("out of bounds array access", Trap::ArrayOutOfBounds),
    ("out of bounds memory access", Trap::MemoryOutOfBounds),
    ("out of bounds table access", Trap::TableOutOfBounds),
    ("undefined element", Trap::TableOutOfBounds),
    ("uninitialized element", Trap::IndirectCallToNull),
    ("unreachable", Trap::UnreachableCodeReached),
];

fn trapped<T>(result: Result<T>, message: &str) -> Result<()> {
    let Err(error) = result else {
        bail!("no trap, but it was to be: {message}");
    };
    let Some(trap) = error.downcast_ref::<Trap>() else {
        return Err(error);
    };
    let fits = |(text, of_text): &(&str, Trap)| message.starts_with(text) && trap == of_text;
    let is_brief = BRIEF_TRAPS.contains(&(message, *trap));
    if is_brief || TRAPS.iter().any(fits) {
        return Ok(());
    }
    bail!("{trap:?}, but it was to be: {message}");
}

/// What scripts import.
fn spectest(linker: &mut Linker<()>, store: &mut Store<()>) -> Result<()> {
    linker.func_wrap("spectest", "print", || {})?;
    linker.func_wrap("spectest", "print_i32", |_: i32| {})?;
    linker.func_wrap("spectest", "print_i64", |_: i64| {})?;
    linker.func_wrap("spectest", "print_f32", |_: f32| {})?;
    linker.func_wrap("spectest", "print_f64", |_: f64| {})?;
    linker.func_wrap("spectest", "print_i32_f32", |_: i32, _: f32| {})?;
    linker.func_wrap("spectest", "print_f64_f64", |_: f64, _: f64| {})?;
    let globals = [
        ("global_i32", ValType::I32, Val::I32(666)),
        ("global_i64", ValType::I64, Val::I64(666)),
        ("global_f32", ValType::F32, Val::F32(666.6_f32.to_bits())),
        ("global_f64", ValType::F64, Val::F64(666.6_f64.to_bits())),
    ];
    for (name, ty, value) in globals {
        let ty = GlobalType::new(ty, Mutability::Const);
        let global = Global::new(&mut *store, ty, value)?;
        linker.define(&mut *store, "spectest", name, global)?;
    }
    let ty = TableType::new(RefType::FUNCREF, 10, Some(20));
    let table = Table::new(&mut *store, ty, Ref::Func(None))?;
    linker.define(&mut *store, "spectest", "table", table)?;
    let memory = Memory::new(&mut *store, MemoryType::new(1, Some(2)))?;
    linker.define(&mut *store, "spectest", "memory", memory)?;
    Ok(())
}
