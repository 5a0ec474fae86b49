defmodule GameBox.BrowserTest do
  use ExUnit.Case, async: false

  import GameBox.TestCluster, only: [call: 4, home: 2, kill: 1, wait_until: 1]

  alias GameBox.TestCluster

  @folder Path.expand("../e2e", __DIR__)
  @missing (cond do
              System.find_executable("node") == nil ->
                "no node"

              not File.exists?(System.get_env("CHROMIUM", "/usr/bin/chromium")) ->
                "no chromium"

              not File.dir?(Path.join(@folder, "node_modules/playwright-core")) ->
                "no playwright-core: npm ci in e2e"

              true ->
                nil
            end)
  if @missing, do: @moduletag(skip: @missing)
  @moduletag timeout: 170_000

  # A script of the folder e2e. `told` is called with each line that it prints, and may answer one.
  defp run(script, arguments, told \\ fn _ -> nil end) do
    node = System.find_executable("node")

    options = [
      :binary,
      :exit_status,
      :stderr_to_stdout,
      line: 10_000,
      cd: @folder,
      args: [script | arguments]
    ]

    listen(Port.open({:spawn_executable, node}, options), told, [])
  end

  defp listen(port, told, lines) do
    receive do
      {^port, {:data, {_, line}}} ->
        with answer when is_binary(answer) <- told.(line), do: Port.command(port, answer <> "\n")
        listen(port, told, [line | lines])

      {^port, {:exit_status, 0}} ->
        :ok

      {^port, {:exit_status, _}} ->
        flunk(lines |> Enum.reverse() |> Enum.join("\n"))
    end
  end

  test "liar's dice, a watcher, uploads, and a game that fails" do
    hostile = Path.expand("fixtures/hostile.wasm", __DIR__)

    for %{title: title} = game <- GameBox.Catalogue.list(),
        title =~ ~r/hostile/i,
        do: GameBox.Store.delete([{:game_box_game, game.id}])

    pictures = System.get_env("GAME_BOX_PICTURES")
    assert :ok = run("play.mjs", [GameBox.Client.base(), hostile] ++ List.wrap(pictures))
  end

  test "a form's fields may have any name" do
    assert :ok = run("fields.mjs", [GameBox.Client.base()])
  end

  test "two browsers play a whole game while its node is killed, and a third one watches" do
    cluster = TestCluster.start(3)
    on_exit(fn -> TestCluster.stop(cluster) end)
    wait_until(fn -> length(call(hd(cluster.nodes), GameBox.Catalogue, :list, [])) == 3 end)

    told = fn
      "kill " <> code ->
        victim = home(cluster, code)
        kill(victim)
        to_string(victim.node)

      _ ->
        nil
    end

    assert :ok = run("failover.mjs", cluster.urls, told)
  end
end
