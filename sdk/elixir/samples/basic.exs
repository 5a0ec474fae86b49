# Makes a plug-in, calls it, and sees what happens when that does not work.

# snippet: basic
{:ok, plugin} = Extism.Plugin.new(%{wasm: [%{path: "examples/plugins/count_vowels.wasm"}]})

{:ok, output} = Extism.Plugin.call(plugin, "count_vowels", "Hello, World!")
IO.puts(output)
IO.puts(Extism.Plugin.call!(plugin, "count_vowels", "Once more"))

case Extism.Plugin.call(plugin, "no_such_function") do
  {:ok, output} -> IO.puts(output)
  {:error, error} -> IO.puts("#{error.status} #{error.code}: #{error.message}")
end

Extism.Plugin.free(plugin)
# end snippet
