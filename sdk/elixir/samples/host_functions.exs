# Gives a plug-in functions of the host: here a store it keeps a total in.

# snippet: host_function
alias Extism.{HostFunction, Plugin}

{:ok, store} = Agent.start_link(fn -> %{} end)

kv_read =
  HostFunction.new("kv_read", [:bytes], [:bytes], fn key ->
    Agent.get(store, &Map.get(&1, key, ""))
  end)

kv_write =
  HostFunction.new("kv_write", [:bytes, :bytes], [], fn key, value ->
    Agent.update(store, &Map.put(&1, key, value))
  end)

manifest = %{wasm: [%{path: "examples/plugins/kv.wasm"}]}
{:ok, plugin} = Plugin.new(manifest, functions: [kv_read, kv_write])
IO.puts(Plugin.call!(plugin, "count_vowels", "Hello, World!"))
IO.puts(Plugin.call!(plugin, "count_vowels", "Once more"))
IO.inspect(Agent.get(store, & &1))
# end snippet

fails = HostFunction.new("kv_read", [:bytes], [:bytes], fn key -> raise KeyError, key: key, term: %{} end)
plugin = Plugin.new!(manifest, functions: [fails, kv_write])
{:error, error} = Plugin.call(plugin, "count_vowels", "Hello")
{:error, exception, _stacktrace} = error.cause
IO.puts("#{error.status} because of #{Exception.message(exception)}")
