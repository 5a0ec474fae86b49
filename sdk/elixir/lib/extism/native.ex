defmodule Extism.Native do
  @moduledoc false
  # From the words of Elixir to those of the Erlang package, and back.
  #
  # Must not know: defaults. Invariant: what is not translated is left as it is.

  alias Extism.{CompiledPlugin, Context, Error, HostFunction, Plugin, Pool}

  @spec options(Extism.options()) :: map()
  def options(wasi) when is_boolean(wasi), do: %{wasi: wasi}
  def options(options), do: Map.new(options, &option/1)

  defp option({:functions, functions}), do: {:functions, Enum.map(functions, &HostFunction.to_native/1)}
  defp option({:limits, limits}) when is_list(limits), do: {:limits, Map.new(limits)}
  defp option({:config, config}), do: {:config, Map.new(config)}
  defp option(option), do: option

  @spec result(term()) :: term()
  def result({:error, %{status: _, code: _} = error}), do: {:error, Error.from_native(error)}
  def result({:ok, :undefined}), do: {:ok, nil}
  def result({:ok, value}), do: {:ok, value(value)}
  def result(other), do: other

  defp value({:extism_plugin, context, id}), do: %Plugin{ctx: %Context{ptr: context}, plugin_id: id}
  defp value({:extism_compiled_plugin, ref}), do: %CompiledPlugin{ptr: ref}
  defp value({:extism_pool, ref}), do: %Pool{ptr: ref}
  defp value(value), do: value

  @spec source(term()) :: term()
  def source(%CompiledPlugin{ptr: ref}), do: {:extism_compiled_plugin, ref}
  def source(source), do: source

  @spec plugin(Plugin.t()) :: :extism_plugin.plugin()
  def plugin(%Plugin{ctx: %Context{ptr: context}, plugin_id: id}), do: {:extism_plugin, context, id}

  @spec context(Context.t()) :: :extism_context.context()
  def context(%Context{ptr: ref}), do: {:extism_context, ref}
end
