# A node with a database of its own, on a free port, for the tests of one node.
data = Path.join(System.tmp_dir!(), "game_box_test_#{System.pid()}")
ExUnit.after_suite(fn _ -> File.rm_rf!(data) end)

ExUnit.after_suite(fn counts ->
  passed = counts.total - counts.failures - counts.skipped - counts.excluded
  IO.puts("#{passed} passed, #{counts.failures} failed, #{counts.skipped + counts.excluded} skipped")
end)

for {key, value} <- [data: data, port: 0, rates: %{open: 1000, look: 10_000, upload: 1000, act: 10_000}],
    do: Application.put_env(:game_box, key, value)

Logger.configure(level: :warning)
{:ok, _} = Application.ensure_all_started(:inets)
{:ok, _} = Application.ensure_all_started(:game_box)

ExUnit.start(max_cases: 1, timeout: 60_000)
