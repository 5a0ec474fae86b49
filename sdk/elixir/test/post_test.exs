defmodule Extism.PostTest do
  # The founding post, typed into a real IEx; the documentation; the samples.
  use ExUnit.Case

  import Extism.Fixture

  @post """
  ctx = Extism.Context.new()
  manifest = %{ wasm: [ %{ path: "./code.wasm" } ]}
  {:ok, plugin} = Extism.Context.new_plugin(ctx, manifest, false)
  {:ok, output} = Extism.Plugin.call(plugin, "count_vowels", "this is a test")
  """

  @server ~S"""
  defmodule GameBox.PluginServer do
    use GenServer

    @impl true
    def init(_init_arg) do
      ctx = Extism.Context.new()
      {:ok, {ctx, nil}}
    end

    @impl true
    def handle_call({:new, manifest, wasi}, _from, {ctx, plugin}) do
      if plugin do
        Extism.Plugin.free(plugin)
      end

      {:ok, plugin} = Extism.Context.new_plugin(ctx, manifest, wasi)
      {:reply, {:ok, plugin}, {ctx, plugin}}
    end

    @impl true
    def handle_call(call_details, _from, {ctx, plugin}) do
      [func_name | args] = Tuple.to_list(call_details)
      response = apply(Extism.Plugin, func_name, [plugin | args])
      {:reply, response, {ctx, plugin}}
    end
  end

  {:ok, pid} = GenServer.start_link(GameBox.PluginServer, nil)
  GenServer.call(pid, {:new, %{wasm: [%{path: "./code.wasm"}]}, false})
  GenServer.call(pid, {:call, "count_vowels", "this is a test"})
  """

  test "what the post types into IEx prints what the post prints" do
    shown = iex((@post <> @server <> String.replace(@server, ~r/\Adefmodule.*^end\n/ms, "")) |> ours())

    plugin =
      ~r/\{:ok,\n %Extism\.Plugin\{\n   ctx: %Extism\.Context\{ptr: #Reference<[0-9.]+>\},\n   plugin_id: 0\n \}\}/

    assert shown =~ ~r/%Extism\.Context\{ptr: #Reference<[0-9.]+>\}/
    assert length(Regex.scan(plugin, shown)) == 3
    assert length(Regex.scan(~r/\{:ok, #PID<[0-9.]+>\}/, shown)) == 2
    assert length(Regex.scan(~r/\{:ok, "\{\\"count\\": 4\}"\}/, shown)) == 3
  end

  # The second time with the server of this package.
  defp ours(text) do
    [first, last] = String.split(text, "GenServer.start_link(GameBox.PluginServer, nil)", parts: 2)
    last = String.replace(last, "GameBox.PluginServer", "Extism.PluginServer")
    first <> "GenServer.start_link(GameBox.PluginServer, nil)" <> last
  end

  defp iex(text) do
    folder = Path.join(System.tmp_dir!(), "extism_post_#{System.pid()}")
    File.mkdir_p!(folder)
    File.cp!(Path.join(root(), "fixtures/wat/legacy_count_vowels.wat"), Path.join(folder, "code.wasm"))
    input = Path.join(folder, "typed")
    File.write!(input, text)
    ebin = Path.dirname(to_string(:code.which(Extism)))
    command = "iex --dot-iex '' -pa #{ebin} < #{input}"
    {shown, 0} = System.cmd("sh", ["-c", command], cd: folder, stderr_to_stdout: true)
    File.rm_rf!(folder)
    shown
  end

  for name <- ~w(basic config_and_vars host_functions http pool_and_cancel) do
    test "the sample #{name} prints what it should" do
      samples = Path.join(root(), "sdk/elixir/samples")
      ebin = Path.dirname(to_string(:code.which(Extism)))
      arguments = ["-pa", ebin, Path.join(samples, "#{unquote(name)}.exs")]
      {output, status} = System.cmd("elixir", arguments, cd: root(), stderr_to_stdout: true)
      assert {output, status} == {File.read!(Path.join(samples, "expected/#{unquote(name)}.txt")), 0}
    end
  end
end

defmodule Extism.DocumentationTest do
  # The examples of the documentation name files relative to the root of the project.
  use ExUnit.Case

  setup_all do
    folder = File.cwd!()
    File.cd!(Extism.Fixture.root())
    on_exit(fn -> File.cd!(folder) end)
  end

  for module <- [
        Extism,
        Extism.CompiledPlugin,
        Extism.Context,
        Extism.Error,
        Extism.HostFunction,
        Extism.Manifest,
        Extism.Plugin,
        Extism.PluginServer,
        Extism.PluginSupervisor,
        Extism.Pool
      ] do
    doctest module
  end

  test "the log of the library goes to a file" do
    file = Path.join(System.tmp_dir!(), "extism_log_#{System.pid()}")

    script = """
    true = Extism.set_log_file(#{inspect(file)}, :info)
    false = Extism.set_log_file(#{inspect(file)})
    plugin = Extism.Plugin.new!(%{wasm: [%{path: "fixtures/wat/levels.wat"}]})
    Extism.Plugin.call!(plugin, "all")
    """

    assert Extism.Fixture.elixir(script) == {"", 0}
    assert File.read!(file) =~ "WARN"
    File.rm!(file)
  end
end
