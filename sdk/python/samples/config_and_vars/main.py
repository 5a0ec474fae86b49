"""Configures a plug-in, and reads and changes the variables it keeps between calls."""

import json

import extism

# snippet: config_and_vars
with extism.Plugin("examples/plugins/count_vowels.wasm", config={"vowels": "aeiouy"}) as plugin:
    print(plugin.call("count_vowels", "Why, yes", parse=json.loads))

    plugin.config({"vowels": None})
    print(plugin.call("count_vowels", "Why, yes", parse=json.loads))

    total = plugin.var_get("total")
    print("total:", None if total is None else int.from_bytes(total, "little"))
    plugin.var_set("total", (100).to_bytes(4, "little"))
    print(plugin.call("count_vowels", "Why, yes", parse=json.loads))
    plugin.var_remove("total")
    print("total:", plugin.var_get("total"))
# end snippet
