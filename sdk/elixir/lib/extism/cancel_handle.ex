defmodule Extism.CancelHandle do
  @moduledoc "What can stop the calls of a plug-in, and nothing else."

  @type t :: %__MODULE__{plugin: Extism.Plugin.t()}

  @enforce_keys [:plugin]
  defstruct [:plugin]

  @doc "Stops the call that runs; true if there is such a plug-in."
  @spec cancel(t()) :: boolean()
  def cancel(%__MODULE__{plugin: plugin}), do: Extism.Plugin.cancel(plugin) == :ok
end
