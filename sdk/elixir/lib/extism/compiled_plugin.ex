defmodule Extism.CompiledPlugin do
  @moduledoc """
  A plug-in compiled once, for any number of instances in any process.

      iex> {:ok, compiled} = Extism.CompiledPlugin.new(~s{(module (func (export "run")))})
      iex> {:ok, plugin} = Extism.Plugin.new(compiled)
      iex> Extism.Plugin.call(plugin, "run")
      {:ok, ""}
  """

  alias Extism.{Error, Native}

  @type t :: %__MODULE__{ptr: reference()}

  @enforce_keys [:ptr]
  defstruct [:ptr]

  @doc "Compiles a plug-in."
  @spec new(Extism.source(), Extism.options()) :: {:ok, t()} | {:error, Error.t()}
  def new(source, wasi_or_options \\ false) do
    Native.result(:extism_compiled_plugin.new(source, Native.options(wasi_or_options)))
  end

  @doc "Whether an instance could be asked for a function of this name."
  @spec has_function(t(), String.t()) :: boolean()
  def has_function(%__MODULE__{ptr: ref}, name) do
    :extism_compiled_plugin.has_function({:extism_compiled_plugin, ref}, name) == {:ok, true}
  end

  @doc "Frees it; plug-ins made from it live on. Doing so twice is allowed."
  @spec free(t()) :: :ok
  def free(%__MODULE__{ptr: ref}), do: :extism_compiled_plugin.free({:extism_compiled_plugin, ref})
end
