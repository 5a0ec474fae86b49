defmodule GameBox.Warden do
  @moduledoc """
  Brings rooms back: after a crash, a restart, or the death of the node they were on. Keeps the cluster together, and
  puts the shipped games into the catalogue.

  Invariant: a room that the database has runs somewhere, some seconds after whatever happened.
  """

  use GenServer

  alias GameBox.{Catalogue, Room, Rooms, Settings, Store}

  @round_ms 2000
  @soon_ms 50

  def start_link(_options), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @impl true
  def init(nil) do
    # Until the names of the others are known here, their rooms look as if they ran nowhere.
    :ok = :global.sync()
    :ok = :net_kernel.monitor_nodes(true)
    :ok = :pg.join(GameBox.Cluster, :nodes, self())
    {:ok, _} = :timer.send_interval(@round_ms, :round)
    founder? = Settings.nodes() in [[], [node()]] or hd(Settings.nodes()) == node()
    {:ok, %{stocked?: not founder?}, {:continue, :round}}
  end

  @impl true
  def handle_continue(:round, state), do: handle_info(:round, state)

  @impl true
  # Its rooms' names are free as soon as `:global` has heard of it, too.
  def handle_info({:nodedown, _}, state) do
    Process.send_after(self(), :round, @soon_ms)
    {:noreply, state}
  end

  def handle_info(:round, state) do
    Enum.each(Settings.nodes() -- [node() | Node.list()], &Node.connect/1)
    {:noreply, state |> bring_back() |> stock()}
  end

  def handle_info(_, state), do: {:noreply, state}

  defp bring_back(state) do
    for code <- Store.keys(:game_box_room),
        Room.whereis(code) == nil,
        Rooms.owner(code) == node(),
        do: Rooms.ensure(code)

    state
  end

  # Nothing can be written while nodes are joining; then the next round does it.
  defp stock(%{stocked?: true} = state), do: state
  defp stock(state), do: %{state | stocked?: Catalogue.stock() == :ok}
end
