defmodule Extism.PluginServer do
  @moduledoc """
  A process that is a plug-in: it can be supervised, registered, and called by its pid from any node.

      iex> {:ok, pid} = GenServer.start_link(Extism.PluginServer, nil)
      iex> {:ok, plugin} = GenServer.call(pid, {:new, %{wasm: [%{path: "examples/plugins/count_vowels.wasm"}]}, false})
      iex> plugin.plugin_id
      0
      iex> GenServer.call(pid, {:call, "count_vowels", "this is a test"})
      {:ok, ~s({"count":4,"total":4,"vowels":"aAeEiIoOuU"})}

  It answers `{:new, source, wasi_or_options}`, `{:reload, source, wasi_or_options}` (the variables are kept),
  `{:call, name, input}`, `{:call, name, input, options}`, `:cancel`, and `{function, argument, ...}` for every other
  function of `Extism.Plugin`. While a call runs it queues what comes; it stops a call whose time is up or whose
  caller has died. When it ends, however it does, its plug-in is freed.

  Options of `start_link/1`:

    * `:source` and `:options` – a plug-in to begin with
    * `:name` – as in `GenServer.start_link/3`, via-tuples included
    * `:call_timeout` – the time of calls that do not say, 5 seconds unless given
    * `:keep_vars` – a key under which the plug-in's variables are kept after each call, so that a server that is
      restarted begins with them
  """

  use GenServer

  alias Extism.{Error, Native, Plugin}

  @type option ::
          {:source, Extism.source()}
          | {:options, Extism.options()}
          | {:name, GenServer.name()}
          | {:call_timeout, timeout()}
          | {:keep_vars, term()}

  @doc "Starts a server."
  @spec start_link([option()]) :: GenServer.on_start()
  def start_link(options \\ []) do
    {name, options} = Keyword.split(options, [:name])
    GenServer.start_link(__MODULE__, options, name)
  end

  @doc false
  def child_spec(options) do
    %{id: Keyword.get(options, :name, __MODULE__), start: {__MODULE__, :start_link, [options]}}
  end

  @doc "Loads a plug-in, in the place of the one there is."
  @spec new(GenServer.server(), Extism.source(), Extism.options()) :: {:ok, Plugin.t()} | {:error, Error.t()}
  def new(server, source, wasi_or_options \\ false) do
    GenServer.call(server, {:new, source, wasi_or_options}, :infinity)
  end

  @doc "As `new/3`, but the new plug-in gets the variables of the old one."
  @spec reload(GenServer.server(), Extism.source(), Extism.options()) ::
          {:ok, Plugin.t()} | {:error, Error.t()}
  def reload(server, source, wasi_or_options \\ false) do
    GenServer.call(server, {:reload, source, wasi_or_options}, :infinity)
  end

  @doc "Calls a function. The server answers in time: after `:timeout` the call is stopped."
  @spec call(GenServer.server(), String.t(), iodata(), [Plugin.call_option()]) ::
          {:ok, binary()} | {:error, Error.t()}
  def call(server, name, input \\ "", options \\ []) do
    GenServer.call(server, {:call, name, input, options}, :infinity)
  end

  @doc "Stops the call that runs."
  @spec cancel(GenServer.server()) :: :ok
  def cancel(server), do: GenServer.call(server, :cancel, :infinity)

  @impl true
  def init(options) do
    options = Map.new(options || [])
    given = if options[:options], do: %{options: Native.options(options[:options])}, else: %{}
    source = if options[:source], do: %{source: Native.source(options[:source])}, else: %{}
    words = %{read: &read/1, translate: &Native.result/1, handle: &handle/2}
    :extism_plugin_server.init(options |> Map.merge(given) |> Map.merge(source) |> Map.merge(words))
  end

  # What raises here is told to the client.
  defp read({kind, source, options}) when kind in [:new, :reload],
    do: {kind, Native.source(source), Native.options(options)}

  defp read(request), do: request

  # A task would be one of the server's, and not of whoever asks for it.
  defp handle(:call_async, _arguments), do: {:error, {:unknown_request, :call_async}}

  # The server of the Erlang package has its own plug-in in hand; the functions of `Plugin` take a struct.
  defp handle(function, [plugin | arguments]) do
    {:ok, plugin} = Native.result({:ok, plugin})
    apply(Plugin, function, [plugin | arguments])
  rescue
    error in Error -> {:error, error}
  end

  @impl true
  def handle_call(request, from, state), do: :extism_plugin_server.handle_call(request, from, state)

  @impl true
  def handle_info(message, state), do: :extism_plugin_server.handle_info(message, state)

  @impl true
  def terminate(reason, state), do: :extism_plugin_server.terminate(reason, state)
end
