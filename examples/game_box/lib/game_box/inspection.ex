defmodule GameBox.Inspection do
  @moduledoc """
  Decides whether a file may become a game, and says in words why not: first by reading it, then by a trial.

  Must not know: the catalogue. Invariant: nothing of a file runs before it was read and found to need no more than
  games get; and then only within the limits of games.
  """

  alias Extism.PluginServer
  alias GameBox.{Game, Limits, Turn}

  @exports ["init_game", "handle_event", "render"]
  @names Enum.map(1..16, &"PLAYER #{&1}")

  @type facts :: %{
          min: pos_integer(),
          max: pos_integer(),
          spectators: boolean(),
          era: String.t(),
          language: String.t() | nil
        }

  @doc "What the box has to know of a game, or why the file is none."
  @spec inspect_game(binary()) :: {:ok, facts()} | {:error, String.t()}
  def inspect_game(bytes) do
    with :ok <- check_load(),
         :ok <- check_size(bytes),
         :ok <- check_kind(bytes),
         {:ok, report} <- read(bytes),
         :ok <- check_imports(report),
         :ok <- check_exports(report),
         {:ok, trial} <- try_out(bytes) do
      era = if report["era"] in ["0.1", "both"], do: "0.1", else: "1.x"
      language = if is_binary(report["language"]), do: report["language"]
      {:ok, Map.merge(trial, %{era: era, language: language})}
    end
  end

  defp check_load do
    if length(Task.Supervisor.children(GameBox.Trials)) < Limits.trials_max(),
      do: :ok,
      else: {:error, "Other games are being tried out at the moment. Try again in a while."}
  end

  defp check_size(bytes) do
    if byte_size(bytes) <= Limits.module_bytes_max(),
      do: :ok,
      else: {:error, "The file is larger than #{div(Limits.module_bytes_max(), 1024 * 1024)} MiB."}
  end

  # Text modules and manifests are sources, too, but a manifest names files and hosts: games are modules only.
  defp check_kind(<<"\0asm", 1::little-32, _::binary>>), do: :ok

  defp check_kind(<<"\0asm", _::binary>>),
    do: {:error, "This is a WebAssembly component or of another version; a game is a module of version 1."}

  defp check_kind(_), do: {:error, "This is not a WebAssembly module (a file that ends in .wasm)."}

  defp read(bytes) do
    case Extism.inspect(%{wasm: [%{data: bytes}]}, Game.options()) do
      {:ok, json} -> {:ok, :jiffy.decode(json, [:return_maps])}
      {:error, error} -> {:error, "The module is not valid: #{error.message}"}
    end
  end

  defp check_imports(report) do
    imports = Enum.flat_map(report["modules"], & &1["imports"])

    case Enum.reject(imports, &(&1["provider"] in ["kernel", "builtin", "wasi"])) do
      [] ->
        :ok

      foreign ->
        named = Enum.map_join(Enum.take(foreign, 3), ", ", &"#{&1["module"]}::#{&1["name"]}")
        more = if length(foreign) > 3, do: " and #{length(foreign) - 3} more", else: ""
        {:error, "The game imports what games do not get: #{named}#{more}."}
    end
  end

  defp check_exports(report) do
    case @exports -- report["functions"] do
      [] -> :ok
      missing -> {:error, "The game does not export #{Enum.join(missing, ", ")}."}
    end
  end

  # In a process of its own, whose end is the end of the plug-in.
  defp try_out(bytes) do
    work = fn ->
      {:ok, server} = PluginServer.start_link()
      trial(server, bytes)
    end

    task = Task.Supervisor.async_nolink(GameBox.Trials, work)

    case Task.yield(task, Limits.load_time_ms_max()) || Task.shutdown(task, :brutal_kill) do
      {:ok, {:ok, facts}} -> {:ok, facts}
      {:ok, {kind, text}} when kind in [:failed, :refused] -> {:error, "The game failed a trial: #{text}."}
      _ -> {:error, "The game took longer than #{div(Limits.load_time_ms_max(), 1000)} s to load."}
    end
  end

  defp trial(server, bytes) do
    with :ok <- Game.load(server, bytes),
         {:ok, {least, most}} <- Game.constraints(server),
         :ok <- check_seats(least),
         seats = Enum.take(@names, least),
         {:ok, {vars, _}, views} <- Turn.run(server, nil, nil, seats, {:begin, Game.seed()}),
         :ok <- check_state(vars) do
      {:ok, %{min: least, max: min(most, Limits.players_max()), spectators: Map.has_key?(views, "")}}
    end
  end

  defp check_seats(least) do
    if least <= Limits.players_max(),
      do: :ok,
      else: {:failed, "It needs #{least} players, and a room has #{Limits.players_max()} seats"}
  end

  # Each call gets a fresh instance: what is not in a variable is forgotten.
  defp check_state(vars) when map_size(vars) == 0,
    do: {:failed, "init_game kept nothing in variables, where the state of a game has to be"}

  defp check_state(_), do: :ok
end
