# Configures a plug-in, and reads and changes the variables it keeps between calls.

# snippet: config_and_vars
alias Extism.Plugin

manifest = %{wasm: [%{path: "examples/plugins/count_vowels.wasm"}], config: %{vowels: "aeiouy"}}
{:ok, plugin} = Plugin.new(manifest)
IO.puts(Plugin.call!(plugin, "count_vowels", "Why, yes"))

:ok = Plugin.config(plugin, vowels: nil)
IO.puts(Plugin.call!(plugin, "count_vowels", "Why, yes"))

{:ok, <<total::little-32>>} = Plugin.var_get(plugin, "total")
IO.puts("total: #{total}")
:ok = Plugin.var_set(plugin, "total", <<100::little-32>>)
IO.puts(Plugin.call!(plugin, "count_vowels", "Why, yes"))
:ok = Plugin.var_remove(plugin, "total")
IO.inspect(Plugin.vars(plugin))
# end snippet
