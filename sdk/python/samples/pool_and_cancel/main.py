"""Shares plug-ins between threads, and ends calls that take too long."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import extism

# snippet: pool
compiled = extism.CompiledPlugin("examples/plugins/count_vowels.wasm")
pool = extism.Pool(compiled, instances_max=2)


def count(text: str) -> int:
    with pool.get(timeout_ms=10_000) as plugin:
        return int(plugin.call("count_vowels", text, parse=json.loads)["count"])


with ThreadPoolExecutor(max_workers=8) as threads:
    print(sum(threads.map(count, ["Hello, World!"] * 100)), "vowels")
print("at most", pool.stats().instances_max, "plug-ins at a time, all back:", pool.stats().waiting == 0)
pool.close()
# end snippet

SPIN = '(module (func (export "spin") (result i32) (loop (br 0)) unreachable))'


# snippet: cancel
async def main() -> None:
    with extism.Plugin(SPIN, options=extism.Options(limits=extism.Limits(call_time_ms_max=60_000))) as plugin:
        try:
            await asyncio.wait_for(plugin.call_async("spin"), timeout=0.1)
        except asyncio.TimeoutError:
            print("cancelled by asyncio")

    limits = extism.Limits(call_time_ms_max=50)
    with extism.Plugin(SPIN, options=extism.Options(limits=limits)) as plugin:
        try:
            plugin.call("spin")
        except extism.CallTimeoutError as error:
            print("ended by its limit:", error.status.name)


asyncio.run(main())
# end snippet
