defmodule Extism.ServerTest do
  # A plug-in as a process: supervised, registered, called from another node, reloaded, restarted.
  use ExUnit.Case

  import ExUnit.CaptureLog
  import Extism.Fixture
  alias Extism.{HostFunction, Plugin, PluginServer, PluginSupervisor, Telemetry}

  test "the tuples of the founding post" do
    {:ok, pid} = GenServer.start_link(PluginServer, nil)
    assert {:error, %{status: :closed}} = GenServer.call(pid, {:call, "count_vowels", "a"})
    assert {:ok, %Plugin{plugin_id: 0}} = GenServer.call(pid, {:new, wat("legacy_count_vowels"), false})
    assert GenServer.call(pid, {:call, "count_vowels", "this is a test"}) == {:ok, ~s({"count": 4})}
    assert GenServer.call(pid, {:has_function, "count_vowels"}) == true
    assert {:ok, %Plugin{plugin_id: 1}} = GenServer.call(pid, {:new, count_vowels(), false})
    assert GenServer.call(pid, {:config, %{vowels: "t"}}) == :ok
    assert {:ok, ~s({"count":3,) <> _} = GenServer.call(pid, {:call, "count_vowels", "this is a test"})
    assert {:ok, %{"total" => <<3, 0, 0, 0>>}} = GenServer.call(pid, {:vars})
    assert {:error, {:unknown_request, :surprise}} = GenServer.call(pid, {:surprise})
    assert {:error, %{status: :manifest_syntax}} = GenServer.call(pid, {:new, "none", false})
    assert {:ok, _} = GenServer.call(pid, {:call, "count_vowels", "still there"})
    GenServer.stop(pid)
    assert settled() == :ok
  end

  test "a reload keeps the variables, another plug-in does not" do
    pid = start_supervised!({PluginServer, source: count_vowels()})
    assert {:ok, ~s({"count":1,"total":1,) <> _} = PluginServer.call(pid, "count_vowels", "a")
    assert {:ok, %Plugin{}} = PluginServer.reload(pid, count_vowels())
    assert {:ok, ~s({"count":1,"total":2,) <> _} = PluginServer.call(pid, "count_vowels", "a")
    assert {:ok, %Plugin{}} = PluginServer.new(pid, count_vowels())
    assert {:ok, ~s({"count":1,"total":1,) <> _} = PluginServer.call(pid, "count_vowels", "a")
  end

  test "a call ends when its time is up, its caller dies, or somebody cancels it; the server goes on" do
    {wat, options} = runs()
    pid = start_supervised!({PluginServer, source: wat, options: options, call_timeout: 50})
    assert {:error, %{status: :timeout}} = PluginServer.call(pid, "run")
    assert {:error, %{status: :timeout}} = PluginServer.call(pid, "run", "", timeout: 20)
    assert PluginServer.call(pid, "ok") == {:ok, ""}
    for _ <- 1..2, do: assert_receive(:runs, 5_000)

    {caller, monitor} = spawn_monitor(fn -> PluginServer.call(pid, "run", "", timeout: :infinity) end)
    assert_receive :runs, 5_000
    # What waits too long behind another call is answered, too.
    assert {:error, %{status: :timeout}} = PluginServer.call(pid, "ok", "", timeout: 30)
    waiting = Task.async(fn -> PluginServer.call(pid, "ok", "", timeout: 10_000) end)
    Process.exit(caller, :kill)
    assert_receive {:DOWN, ^monitor, _, _, :killed}
    assert Task.await(waiting) == {:ok, ""}

    task = Task.async(fn -> PluginServer.call(pid, "run", "", timeout: :infinity) end)
    assert_receive :runs, 5_000
    assert PluginServer.cancel(pid) == :ok
    assert {:error, %{status: :cancelled}} = Task.await(task)
  end

  test "a clumsy client is told, and nobody else" do
    {wat, options} = runs()
    pid = start_supervised!({PluginServer, source: wat, options: options})

    requests =
      [
        {:call, "ok", :not_iodata},
        {:call, 1, ""},
        {:call, "ok", "", 5},
        {:call, "ok", "", timeout: -1},
        {:var_set, "x", :bad},
        {:config, 5},
        {:config, %{key: 5}}
      ] ++
        for kind <- [:new, :reload],
            wrong <- [5, [functions: [5]], [limits: 5], [config: 5], [config: %{key: 5}]],
            do: {kind, wat, wrong}

    for request <- requests do
      assert {^request, {:error, %Extism.Error{status: :invalid_argument, code: 106, message: message}}} =
               {request, GenServer.call(pid, request)}

      assert String.valid?(message)
    end

    assert {:error, %Extism.Error{status: :function_not_found}} = GenServer.call(pid, {:call!, "none"})
    assert {:error, {:unknown_request, :call_async}} = GenServer.call(pid, {:call_async, "ok", :not_iodata})
    assert GenServer.call(pid, {:call, "ok"}) == {:ok, ""}
    assert Process.alive?(pid)
  end

  test "a server that crashes is restarted, and finds its variables" do
    options = [source: count_vowels(), name: :counter, keep_vars: :counter]
    start_supervised!({PluginServer, options})
    assert {:ok, ~s({"count":2,"total":2,) <> _} = PluginServer.call(:counter, "count_vowels", "aa")
    old = Process.whereis(:counter)
    monitor = Process.monitor(old)
    Process.exit(old, :kill)
    assert_receive {:DOWN, ^monitor, _, _, :killed}
    wait_until(fn -> Process.whereis(:counter) not in [nil, old] end)
    assert {:ok, ~s({"count":1,"total":3,) <> _} = PluginServer.call(:counter, "count_vowels", "a")
    stop_supervised!(:counter)
    start_supervised!({PluginServer, options})
    assert {:ok, ~s({"count":1,"total":1,) <> _} = PluginServer.call(:counter, "count_vowels", "a")
  end

  test "names: via a registry, global, and a supervisor of many" do
    start_supervised!({Registry, keys: :unique, name: Extism.TestRegistry})
    name = {:via, Registry, {Extism.TestRegistry, "echo"}}
    start_supervised!({PluginServer, source: wat("echo"), name: name})
    assert PluginServer.call(name, "echo", "via") == {:ok, "via"}
    start_supervised!({PluginServer, source: wat("echo"), name: {:global, :echo}})
    assert PluginServer.call({:global, :echo}, "echo", "global") == {:ok, "global"}

    supervisor = start_supervised!(PluginSupervisor)
    for _ <- 1..3, do: assert({:ok, _} = PluginSupervisor.start_plugin(supervisor, source: wat("echo")))

    assert {:error, %{status: :not_found}} =
             PluginSupervisor.start_plugin(supervisor, source: %{wasm: [%{path: "no"}]})

    [first | _] = pids = PluginSupervisor.plugins(supervisor)
    assert length(pids) == 3
    assert PluginSupervisor.stop_plugin(supervisor, first) == :ok
    assert length(PluginSupervisor.plugins(supervisor)) == 2
  end

  test "1,000 servers are killed, and nothing is left" do
    Process.flag(:trap_exit, true)
    {:ok, compiled} = Extism.CompiledPlugin.new(count_vowels())

    for _ <- 1..1000 do
      {:ok, pid} = PluginServer.start_link(source: compiled)
      assert {:ok, _} = PluginServer.call(pid, "count_vowels", "a")
      Process.exit(pid, :kill)
      assert_receive {:EXIT, ^pid, :killed}
    end

    Extism.CompiledPlugin.free(compiled)
    assert settled() == :ok
  end

  test "host functions run in the server, and cannot call it" do
    test = self()
    server = start_supervised!({PluginServer, []})

    function =
      HostFunction.new("f", [:bytes], [:bytes], fn text ->
        send(test, {:ran_in, self()})
        if text == "again", do: GenServer.call(server, {:call, "run", ""}), else: String.upcase(text)
      end)

    assert {:ok, _} = PluginServer.new(server, passes(), functions: [function])
    assert PluginServer.call(server, "run", "text") == {:ok, "TEXT"}
    assert_received {:ran_in, ^server}

    assert {:error, %{status: :host_function, cause: {:exit, _, _}}} =
             PluginServer.call(server, "run", "again")
  end

  test "a plug-in is called by its pid from another node, and on another node" do
    {peer, node} = start_node()
    pid = start_supervised!({PluginServer, source: wat("echo")})
    assert :erpc.call(node, GenServer, :call, [pid, {:call, "echo", "from afar"}]) == {:ok, "from afar"}
    assert :erpc.call(node, PluginServer, :call, [pid, "echo", "twice"]) == {:ok, "twice"}

    {:ok, far} = :erpc.call(node, GenServer, :start, [PluginServer, [source: count_vowels()]])
    assert node(far) == node
    assert {:ok, ~s({"count":4,) <> _} = PluginServer.call(far, "count_vowels", "this is a test")
    assert {:ok, %Plugin{}} = PluginServer.reload(far, count_vowels())
    assert {:ok, %{"total" => <<4, 0, 0, 0>>}} = GenServer.call(far, {:vars})
    assert {:error, %Extism.Error{status: :function_not_found}} = PluginServer.call(far, "none")
    :ok = :peer.stop(peer)
  end

  test "messages of plug-ins reach Logger, a function and a process" do
    log = capture_log(fn -> Plugin.call!(Plugin.new!(wat("levels"), log: :warn), "all") end)
    assert log =~ "[warning]" or log =~ "[warn]"
    assert log =~ "[error]"
    refute log =~ "[info]"

    Plugin.call!(Plugin.new!(wat("levels"), log: {:error, self()}), "all")
    assert_received {:extism_log, <<_::binary-size(16)>>, :error, message}
    refute_received {:extism_log, _, :warn, _}
    test = self()
    sink = fn level, text, _id -> send(test, {level, text}) end
    Plugin.call!(Plugin.new!(wat("levels"), log: {:error, sink}), "all")
    assert_received {:error, ^message}
  end

  test "listeners hear of calls, and one that fails is taken out" do
    defmodule Listener do
      @behaviour Telemetry
      @impl true
      def handle_event(event, measurements, metadata, test), do: send(test, {event, measurements, metadata})
    end

    Telemetry.attach(:listener, Listener, self())
    plugin = Plugin.new!(wat("echo"))
    Plugin.call!(plugin, "echo", "a")
    Plugin.call(plugin, "none")

    assert_received {[:extism, :call, :stop], %{duration: duration},
                     %{plugin: ^plugin, function: "echo", status: :ok}}

    assert duration > 0
    assert_received {[:extism, :call, :stop], _, %{status: :function_not_found}}
    pid = start_supervised!({PluginServer, source: wat("echo")})
    assert_received {[:extism, :server, :load], _, %{server: ^pid}}
    Telemetry.detach(:listener)

    Telemetry.attach(:fails, fn _, _, _, _ -> raise "no" end)
    assert capture_log(fn -> assert Plugin.call(plugin, "echo", "a") == {:ok, "a"} end) =~ "listener"
    refute capture_log(fn -> assert Plugin.call(plugin, "echo", "a") == {:ok, "a"} end) =~ "listener"
  end

  # A node with this package. The name server of nodes may not run yet; only this machine is meant.
  defp start_node do
    {_, 0} = System.cmd("epmd", ["-daemon", "-address", "127.0.0.1"])
    if not Node.alive?(), do: {:ok, _} = Node.start(:"extism_#{System.pid()}@127.0.0.1", :longnames)
    arguments = Enum.flat_map(:code.get_path(), &[~c"-pa", &1])
    options = %{name: :"extism_peer_#{System.pid()}", host: ~c"127.0.0.1", longnames: true, args: arguments}
    {:ok, peer, node} = :peer.start_link(options)
    {peer, node}
  end

  defp wait_until(condition, left \\ 5_000) do
    cond do
      condition.() -> :ok
      left == 0 -> flunk("it did not happen")
      true -> Process.sleep(1) && wait_until(condition, left - 1)
    end
  end
end
