# The conformance driver (conformance/protocol.md): requests come in by lines, each is done with the package and
# answered by a line. It decides nothing; every request is answered, whatever is in it.
defmodule Driver do
  alias Extism.{CompiledPlugin, Context, CurrentPlugin, Error, HostFunction, Plugin, Pool}

  @features ~w(cancel compiled context fs fuel headers host_context http inspect limits logs namespace nested pool
               precompile reenter renew stats threads vars wasi)
  @levels [:trace, :debug, :info, :warn, :error]

  def main do
    :ets.new(:objects, [:named_table, :public])
    :ets.new(:logs, [:named_table, :public, :duplicate_bag])
    :ok = :io.setopts(:standard_io, encoding: :latin1, binary: true)
    loop()
  end

  defp loop do
    case IO.read(:stdio, :line) do
      line when is_binary(line) ->
        request = String.trim_trailing(line, "\n")
        IO.write(:stdio, [reply(request), ?\n])
        if request != "BYE", do: loop()

      _ ->
        :ok
    end
  end

  defp reply(line) do
    {options, words} = line |> String.split(" ") |> Enum.split_with(&String.contains?(&1, "="))
    options = Enum.map(options, &List.to_tuple(String.split(&1, "=", parts: 2)))

    case answer(words, options) do
      :ok -> "OK"
      {:ok, word} -> "OK #{word}"
      {:error, %Error{} = error} -> "ERR #{error.code} #{error.guest_code || 0} #{hex(error.message)}"
    end
  rescue
    error in FunctionClauseError ->
      if error.function == :answer, do: "CANNOT do #{line}", else: failed(error)

    error ->
      failed(error)
  end

  defp failed(error), do: "ERR 0 0 #{hex(Exception.message(error))}"

  defp answer(["HELLO", _], _) do
    {:ok, "sdk=elixir version=1.42.0 library=#{Extism.version()} features=#{Enum.join(@features, ",")}"}
  end

  defp answer(["COMPILE", id, source], options) do
    keep(id, CompiledPlugin.new(unhex(source), sdk_options(options, id)))
  end

  defp answer(["NEW", id, "c" <> _ = compiled], _) do
    with {:ok, compiled_plugin} <- find(compiled) do
      :ets.insert(:objects, {{:log, id}, log_of(compiled)})
      keep(id, Plugin.new(compiled_plugin))
    end
  end

  defp answer(["NEW", id, source], options), do: keep(id, Plugin.new(unhex(source), sdk_options(options, id)))

  defp answer(["INSPECT", source], options),
    do: bytes(Extism.inspect(unhex(source), sdk_options(options, "")))

  defp answer(["PRECOMPILE", source], options),
    do: bytes(Extism.precompile(unhex(source), sdk_options(options, "")))

  defp answer(["CALL", id, function | input], options) do
    with {:ok, plugin} <- find(id) do
      cancel = option(options, "cancel_ms")
      if cancel, do: spawn(fn -> Process.sleep(String.to_integer(cancel)) && Plugin.cancel(plugin) end)
      context = option(options, "context")
      context = if context, do: {:context, unhex(context)}
      bytes(Plugin.call(plugin, unhex(function), input(input), host_context: context))
    end
  end

  defp answer(["EXISTS", id, function], _) do
    with {:ok, plugin} <- find(id), {:ok, exists} <- Plugin.function_exists(plugin, unhex(function)) do
      {:ok, if(exists, do: 1, else: 0)}
    end
  end

  defp answer(["CONFIG", id, json], _) do
    with {:ok, plugin} <- find(id), do: Plugin.config(plugin, flat_json(unhex(json)))
  end

  defp answer(["VAR", id, "get", name], _) do
    with {:ok, plugin} <- find(id), {:ok, value} <- Plugin.var_get(plugin, unhex(name)) do
      {:ok, if(value, do: hex(value), else: "?")}
    end
  end

  defp answer(["VAR", id, "set", name, value], _),
    do: with_plugin(id, &Plugin.var_set(&1, unhex(name), unhex(value)))

  defp answer(["VAR", id, "remove", name], _), do: with_plugin(id, &Plugin.var_remove(&1, unhex(name)))
  defp answer(["RESET", id], _), do: with_plugin(id, &Plugin.reset/1)
  defp answer(["RENEW", id], _), do: with_plugin(id, &Plugin.renew/1)
  defp answer(["CANCEL", id], _), do: with_plugin(id, &Plugin.cancel/1)
  defp answer(["HEADERS", id], _), do: with_plugin(id, &Plugin.allow_http_response_headers/1)
  defp answer(["ID", id], _), do: bytes(with_plugin(id, &Plugin.id/1))

  defp answer(["FUEL", id], _) do
    with {:ok, fuel} <- with_plugin(id, &Plugin.fuel_consumed/1), do: {:ok, fuel || "?"}
  end

  defp answer(["LOGS", id], _) do
    lines = :ets.take(:logs, log_of(id))
    {:ok, Enum.map_join(lines, " ", fn {_, level, text} -> "#{level}:#{hex(text)}" end)}
  end

  defp answer(["CONTEXT", id], _), do: keep(id, {:ok, Context.new()})

  defp answer(["CTXNEW", id, source], options) do
    with {:ok, context} <- find(id),
         {:ok, plugin} <- Context.new_plugin(context, unhex(source), sdk_options(options, id)) do
      {:ok, plugin.plugin_id}
    end
  end

  defp answer(["CTXUPDATE", id, number, source], options) do
    with_member(id, number, &Plugin.update(&1, unhex(source), sdk_options(options, id)))
  end

  defp answer(["CTXCALL", id, number, function | input], _) do
    bytes(with_member(id, number, &Plugin.call(&1, unhex(function), input(input))))
  end

  defp answer(["CTXEXISTS", id, number, function], _) do
    with {:ok, exists} <- with_member(id, number, &Plugin.function_exists(&1, unhex(function))) do
      {:ok, if(exists, do: 1, else: 0)}
    end
  end

  defp answer(["CTXCONFIG", id, number, json], _) do
    with_member(id, number, &Plugin.config(&1, flat_json(unhex(json))))
  end

  defp answer(["CTXFREE", id, number], _), do: with_member(id, number, &Plugin.free/1)
  defp answer(["CTXRESET", id], _), do: with_plugin(id, &Context.reset/1)

  defp answer(["POOL", id, compiled, instances_max], _) do
    with {:ok, compiled_plugin} <- find(compiled) do
      :ets.insert(:objects, {{:log, id}, log_of(compiled)})
      keep(id, Pool.new(compiled_plugin, instances_max: String.to_integer(instances_max)))
    end
  end

  defp answer(["GET", pool, id, timeout], _) do
    with {:ok, members} <- find(pool) do
      :ets.insert(:objects, {{:log, id}, log_of(pool)})
      keep(id, Pool.get(members, String.to_integer(timeout)))
    end
  end

  defp answer(["POOLSTATS", id], _) do
    with {:ok, pool} <- find(id), {:ok, stats} <- Pool.stats(pool) do
      names = [:instances_max, :alive, :idle, :waiting, :made, :replaced]
      {:ok, Enum.map_join(names, " ", &stats[&1])}
    end
  end

  defp answer(["THREADS", id, threads, calls, function | input], _) do
    with {:ok, compiled} <- find(id) do
      {threads, calls} = {String.to_integer(threads), String.to_integer(calls)}

      work = fn ->
        plugin = Plugin.new!(compiled)
        outputs = for _ <- 1..calls//1, do: Plugin.call(plugin, unhex(function), input(input))
        Plugin.free(plugin)
        outputs
      end

      outputs = Enum.flat_map(Task.await_many(for(_ <- 1..threads//1, do: Task.async(work)), :infinity), & &1)

      case Enum.uniq(outputs) do
        [{:ok, output}] ->
          {:ok, "#{length(outputs)} #{hex(output)}"}

        many ->
          Enum.find(many, {:error, %Error{code: 0, message: "the outputs differ"}}, &match?({:error, _}, &1))
      end
    end
  end

  defp answer(["FREE", id], _) do
    case :ets.lookup(:objects, id) do
      [{_, %module{} = object}] -> module.free(object)
      [] -> :ok
    end
  end

  defp answer(["GC"], _) do
    Enum.each(Process.list(), &:erlang.garbage_collect/1)
    Extism.settle()
  end

  defp answer(["STATS"], _) do
    stats = Extism.stats()
    {:ok, "#{stats.plugins} #{stats.compiled_plugins} #{stats.host_functions} 0"}
  end

  defp answer(["BYE"], _), do: :ok

  defp option(options, name), do: Enum.find_value(options, fn {key, value} -> key == name && value end)
  defp input([]), do: ""
  defp input([word]), do: unhex(word)
  defp bytes({:ok, bytes}), do: {:ok, hex(bytes)}
  defp bytes(error), do: error

  defp keep(id, {:ok, object}) do
    :ets.insert(:objects, {id, object})
    :ok
  end

  defp keep(id, error) do
    :ets.delete(:objects, id)
    error
  end

  defp find(id) do
    case :ets.lookup(:objects, id) do
      [{_, object}] -> {:ok, object}
      [] -> {:error, %Error{status: :closed, code: 102, message: "there is no #{id}"}}
    end
  end

  defp with_plugin(id, use), do: with({:ok, plugin} <- find(id), do: use.(plugin))

  defp with_member(id, number, use) do
    with_plugin(id, fn context -> use.(%Plugin{ctx: context, plugin_id: String.to_integer(number)}) end)
  end

  defp log_of(id) do
    case :ets.lookup(:objects, {:log, id}) do
      [{_, log}] -> log
      [] -> id
    end
  end

  defp sdk_options(options, id) do
    namespace = option(options, "namespace")
    namespace = namespace && unhex(namespace)
    limits = for {"limit." <> name, value} <- options, do: {String.to_atom(name), String.to_integer(value)}
    base = if option(options, "limits") == "untrusted", do: [base: :untrusted], else: []
    limits = if limits ++ base == [], do: %{}, else: %{limits: base ++ limits}
    :ets.insert(:objects, {{:log, id}, id})

    wasi = %{
      wasi_args: for({"arg", arg} <- options, do: unhex(arg)),
      wasi_env: for({"env", env} <- options, do: env(env))
    }

    Enum.reduce(options, Map.merge(limits, wasi), fn
      {"wasi", "1"}, map -> Map.put(map, :wasi, true)
      {"functions", names}, map -> Map.put(map, :functions, functions(names, namespace))
      {"fuel", fuel}, map -> Map.put(map, :fuel, String.to_integer(fuel))
      {"rewrite", "0"}, map -> Map.put(map, :rewrite, false)
      {"headers", "1"}, map -> Map.put(map, :http_response_headers, true)
      {"trust", "1"}, map -> Map.put(map, :trust_artefacts, true)
      {"cache", "0"}, map -> Map.put(map, :cache, false)
      {"log", level}, map -> Map.put(map, :log, {Enum.at(@levels, String.to_integer(level)), sink(id)})
      _, map -> map
    end)
  end

  defp sink(id) do
    fn level, message, _plugin ->
      :ets.insert(:logs, {id, Enum.find_index(@levels, &(&1 == level)), message})
    end
  end

  defp env(word), do: List.to_tuple(String.split(unhex(word), "=", parts: 2))

  defp functions(names, namespace) do
    for name <- String.split(names, ",") do
      {params, results, function} = function(name)
      HostFunction.new(name, params, results, function, namespace: namespace)
    end
  end

  defp function("upper"), do: {[:bytes], [:bytes], &String.upcase(&1, :ascii)}
  defp function("concat"), do: {[:bytes, :bytes], [:bytes], &(&1 <> &2)}
  defp function("add_i64"), do: {[:i64, :i64], [:i64], &signed(&1 + &2, 64)}
  defp function("add_i32"), do: {[:i32, :i32], [:i32], &signed(&1 + &2, 32)}
  defp function("mul_f32"), do: {[:f32, :f32], [:f32], &(&1 * &2)}
  defp function("f64_id"), do: {[:f64], [:f64], & &1}
  defp function("mix"), do: {[:i32, :i64, :f32, :f64], [:f64], fn a, b, c, d -> a + b + c + d end}
  defp function("nothing"), do: {[], [], fn -> nil end}
  defp function("throw"), do: {[:bytes], [:i64], fn text -> raise text end}
  defp function("bad_handle"), do: {[], [:i64], fn -> Bitwise.bsl(1, 40) end}

  defp function("ctx_get") do
    get = fn current ->
      case CurrentPlugin.host_context(current) do
        {:context, bytes} -> elem(CurrentPlugin.store(current, bytes), 1)
        nil -> 0
      end
    end

    {[], [:i64], get}
  end

  defp function("reenter") do
    {[:bytes], [:bytes],
     fn current, name ->
       id = CurrentPlugin.id(current)

       [plugin] =
         for {"p" <> _, plugin} <- :ets.tab2list(:objects), Plugin.id(plugin) == {:ok, id}, do: plugin

       case Plugin.call(plugin, name) do
         {:ok, _} -> "0"
         {:error, error} -> Integer.to_string(error.code)
       end
     end}
  end

  defp function("nested") do
    {[:bytes, :bytes], [:bytes],
     fn name, input ->
       {:ok, plugin} = find("p2")
       Plugin.call!(plugin, name, input)
     end}
  end

  defp function("wait"), do: {[:i64], [:i64], fn current, ms -> wait(current, now() + ms) end}

  defp wait(current, deadline) do
    cond do
      CurrentPlugin.must_stop?(current) -> 1
      now() >= deadline -> 0
      true -> Process.sleep(2) && wait(current, deadline)
    end
  end

  defp now, do: System.monotonic_time(:millisecond)

  defp signed(number, bits) do
    <<number::signed-size(bits)>> = <<number::size(bits)>>
    number
  end

  # What `CONFIG` needs of JSON: an object of texts and nulls.
  defp flat_json(json) do
    text = ~S/"((?:[^"\\]|\\.)*)"/
    pairs = Regex.scan(Regex.compile!(text <> "\\s*:\\s*(?:" <> text <> "|null)"), json)
    Map.new(pairs, fn [_, key | value] -> {plain(key), List.first(Enum.map(value, &plain/1))} end)
  end

  defp plain(text) do
    Regex.replace(~r/\\(u([0-9a-fA-F]{4})|.)/, text, fn
      _, _, digits when digits != "" -> <<String.to_integer(digits, 16)::utf8>>
      _, "n", _ -> "\n"
      _, "t", _ -> "\t"
      _, other, _ -> other
    end)
  end

  defp hex(""), do: "-"
  defp hex(bytes), do: Base.encode16(bytes, case: :lower)

  defp unhex("-"), do: ""

  defp unhex(word) do
    case String.split(word, "*") do
      [digits] -> Base.decode16!(digits, case: :lower)
      [digits, times] -> :binary.copy(Base.decode16!(digits, case: :lower), String.to_integer(times))
    end
  end
end

Driver.main()
