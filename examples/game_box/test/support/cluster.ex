defmodule GameBox.TestCluster do
  @moduledoc """
  Nodes as operating system processes, each with a database of its own, that know each other.

  They are told what to do through their standard input, so that the test itself takes no part in the cluster.
  """

  @doc "Starts so many nodes at once."
  def start(count) do
    folder =
      Path.join(System.tmp_dir!(), "game_box_cluster_#{System.unique_integer([:positive])}_#{System.pid()}")

    File.mkdir_p!(folder)
    tag = "#{System.pid()}x#{System.unique_integer([:positive])}"
    names = for n <- 1..count, do: "box#{n}_#{tag}"
    ports = free_ports(count)
    all = Enum.map_join(names, ",", &"#{&1}@127.0.0.1")
    urls = Enum.map(ports, &"http://127.0.0.1:#{&1}")
    cluster = %{folder: folder, all: all, urls: urls, tag: tag}

    nodes =
      for({name, port} <- Enum.zip(names, ports), do: Task.async(fn -> boot(cluster, name, port) end))
      |> Task.await_many(150_000)

    Map.put(cluster, :nodes, nodes)
  end

  @doc "Starts a node again that has been killed: with its disk."
  def restart(cluster, node), do: boot(cluster, node.name, node.port)

  defp boot(cluster, name, port) do
    env = [
      GAME_BOX_DATA: Path.join(cluster.folder, name),
      GAME_BOX_PORT: port,
      GAME_BOX_NODES: cluster.all,
      GAME_BOX_URLS: Enum.join(cluster.urls, ","),
      ERL_EPMD_ADDRESS: "127.0.0.1"
    ]

    paths = Enum.flat_map(:code.get_path(), &['-pa', &1])

    settings = [
      inet_dist_use_interface: '{127,0,0,1}',
      prevent_overlapping_partitions: 'false',
      logger_level: 'emergency'
    ]

    kernel = Enum.flat_map(settings, fn {key, value} -> ['-kernel', to_charlist(key), value] end)

    {:ok, peer, node} =
      :peer.start(%{
        name: to_charlist(name),
        host: '127.0.0.1',
        longnames: true,
        connection: :standard_io,
        wait_boot: 60_000,
        args: ['-setcookie', to_charlist(cluster.tag)] ++ kernel ++ paths,
        env: for({k, v} <- env, do: {to_charlist(k), to_charlist("#{v}")})
      })

    :ok = :peer.call(peer, :application, :set_env, [:logger, :level, :emergency])
    {:ok, _} = :peer.call(peer, Application, :ensure_all_started, [:game_box], 60_000)
    pid = :peer.call(peer, :os, :getpid, [])
    %{name: name, node: node, peer: peer, port: port, url: "http://127.0.0.1:#{port}", pid: to_string(pid)}
  end

  @doc "Calls a function on a node."
  def call(node, module, function, arguments \\ []),
    do: :peer.call(node.peer, module, function, arguments, 30_000)

  @doc "The node whose process a room is."
  def home(cluster, code, nodes \\ nil) do
    nodes = nodes || cluster.nodes
    pid = call(hd(nodes), GameBox.Room, :whereis, [code])
    pid && Enum.find(cluster.nodes, &(&1.node == node(pid)))
  end

  @doc "Kills a node, without a chance for last words."
  def kill(node) do
    ref = Process.monitor(node.peer)
    Process.unlink(node.peer)
    {_, 0} = System.cmd("kill", ["-9", node.pid])

    receive do
      {:DOWN, ^ref, _, _, _} -> :ok
    after
      10_000 -> raise "#{node.name} does not die"
    end
  end

  @doc "Stops all nodes that are left."
  def stop(cluster) do
    for node <- cluster.nodes, Process.alive?(node.peer), do: :peer.stop(node.peer)
    File.rm_rf!(cluster.folder)
  end

  @doc "Waits until a function is true."
  def wait_until(check, tries \\ 200) do
    cond do
      value = check.() -> value
      tries == 0 -> raise "it did not happen"
      true -> Process.sleep(50) && wait_until(check, tries - 1)
    end
  end

  # All at once, so that they differ; below those that the system gives to connections, so that they stay free.
  defp free_ports(count) do
    sockets = for _ <- 1..count, do: listen()

    for socket <- sockets do
      {:ok, port} = :inet.port(socket)
      :gen_tcp.close(socket)
      port
    end
  end

  defp listen do
    case :gen_tcp.listen(Enum.random(15_000..29_999), ip: {127, 0, 0, 1}) do
      {:ok, socket} -> socket
      {:error, :eaddrinuse} -> listen()
    end
  end
end
