ExUnit.after_suite(fn counts ->
  passed = counts.total - counts.failures - counts.skipped - counts.excluded
  IO.puts("#{passed} passed, #{counts.failures} failed, #{counts.skipped + counts.excluded} skipped")
end)

ExUnit.start(max_cases: 1, timeout: 60_000)
