defmodule GameBox.RestartTest do
  use ExUnit.Case, async: false

  import GameBox.Client

  alias GameBox.Games

  @tag :capture_log
  test "catalogue and rooms are there after a restart, with the last confirmed move" do
    {code, [ada, ben]} = room(["ada", "ben"])
    assert {200, nil} = act(code, ada, %{do: "select", game: Games.id("tic_tac_toe")})
    assert {200, nil} = act(code, ada, %{do: "start"})
    assert {200, nil} = move(code, ada, "cell-clicked", %{cell: "4"})
    {200, _, games} = ask(:get, "/api/games")

    :ok = Application.stop(:game_box)
    :stopped = :mnesia.stop()
    {:ok, _} = Application.ensure_all_started(:game_box)

    assert {200, _, ^games} = ask(:get, "/api/games")
    state = next(follow(code, ben), & &1["view"])
    assert %{"you" => "BEN", "moves" => 1, "host" => "ADA"} = state
    assert text(state) =~ "Your turn"
    assert {422, "that square is taken"} = move(code, ben, "cell-clicked", %{cell: "4"})
    assert {200, nil} = move(code, ben, "cell-clicked", %{cell: "0"})
  end
end
