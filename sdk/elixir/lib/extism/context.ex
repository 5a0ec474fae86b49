defmodule Extism.Context do
  @moduledoc """
  A context: an arena that owns plug-ins. Freeing it frees them, and so does losing it.

      iex> ctx = Extism.Context.new()
      iex> {:ok, plugin} = Extism.Context.new_plugin(ctx, ~s{(module (func (export "run")))})
      iex> plugin.plugin_id
      0
      iex> Extism.Context.free(ctx)
      iex> {:error, error} = Extism.Plugin.call(plugin, "run")
      iex> error.status
      :closed
  """

  alias Extism.{Error, Native, Plugin}

  @type t :: %__MODULE__{ptr: reference()}

  @enforce_keys [:ptr]
  defstruct [:ptr]

  @doc "An empty context."
  @spec new() :: t()
  def new do
    {:extism_context, ref} = :extism_context.new()
    %__MODULE__{ptr: ref}
  end

  @doc "Makes a plug-in in a context."
  @spec new_plugin(t(), Extism.source() | Extism.CompiledPlugin.t(), Extism.options()) ::
          {:ok, Plugin.t()} | {:error, Error.t()}
  def new_plugin(ctx, source, wasi_or_options \\ false) do
    context = Native.context(ctx)
    Native.result(:extism_context.new_plugin(context, Native.source(source), Native.options(wasi_or_options)))
  end

  @doc "Frees all plug-ins of a context."
  @spec reset(t()) :: :ok | {:error, Error.t()}
  def reset(ctx), do: Native.result(:extism_context.reset(Native.context(ctx)))

  @doc "Frees a context and its plug-ins. Doing so twice is allowed."
  @spec free(t()) :: :ok
  def free(ctx), do: :extism_context.free(Native.context(ctx))
end
