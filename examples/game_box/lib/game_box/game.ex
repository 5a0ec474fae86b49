defmodule GameBox.Game do
  @moduledoc """
  A game as a plug-in: the four functions, each called on a fresh instance that has the variables of a position.

  Must not know: rooms, players' browsers, the database. Invariant: what a game keeps is its variables and
  nothing else, so a position is a value that can be kept, sent to another node, and gone back to.

  A position is `{variables, seed}`. The seed is chance for the game: it finds it as configuration, `seed`.
  """

  alias Extism.{Error, PluginServer}
  alias GameBox.Limits

  @type vars :: %{String.t() => binary()}
  @type position :: {vars(), String.t()}
  @typedoc "A game can refuse a move, in its own words; or fail, and the words are ours."
  @type failure :: {:refused, String.t()} | {:failed, String.t()}

  @doc "Loads a game into a server."
  @spec load(pid(), binary()) :: :ok | failure()
  def load(server, bytes) do
    case PluginServer.new(server, %{wasm: [%{data: bytes}]}, options()) do
      {:ok, _plugin} -> :ok
      {:error, error} -> failure(error, "The game cannot be loaded")
    end
  end

  @doc "What games get: the kernel of both eras and WASI without files, within limits. No host, no network."
  @spec options() :: keyword()
  def options do
    [
      wasi: true,
      fuel: Limits.fuel_max(),
      limits: [
        base: :untrusted,
        call_time_ms_max: Limits.call_time_ms_max(),
        memory_bytes_max: Limits.memory_bytes_max(),
        vars_bytes_max: Limits.state_bytes_max(),
        output_bytes_max: Limits.html_bytes_max(),
        module_bytes_max: Limits.module_bytes_max()
      ]
    ]
  end

  @doc "Chance for a new game."
  @spec seed() :: String.t()
  def seed, do: Base.encode16(:crypto.strong_rand_bytes(32), case: :lower)

  @doc "How many players it takes; two if it does not say."
  @spec constraints(pid()) :: {:ok, {pos_integer(), pos_integer()}} | failure()
  def constraints(server) do
    case GenServer.call(server, {:function_exists, "get_constraints"}) do
      {:ok, false} ->
        {:ok, {2, 2}}

      _ ->
        with {:ok, output, _} <- call(server, {%{}, seed()}, "get_constraints", "", deadline()),
             do: bounds(decode(output))
    end
  end

  defp bounds({:ok, %{"min_players" => least, "max_players" => most}})
       when is_integer(least) and is_integer(most) and least >= 1 and most >= least,
       do: {:ok, {least, most}}

  defp bounds(_),
    do: {:failed, ~s(get_constraints did not answer {"min_players": n, "max_players": m} with 1 ≤ n ≤ m)}

  @doc "Begins with these players."
  @spec init(pid(), String.t(), [String.t()], integer()) :: {:ok, position()} | failure()
  def init(server, seed, names, deadline) do
    input = :jiffy.encode(%{player_ids: names})
    with {:ok, _, vars} <- call(server, {%{}, seed}, "init_game", input, deadline), do: {:ok, {vars, seed}}
  end

  @doc "Makes a move."
  @spec move(pid(), position(), String.t(), String.t(), map(), integer()) :: {:ok, position()} | failure()
  def move(server, {_, seed} = position, name, event, value, deadline) do
    input = :jiffy.encode(%{player_id: name, event_name: event, value: value})

    with {:ok, output, vars} <- call(server, position, "handle_event", input, deadline) do
      case decode(output) do
        {:ok, %{"version" => version}} when is_integer(version) -> {:ok, {vars, seed}}
        _ -> {:failed, "handle_event did not answer an object with a whole number as version"}
      end
    end
  end

  @doc "What a player sees, as HTML; with an empty name, what everybody may see."
  @spec render(pid(), position(), String.t(), integer()) :: {:ok, binary()} | failure()
  def render(server, position, name, deadline) do
    input = :jiffy.encode(%{player_id: name})
    with {:ok, html, _} <- call(server, position, "render", input, deadline), do: {:ok, html}
  end

  @doc "When a turn that begins now has to be over."
  @spec deadline() :: integer()
  def deadline, do: now() + Limits.turn_time_ms_max()

  defp now, do: System.monotonic_time(:millisecond)

  defp call(server, {vars, seed}, function, input, deadline) do
    with {:time, left} when left > 0 <- {:time, deadline - now()},
         :ok <- GenServer.call(server, {:renew}),
         :ok <- GenServer.call(server, {:config, %{"seed" => seed}}),
         :ok <- restore(server, vars),
         timeout = min(left, Limits.call_time_ms_max()),
         {:ok, output} <- PluginServer.call(server, function, input, timeout: timeout),
         {:ok, vars} <- GenServer.call(server, {:vars}) do
      {:ok, output, vars}
    else
      {:time, _} -> {:failed, "The turn took longer than #{seconds(Limits.turn_time_ms_max())}"}
      {:error, error} -> failure(error, "#{function} failed")
    end
  end

  defp restore(server, vars) do
    Enum.reduce_while(vars, :ok, fn {name, value}, :ok ->
      case GenServer.call(server, {:var_set, name, value}) do
        :ok -> {:cont, :ok}
        error -> {:halt, error}
      end
    end)
  end

  # A game that says itself what is wrong has refused; anything else is its failure.
  defp failure(%Error{status: :guest_error, message: message}, _what), do: {:refused, words(message)}

  defp failure(%Error{status: status, message: message}, what) do
    crash = if String.starts_with?("#{status}", "trap"), do: "it crashed"
    {:failed, "#{what}: #{reason(status) || crash || words(message)}"}
  end

  defp reason(:timeout), do: "it took longer than #{seconds(Limits.call_time_ms_max())}"
  defp reason(:fuel), do: "it used up its fuel, as a loop without end does"
  defp reason(:memory), do: "it wanted more than #{div(Limits.memory_bytes_max(), 1024 * 1024)} MiB of memory"
  defp reason(:vars), do: "it wanted to keep more than #{div(Limits.state_bytes_max(), 1024)} KiB"
  defp reason(:output), do: "it answered with more than #{div(Limits.html_bytes_max(), 1024)} KiB"
  defp reason(:trap_stack), do: "it used up its stack"
  defp reason(_), do: nil

  defp seconds(ms), do: "#{div(ms, 1000)} s"

  # Words of a game are for people: one line, not too long.
  defp words(message) do
    message
    |> String.replace(~r/[[:cntrl:]]+/u, " ")
    |> String.slice(0, 200)
  end

  defp decode(output) do
    {:ok, :jiffy.decode(output, [:return_maps])}
  catch
    _, _ -> :error
  end
end
