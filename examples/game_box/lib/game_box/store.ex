defmodule GameBox.Store do
  @moduledoc """
  What outlives a process and a node: games, their bytes, and rooms, in Mnesia on every node's disk.

  Must not know: what the values mean. Invariant: a write that was answered with `:ok` is on the disks of all nodes
  that are up, and these are more than half of the cluster; so whichever nodes are left later, if they are more than
  half, one of them has it.
  """

  use GenServer

  require Logger

  alias GameBox.Settings

  @tables [
    {:game_box_game, :disc_copies, [:id, :game]},
    {:game_box_wasm, :disc_only_copies, [:id, :bytes]},
    {:game_box_room, :disc_copies, [:code, :serial, :room]}
  ]
  @names Enum.map(@tables, &elem(&1, 0))
  @retry_ms 200

  def start_link(_options), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @doc "A value by its key, or `nil`."
  @spec get(atom(), term()) :: term() | nil
  def get(table, key) do
    case :mnesia.dirty_read(table, key) do
      [record] -> value(record)
      [] -> nil
    end
  end

  @doc "All keys of a table."
  @spec keys(atom()) :: [term()]
  def keys(table), do: :mnesia.dirty_all_keys(table)

  @doc "All values of a table."
  @spec all(atom()) :: [term()]
  def all(table), do: Enum.flat_map(keys(table), &List.wrap(get(table, &1)))

  @doc "Writes records, all or none."
  @spec put([tuple()]) :: :ok | {:error, String.t()}
  def put(records) do
    transaction(fn -> Enum.each(records, &:mnesia.write/1) end)
  end

  @doc "Writes a record if its key is free."
  @spec insert(tuple()) :: :ok | {:error, :taken | String.t()}
  def insert(record) do
    transaction(fn ->
      case :mnesia.wread({elem(record, 0), elem(record, 1)}) do
        [] -> :mnesia.write(record)
        _ -> :mnesia.abort(:taken)
      end
    end)
  end

  @doc """
  Writes a room as the one that follows on `serial`. If another process has written meanwhile, nothing is
  changed: whoever asked is out of date.
  """
  @spec advance(String.t(), non_neg_integer(), term()) :: :ok | {:error, :stale | String.t()}
  def advance(code, serial, room) do
    transaction(fn ->
      case :mnesia.wread({:game_box_room, code}) do
        [{_, _, ^serial, _}] -> :mnesia.write({:game_box_room, code, serial + 1, room})
        _ -> :mnesia.abort(:stale)
      end
    end)
  end

  @doc "A room and the number of its last change, or `nil`."
  @spec room(String.t()) :: {non_neg_integer(), term()} | nil
  def room(code) do
    case :mnesia.dirty_read(:game_box_room, code) do
      [{_, _, serial, room}] -> {serial, room}
      [] -> nil
    end
  end

  @doc "Removes records, all or none."
  @spec delete([{atom(), term()}]) :: :ok | {:error, String.t()}
  def delete(keys) do
    transaction(fn -> Enum.each(keys, &:mnesia.delete/1) end)
  end

  defp value({_, _, value}), do: value
  defp value({_, _, _serial, value}), do: value

  # Synchronous: it has been committed by every node that is up before this returns.
  defp transaction(work) do
    case :mnesia.sync_transaction(work) do
      {:atomic, _} ->
        :ok

      {:aborted, reason} when reason in [:taken, :stale] ->
        {:error, reason}

      {:aborted, {:no_majority, _}} ->
        {:error, "more than half of the nodes cannot be reached, so nothing can be kept"}

      {:aborted, reason} ->
        Logger.error("the database refused a change: #{inspect(reason)}")
        {:error, "the database refused the change"}
    end
  end

  @impl true
  def init(nil) do
    folder = Path.expand(Settings.data())
    File.mkdir_p!(folder)
    Application.load(:mnesia)
    # What it writes of a failure is kept with the data, too.
    for setting <- [:dir, :core_dir], do: Application.put_env(:mnesia, setting, to_charlist(folder))
    others = Settings.nodes() -- [node()]
    Enum.each(others, &Node.connect/1)

    if File.exists?(Path.join(folder, "schema.DAT")),
      do: :ok = :mnesia.start(),
      else: begin(others, Settings.nodes() in [[], [node()]] or hd(Settings.nodes()) == node())

    wait()
    {:ok, _} = :mnesia.subscribe(:system)
    {:ok, %{cut_off?: false}}
  end

  # A node without a database takes part in the one there is. If there is none, the founder makes it.
  defp begin(others, founder?) do
    case Enum.find(others, &ready?/1) do
      nil when founder? ->
        :ok = :mnesia.create_schema([node()])
        :ok = :mnesia.start()

        for {table, kind, fields} <- @tables do
          {:atomic, :ok} =
            :mnesia.create_table(table, [{kind, [node()]}, {:attributes, fields}, {:majority, true}])
        end

      nil ->
        Process.sleep(@retry_ms)
        Enum.each(others, &Node.connect/1)
        begin(others, founder?)

      peer ->
        join(peer)
    end
  end

  defp ready?(node) do
    @names -- :erpc.call(node, :mnesia, :system_info, [:tables], 5000) == []
  catch
    _, _ -> false
  end

  defp join(peer) do
    :ok = :mnesia.start()
    {:ok, [_ | _]} = :mnesia.change_config(:extra_db_nodes, [peer])
    done(:mnesia.change_table_copy_type(:schema, node(), :disc_copies))
    for {table, kind, _} <- @tables, do: done(:mnesia.add_table_copy(table, node(), kind))
  end

  defp done({:atomic, :ok}), do: :ok
  defp done({:aborted, {:already_exists, _, _}}), do: :ok
  defp done({:aborted, {:already_exists, _, _, _}}), do: :ok

  # After all nodes were down, Mnesia waits for the one that was last up: only that has every change.
  defp wait do
    case :mnesia.wait_for_tables(@names, 10_000) do
      :ok ->
        :ok

      {:timeout, _} ->
        Logger.warning("waiting for the other nodes of the cluster, which have the newest data")
        wait()
    end
  end

  # A node that cannot see more than half of the cluster can write nothing. When it is reached again, what it has is
  # of the past, and Mnesia does not take the newer state over while it runs: it ends, and whoever started it starts it
  # again.
  @impl true
  def handle_info({:mnesia_system_event, {:mnesia_down, _}}, state),
    do: {:noreply, %{state | cut_off?: state.cut_off? or minority?()}}

  def handle_info({:mnesia_system_event, {:inconsistent_database, _, other}}, %{cut_off?: true} = state) do
    Logger.error("this node was cut off from #{other} and the others, and is out of date: start it again")
    System.stop(1)
    {:noreply, state}
  end

  def handle_info({:mnesia_system_event, {:inconsistent_database, _, other}}, state) do
    Logger.warning("#{other} was cut off; it has to be started again")
    {:noreply, state}
  end

  def handle_info({:mnesia_system_event, {:mnesia_up, _}}, state),
    do: {:noreply, %{state | cut_off?: state.cut_off? and minority?()}}

  def handle_info(_event, state), do: {:noreply, state}

  defp minority? do
    2 * length(:mnesia.system_info(:running_db_nodes)) <= length(:mnesia.system_info(:db_nodes))
  end
end
