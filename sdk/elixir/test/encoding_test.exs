defmodule Extism.EncodingTest do
  # Guarantees 12 to 14 and 17: bytes are bytes, numbers are exact, errors say what went wrong.
  use ExUnit.Case

  import Extism.Fixture
  alias Extism.{Error, HostFunction, Manifest, Plugin}

  test "g12 bytes are bytes" do
    plugin = Plugin.new!(wat("echo"))
    large = :binary.copy(<<0, 255, 1>>, 22_369_622)

    for bytes <- ["", <<0>>, <<255, 254, 128>>, "grüße\0", :binary.copy("a", 65_537), large] do
      assert Plugin.call(plugin, "echo", bytes) == {:ok, bytes}
    end

    assert Plugin.call(plugin, "echo", ["io", [?d, "ata"]]) == {:ok, "iodata"}
    part = binary_part("a part of a binary", 2, 4)
    assert Plugin.call(plugin, "echo", part) == {:ok, "part"}
    assert_raise ArgumentError, fn -> Plugin.call(plugin, "echo", 1) end
    passes = passing(& &1)
    assert Plugin.call(passes, "run", <<0, 255>>) == {:ok, <<0, 255>>}
    assert Plugin.call(passes, "run", "") == {:ok, ""}
  end

  test "g12 names that name nothing" do
    plugin = Plugin.new!(wat("echo"))
    for name <- ["", "none", "a\0b", "echo\0"], do: assert({:error, %{code: 400}} = Plugin.call(plugin, name))
    assert {:error, %Error{}} = Plugin.call(plugin, <<255>>)
    refute Plugin.has_function(plugin, <<255>>)
  end

  test "g13 an output outlives the next call and its plug-in" do
    plugin = Plugin.new!(wat("echo"))
    first = Plugin.call!(plugin, "echo", :binary.copy("first", 1000))
    Plugin.call!(plugin, "echo", :binary.copy("other", 1000))
    Plugin.free(plugin)
    assert settled() == :ok
    assert first == :binary.copy("first", 1000)
  end

  test "g14 numbers travel exactly" do
    table = [
      {"i32", "const -1", -1, <<0xFFFFFFFF::little-64>>},
      {"i32", "const 2147483647", 2_147_483_647, <<0x7FFFFFFF::little-64>>},
      {"i32", "const -2147483648", -2_147_483_648, <<0x80000000::little-64>>},
      {"i64", "const -1", -1, <<-1::little-64>>},
      {"i64", "const 9223372036854775807", 9_223_372_036_854_775_807, <<0x7FFFFFFFFFFFFFFF::little-64>>},
      {"i64", "const -9223372036854775808", -9_223_372_036_854_775_808, <<0x8000000000000000::little-64>>},
      {"f64", "const -0.5", -0.5, <<-0.5::little-float-64>>},
      {"f32", "const 1.5", 1.5, <<1.5::little-float-32, 0::32>>},
      {"f64", "const nan:0x4000000000001", {:bits, 0x7FF4000000000001}, <<0x7FF4000000000001::little-64>>},
      {"f64", "const -inf", {:bits, 0xFFF0000000000000}, <<0xFFF0000000000000::little-64>>},
      {"f32", "const nan:0x200001", {:bits, 0x7FA00001}, <<0x7FA00001::little-64>>}
    ]

    test = self()

    for {type, argument, value, bytes} <- table do
      atom = String.to_atom(type)
      function = HostFunction.new("f", [atom], [atom], fn value -> send(test, {:value, value}) |> elem(1) end)
      plugin = Plugin.new!(calls(type, argument), functions: [function])
      assert Plugin.call(plugin, "run") == {:ok, bytes}
      assert_received {:value, ^value}
    end

    results = [
      {:i32, 4_294_967_295, <<0xFFFFFFFF::little-64>>},
      {:i64, 18_446_744_073_709_551_615, <<-1::little-64>>},
      {:f64, 2, <<2.0::little-float-64>>},
      {:f64, :infinity, <<0x7FF0000000000000::little-64>>},
      {:f64, :neg_infinity, <<0xFFF0000000000000::little-64>>}
    ]

    for {type, given, bytes} <- results do
      function = HostFunction.new("f", [type], [type], fn _ -> given end)
      plugin = Plugin.new!(calls(Atom.to_string(type), "const 0"), functions: [function])
      assert Plugin.call(plugin, "run") == {:ok, bytes}
    end
  end

  test "g17 errors say what went wrong" do
    table = [
      {:function_not_found, fn -> Plugin.call(Plugin.new!(wat("echo")), "none") end},
      {:manifest_syntax, fn -> Plugin.new("{") end},
      {:no_modules, fn -> Plugin.new(%{wasm: []}) end},
      {:not_found, fn -> Plugin.new(%{wasm: [%{path: "/no/such/file.wasm"}]}) end},
      {:hash_mismatch, fn -> Plugin.new(%{wasm: [%{data: "(module)", hash: "00"}]}) end},
      {:manifest_field, fn -> Plugin.new(%{wasm: [], surprise: 1}) end},
      {:manifest_field, fn -> Plugin.new(%{wasm: [%{path: {1, 2}}]}) end},
      {:invalid_utf8, fn -> Plugin.new(%{wasm: [%{path: <<255>>}]}) end},
      {:module_invalid, fn -> Plugin.new("(module (func (result i32)))") end},
      {:import_unknown, fn -> Plugin.new(~S{(module (import "a" "b" (func)))}) end},
      {:invalid_argument, fn -> Plugin.new("(module)", surprise: 1) end},
      {:invalid_argument, fn -> Plugin.new("(module)", limits: [surprise: 1]) end},
      {:invalid_argument, fn -> Plugin.new("(module)", limits: [stack_bytes_max: 1_000_000_000]) end},
      {:invalid_argument, fn -> Plugin.new("(module)", wasi: :perhaps) end},
      {:invalid_argument, fn -> Plugin.new(12) end}
    ]

    for {status, use} <- table do
      assert {:error, %Error{status: ^status, code: code, guest_code: nil, message: message}} = use.()
      assert code > 99 and is_binary(message)
    end

    exits = Plugin.new!(~S{(module (func (export "run") (result i32) i32.const 7))})
    assert {:error, %Error{status: :guest_error, guest_code: 7} = error} = Plugin.call(exits, "run")
    assert "#{error}" == "Returned non-zero exit code: 7"
    assert_raise Error, "Returned non-zero exit code: 7", fn -> Plugin.call!(exits, "run") end
  end

  test "manifests are maps, structs, JSON or bytes" do
    bytes = File.read!(Path.join(root(), "examples/plugins/count_vowels.wasm"))
    path = Path.join(root(), "examples/plugins/count_vowels.wasm")

    sources = [
      bytes,
      %{wasm: [%{path: path}]},
      %{"wasm" => [%{"path" => path}]},
      %{wasm: %{data: bytes, name: "main"}, config: nil},
      %{wasm: [bytes]},
      Manifest.new(Manifest.path(path), timeout_ms: 5000, memory: %{max_pages: 100}, allowed_hosts: []),
      Manifest.new(Manifest.data(bytes, hash: Base.encode16(:crypto.hash(:sha256, bytes), case: :lower))),
      ~s({"wasm": [{"path": "#{path}"}]})
    ]

    for source <- sources do
      assert Plugin.call!(Plugin.new!(source), "count_vowels", "aei") =~ ~s({"count":3,)
    end

    configured = Plugin.new!(%{wasm: [%{path: path}], config: %{vowels: "x"}})
    assert Plugin.call!(configured, "count_vowels", "axx") =~ ~s({"count":2,)

    assert Manifest.to_json(%{wasm: [], config: %{"a" => "\"\\\n\u{1}é"}}) ==
             {:ok, ~s({"config":{"a":"\\"\\\\\\u000a\\u0001é"},"wasm":[]})}

    assert {:error, %{status: :manifest_field}} = Plugin.new(~s({"wasm": [{"data": {"ptr": 1, "len": 1}}]}))
  end
end
