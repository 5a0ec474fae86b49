defmodule GameBox.RoomTest do
  use ExUnit.Case, async: false

  import GameBox.Client
  import GameBox.TestCluster, only: [wait_until: 1]

  alias GameBox.{Games, Limits, Room, Rooms, Store}
  alias GameBox.Room.Audience

  # A game that is being played by Ada and Ben: the code, their cookies, and Ada's stream.
  defp play(game, names \\ ["ada", "ben"]) do
    {code, cookies} = room(names)
    assert {200, nil} = act(code, hd(cookies), %{do: "select", game: Games.id(game)})
    assert {200, nil} = act(code, hd(cookies), %{do: "start"})
    {code, cookies, follow(code, hd(cookies))}
  end

  defp shows(stream, text), do: next(stream, &(&1["view"] && text(&1) =~ text))

  defp moves(code) do
    {_, room} = Store.room(code)
    room.play.moves
  end

  test "a whole game of tic-tac-toe: each player sees their own, whoever watches sees both" do
    {code, [ada, ben], stream} = play("tic_tac_toe")
    watcher = follow(code, nil)
    assert %{"you" => "ADA", "host" => "ADA", "plays" => true, "moves" => 0} = shows(stream, "Your turn")
    assert %{"you" => nil, "plays" => false} = shows(watcher, "ADA is thinking")
    assert {422, "it is not your turn"} = move(code, ben, "cell-clicked", %{cell: "0"})

    for {cookie, cell} <- [{ada, 0}, {ben, 3}, {ada, 1}, {ben, 4}],
        do: assert({200, nil} = move(code, cookie, "cell-clicked", %{cell: "#{cell}"}))

    assert {422, "that square is taken"} = move(code, ada, "cell-clicked", %{cell: "0"})
    assert {200, nil} = move(code, ada, "cell-clicked", %{cell: "2"})
    assert %{"moves" => 5} = shows(stream, "You won!")
    shows(watcher, "ADA won.")
    assert {422, "this game is over"} = move(code, ben, "cell-clicked", %{cell: "5"})
    assert {200, nil} = move(code, ben, "reset-game")
    shows(stream, "BEN is thinking")
  end

  test "a game of the 0.1 era is played like any other" do
    {code, [ada, ben], stream} = play("race_to_21")

    for {cookie, n} <- Stream.cycle([ada, ben]) |> Enum.zip(List.duplicate(3, 6)),
        do: assert({200, nil} = move(code, cookie, "add", %{step: "#{n}"}))

    shows(stream, "18")
    assert {422, "add 1, 2 or 3"} = move(code, ada, "add", %{step: "4"})
    assert {200, nil} = move(code, ada, "add", %{step: "3"})
    shows(stream, "ADA has lost.")
  end

  test "dice under a cup are in nobody else's view before a bid is called" do
    {code, cookies, _} = play("liars_dice", ["ada", "ben", "cy"])
    streams = Enum.map(cookies, &follow(code, &1))
    faces = ~w(one two three four five six)

    shown = fn state, own ->
      for ["section", _, [["h3", _, [name | _], _] | rest], _] <- sections(state),
          String.trim(name) != own,
          do: labels(rest)
    end

    for {stream, name} <- Enum.zip(streams, ["ADA", "BEN", "CY"]) do
      state = next(stream, & &1["view"])
      assert [[_ | _] = others, _] = shown.(state, name)
      for others <- [others | tl(shown.(state, name))], do: assert(Enum.uniq(others) == ["hidden"])
      assert Enum.all?(hd(shown.(state, :nobody)), &(&1 in ["hidden" | faces]))
    end

    watched = next(follow(code, nil), & &1["view"])
    assert Enum.uniq(List.flatten(shown.(watched, nil))) == ["hidden"]
    [ada, ben, _] = cookies
    assert {200, nil} = move(code, ada, "bid", %{count: "15", face: "6"})
    assert {422, "it is not your turn"} = move(code, ada, "liar")
    assert {200, nil} = move(code, ben, "liar")
    called = next(hd(streams), &(&1["view"] && text(&1) =~ "called"))
    refute "hidden" in List.flatten(shown.(called, nil))
  end

  defp sections(%{"view" => %{"body" => [_ | _] = body}}), do: find(body, "section")
  defp find(nodes, name), do: Enum.flat_map(nodes, &found(&1, name))
  defp found([name, _, _, _] = node, name), do: [node]
  defp found([_, _, children, _], name), do: find(children, name)
  defp found(_, _), do: []
  defp labels(nodes), do: for(["span", %{"aria-label" => label}, _, _] <- find(nodes, "span"), do: label)

  describe "a game that fails costs its room one turn" do
    # The event, and what the one who moved is told.
    for {event, words} <- [
          {"loop", ~r/used up its fuel|longer than/},
          {"trap", ~r/it crashed/},
          {"stack", ~r/it crashed|stack/},
          {"memory", ~r/MiB of memory|it crashed/},
          {"vars", ~r/keep more than 256 KiB/},
          {"number", ~r/did not answer an object/},
          {"garbage", ~r/did not answer an object/},
          {"Loop", ~r/render failed: it (used up its fuel|took)/},
          {"Big", ~r/more than 128 KiB/},
          {"Un", ~r/not text/}
        ] do
      test "when it does #{event}" do
        {code, [ada, ben], stream} = play("hostile")
        shows(stream, "0 0")
        assert {200, nil} = move(code, ada, "ok")
        shows(stream, "1 0")
        before = Store.room(code)
        assert {422, text} = move(code, ben, unquote(event))
        assert text =~ unquote(Macro.escape(words))
        assert Store.room(code) == before
        assert %{"notice" => notice, "moves" => 1} = next(stream, & &1["notice"])
        assert notice =~ "Nothing has changed."
        assert {200, nil} = move(code, ben, "ok")
        assert %{"notice" => nil} = shows(stream, "2 0")
        assert moves(code) == 2
      end
    end

    test "and a refusal none: only the one who moved is told" do
      {code, [ada, _], stream} = play("hostile")
      assert {422, "that <b>cannot</b> be"} = move(code, ada, "refuse")
      assert {200, nil} = move(code, ada, "ok")
      assert %{"notice" => nil, "moves" => 1} = shows(stream, "1 0")
    end
  end

  test "a game that loops does not hold up another room, nor its own" do
    {slow, [ada | _], stream} = play("hostile")
    {quick, [cy | _], _} = play("tic_tac_toe", ["cy", "di"])
    next(stream, & &1["view"])
    loop = Task.async(fn -> move(slow, ada, "loop") end)
    assert {200, nil} = move(quick, cy, "cell-clicked", %{cell: "4"})
    assert {:ok, %{players: ["ADA", "BEN"]}} = Rooms.call(slow, :summary)
    assert {422, _} = Task.await(loop, 20_000)
  end

  test "a game without a view for those who watch can be played" do
    {code, [ada, _], stream} = play("hostile")
    assert {200, nil} = move(code, ada, "Spectators")
    next(stream, &(&1["moves"] == 1))
    assert %{"view" => nil} = next(follow(code, nil), fn _ -> true end)
  end

  test "what a game renders is sanitised on its way" do
    {code, [ada, _], stream} = play("hostile")
    assert {200, nil} = move(code, ada, "XSS")
    state = next(stream, &(&1["moves"] == 1))
    assert state["view"]["body"] == [["img", %{}, [], %{}], ["p", %{}, ["x"], %{"click" => "ok"}]]
  end

  test "who may do what" do
    {code, [ada, ben]} = room(["ada", "ben"])
    id = Games.id("tic_tac_toe")
    assert {422, "Only the host, ADA, can do that."} = act(code, ben, %{do: "select", game: id})
    assert {422, "There is no such game."} = act(code, ada, %{do: "select", game: "nope"})
    assert {422, "Select a game first."} = act(code, ada, %{do: "start"})
    assert {422, "No game is being played."} = move(code, ada, "ok")
    assert {200, nil} = act(code, ada, %{do: "select", game: id})
    assert {422, "Only the host, ADA, can do that."} = act(code, ben, %{do: "start"})
    assert {422, "You are not a player of this room."} = act(code, "room_#{code}=guess", %{do: "start"})
    assert {422, "You are not a player of this room."} = act(code, "a=b", %{do: "start"})
    assert {200, nil} = act(code, ben, %{do: "leave"})

    assert {422, "Not enough players to start the game: it needs at least 2."} =
             act(code, ada, %{do: "start"})

    {201, headers, %{"name" => "CY"}} = ask(:post, "/api/rooms/#{code}/players", body: %{name: "cy"})
    cy = cookie(headers)
    assert {200, nil} = act(code, ada, %{do: "start"})
    assert {422, "A game is being played."} = act(code, ada, %{do: "select", game: id})
    assert {422, "You cannot leave" <> _} = act(code, cy, %{do: "leave"})
    {201, headers, _} = ask(:post, "/api/rooms/#{code}/players", body: %{name: "late"})

    assert {422, "You joined after the game began." <> _} =
             move(code, cookie(headers), "cell-clicked", %{cell: "0"})

    assert {422, "The game is being played."} = remove_as_owner(id)
    assert {422, "Only the host, ADA, can do that."} = act(code, cy, %{do: "stop"})
    assert {200, nil} = act(code, ada, %{do: "stop"})
    assert {422, "No game is being played."} = move(code, ada, "ok")
    assert {200, nil} = act(code, ada, %{do: "leave"})
    assert {422, "Only the host, CY, can do that."} = act(code, cookie(headers), %{do: "start"})
  end

  # The shipped games belong to nobody, so this one is given to somebody first.
  defp remove_as_owner(id) do
    game = GameBox.Catalogue.get(id)
    :ok = Store.put([{:game_box_game, id, %{game | owner: "me"}}])
    result = GameBox.Catalogue.remove(id, "me")
    :ok = Store.put([{:game_box_game, id, game}])
    with {:error, text} <- result, do: {422, text}
  end

  test "names" do
    {code, _} = room(["ada"])
    join = fn name -> ask(:post, "/api/rooms/#{code}/players", body: %{name: name}) end
    assert {422, _, %{"error" => "ADA is in this room already."}} = join.(" Ada ")

    for name <- ["a", "", "much too long a name", "<b>x</b>", "a\nb", "-a", :null, 5, %{}],
        do: assert({422, _, _} = join.(name))

    assert {201, _, %{"name" => "ÉVA 2-B"}} = join.("éva 2-b")
    for n <- 3..Limits.players_max(), do: assert({201, _, _} = join.("player #{n}"))
    assert {422, _, %{"error" => "This room is full."}} = join.("one more")
    assert {404, _, _} = ask(:get, "/api/rooms/ZZZZ")
    assert {404, _, _} = ask(:get, "/api/rooms/ZZ")
    assert {200, _, %{"code" => ^code}} = ask(:get, "/api/rooms/" <> String.downcase(code))
  end

  test "whoever takes the name of one who left is not seen by that one's browser" do
    {code, [ada, ben]} = room(["ada", "ben"])
    left = follow(code, ben)
    assert %{"you" => "BEN"} = next(left, fn _ -> true end)
    assert {200, nil} = act(code, ben, %{do: "leave"})
    {201, _, %{"name" => "BEN"}} = ask(:post, "/api/rooms/#{code}/players", body: %{name: "ben"})
    assert {200, nil} = act(code, ada, %{do: "select", game: Games.id("liars_dice")})
    assert {200, nil} = act(code, ada, %{do: "start"})
    state = next(left, & &1["view"])
    assert %{"you" => nil, "plays" => false} = state
    assert Enum.uniq(labels(sections(state))) == ["hidden"]
  end

  test "a game that is started twice begins once" do
    {code, [ada, _]} = room(["ada", "ben"])
    assert {200, nil} = act(code, ada, %{do: "select", game: Games.id("tic_tac_toe")})
    starts = for _ <- 1..2, do: Task.async(fn -> act(code, ada, %{do: "start"}) end)
    assert [{200, nil}, {422, _}] = starts |> Task.await_many() |> Enum.sort()
    assert moves(code) == 0
  end

  test "one player has no more than so many browsers, and does not keep others out" do
    {code, [ada, ben]} = room(["ada", "ben"])
    streams = for _ <- 1..Limits.streams_max("ADA"), do: follow(code, ada)
    for stream <- streams, do: next(stream, & &1["you"])

    assert {404, _, %{"error" => "Too many browsers follow this room."}} =
             ask(:get, "/api/rooms/#{code}/stream", headers: [{"cookie", ada}])

    assert %{"you" => "BEN"} = next(follow(code, ben), fn _ -> true end)
  end

  test "a host who stays away is followed by somebody who is there" do
    {code, [ada, ben]} = room(["ada", "ben"])
    stream = follow(code, ben)
    assert next(stream, & &1["you"])["host"] == "ADA"
    send(Room.whereis(code), {:host_away, "ADA"})
    assert next(stream, &(&1["host"] == "BEN"))
    assert {422, "Only the host, BEN, can do that."} = act(code, ada, %{do: "start"})
    send(Room.whereis(code), {:host_away, "BEN"})
    assert {422, "Select a game first."} = act(code, ben, %{do: "start"})
  end

  test "a room that nobody follows, and in which nothing happens, is closed" do
    {code, _} = room(["ada"])
    room = Room.whereis(code)
    send(room, :look_whether_idle)
    assert {:ok, _} = Rooms.call(code, :summary)
    :sys.replace_state(room, &put_in(&1.room.touched, 0))
    stream = follow(code, nil)
    assert next(stream, fn _ -> true end)["watching"] == 1
    send(room, :look_whether_idle)
    assert {:ok, _} = Rooms.call(code, :summary)
    :gen_tcp.close(stream)
    monitor = Process.monitor(room)
    wait_until(fn -> send(room, :look_whether_idle) && Store.room(code) == nil end)
    assert_receive {:DOWN, ^monitor, _, _, {:shutdown, :idle}}
    assert {404, _, %{"error" => "There is no room " <> _}} = ask(:get, "/api/rooms/#{code}")
  end

  @tag :capture_log
  test "a room whose process is killed comes back as it was" do
    {code, [ada, ben], stream} = play("tic_tac_toe")
    assert {200, nil} = move(code, ada, "cell-clicked", %{cell: "4"})
    pid = Room.whereis(code)
    Process.exit(pid, :kill)
    back = next(stream, &(&1["moves"] == 1 and &1["view"] != nil))
    assert text(back) =~ "BEN is thinking"
    assert {200, nil} = move(code, ben, "cell-clicked", %{cell: "0"})
    refute Room.whereis(code) == pid
  end

  test "plug-ins end with their rooms" do
    {code, [ada | _], stream} = play("tic_tac_toe")
    next(stream, & &1["view"])
    plugins = Extism.stats().plugins
    assert {200, nil} = act(code, ada, %{do: "stop"})
    next(stream, &(&1["playing"] == false))
    wait_until(fn -> Extism.settle() == :ok and Extism.stats().plugins == plugins - 1 end)
  end

  test "a room that is behind the database changes nothing" do
    {code, [ada | _]} = room(["ada", "ben"])
    {serial, room} = Store.room(code)
    assert :ok = Store.advance(code, serial, room)
    assert {:error, :stale} = Store.advance(code, serial, room)

    assert {422, "The room has moved. Try again."} =
             act(code, ada, %{do: "select", game: Games.id("tic_tac_toe")})

    assert {200, nil} = act(code, ada, %{do: "select", game: Games.id("tic_tac_toe")})
  end

  test "what a room shows is held once, however many follow it" do
    audience = Audience.add(Audience.new(), self(), nil)
    view = %{body: List.duplicate(["b", %{}, ["x"], %{}], 5000), css: ""}
    :ok = Audience.show(audience, fn nil -> %{view: view} end)
    assert_receive {:room, _, shown}
    # A binary of this size is shared between processes; a tree would be copied into each of them.
    assert :erts_debug.flat_size(shown) < 20
    assert %{"view" => %{"body" => [["b", _, ["x"], _] | _]}} = :jiffy.decode(shown, [:return_maps])
  end
end
