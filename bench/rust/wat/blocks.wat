;; Calls of a host function whose argument and result are numbers in blocks of kernel memory, many in one call
;; of the plug-in, and the same loop without them to subtract.
;; Both exports answer 0 only if every value came back.
(module
  (import "extism:host/user" "add_one" (func $add_one (param i64) (result i64)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "free" (func $free (param i64)))
  (import "extism:host/env" "load_u64" (func $load (param i64) (result i64)))
  (import "extism:host/env" "store_u64" (func $store (param i64 i64)))

  (func $number (param $value i64) (result i64)
    (local $block i64)
    (local.set $block (call $alloc (i64.const 8)))
    (call $store (local.get $block) (local.get $value))
    (local.get $block))

  ;; 1,000 calls of the host function, each with the answer to the last one.
  (func (export "calls") (result i32)
    (local $block i64) (local $answer i64) (local $rounds i64)
    (local.set $block (call $number (i64.const 0)))
    (loop $again
      (local.set $answer (call $add_one (local.get $block)))
      (call $free (local.get $block))
      (local.set $block (local.get $answer))
      (local.set $rounds (i64.add (local.get $rounds) (i64.const 1)))
      (br_if $again (i64.lt_u (local.get $rounds) (i64.const 1000))))
    (i64.ne (call $load (local.get $block)) (i64.const 1000)))

  ;; The guest's own share: a block is made and freed each time.
  (func (export "loops") (result i32)
    (local $block i64) (local $answer i64) (local $rounds i64)
    (local.set $block (call $number (i64.const 0)))
    (loop $again
      (local.set $answer
        (call $number (i64.add (call $load (local.get $block)) (i64.const 1))))
      (call $free (local.get $block))
      (local.set $block (local.get $answer))
      (local.set $rounds (i64.add (local.get $rounds) (i64.const 1)))
      (br_if $again (i64.lt_u (local.get $rounds) (i64.const 1000))))
    (i64.ne (call $load (local.get $block)) (i64.const 1000))))
