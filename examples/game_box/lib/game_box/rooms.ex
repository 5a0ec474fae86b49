defmodule GameBox.Rooms do
  @moduledoc """
  Finds, opens and asks rooms, wherever in the cluster they are.

  Every node can tell which node a room belongs on: of the nodes that are up, the one that a hash of it and the code
  puts first. So nobody has to be asked, rooms are spread evenly, and when a node dies only its rooms move.
  """

  alias GameBox.{Limits, Room, Store}

  # No vowels, so that no words come out.
  @letters ~c"BCDFGHJKLMNPQRSTVWXYZ"
  @tries 20
  @wait_ms 100
  @waits 50

  @doc "Opens a room, and answers its code."
  @spec open() :: {:ok, String.t()} | {:error, String.t()}
  def open do
    if length(Store.keys(:game_box_room)) >= Limits.rooms_max(),
      do: {:error, "There are too many rooms at the moment."},
      else: open(@tries)
  end

  defp open(0), do: {:error, "No free code was found. Try again."}

  defp open(tries) do
    code = for _ <- 1..4, into: "", do: <<Enum.at(@letters, :rand.uniform(length(@letters)) - 1)>>

    case Store.insert({:game_box_room, code, 0, Room.new()}) do
      :ok -> {:ok, code}
      {:error, :taken} -> open(tries - 1)
      {:error, text} -> {:error, "No room can be opened: #{text}."}
    end
  end

  @doc "A code as people may type it, or `:error`."
  @spec code(String.t()) :: {:ok, String.t()} | :error
  def code(text) do
    code = String.upcase(text)
    if code =~ ~r/^[A-Z]{4}$/, do: {:ok, code}, else: :error
  end

  @doc "Asks a room. While it moves from one node to another, this waits for it."
  @spec call(String.t(), term(), timeout()) :: term() | {:error, String.t()}
  def call(code, request, timeout \\ 30_000), do: call(code, request, timeout, @waits)

  defp call(_code, _request, _timeout, 0), do: {:error, "The room cannot be reached at the moment."}

  defp call(code, request, timeout, waits) do
    case find(code) do
      {:ok, pid} -> ask(pid, code, request, timeout, waits)
      :none -> {:error, "There is no room #{code}."}
      :wait -> wait(code, request, timeout, waits)
    end
  end

  # Whether a room that died has done what it was asked nobody knows; only questions are asked again.
  defp ask(pid, code, request, timeout, waits) do
    GenServer.call(pid, request, timeout)
  catch
    :exit, {reason, _} when reason in [:noproc, :stale] ->
      wait(code, request, timeout, waits)

    :exit, {{:shutdown, :stale}, _} ->
      wait(code, request, timeout, waits)

    :exit, {{:nodedown, _}, _} when request == :summary ->
      wait(code, request, timeout, waits)

    :exit, _ ->
      {:error, "The room has just moved. Look whether your move was made, and make it again if not."}
  end

  defp wait(code, request, timeout, waits) do
    Process.sleep(@wait_ms)
    call(code, request, timeout, waits - 1)
  end

  @doc "The process of a room, started if need be."
  @spec find(String.t()) :: {:ok, pid()} | :none | :wait
  def find(code) do
    case Room.whereis(code) do
      nil -> if Store.room(code), do: ensure(code), else: :none
      pid -> if node(pid) in nodes(), do: {:ok, pid}, else: :wait
    end
  end

  @doc "Starts a room where it belongs, if it does not run."
  @spec ensure(String.t()) :: {:ok, pid()} | :none | :wait
  def ensure(code) do
    case :erpc.call(
           owner(code),
           DynamicSupervisor,
           :start_child,
           [GameBox.RoomSupervisor, {Room, code}],
           5000
         ) do
      {:ok, pid} -> {:ok, pid}
      {:error, {:already_started, pid}} -> {:ok, pid}
      :ignore -> :none
      {:error, _} -> :wait
    end
  catch
    _, _ -> :wait
  end

  @doc "The node a room belongs on."
  @spec owner(String.t()) :: node()
  def owner(code), do: Enum.max_by(nodes(), &:erlang.phash2({&1, code}))

  @doc "The nodes that run rooms."
  @spec nodes() :: [node()]
  def nodes do
    up = [node() | Node.list()]

    case for pid <- :pg.get_members(GameBox.Cluster, :nodes), node(pid) in up, do: node(pid) do
      [] -> [node()]
      nodes -> nodes
    end
  end

  @doc "The rooms whose processes are on this node."
  @spec here() :: [pid()]
  def here do
    for {_, pid, _, _} <- DynamicSupervisor.which_children(GameBox.RoomSupervisor), is_pid(pid), do: pid
  end
end
