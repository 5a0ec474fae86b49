# Shares plug-ins between processes, and ends calls that take too long.

alias Extism.{CompiledPlugin, Plugin, Pool}

# snippet: pool
{:ok, compiled} = CompiledPlugin.new(%{wasm: [%{path: "examples/plugins/count_vowels.wasm"}]})
{:ok, pool} = Pool.new(compiled, instances_max: 2)

count = fn text ->
  output = Pool.with(pool, 10_000, &Plugin.call!(&1, "count_vowels", text))
  [_, count] = Regex.run(~r/"count":(\d+)/, output)
  String.to_integer(count)
end

counts = Task.async_stream(List.duplicate("Hello, World!", 100), count, max_concurrency: 8)
IO.puts("#{Enum.sum(Enum.map(counts, &elem(&1, 1)))} vowels")
{:ok, stats} = Pool.stats(pool)
IO.puts("at most #{stats.instances_max} plug-ins at a time, all back: #{stats.waiting == 0}")
:ok = Pool.free(pool)
# end snippet

spin = ~S{(module (func (export "spin") (result i32) (loop (br 0)) unreachable))}

# snippet: cancel
{:ok, plugin} = Plugin.new(spin)
task = Plugin.call_async(plugin, "spin")
nil = Task.yield(task, 100)
Plugin.cancel(plugin)
{:error, error} = Task.await(task)
IO.puts("cancelled by another process: #{error.status}")

{:error, error} = Plugin.call(plugin, "spin", "", timeout: 50)
IO.puts("given up by the caller: #{error.status}")

{:ok, limited} = Plugin.new(spin, limits: [call_time_ms_max: 50])
{:error, error} = Plugin.call(limited, "spin")
IO.puts("ended by its limit: #{error.status}")
# end snippet
