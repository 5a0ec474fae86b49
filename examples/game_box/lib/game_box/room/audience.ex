defmodule GameBox.Room.Audience do
  @moduledoc """
  Who follows a room: processes that send what it shows to browsers, of players and of people who watch.

  Invariant: a process that has ended is forgotten when its monitor says so.
  """

  @type t :: %{pid() => {reference(), String.t() | nil}}

  @doc "Nobody."
  @spec new() :: t()
  def new, do: %{}

  @doc "Adds the stream of a player, or of somebody who watches."
  @spec add(t(), pid(), String.t() | nil) :: t()
  def add(audience, pid, name) do
    case audience do
      %{^pid => {monitor, _}} -> Map.put(audience, pid, {monitor, name})
      _ -> Map.put(audience, pid, {Process.monitor(pid), name})
    end
  end

  @doc "Removes a stream, and says whose it was."
  @spec remove(t(), pid()) :: {String.t() | nil, t()}
  def remove(audience, pid) do
    case Map.pop(audience, pid) do
      {{_, name}, audience} -> {name, audience}
      {nil, audience} -> {nil, audience}
    end
  end

  @doc "How many streams there are."
  @spec size(t()) :: non_neg_integer()
  def size(audience), do: map_size(audience)

  @doc "How many streams a player has; with `nil`, how many only watch."
  @spec count(t(), String.t() | nil) :: non_neg_integer()
  def count(audience, player), do: Enum.count(audience, fn {_, {_, name}} -> name == player end)

  @doc "Makes the streams of a player those of somebody who watches."
  @spec forget(t(), String.t()) :: t()
  def forget(audience, player) do
    Map.new(audience, fn {pid, {monitor, name}} -> {pid, {monitor, if(name != player, do: name)}} end)
  end

  @doc """
  Sends everybody what is theirs, as JSON: written once for each player, and held once, however many streams wait
  for browsers that are slow.
  """
  @spec show(t(), (String.t() | nil -> map())) :: :ok
  def show(audience, payload) do
    names = audience |> Enum.map(fn {_, {_, name}} -> name end) |> Enum.uniq()
    shown = Map.new(names, &{&1, json(payload.(&1))})
    for {pid, {_, name}} <- audience, do: send(pid, {:room, self(), shown[name]})
    :ok
  end

  defp json(value), do: value |> :jiffy.encode([:use_nil, :force_utf8]) |> IO.iodata_to_binary()
end
