defmodule Extism.Plugin do
  @moduledoc """
  A plug-in. Any process may use it; while a call runs, others are told that it is `:busy`.

      iex> {:ok, plugin} = Extism.Plugin.new(%{wasm: [%{path: "examples/plugins/count_vowels.wasm"}]})
      iex> Extism.Plugin.has_function(plugin, "count_vowels")
      true
      iex> Extism.Plugin.call!(plugin, "count_vowels", "hello")
      ~s({"count":2,"total":2,"vowels":"aAeEiIoOuU"})
      iex> Extism.Plugin.vars(plugin)
      {:ok, %{"total" => <<2, 0, 0, 0>>}}
      iex> Extism.Plugin.free(plugin)
      :ok

  Host functions run in the process that calls, so a call takes part in whatever that process is part of.
  """

  alias Extism.{CancelHandle, Context, Error, Native}

  @type t :: %__MODULE__{ctx: Context.t(), plugin_id: non_neg_integer()}

  @typedoc """
    * `:timeout` – milliseconds after which the call is stopped, with the status `:timeout`
    * `:host_context` – what host functions find in `Extism.CurrentPlugin.host_context/1`
  """
  @type call_option :: {:timeout, timeout()} | {:host_context, term()}

  @enforce_keys [:ctx, :plugin_id]
  defstruct [:ctx, :plugin_id]

  @doc """
  Makes a plug-in, in a context of its own. A compiled plug-in has been given its options; only `:config` may come with
  one.
  """
  @spec new(Extism.source() | Extism.CompiledPlugin.t(), Extism.options()) :: {:ok, t()} | {:error, Error.t()}
  def new(source, wasi_or_options \\ false) do
    Native.result(:extism_plugin.new(Native.source(source), Native.options(wasi_or_options)))
  end

  @doc "As `new/2`, but raises."
  @spec new!(Extism.source() | Extism.CompiledPlugin.t(), Extism.options()) :: t()
  def new!(source, wasi_or_options \\ false), do: unwrap!(new(source, wasi_or_options))

  @doc "Calls a function."
  @spec call(t(), String.t(), iodata(), [call_option()]) :: {:ok, binary()} | {:error, Error.t()}
  def call(plugin, name, input \\ "", options \\ []) do
    Native.result(:extism_plugin.call(Native.plugin(plugin), name, input, Map.new(options)))
  end

  @doc "As `call/4`, but raises; what a host function raised is raised again as it was."
  @spec call!(t(), String.t(), iodata(), [call_option()]) :: binary()
  def call!(plugin, name, input \\ "", options \\ []), do: unwrap!(call(plugin, name, input, options))

  @doc """
  Calls a function in a task. Shutting the task down stops the call.

      iex> {:ok, plugin} = Extism.Plugin.new(%{wasm: [%{path: "examples/plugins/count_vowels.wasm"}]})
      iex> task = Extism.Plugin.call_async(plugin, "count_vowels", "a task")
      iex> {:ok, output} = Task.await(task)
      iex> output
      ~s({"count":2,"total":2,"vowels":"aAeEiIoOuU"})
  """
  @spec call_async(t(), String.t(), iodata(), [call_option()]) :: Task.t()
  def call_async(plugin, name, input \\ "", options \\ []) do
    Task.async(fn -> call(plugin, name, input, options) end)
  end

  @doc "Puts another plug-in in the place of this one. If that fails, the old one stays as it is."
  @spec update(t(), Extism.source(), Extism.options()) :: :ok | {:error, Error.t()}
  def update(plugin, source, wasi_or_options \\ false) do
    Native.result(:extism_plugin.update(Native.plugin(plugin), source, Native.options(wasi_or_options)))
  end

  @doc "Frees a plug-in; if a call runs, when that is over. Doing so twice is allowed."
  @spec free(t()) :: :ok
  def free(plugin), do: :extism_plugin.free(Native.plugin(plugin))

  @doc "Whether a function of this name can be called; false, too, if the plug-in cannot be asked."
  @spec has_function(t(), String.t()) :: boolean()
  def has_function(plugin, name), do: function_exists(plugin, name) == {:ok, true}

  @doc "Whether a function of this name can be called."
  @spec function_exists(t(), String.t()) :: {:ok, boolean()} | {:error, Error.t()}
  def function_exists(plugin, name) do
    Native.result(:extism_plugin.has_function(Native.plugin(plugin), name))
  end

  @doc "Changes configuration values; `nil` removes one."
  @spec config(t(), Enumerable.t()) :: :ok | {:error, Error.t()}
  def config(plugin, changes) do
    Native.result(:extism_plugin.config(Native.plugin(plugin), Map.new(changes)))
  end

  @doc "Stops the call that runs, if one does. From any process."
  @spec cancel(t()) :: :ok | {:error, Error.t()}
  def cancel(plugin), do: Native.result(:extism_plugin.cancel(Native.plugin(plugin)))

  @doc "A handle that can do nothing but cancel."
  @spec cancel_handle(t()) :: CancelHandle.t()
  def cancel_handle(plugin), do: %CancelHandle{plugin: plugin}

  @doc "The variables."
  @spec vars(t()) :: {:ok, %{String.t() => binary()}} | {:error, Error.t()}
  def vars(plugin), do: Native.result(:extism_plugin.vars(Native.plugin(plugin)))

  @doc "A variable, or `nil`."
  @spec var_get(t(), String.t()) :: {:ok, binary() | nil} | {:error, Error.t()}
  def var_get(plugin, name), do: Native.result(:extism_plugin.var_get(Native.plugin(plugin), name))

  @doc "Sets a variable."
  @spec var_set(t(), String.t(), iodata()) :: :ok | {:error, Error.t()}
  def var_set(plugin, name, value) do
    Native.result(:extism_plugin.var_set(Native.plugin(plugin), name, value))
  end

  @doc "Removes a variable."
  @spec var_remove(t(), String.t()) :: :ok | {:error, Error.t()}
  def var_remove(plugin, name), do: Native.result(:extism_plugin.var_remove(Native.plugin(plugin), name))

  @doc "Overwrites what the last call left in memory."
  @spec reset(t()) :: :ok | {:error, Error.t()}
  def reset(plugin), do: Native.result(:extism_plugin.reset(Native.plugin(plugin)))

  @doc "Makes the plug-in as new: a fresh instance, no variables, the configuration of its manifest."
  @spec renew(t()) :: :ok | {:error, Error.t()}
  def renew(plugin), do: Native.result(:extism_plugin.renew(Native.plugin(plugin)))

  @doc "Lets the plug-in see the headers of HTTP responses."
  @spec allow_http_response_headers(t()) :: :ok | {:error, Error.t()}
  def allow_http_response_headers(plugin) do
    Native.result(:extism_plugin.allow_http_response_headers(Native.plugin(plugin)))
  end

  @doc "The fuel the last call used; `nil` if none is counted."
  @spec fuel_consumed(t()) :: {:ok, non_neg_integer() | nil} | {:error, Error.t()}
  def fuel_consumed(plugin), do: Native.result(:extism_plugin.fuel_consumed(Native.plugin(plugin)))

  @doc "The identity: 16 bytes."
  @spec id(t()) :: {:ok, binary()} | {:error, Error.t()}
  def id(plugin), do: Native.result(:extism_plugin.id(Native.plugin(plugin)))

  defp unwrap!({:ok, value}), do: value
  defp unwrap!({:error, error}), do: Error.raise!(error)
end
