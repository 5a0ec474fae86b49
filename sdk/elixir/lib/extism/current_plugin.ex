defmodule Extism.CurrentPlugin do
  @moduledoc """
  The plug-in that calls a host function: its memory, its variables, how long it may still take.

  Any process may use it while the function runs; afterwards everything answers `:closed`.
  """

  alias Extism.{Error, Native}

  @type t :: :extism_current_plugin.current_plugin()
  @type handle :: non_neg_integer()

  @doc "The identity of the plug-in: 16 bytes."
  @spec id(t()) :: binary()
  defdelegate id(current), to: :extism_current_plugin

  @doc "What the caller gave along with its call, or `nil`."
  @spec host_context(t()) :: term()
  def host_context(current) do
    case :extism_current_plugin.host_context(current) do
      :undefined -> nil
      context -> context
    end
  end

  @doc "Whether the call was cancelled or its time is up: what the function answers does not matter any more."
  @spec must_stop?(t()) :: boolean()
  def must_stop?(current), do: :extism_current_plugin.must_stop(current)

  @doc "Milliseconds until the call's time is up."
  @spec time_remaining(t()) :: timeout()
  defdelegate time_remaining(current), to: :extism_current_plugin

  @doc "A new block of memory."
  @spec alloc(t(), non_neg_integer()) :: {:ok, handle()} | {:error, Error.t()}
  def alloc(current, bytes), do: Native.result(:extism_current_plugin.alloc(current, bytes))

  @doc "A new block with these bytes; 0 if there are none."
  @spec store(t(), iodata()) :: {:ok, handle()} | {:error, Error.t()}
  def store(current, bytes), do: Native.result(:extism_current_plugin.store(current, bytes))

  @doc "The bytes of a block."
  @spec read(t(), handle()) :: {:ok, binary()} | {:error, Error.t()}
  def read(current, handle), do: Native.result(:extism_current_plugin.read(current, handle))

  @doc "Overwrites the beginning of a block."
  @spec write(t(), handle(), iodata()) :: :ok | {:error, Error.t()}
  def write(current, handle, bytes), do: done(:extism_current_plugin.write(current, handle, bytes))

  @doc "The length of a block; 0 if there is none."
  @spec length(t(), handle()) :: {:ok, non_neg_integer()} | {:error, Error.t()}
  def length(current, handle), do: Native.result(:extism_current_plugin.length(current, handle))

  @doc "Frees a block."
  @spec free(t(), handle()) :: :ok | {:error, Error.t()}
  def free(current, handle), do: done(:extism_current_plugin.free(current, handle))

  @doc "A variable of the plug-in, or `nil`."
  @spec var_get(t(), String.t()) :: {:ok, binary() | nil} | {:error, Error.t()}
  def var_get(current, name), do: Native.result(:extism_current_plugin.var_get(current, name))

  @doc "Sets a variable of the plug-in."
  @spec var_set(t(), String.t(), iodata()) :: :ok | {:error, Error.t()}
  def var_set(current, name, value), do: done(:extism_current_plugin.var_set(current, name, value))

  @doc "Removes a variable of the plug-in."
  @spec var_remove(t(), String.t()) :: :ok | {:error, Error.t()}
  def var_remove(current, name), do: done(:extism_current_plugin.var_remove(current, name))

  @doc "Sets the plug-in's error message, as if it had done so itself."
  @spec set_error(t(), String.t()) :: {:ok, handle()} | {:error, Error.t()}
  def set_error(current, text), do: Native.result(:extism_current_plugin.set_error(current, text))

  defp done({:ok, :ok}), do: :ok
  defp done(result), do: Native.result(result)
end
