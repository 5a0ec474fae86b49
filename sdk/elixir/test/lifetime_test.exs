defmodule Extism.LifetimeTest do
  # Guarantees 1 to 5: objects that are closed, closed twice, forgotten, or whose parents are gone.
  use ExUnit.Case

  import Extism.Fixture
  alias Extism.{CancelHandle, CompiledPlugin, Context, HostFunction, Plugin, Pool}

  test "g01 a closed object says that it is closed" do
    {:ok, compiled} = CompiledPlugin.new(count_vowels())
    {:ok, pool} = Pool.new(compiled, instances_max: 1)
    plugin = Plugin.new!(compiled)
    context = Context.new()
    {:ok, inner} = Context.new_plugin(context, count_vowels())
    handle = Plugin.cancel_handle(plugin)

    :ok = Plugin.free(plugin)
    :ok = Context.free(context)
    :ok = Pool.free(pool)
    :ok = CompiledPlugin.free(compiled)

    uses = [
      fn -> Plugin.call(plugin, "count_vowels") end,
      fn -> Plugin.function_exists(plugin, "count_vowels") end,
      fn -> Plugin.config(plugin, %{}) end,
      fn -> Plugin.cancel(plugin) end,
      fn -> Plugin.vars(plugin) end,
      fn -> Plugin.var_get(plugin, "a") end,
      fn -> Plugin.var_set(plugin, "a", "b") end,
      fn -> Plugin.var_remove(plugin, "a") end,
      fn -> Plugin.reset(plugin) end,
      fn -> Plugin.renew(plugin) end,
      fn -> Plugin.id(plugin) end,
      fn -> Plugin.fuel_consumed(plugin) end,
      fn -> Plugin.allow_http_response_headers(plugin) end,
      fn -> Plugin.update(plugin, count_vowels()) end,
      fn -> Plugin.call(inner, "count_vowels") end,
      fn -> Context.new_plugin(context, count_vowels()) end,
      fn -> Context.reset(context) end,
      fn -> Plugin.new(compiled) end,
      fn -> Pool.new(compiled) end,
      fn -> Pool.get(pool) end,
      fn -> Pool.stats(pool) end
    ]

    for use <- uses, do: assert({:error, %Extism.Error{status: :closed, code: 102}} = use.())
    refute Plugin.has_function(plugin, "count_vowels")
    refute CancelHandle.cancel(handle)
  end

  test "a compiled plug-in takes nothing but config" do
    {:ok, compiled} = CompiledPlugin.new(count_vowels())
    context = Context.new()

    for make <- [&Plugin.new(compiled, &1), &Context.new_plugin(context, compiled, &1)] do
      for options <- [true, [wasi: true], [functions: []], [limits: :untrusted], [fuel: 1, config: %{}]] do
        assert {:error, %Extism.Error{status: :invalid_argument}} = make.(options)
      end

      for options <- [false, [], [config: %{a: "b"}]], do: assert({:ok, %Plugin{}} = make.(options))
    end

    :ok = Context.free(context)
    :ok = CompiledPlugin.free(compiled)
  end

  test "a configuration that is none makes nothing, and changes nothing" do
    {:ok, compiled} = CompiledPlugin.new(count_vowels())
    plugin = Plugin.new!(compiled, config: %{"vowels" => "t"})
    ctx = Context.new()

    for source <- [count_vowels(), compiled] do
      assert_raise ArgumentError, fn -> Context.new_plugin(ctx, source, config: %{vowels: 5}) end
      assert %{plugins: 1} = alive()
    end

    assert_raise ArgumentError, fn -> Plugin.update(plugin, count_vowels(), config: %{vowels: 5}) end
    assert {:ok, ~s({"count":3,) <> _} = Plugin.call(plugin, "count_vowels", "this is a test")
    Plugin.free(plugin)
    Context.free(ctx)
    CompiledPlugin.free(compiled)
    assert settled() == :ok
  end

  test "g02 closing twice, and the collector after that, are harmless" do
    {:ok, compiled} = CompiledPlugin.new(count_vowels())
    {:ok, pool} = Pool.new(compiled)
    plugin = Plugin.new!(compiled)
    context = Context.new()
    {:ok, inner} = Context.new_plugin(context, compiled)

    for _ <- 1..2 do
      assert :ok = Plugin.free(inner)
      assert :ok = Context.free(context)
      assert :ok = Plugin.free(plugin)
      assert :ok = Pool.free(pool)
      assert :ok = CompiledPlugin.free(compiled)
    end

    assert settled() == :ok
  end

  test "g03 what is forgotten is freed, in whichever process" do
    {:ok, compiled} = CompiledPlugin.new(count_vowels())

    count = fn ->
      for _ <- 1..250, do: Plugin.new!(compiled) |> Plugin.call!("count_vowels", "a") |> byte_size()
    end

    tasks = for _ <- 1..4, do: Task.async(count)
    assert length(Enum.concat(Task.await_many(tasks, 60_000))) == 1000
    CompiledPlugin.free(compiled)
    assert settled() == :ok
  end

  test "g03 the virtual machine ends with live plug-ins and running calls" do
    script = """
    source = %{wasm: [%{path: "fixtures/wat/spin.wat"}]}
    for _ <- 1..4, do: spawn(fn -> Extism.Plugin.call(Extism.Plugin.new!(source), "spin") end)
    plugin = Extism.Plugin.new!(source)
    IO.inspect(Extism.Plugin.call(plugin, "ok"))
    System.halt(0)
    """

    assert elixir(script) == {"{:ok, \"\"}\n", 0}
  end

  test "g04 children keep their parents" do
    {:ok, compiled} = CompiledPlugin.new(count_vowels())
    {:ok, pool} = Pool.new(compiled, instances_max: 1)
    {:ok, lent} = Pool.get(pool)
    plugin = Plugin.new!(compiled)
    :ok = Pool.free(pool)
    :ok = CompiledPlugin.free(compiled)
    :erlang.garbage_collect()
    assert Plugin.call!(plugin, "count_vowels", "aei") =~ ~s("count":3)
    assert Plugin.call!(lent, "count_vowels", "aei") =~ ~s("count":3)
    for each <- [plugin, lent], do: Plugin.free(each)
    assert settled() == :ok
  end

  test "g04 a plug-in freed by its own host function ends its call first" do
    test = self()

    plugin =
      passing(fn text ->
        receive do
          {:plugin, plugin} -> Plugin.free(plugin)
        end

        send(test, :freed)
        text
      end)

    send(self(), {:plugin, plugin})
    assert Plugin.call(plugin, "run", "text") == {:ok, "text"}
    assert_received :freed
    assert {:error, %{status: :closed}} = Plugin.call(plugin, "run", "text")
  end

  test "g05 host functions live as long as whatever may call them" do
    text = String.duplicate("kept ", 100)
    plugin = passing(fn _ -> text end)

    for _ <- 1..50 do
      :erlang.garbage_collect()
      assert Plugin.call(plugin, "run") == {:ok, text}
    end

    Plugin.free(plugin)
    assert settled() == :ok
  end

  test "g05 a refused plug-in releases its host functions" do
    function = HostFunction.new("f", [:bytes], [:bytes], & &1)
    assert {:error, %{status: :manifest_syntax}} = Plugin.new("no module", functions: [function])
    assert settled() == :ok
  end

  test "1,000 processes are killed in the middle of their calls, and nothing is left" do
    {:ok, compiled} = CompiledPlugin.new(wat("spin"))
    test = self()

    for _ <- 1..20 do
      processes =
        for _ <- 1..50 do
          spawn(fn ->
            plugin = Plugin.new!(compiled)
            send(test, {:begins, self()})
            Plugin.call(plugin, "spin")
          end)
        end

      for process <- processes, do: assert_receive({:begins, ^process}, 30_000)
      monitors = Enum.map(processes, &Process.monitor/1)
      Enum.each(processes, &Process.exit(&1, :kill))
      for monitor <- monitors, do: assert_receive({:DOWN, ^monitor, _, _, :killed}, 30_000)
    end

    CompiledPlugin.free(compiled)
    assert settled() == :ok
  end
end
