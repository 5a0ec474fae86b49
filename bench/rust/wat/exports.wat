;; Functions that do nothing, for calls by name; and two that fail.
(module
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
  (import "extism:host/env" "error_set" (func $error (param i64)))

  (func $nothing (result i32) (i32.const 0))
  (export "first" (func $nothing))
  (export "second" (func $nothing))
  (export "third" (func $nothing))
  (export "fourth" (func $nothing))
  (export "fifth" (func $nothing))
  (export "sixth" (func $nothing))
  (export "seventh" (func $nothing))
  (export "eighth" (func $nothing))

  (func (export "trap") (result i32) (unreachable))

  ;; Fails with the code 7 and the text "language".
  (func (export "fail") (result i32)
    (local $text i64)
    (local.set $text (call $alloc (i64.const 8)))
    (call $store (local.get $text) (i64.const 0x65676175676e616c))
    (call $error (local.get $text))
    (i32.const 7)))
