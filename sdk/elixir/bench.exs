# Times calls through this package, and prints a line of JSON.
#
# Usage: mix run --no-compile bench.exs ROW MILLISECONDS     measures a row in loops of that length
#
# `cargo xtask bench Elixir` runs it, and has the targets.

defmodule Bench do
  alias Extism.{CompiledPlugin, Plugin, PluginServer}

  @root Path.expand("../..", __DIR__)
  # How many loops are timed; the fastest counts.
  @samples 20
  @processes 1_000
  @beats 300
  @beat_ms 10

  def row("no-op, Elixir" = row, sample), do: calls(row, "noop", "", sample)
  def row("count_vowels, Elixir" = row, sample), do: calls(row, "count_vowels", "this is a test", sample)
  def row("echo 64 KiB, Elixir" = row, sample), do: calls(row, "echo", :binary.copy("x", 65_536), sample)
  def row("echo 1 MiB, Elixir" = row, sample), do: calls(row, "echo", :binary.copy("x", 1_048_576), sample)

  # What it costs to cross into the library and back, with nothing to do there.
  def row("native function, Elixir" = row, sample) do
    plugin = Plugin.new!(compiled())
    print(row, best(fn -> {:ok, _} = Plugin.id(plugin) end, sample))
  end

  def row("no-op, Elixir, plug-in process" = row, sample) do
    {:ok, server} = PluginServer.start_link(source: compiled())
    print(row, best(fn -> {:ok, _} = PluginServer.call(server, "noop") end, sample))
  end

  # Every process calls a plug-in process of its own, all at once.
  def row("no-op, Elixir, 1,000 plug-in processes" = row, sample) do
    compiled = compiled()
    each = max(1, div(sample, 10))
    test = self()

    callers =
      for _ <- 1..@processes do
        spawn_link(fn ->
          {:ok, server} = PluginServer.start_link(source: compiled)
          send(test, :ready)

          receive do
            :go -> for _ <- 1..each, do: {:ok, _} = PluginServer.call(server, "noop")
          end

          send(test, :done)
          receive do: (:go -> :ok)
        end)
      end

    await(:ready)
    began = System.monotonic_time()
    Enum.each(callers, &send(&1, :go))
    await(:done)
    print(row, nanoseconds(System.monotonic_time() - began) / (@processes * each))
  end

  # How late the latest beat of a process is that has nothing to do with the four plug-ins that loop.
  def row("heartbeat, Elixir, 4 plug-ins loop" = row, _sample) do
    {:ok, loops} = CompiledPlugin.new(%{wasm: [%{path: Path.join(@root, "fixtures/wat/spin.wat")}]})
    plugins = for _ <- 1..4, do: Plugin.new!(loops)
    for plugin <- plugins, do: spawn_link(fn -> spin(plugin) end)
    # Until all of them loop: each is busy.
    for plugin <- plugins, do: until(fn -> match?({:error, %{status: :busy}}, Plugin.vars(plugin)) end)
    late = Enum.max(for _ <- 1..@beats, do: beat())
    Enum.each(plugins, &Plugin.cancel/1)
    print(row, late)
  end

  # It may be asked for just then, whether it is busy.
  defp spin(plugin) do
    with {:error, %{status: :busy}} <- Plugin.call(plugin, "spin"), do: spin(plugin)
  end

  defp calls(row, function, input, sample) do
    plugin = Plugin.new!(compiled())
    {:ok, output} = Plugin.call(plugin, function, input)
    true = function != "echo" or output == input
    print(row, best(fn -> {:ok, _} = Plugin.call(plugin, function, input) end, sample))
  end

  defp compiled do
    {:ok, compiled} = CompiledPlugin.new(File.read!(Path.join(@root, "bench/plugins/published.wasm")))
    compiled
  end

  # Nanoseconds each time.
  defp best(work, sample) do
    count = enough(work, sample, 1)
    Enum.min(for _ <- 1..@samples, do: time(work, count)) / count
  end

  defp enough(work, sample, count) do
    if time(work, count) < sample * 1_000_000, do: enough(work, sample, count * 2), else: count
  end

  defp time(work, count) do
    began = System.monotonic_time()
    repeat(work, count)
    nanoseconds(System.monotonic_time() - began)
  end

  defp repeat(_work, 0), do: :ok

  defp repeat(work, count) do
    work.()
    repeat(work, count - 1)
  end

  defp beat do
    began = System.monotonic_time()
    Process.sleep(@beat_ms)
    nanoseconds(System.monotonic_time() - began) - @beat_ms * 1_000_000
  end

  defp await(message) do
    for _ <- 1..@processes do
      receive do: (^message -> :ok)
    end
  end

  # Asleep in between: a process that asks all the time keeps the system from this program afterwards.
  defp until(condition), do: condition.() || (Process.sleep(1) && until(condition))
  defp nanoseconds(native), do: System.convert_time_unit(native, :native, :nanosecond)
  defp print(row, ns), do: IO.puts(~s({"row":"#{row}","ns":#{ns}}))
end

[row, sample] = System.argv()
Bench.row(row, String.to_integer(sample))
