//! The plug-in of the sequences, and what it has to answer.
//!
//! Must not know: how it is called. Invariant: what is expected follows from the plug-in's text and from
//! docs/abi.md.

use std::ffi::CStr;
use std::sync::LazyLock;

use extism_runtime::Status;

/// Imports that both forms of the plug-in share, and their exports.
const BODY: &str = r#"
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "length" (func $length (param i64) (result i64)))
    (import "extism:host/env" "input_offset" (func $input (result i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (import "extism:host/env" "error_set" (func $error (param i64)))
    (import "extism:host/env" "config_get" (func $config (param i64) (result i64)))
    (import "extism:host/env" "var_get" (func $var_get (param i64) (result i64)))
    (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
    (import "extism:host/env" "log_info" (func $log (param i64)))
    (global $calls (mut i32) (i32.const 0))
    (func $byte (param $value i32) (result i64) (local $block i64)
        (local.set $block (call $alloc (i64.const 1)))
        (call $store (local.get $block) (local.get $value))
        (local.get $block))
    (func $put (param $block i64)
        (call $output (local.get $block) (call $length (local.get $block))))
    (func (export "echo") (call $put (call $input)))
    (func (export "count")
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (call $put (call $byte (global.get $calls))))
    (func (export "seven") (result i32) (i32.const 7))
    (func (export "complain") (result i32) (call $error (call $byte (i32.const 110))) (i32.const 1))
    (func (export "trap") unreachable)
    (func (export "set") (call $var_set (call $byte (i32.const 107)) (call $input)))
    (func (export "get") (call $put (call $var_get (call $byte (i32.const 107)))))
    (func (export "config") (call $put (call $config (call $byte (i32.const 107)))))
    (func (export "log") (call $log (call $byte (i32.const 108))))
    (func (export "spin") (loop (br 0)))
    (func (export "params") (param i32))"#;

/// Without a host function.
pub(super) static PLAIN: LazyLock<String> = LazyLock::new(|| format!("(module {BODY})"));

/// With one, which `host` gives the input; what comes back is the output.
pub(super) static HOSTED: LazyLock<String> = LazyLock::new(|| {
    let import = r#"(import "extism:host/user" "host" (func $host (param i64) (result i64)))"#;
    let export = r#"(func (export "host") (call $put (call $host (call $input))))"#;
    format!("(module {import} {BODY} {export})")
});

/// The names of functions, some of which are there.
pub(super) const NAMES: [&CStr; 13] = [
    c"echo",
    c"count",
    c"seven",
    c"complain",
    c"trap",
    c"set",
    c"get",
    c"config",
    c"log",
    c"params",
    c"nothing",
    c"",
    c"\xff\xfe",
];

/// The variable and the key of the configuration the plug-in uses.
pub(super) const KEY: &[u8] = b"k";

/// How a call has to end.
#[derive(Debug, PartialEq)]
pub(super) struct End {
    pub(super) code: i32,
    pub(super) status: Status,
    /// Unless that is not to be known.
    pub(super) output: Option<Vec<u8>>,
}

impl End {
    pub(super) fn new(code: i32, status: Status, output: Option<Vec<u8>>) -> End {
        End {
            code,
            status,
            output,
        }
    }
}

/// What is known of an instance.
#[derive(Clone, Default)]
pub(super) struct Model {
    /// Whether it has the host function.
    pub(super) hosted: bool,
    pub(super) calls: u8,
    pub(super) var: Vec<u8>,
    pub(super) config: Vec<u8>,
    /// Whether it had another borrower before, so that the numbers above may be others.
    pub(super) used: bool,
}

impl Model {
    /// It is a fresh instance of the same plug-in.
    pub(super) fn renew(&mut self) {
        *self = Model {
            hosted: self.hosted,
            ..Model::default()
        };
    }

    /// How a call of this function ends, one of [`NAMES`].
    pub(super) fn call(&mut self, name: &CStr, input: &[u8]) -> End {
        let fine = |output: &[u8]| End::new(0, Status::Ok, Some(output.to_vec()));
        let mut end = match name.to_bytes() {
            b"echo" => return fine(input),
            b"count" => {
                self.calls = self.calls.wrapping_add(1);
                fine(&[self.calls])
            }
            b"seven" => return End::new(7, Status::GuestError, Some(Vec::new())),
            b"complain" => return End::new(1, Status::GuestError, Some(Vec::new())),
            b"trap" => return End::new(134, Status::TrapUnreachable, None),
            b"set" => {
                self.var = input.to_vec();
                return fine(b"");
            }
            b"get" => fine(&self.var),
            b"config" => fine(&self.config),
            b"log" => return fine(b""),
            b"params" => return End::new(-1, Status::FunctionType, None),
            other if other.is_ascii() => return End::new(-1, Status::FunctionNotFound, None),
            _ => return End::new(-1, Status::InvalidUtf8, None),
        };
        if self.used {
            end.output = None;
        }
        end
    }
}
