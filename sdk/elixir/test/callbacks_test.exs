defmodule Extism.CallbacksTest do
  # Guarantees 6 and 7: host functions that raise, do not answer, answer too late, or are over.
  use ExUnit.Case

  import Extism.Fixture
  alias Extism.{CurrentPlugin, Error, HostFunction, Plugin}

  test "g06 what a host function raises is the call's error, and is raised again" do
    plugin = passing(fn text -> raise ArgumentError, "no " <> text end)

    assert {:error, %Error{status: :host_function, message: message} = error} =
             Plugin.call(plugin, "run", "vowels")

    assert message =~ "no vowels"
    assert {:error, %ArgumentError{message: "no vowels"}, [_ | _]} = error.cause
    assert_raise ArgumentError, "no vowels", fn -> Plugin.call!(plugin, "run", "vowels") end
    assert {:error, %Error{status: :host_function}} = Plugin.call(plugin, "run", "again")
  end

  test "g06 throws and exits are errors, too" do
    assert {:error, %{cause: {:throw, :ball, _}}} = Plugin.call(passing(fn _ -> throw(:ball) end), "run")
    assert {:error, %{cause: {:exit, :gone, _}}} = Plugin.call(passing(fn _ -> exit(:gone) end), "run")
    assert catch_throw(Plugin.call!(passing(fn _ -> throw(:ball) end), "run")) == :ball
  end

  test "g06 results of the wrong kind fail the call" do
    for wrong <- [nil, 1, :atom, {1, 2}, <<1::3>>, "x" |> String.to_charlist()] do
      assert {:error, %{status: :host_function, message: message}} =
               Plugin.call(passing(fn _ -> wrong end), "run")

      assert message =~ "the host function gave no binary"
    end

    for wrong <- [1.5, 4_294_967_296, -2_147_483_649, "1"] do
      function = HostFunction.new("f", [:i32], [:i32], fn _ -> wrong end)

      assert {:error, %{message: message}} =
               Plugin.call(Plugin.new!(calls("i32", "const 1"), functions: [function]), "run")

      assert message =~ "the host function gave no i32"
    end
  end

  test "g06 a plug-in that waits is answered, whatever the function gives and whoever its handler is" do
    wat = """
    (module
      (import "extism:host/user" "f" (func $f (result i32 i32)))
      (func (export "run") (call $f) drop drop)
      (func (export "ok")))
    """

    for {result, handler} <- [{[1 | 2], nil}, {{1, 2}, "my_server"}, {{1, 2}, {:via, NoRegistry, :name}}] do
      function = HostFunction.new("f", [], [:i32, :i32], fn -> result end, handler: handler)
      plugin = Plugin.new!(wat, functions: [function])
      assert {:error, %Error{status: :host_function, cause: {_, _, _}}} = Plugin.call(plugin, "run")
      assert Plugin.call(plugin, "ok") == {:ok, ""}
      refute_received _
    end
  end

  test "g06 a host function that raises while the plug-in is made" do
    wat = ~S{(module (import "extism:host/user" "f" (func $f)) (start $f))}
    function = HostFunction.new("f", [], [], fn -> raise "not now" end)
    assert {:error, %Error{status: :host_function} = error} = Plugin.new(wat, functions: [function])
    assert {:error, %RuntimeError{message: "not now"}, _} = error.cause
  end

  test "g06 a handle that names no block is an error" do
    function = HostFunction.new("f", [:bytes], [:i64], fn _ -> 0 end)
    plugin = Plugin.new!(calls("i64", "const 1099511627776"), functions: [function])
    assert {:error, %{status: :bad_kernel_handle}} = Plugin.call(plugin, "run")
  end

  test "g07 the current plug-in is dead after its function" do
    test = self()
    plugin = passing(fn current, text -> send(test, {:current, current}) && text end)
    assert Plugin.call(plugin, "run", "text") == {:ok, "text"}
    assert_received {:current, current}
    assert CurrentPlugin.must_stop?(current)

    uses = [
      fn -> CurrentPlugin.alloc(current, 1) end,
      fn -> CurrentPlugin.store(current, "a") end,
      fn -> CurrentPlugin.read(current, 8) end,
      fn -> CurrentPlugin.write(current, 8, "a") end,
      fn -> CurrentPlugin.length(current, 8) end,
      fn -> CurrentPlugin.free(current, 8) end,
      fn -> CurrentPlugin.var_get(current, "a") end,
      fn -> CurrentPlugin.var_set(current, "a", "b") end,
      fn -> CurrentPlugin.var_remove(current, "a") end,
      fn -> CurrentPlugin.set_error(current, "a") end
    ]

    for use <- uses, do: assert({:error, %Error{status: :closed}} = use.())
  end

  test "the current plug-in: memory, variables, context" do
    plugin =
      passing(fn current, text ->
        {:ok, 0} = CurrentPlugin.store(current, "")
        {:ok, block} = CurrentPlugin.alloc(current, 3)
        :ok = CurrentPlugin.write(current, block, "abc")
        {:error, %{status: :invalid_argument}} = CurrentPlugin.write(current, block, "abcd")
        {:ok, "abc"} = CurrentPlugin.read(current, block)
        {:ok, 3} = CurrentPlugin.length(current, block)
        :ok = CurrentPlugin.free(current, block)
        {:ok, 0} = CurrentPlugin.length(current, block)
        {:error, %{status: :bad_kernel_handle}} = CurrentPlugin.read(current, block)
        {:ok, nil} = CurrentPlugin.var_get(current, "name")
        :ok = CurrentPlugin.var_set(current, "name", <<0, 255>>)
        {:ok, <<0, 255>>} = CurrentPlugin.var_get(current, "name")
        :infinity = CurrentPlugin.time_remaining(current)
        16 = byte_size(CurrentPlugin.id(current))
        [text, CurrentPlugin.host_context(current).name] |> IO.iodata_to_binary()
      end)

    assert Plugin.call(plugin, "run", "of ", host_context: %{name: "a map"}) == {:ok, "of a map"}
    assert Plugin.vars(plugin) == {:ok, %{"name" => <<0, 255>>}}
  end

  test "a handler runs the function; one that dies, or is dead, is an error" do
    handler = spawn_link(fn -> handle() end)
    plugin = passing(fn _ -> inspect(self()) end, handler: handler)
    assert Plugin.call(plugin, "run") == {:ok, inspect(handler)}

    dead = spawn(fn -> :ok end)
    monitor = Process.monitor(dead)
    assert_receive {:DOWN, ^monitor, _, _, _}

    assert {:error, %{status: :host_function, message: message}} =
             Plugin.call(passing(& &1, handler: dead), "run")

    assert message =~ "the handler of the host function is dead"
    assert {:error, %{status: :host_function}} = Plugin.call(passing(& &1, handler: :nobody_at_all), "run")

    assert {:error, %{status: :host_function}} =
             Plugin.call(passing(& &1, handler: {:global, :nobody}), "run")

    dies = spawn(fn -> receive(do: ({:extism_host_call, _, _} -> exit(:kill))) end)
    assert {:error, %{status: :host_function}} = Plugin.call(passing(& &1, handler: dies), "run")
  end

  test "a handler that does not answer costs a call its time and no more" do
    silent = spawn(fn -> Process.sleep(:infinity) end)
    plugin = passing(& &1, handler: silent)
    assert {:error, %{status: :timeout}} = Plugin.call(plugin, "run", "", timeout: 50)
    limited = passing(& &1, [handler: silent], limits: [call_time_ms_max: 50])
    assert {:error, %{status: :timeout}} = Plugin.call(limited, "run")
    task = Plugin.call_async(plugin, "run")
    refute Task.yield(task, 20)
    Plugin.cancel(plugin)
    assert {:error, %{status: :cancelled}} = Task.await(task)
  end

  test "the death of the caller ends a host function that waits" do
    test = self()

    {caller, monitor} =
      spawn_monitor(fn ->
        plugin = passing(fn _, _ -> send(test, :running) && Process.sleep(:infinity) end)
        Plugin.call(plugin, "run")
      end)

    assert_receive :running, 5_000
    Process.exit(caller, :kill)
    assert_receive {:DOWN, ^monitor, _, _, :killed}
    assert settled() == :ok
  end

  test "plug-ins call each other through host functions" do
    inner = passing(&String.reverse/1)
    outer = passing(fn text -> Plugin.call!(inner, "run", text) end)
    assert Plugin.call(outer, "run", "abc") == {:ok, "cba"}
    fails = passing(fn text -> Plugin.call!(Plugin.new!(wat("spin")), text) end)

    assert {:error, %{status: :host_function, cause: {:error, %Error{status: :function_not_found}, _}}} =
             Plugin.call(fails, "run", "none")
  end

  defp handle do
    receive do
      {:extism_host_call, _, _} = message ->
        :ok = HostFunction.answer(message)
        handle()
    end
  end
end
