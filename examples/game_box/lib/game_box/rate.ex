defmodule GameBox.Rate do
  @moduledoc """
  How often somebody may do something: a count for each address, thing and minute.

  Invariant: counts of past minutes are removed, so memory is bounded by the addresses of two minutes.
  """

  use GenServer

  alias GameBox.Settings

  @minute_ms 60_000

  def start_link(_options), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @doc "Whether this once more is allowed."
  @spec allow?(atom(), term()) :: boolean()
  def allow?(what, who) do
    key = {minute(), what, who}
    :ets.update_counter(__MODULE__, key, 1, {key, 0}) <= Settings.rate(what)
  end

  defp minute, do: div(System.monotonic_time(:millisecond), @minute_ms)

  @impl true
  def init(nil) do
    :ets.new(__MODULE__, [:named_table, :public, write_concurrency: true])
    {:ok, _} = :timer.send_interval(@minute_ms, :sweep)
    {:ok, nil}
  end

  @impl true
  def handle_info(:sweep, state) do
    :ets.select_delete(__MODULE__, [{{{:"$1", :_, :_}, :_}, [{:<, :"$1", minute()}], [true]}])
    {:noreply, state}
  end
end
