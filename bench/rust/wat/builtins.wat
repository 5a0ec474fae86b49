;; Builtins, as often in one call as the input says (a little-endian number of 8 bytes).
;; Names, keys, values and messages are the text "language". Each export traps on a wrong answer.
(module
  (import "extism:host/env" "input_load_u64" (func $input (param i64) (result i64)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "free" (func $free (param i64)))
  (import "extism:host/env" "length" (func $length (param i64) (result i64)))
  (import "extism:host/env" "load_u64" (func $load (param i64) (result i64)))
  (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
  (import "extism:host/env" "var_get" (func $var_get (param i64) (result i64)))
  (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
  (import "extism:host/env" "config_get" (func $config_get (param i64) (result i64)))
  (import "extism:host/env" "log_info" (func $log_info (param i64)))
  (import "extism:host/env" "get_log_level" (func $log_level (result i32)))

  (func $text (result i64)
    (local $block i64)
    (local.set $block (call $alloc (i64.const 8)))
    (call $store (local.get $block) (i64.const 0x65676175676e616c))
    (local.get $block))

  ;; A block that has to hold the text, which is all of it.
  (func $take (param $block i64)
    (if (i64.ne (call $length (local.get $block)) (i64.const 8)) (then (unreachable)))
    (if (i64.ne (call $load (local.get $block)) (i64.const 0x65676175676e616c)) (then (unreachable)))
    (call $free (local.get $block)))

  ;; What the others cost beside the builtin: a block is made, and freed.
  (func (export "blocks") (local $left i64)
    (local.set $left (call $input (i64.const 0)))
    (loop $again
      (call $take (call $text))
      (br_if $again (i64.ne (local.tee $left (i64.sub (local.get $left) (i64.const 1))) (i64.const 0)))))

  (func (export "var_set") (local $left i64)
    (local $value i64)
    (local.set $left (call $input (i64.const 0)))
    (loop $again
      (local.set $value (call $text))
      (call $var_set (call $text) (local.get $value))
      (br_if $again (i64.ne (local.tee $left (i64.sub (local.get $left) (i64.const 1))) (i64.const 0)))))

  (func (export "var_get") (local $left i64)
    (local.set $left (call $input (i64.const 0)))
    (loop $again
      (call $take (call $var_get (call $text)))
      (br_if $again (i64.ne (local.tee $left (i64.sub (local.get $left) (i64.const 1))) (i64.const 0)))))

  (func (export "config_get") (local $left i64)
    (local.set $left (call $input (i64.const 0)))
    (loop $again
      (call $take (call $config_get (call $text)))
      (br_if $again (i64.ne (local.tee $left (i64.sub (local.get $left) (i64.const 1))) (i64.const 0)))))

  (func (export "log_info") (local $left i64)
    (local.set $left (call $input (i64.const 0)))
    (loop $again
      (call $log_info (call $text))
      (br_if $again (i64.ne (local.tee $left (i64.sub (local.get $left) (i64.const 1))) (i64.const 0)))))

  (func (export "get_log_level") (local $left i64)
    (local.set $left (call $input (i64.const 0)))
    (loop $again
      (if (i32.lt_s (call $log_level) (i32.const 3)) (then (unreachable)))
      (br_if $again (i64.ne (local.tee $left (i64.sub (local.get $left) (i64.const 1))) (i64.const 0))))))
