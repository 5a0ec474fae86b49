defmodule Extism.Fixture do
  @moduledoc false
  # Plug-ins and host functions for the tests.

  @root Path.expand("../../../..", __DIR__)

  def root, do: @root
  def count_vowels, do: %{wasm: [%{path: Path.join(@root, "examples/plugins/count_vowels.wasm")}]}
  def wat(name), do: %{wasm: [%{path: Path.join([@root, "fixtures/wat", name <> ".wat"])}]}

  @doc "A module whose `run` calls one imported function `f` with numbers."
  def calls(type, argument, result \\ nil) do
    result = result || type

    """
    (module
      (import "extism:host/user" "f" (func $f (param #{type}) (result #{result})))
      (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
      (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
      (import "extism:host/env" "output_set" (func $output (param i64 i64)))
      (func (export "run") (local $block i64)
        (local.set $block (call $alloc (i64.const 8)))
        (call $store (local.get $block) #{bits(result, "(call $f (#{type}.#{argument}))")})
        (call $output (local.get $block) (i64.const 8))))
    """
  end

  defp bits("i64", value), do: value
  defp bits("i32", value), do: "(i64.extend_i32_u #{value})"
  defp bits("f64", value), do: "(i64.reinterpret_f64 #{value})"
  defp bits("f32", value), do: "(i64.extend_i32_u (i32.reinterpret_f32 #{value}))"

  @doc "A module whose `run` hands its input to the host function `f` and puts out what that gives."
  def passes do
    """
    (module
      (import "extism:host/user" "f" (func $f (param i64) (result i64)))
      (import "extism:host/env" "input_offset" (func $input (result i64)))
      (import "extism:host/env" "length" (func $length (param i64) (result i64)))
      (import "extism:host/env" "output_set" (func $output (param i64 i64)))
      (func (export "run") (local $block i64)
        (local.set $block (call $f (call $input)))
        (call $output (local.get $block) (call $length (local.get $block)))))
    """
  end

  @doc "A plug-in of `passes/0` with this function."
  def passing(function, options \\ [], more \\ []) do
    host_function = Extism.HostFunction.new("f", [:bytes], [:bytes], function, options)
    Extism.Plugin.new!(passes(), [functions: [host_function]] ++ more)
  end

  @doc "A plug-in whose `run` sends `:runs` to this process and never ends; `ok` does. And its options."
  def runs(process \\ self()) do
    wat = """
    (module
      (import "extism:host/user" "f" (func $f))
      (func (export "run") (call $f) (loop $again (br $again)))
      (func (export "ok")))
    """

    {wat, [functions: [Extism.HostFunction.new("f", [], [], fn -> send(process, :runs) end)]]}
  end

  @doc "What is alive once everything forgotten is freed."
  def alive do
    Enum.each(Process.list(), &:erlang.garbage_collect/1)
    Extism.settle()
    Map.delete(Extism.stats(), :calls)
  end

  @doc "Waits until nothing is alive; the last count if that does not happen within ten seconds."
  def settled(deadline \\ System.monotonic_time(:millisecond) + 10_000) do
    case Map.values(alive()) do
      [0, 0, 0] ->
        :ok

      counts ->
        if System.monotonic_time(:millisecond) > deadline,
          do: counts,
          else: Process.sleep(5) && settled(deadline)
    end
  end

  @doc "Runs a script in a virtual machine of its own."
  def elixir(script, options \\ []) do
    ebin = Path.dirname(to_string(:code.which(Extism)))
    arguments = ["-pa", ebin] ++ Keyword.get(options, :arguments, []) ++ ["-e", script]
    options = Keyword.take(options, [:env]) ++ [cd: @root, stderr_to_stdout: true]
    System.cmd("elixir", arguments, options)
  end
end
