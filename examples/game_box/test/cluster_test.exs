defmodule GameBox.ClusterTest do
  use ExUnit.Case, async: false

  # Three nodes are booted for each test.
  @moduletag timeout: 180_000

  import GameBox.Client
  import GameBox.TestCluster, only: [call: 4, home: 2, home: 3, kill: 1, wait_until: 1]

  alias GameBox.{Games, TestCluster}

  setup do
    cluster = TestCluster.start(3)
    on_exit(fn -> TestCluster.stop(cluster) end)
    [one | _] = cluster.nodes
    wait_until(fn -> length(call(one, GameBox.Catalogue, :list, [])) == 3 end)
    wait_until(fn -> Enum.all?(cluster.nodes, &(length(call(&1, GameBox.Rooms, :nodes, [])) == 3)) end)
    {:ok, cluster: cluster}
  end

  defp id(node, title), do: Enum.find(call(node, GameBox.Catalogue, :list, []), &(&1.title == title)).id

  defp play(node) do
    {code, [ada, ben]} = room(["ada", "ben"], base: node.url)
    assert {200, nil} = act(code, ada, %{do: "select", game: id(node, "Tic-tac-toe")}, base: node.url)
    assert {200, nil} = act(code, ada, %{do: "start"}, base: node.url)
    {code, ada, ben}
  end

  defp mark(node, code, cookie, cell),
    do: move(code, cookie, "cell-clicked", %{cell: "#{cell}"}, base: node.url)

  test "rooms are spread, reached from every node, and survive the death of theirs", %{cluster: cluster} do
    [one, two, three] = cluster.nodes

    codes = for _ <- 1..15, do: elem(room(["ada"], base: one.url), 0)
    homes = Enum.frequencies(Enum.map(codes, &home(cluster, &1).name))
    assert map_size(homes) >= 2, "all rooms are on one node: #{inspect(homes)}"

    # A game that came in on one node is there on the others.
    {:ok, game} = call(two, GameBox.Catalogue, :add, [Games.bytes("hostile"), "Hostile", ""])
    assert call(three, GameBox.Catalogue, :bytes, [game.id]) == Games.bytes("hostile")

    {code, ada, ben} = play(one)
    assert {200, nil} = mark(two, code, ada, 4)
    assert {200, nil} = mark(three, code, ben, 0)

    victim = home(cluster, code)
    [left, right] = cluster.nodes -- [victim]
    stream = follow(code, nil, base: left.url)
    next(stream, &(&1["moves"] == 2))
    kill(victim)

    # The browser that follows on another node sees the room again, with both moves.
    back = next(stream, &(&1["node"] != to_string(victim.node) and &1["view"] != nil))
    assert back["moves"] == 2
    assert text(back) =~ "ADA is thinking"
    assert {422, "that square is taken"} = mark(right, code, ada, 0)
    assert {200, nil} = mark(right, code, ada, 2)
    assert next(stream, &(&1["moves"] == 3))["node"] in [to_string(left.node), to_string(right.node)]
    for code <- codes, do: wait_until(fn -> home(cluster, code, [left]) not in [nil, victim] end)

    # The node comes back with its disk, and has what happened without it.
    # It begins no room that runs elsewhere: one of the two would have to end.
    before = for code <- codes, do: call(left, GameBox.Room, :whereis, [code])
    again = TestCluster.restart(cluster, victim)
    on_exit(fn -> TestCluster.stop(%{cluster | nodes: [again]}) end)
    for code <- codes, do: assert({200, _, _} = ask(:get, "/api/rooms/#{code}", base: again.url))

    for node <- [again, left],
        do: assert(before == for(code <- codes, do: call(node, GameBox.Room, :whereis, [code])))

    assert {_, %{play: %{moves: 3}}} = call(again, GameBox.Store, :room, [code])
    assert {200, nil} = mark(again, code, ben, 6)
    assert {200, nil} = mark(left, code, ada, 1)
  end

  test "what is left of a cluster confirms nothing that could be lost", %{cluster: cluster} do
    [one | _] = cluster.nodes
    {code, ada, ben} = play(one)
    assert {200, nil} = mark(one, code, ada, 4)
    keeper = home(cluster, code)
    [second, third] = cluster.nodes -- [keeper]
    Enum.each([second, third], &kill/1)

    assert {422, "This move was not made: more than half of the nodes cannot be reached" <> _} =
             mark(keeper, code, ben, 0)

    assert {422, _, %{"error" => "No room can be opened: more than half" <> _}} =
             ask(:post, "/api/rooms", body: %{name: "cy"}, base: keeper.url)

    assert text(next(follow(code, ben, base: keeper.url), & &1["view"])) =~ "Your turn"

    again = TestCluster.restart(cluster, second)
    on_exit(fn -> TestCluster.stop(%{cluster | nodes: [again]}) end)
    assert {200, nil} = mark(keeper, code, ben, 0)
    assert {_, %{play: %{moves: 2}}} = call(again, GameBox.Store, :room, [code])
  end

  @tag :capture_log
  test "a node that was cut off confirms nothing, and ends when it is reached again", %{cluster: cluster} do
    [one | _] = cluster.nodes
    {code, ada, ben} = play(one)
    lone = home(cluster, code)
    [left, right] = cluster.nodes -- [lone]

    apart = fn cookie ->
      for node <- [left, right], do: call(lone, :erlang, :set_cookie, [node.node, cookie])
    end

    apart.(:other)
    for node <- [left, right], do: call(lone, :erlang, :disconnect_node, [node.node])
    wait_until(fn -> call(left, :mnesia, :system_info, [:running_db_nodes]) |> length() == 2 end)
    wait_until(fn -> call(lone, :mnesia, :system_info, [:running_db_nodes]) == [lone.node] end)

    # The others go on; what the lone one shows is the past, and it makes nothing of it.
    wait_until(fn -> home(cluster, code, [left]) not in [nil, lone] end)
    assert {200, nil} = mark(left, code, ada, 4)
    assert {200, nil} = mark(right, code, ben, 0)
    assert {422, "This move was not made: more than half" <> _} = mark(lone, code, ada, 8)

    monitor = Process.monitor(lone.peer)
    Process.unlink(lone.peer)
    apart.(String.to_atom(cluster.tag))
    assert_receive {:DOWN, ^monitor, _, _, _}, 20_000

    again = TestCluster.restart(cluster, lone)
    on_exit(fn -> TestCluster.stop(%{cluster | nodes: [again]}) end)
    assert {_, %{play: %{moves: 2}}} = call(again, GameBox.Store, :room, [code])
    assert {200, nil} = mark(again, code, ada, 8)
  end
end
