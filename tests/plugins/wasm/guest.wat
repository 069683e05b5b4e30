;; A plugin in WebAssembly text: a check that finds a null MX (RFC 7505), and
;; others that misbehave. The manifest is put in by the test.
(module
  (import "emc" "call" (func $call (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "emc" "take" (func $take (param i32 i32) (result i32)))
  (import "emc" "emit" (func $emit (param i32 i32 i32 i32 i32) (result i32)))
  (import "emc" "error" (func $error (param i32 i32)))
  (memory (export "memory") 4)
  ;; What the host hands in, and answers, lie from here on.
  (global $free (mut i32) (i32.const 65536))
  ;; The last letter of the check's id.
  (global $which (mut i32) (i32.const 0))

  (data (i32.const 0) "dns.lookup/1")
  (data (i32.const 32) "{\"name\":\"")
  (data (i32.const 64) "\",\"rtype\":\"MX\"}")
  (data (i32.const 96) "\"domain\":\"")
  (data (i32.const 128) "\"exchange\":\".\"")
  (data (i32.const 160) "{\"state\":\"findings\"}")
  (data (i32.const 192) "{\"state\":\"clean\"}")
  (data (i32.const 224) "{\"kind\":\"finding\",\"code\":\"null-mx\",\"actor\":\"nobody\",\"seen\":\"The domain refuses all mail.\",\"subject\":{\"kind\":\"domain\",\"name\":\"")
  (data (i32.const 448) "\"}}")
  (data (i32.const 480) "{\"pointer\":\"/level\",\"message\":\"there is no such level\"}")
  (data (i32.const 4096) "@MANIFEST@")

  (func (export "emc_abi") (result i32) (i32.const 0x10000))
  (func $alloc (export "emc_alloc") (param $length i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $free))
    (global.set $free (i32.add (global.get $free) (local.get $length)))
    (local.get $at))
  (func (export "emc_manifest") (result i64)
    (i64.or (i64.const 4096) (i64.shl (i64.const @LENGTH@) (i64.const 32))))

  (func (export "emc_create") (param $check i32) (param $length i32) (param $config i32) (param $config_length i32) (result i32)
    (global.set $which (i32.load8_u (i32.sub (i32.add (local.get $check) (local.get $length)) (i32.const 1))))
    (if (local.get $config_length)
      (then (call $error (i32.const 480) (i32.const 55)) (return (i32.const -9))))
    (i32.const 0))

  ;; Where `needle` begins in `text`, or -1.
  (func $find (param $text i32) (param $length i32) (param $needle i32) (param $needle_length i32) (result i32)
    (local $at i32) (local $same i32)
    (block $no
      (loop $next
        (br_if $no (i32.gt_u (i32.add (local.get $at) (local.get $needle_length)) (local.get $length)))
        (local.set $same (i32.const 0))
        (block $differs
          (loop $more
            (if (i32.eq (local.get $same) (local.get $needle_length))
              (then (return (local.get $at))))
            (br_if $differs (i32.ne
              (i32.load8_u (i32.add (local.get $text) (i32.add (local.get $at) (local.get $same))))
              (i32.load8_u (i32.add (local.get $needle) (local.get $same)))))
            (local.set $same (i32.add (local.get $same) (i32.const 1)))
            (br $more)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.const -1))

  ;; Puts `prefix`, the domain and `suffix` together; the address, the length is $free minus it.
  (func $joined (param $prefix i32) (param $prefix_length i32) (param $domain i32) (param $domain_length i32) (param $suffix i32) (param $suffix_length i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $free))
    (memory.copy (call $alloc (local.get $prefix_length)) (local.get $prefix) (local.get $prefix_length))
    (memory.copy (call $alloc (local.get $domain_length)) (local.get $domain) (local.get $domain_length))
    (memory.copy (call $alloc (local.get $suffix_length)) (local.get $suffix) (local.get $suffix_length))
    (local.get $at))

  (func $null_mx (param $target i32) (param $length i32) (result i32)
    (local $domain i32) (local $domain_length i32) (local $text i32) (local $status i32) (local $out i32) (local $head i32)
    (local.set $domain (call $find (local.get $target) (local.get $length) (i32.const 96) (i32.const 10)))
    (if (i32.lt_s (local.get $domain) (i32.const 0)) (then (return (i32.const -7))))
    (local.set $domain (i32.add (local.get $target) (i32.add (local.get $domain) (i32.const 10))))
    (block $end
      (loop $letter
        (br_if $end (i32.eq (i32.load8_u (i32.add (local.get $domain) (local.get $domain_length))) (i32.const 34)))
        (local.set $domain_length (i32.add (local.get $domain_length) (i32.const 1)))
        (br $letter)))
    (local.set $text (call $joined (i32.const 32) (i32.const 9) (local.get $domain) (local.get $domain_length) (i32.const 64) (i32.const 15)))
    (local.set $out (i32.const 1024))
    (local.set $status (call $call (i32.const 0) (i32.const 12)
      (local.get $text) (i32.sub (global.get $free) (local.get $text)) (i32.const 0) (i32.const 0) (local.get $out)))
    (if (local.get $status) (then (return (local.get $status))))
    (local.set $head (call $alloc (i32.load offset=16 (local.get $out))))
    (drop (call $take (local.get $head) (i32.const 0)))
    (if (i32.lt_s (call $find (local.get $head) (i32.load offset=16 (local.get $out)) (i32.const 128) (i32.const 14)) (i32.const 0))
      (then (return (call $emit (i32.const 2) (i32.const 192) (i32.const 17) (i32.const 0) (i32.const 0)))))
    (local.set $text (call $joined (i32.const 224) (i32.const 125) (local.get $domain) (local.get $domain_length) (i32.const 448) (i32.const 3)))
    (drop (call $emit (i32.const 1) (local.get $text) (i32.sub (global.get $free) (local.get $text)) (i32.const 0) (i32.const 0)))
    (call $emit (i32.const 2) (i32.const 160) (i32.const 20) (i32.const 0) (i32.const 0)))

  (func (export "emc_run") (param $target i32) (param $length i32) (param $message i32) (param $message_length i32) (result i32)
    ;; demo.wasm-null-mx
    (if (i32.eq (global.get $which) (i32.const 120))
      (then (return (call $null_mx (local.get $target) (local.get $length)))))
    ;; demo.wasm-spin
    (if (i32.eq (global.get $which) (i32.const 110))
      (then (loop $for_ever (br $for_ever))))
    ;; demo.wasm-grow: takes all the memory that there is
    (if (i32.eq (global.get $which) (i32.const 119))
      (then (loop $more (br_if $more (i32.ge_s (memory.grow (i32.const 64)) (i32.const 0))))
            (return (call $emit (i32.const 2) (i32.const 192) (i32.const 17) (i32.const 0) (i32.const 0)))))
    ;; demo.wasm-far: an argument that lies outside of its memory
    (if (i32.eq (global.get $which) (i32.const 114))
      (then (return (call $emit (i32.const 1) (i32.const -16) (i32.const 64) (i32.const 0) (i32.const 0)))))
    ;; demo.wasm-trap
    (unreachable)))
