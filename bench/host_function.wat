;; Calls of a host function, many in one call of the plug-in, and the same loop without them to subtract.
;; Both exports answer 0 only if every value came back.
(module
  (import "extism:host/user" "identity" (func $identity (param i64) (result i64)))

  ;; 1,000 calls of the host function; CALLS_PER_CALL in host.c is the same number.
  (func (export "calls") (result i32)
    (local $value i64)
    (loop $again
      (local.set $value (call $identity (i64.add (local.get $value) (i64.const 1))))
      (br_if $again (i64.lt_u (local.get $value) (i64.const 1000))))
    (i64.ne (local.get $value) (i64.const 1000)))

  (func (export "loops") (result i32)
    (local $value i64)
    (loop $again
      (local.set $value (i64.add (local.get $value) (i64.const 1)))
      (br_if $again (i64.lt_u (local.get $value) (i64.const 1000))))
    (i64.ne (local.get $value) (i64.const 1000))))
