defmodule Extism.Telemetry do
  @moduledoc """
  Events about plug-ins, for whoever wants to measure them.

  `[:extism, :call, :stop]` has the measurement `duration`, in native units, and says which `plugin`, which `function`
  and which `status` (`:ok`, or that of the error). Servers report `[:extism, :server, :load]`, `[:extism, :server,
  :reload]` and `[:extism, :server, :restore]`. If the application `:telemetry` is there, it gets all of them, too.
  """

  @doc "Told about each event, by the process it is about. If it fails it is taken out."
  @callback handle_event(event :: [atom()], measurements :: map(), metadata :: map(), config :: term()) ::
              term()

  @doc "Adds a listener, or changes the one of this name: a module with this behaviour, or a function."
  @spec attach(term(), module() | (list(), map(), map(), term() -> term()), term()) :: :ok
  def attach(name, listener, config \\ nil)

  def attach(name, module, config) when is_atom(module) do
    attach(name, &module.handle_event/4, config)
  end

  def attach(name, function, config) when is_function(function, 4) do
    :extism_telemetry.attach(name, fn event, measurements, metadata ->
      function.(event, measurements, words(metadata), config)
    end)
  end

  defp words(%{plugin: plugin} = metadata) do
    {:ok, plugin} = Extism.Native.result({:ok, plugin})
    %{metadata | plugin: plugin}
  end

  defp words(metadata), do: metadata

  @doc "Removes a listener."
  @spec detach(term()) :: :ok
  def detach(name), do: :extism_telemetry.detach(name)
end
