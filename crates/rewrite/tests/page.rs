//! What the pass does for an engine that asks nobody before a memory or a table grows.

mod support;

use extism_abi::layout::{
    KERNEL_MEMORY_EXPORT, KERNEL_MEMORY_IMPORT, MEMORY_LEFT_ADDRESS, MEMORY_REFUSED_ADDRESS,
    PAGE_BYTES, START_EXPORT, TABLE_LEFT_ADDRESS,
};
use extism_rewrite::module::{Sections, Table, section, tables};
use extism_rewrite::{DeclinedKind, KernelMemory, Options, rewrite_for_page};
use support::{DEFINE, validate, wat};
use wasmi::{Config, Engine, Instance, Linker, Memory, MemoryType, Module, Store, Val};

const GROWS: &str = r#"(module
    (memory $m (export "memory") 1)
    (table $t 2 funcref)
    (data (i32.const 3) "abc")
    (data (memory $m) (i32.const 9) "d")
    (func (export "memory_grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "table_grow") (param i32) (result i32)
        (table.grow $t (ref.null func) (local.get 0)))
    (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))"#;

struct Page {
    store: Store<()>,
    instance: Instance,
    kernel: Memory,
}

impl Page {
    fn new(text: &str, kernel_memory: KernelMemory) -> Page {
        let options = Options {
            kernel_memory,
            keep: &|_| false,
        };
        let rewritten = rewrite_for_page(&wat(text), &options).expect("it can be rewritten");
        validate(&rewritten.wasm);
        let mut config = Config::default();
        config.wasm_multi_memory(true);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, &rewritten.wasm).expect("it is a module");
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        let given = Memory::new(&mut store, MemoryType::new(1, None)).expect("a page");
        let (from, name) = KERNEL_MEMORY_IMPORT;
        linker
            .define(from, name, given)
            .expect("nothing has that name");
        let instance = linker
            .instantiate_and_start(&mut store, &module)
            .expect("it can be instantiated");
        let brought = instance.get_memory(&store, KERNEL_MEMORY_EXPORT);
        Page {
            kernel: brought.unwrap_or(given),
            instance,
            store,
        }
    }

    fn set(&mut self, address: u64, value: u64) {
        let (at, bytes) = (address as usize, value.to_le_bytes());
        self.kernel
            .write(&mut self.store, at, &bytes)
            .expect("a cell");
    }

    fn cell(&self, address: u64) -> u64 {
        let mut bytes = [0; 8];
        self.kernel
            .read(&self.store, address as usize, &mut bytes)
            .expect("a cell");
        u64::from_le_bytes(bytes)
    }

    fn call(&mut self, name: &str, argument: i32) -> i32 {
        let function = self
            .instance
            .get_func(&self.store, name)
            .expect("it is there");
        let mut result = [Val::I32(0)];
        function
            .call(&mut self.store, &[Val::I32(argument)], &mut result)
            .expect("it does not trap");
        result[0].i32().expect("a number")
    }
}

#[test]
fn memories_grow_by_what_is_left() {
    for kernel_memory in [DEFINE, KernelMemory::Import] {
        let mut page = Page::new(GROWS, kernel_memory);
        page.set(MEMORY_LEFT_ADDRESS, 3 * PAGE_BYTES);
        assert_eq!(page.call("memory_grow", 2), 1);
        assert_eq!(page.cell(MEMORY_LEFT_ADDRESS), PAGE_BYTES);
        assert_eq!(page.call("memory_grow", 2), -1);
        assert_eq!(page.cell(MEMORY_LEFT_ADDRESS), PAGE_BYTES);
        assert_eq!(page.cell(MEMORY_REFUSED_ADDRESS), 1);
        assert_eq!(page.call("memory_grow", 1), 3);
        assert_eq!(page.call("memory_grow", 0), 4);
    }
}

#[test]
fn tables_grow_by_what_is_left() {
    for kernel_memory in [DEFINE, KernelMemory::Import] {
        let mut page = Page::new(GROWS, kernel_memory);
        page.set(TABLE_LEFT_ADDRESS, 5);
        assert_eq!(page.call("table_grow", 4), 2);
        assert_eq!(page.cell(TABLE_LEFT_ADDRESS), 1);
        assert_eq!(page.call("table_grow", 2), -1);
        assert_eq!(page.call("table_grow", -1), -1);
        assert_eq!(page.cell(TABLE_LEFT_ADDRESS), 1);
        assert_eq!(page.call("table_grow", 1), 6);
        assert_eq!(page.call("table_grow", 0), 7);
        assert_eq!(page.cell(TABLE_LEFT_ADDRESS), 0);
    }
}

#[test]
fn a_module_with_a_memory_can_import_kernel_memory() {
    let mut page = Page::new(GROWS, KernelMemory::Import);
    let loaded = [2, 3, 4, 5, 6, 9].map(|at| page.call("load", at));
    assert_eq!(
        loaded,
        [0, 97, 98, 99, 0, 100],
        "its data is in its own memory"
    );
    let own = page.instance.get_memory(&page.store, "memory");
    let mut bytes = [0; 3];
    own.expect("it is exported")
        .read(&page.store, 3, &mut bytes)
        .expect("a page");
    assert_eq!(&bytes, b"abc");
}

#[test]
fn the_start_function_is_put_off() {
    let text = r#"(module (memory (export "memory") 1) (data (i32.const 0) "own")
        (global $g (mut i32) (i32.const 7))
        (func $start (global.set $g (i32.const 8))) (start $start)
        (func (export "g") (param i32) (result i32) (global.get $g)))"#;
    for kernel_memory in [DEFINE, KernelMemory::Import] {
        let mut page = Page::new(text, kernel_memory);
        assert_eq!(page.call("g", 0), 7);
        let start = page.instance.get_func(&page.store, START_EXPORT);
        let start = start.expect("it is exported");
        start
            .call(&mut page.store, &[], &mut [])
            .expect("it can be called");
        assert_eq!(page.call("g", 0), 8);
        let own = page.instance.get_memory(&page.store, "memory");
        let own = own.expect("it is exported").data(&page.store);
        assert!(own.starts_with(b"own"), "exports are those they were");
    }
}

#[test]
fn what_counts_in_64_bits_is_left_alone() {
    for text in [
        "(module (memory i64 1) (func (result i64) (memory.grow (i64.const 1))))",
        "(module (memory 1 (pagesize 1)) (func (result i32) (memory.grow (i32.const 1))))",
        "(module (table i64 1 funcref)
            (func (result i64) (table.grow 0 (ref.null func) (i64.const 1))))",
    ] {
        let options = Options {
            kernel_memory: DEFINE,
            keep: &|_| false,
        };
        let declined = rewrite_for_page(&wat(text), &options).expect_err(text);
        assert_eq!(declined.kind, DeclinedKind::Unsupported, "{text}");
    }
}

#[test]
fn tables_are_read_past_their_initial_values() {
    let wasm = wat("(module (func $f)
        (table 3 (ref func) (ref.func $f)) (table i64 4 9 externref) (table 5 funcref))");
    let found = Sections::new(&wasm).map(|found| found.expect("it is a module"));
    let table = found.into_iter().find(|(id, _)| *id == section::TABLE);
    let (_, range) = table.expect("there are tables");
    let found = tables(&wasm[range]).expect("they can be read");
    let expected = [(3, false), (4, true), (5, false)];
    let expected = expected.map(|(elements, is_64)| Table { elements, is_64 });
    assert_eq!(found, expected);
}
