"""Makes a plug-in, calls it, and sees what happens when that does not work."""

import json

import extism

# snippet: basic
with extism.Plugin("examples/plugins/count_vowels.wasm") as plugin:
    report = plugin.call("count_vowels", "Hello, World!", parse=json.loads)
    print(report["count"], "vowels,", report["total"], "so far")

    report = plugin.call("count_vowels", "Once more", parse=json.loads)
    print(report["count"], "vowels,", report["total"], "so far")

    try:
        plugin.call("no_such_function")
    except extism.FunctionNotFoundError as error:
        print(error.status.name, error.status.value)
# end snippet
