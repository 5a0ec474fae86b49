defmodule GameBox.InspectionTest do
  use ExUnit.Case, async: false

  alias GameBox.{Catalogue, Games, Inspection, Limits}

  defp refused(bytes) do
    assert {:error, text} = Inspection.inspect_game(bytes)
    text
  end

  test "games of both eras come in, with what the box has to know of them" do
    assert {:ok, %{min: 2, max: 2, era: "1.x", spectators: true, language: "Rust"}} =
             Inspection.inspect_game(Games.bytes("tic_tac_toe"))

    assert {:ok, %{min: 2, max: 8, era: "1.x", spectators: true}} =
             Inspection.inspect_game(Games.bytes("liars_dice"))

    assert {:ok, %{min: 2, max: 4, era: "0.1", spectators: true}} =
             Inspection.inspect_game(Games.bytes("race_to_21"))
  end

  test "a game without get_constraints is for two" do
    bytes = Games.altered("race_to_21", "get_constraints", "got_constraints")
    assert {:ok, %{min: 2, max: 2}} = Inspection.inspect_game(bytes)
  end

  test "what is no game is refused with a reason" do
    assert refused("hello") == "This is not a WebAssembly module (a file that ends in .wasm)."
    assert refused("") =~ "not a WebAssembly module"
    assert refused("(module)") =~ "not a WebAssembly module"
    assert refused(~s({"wasm": [{"path": "/etc/passwd"}]})) =~ "not a WebAssembly module"
    assert refused(<<"\\0asm", 13, 0, 1, 0>>) =~ "not a WebAssembly module"
    assert refused(<<0, "asm", 13, 0, 1, 0>>) =~ "component"
    assert refused(<<0, "asm", 1, 0, 0, 0, 99>>) =~ "The module is not valid"
    assert refused(<<0, "asm", 1, 0, 0, 0>>) == "The game does not export init_game, handle_event, render."
    assert refused(binary_part(Games.bytes("tic_tac_toe"), 0, 50_000)) =~ "The module is not valid"
    assert refused(:binary.copy("a", Limits.module_bytes_max() + 1)) == "The file is larger than 8 MiB."
  end

  test "a game that lacks a function, or wants one that games do not get" do
    assert refused(Games.altered("hostile", "render", "rendez")) == "The game does not export render."

    assert refused(Games.altered("hostile", "error_set", "error_sit")) =~
             "imports what games do not get: extism:host/env::error_sit."

    assert refused(Games.altered("hostile", "extism:host/env", "extism:host/usr")) =~
             ~r/get: extism:host\/usr::\w+, .* and \d+ more\./
  end

  test "a game that fails its trial" do
    constraints = &Games.altered("hostile", ~s({"min_players":2,"max_players":3}), &1)
    assert refused(constraints.(~s({"min_players":0,"max_players":3}))) =~ "get_constraints did not answer"
    assert refused(constraints.(~s({"min_players":4,"max_players":3}))) =~ "get_constraints did not answer"
    assert refused(constraints.(~s({"min_players":2,"max_players":"}))) =~ "get_constraints did not answer"

    assert refused(constraints.(~s({"min_players":99,"max_players":9}) |> String.slice(0, 33))) =~
             "get_constraints did not answer"

    assert refused(
             Games.altered(
               "race_to_21",
               ~s({"min_players":2,"max_players":4}),
               ~s({"min_players":5,"max_players":9})
             )
           ) == "The game failed a trial: too many players."

    assert refused(Games.altered("hostile", "<p phx-click=ok>0 0</p>", "\xffp phx-click=ok>0 0</p>")) =~
             "the view is not text (UTF-8)"
  end

  test "the catalogue keeps what a game is called, once, and its owner may remove it" do
    owner = :crypto.strong_rand_bytes(8)
    bytes = Games.bytes("hostile")
    for %{title: "Hostile"} = game <- Catalogue.list(), do: Catalogue.remove(game.id, game.owner)
    assert {:error, "A game needs a title."} = Catalogue.add(bytes, " ", "")

    assert {:error, "The title is longer than 60 letters."} =
             Catalogue.add(bytes, String.duplicate("é", 61), "")

    assert {:error, "The title has control characters."} = Catalogue.add(bytes, "a\u0000b", "")
    assert {:error, "The description is not text."} = Catalogue.add(bytes, "ok", "\xff")
    altered = Games.altered("hostile", "cannot", "can not" |> String.slice(0, 6))
    assert {:ok, game} = Catalogue.add(altered, " Hostile ", "<b>bold</b>", owner)
    assert %{title: "Hostile", description: "<b>bold</b>", min: 2, max: 3} = Catalogue.get(game.id)
    assert Catalogue.bytes(game.id) == altered
    assert {:error, "This game is here already: Hostile."} = Catalogue.add(altered, "Other", "")
    assert {:error, "Only whoever uploaded a game can remove it."} = Catalogue.remove(game.id, "x")

    assert {:error, "Only whoever uploaded a game can remove it."} =
             Catalogue.remove(Games.id("tic_tac_toe"), nil)

    assert :ok = Catalogue.remove(game.id, owner)
    assert {:error, "There is no such game."} = Catalogue.remove(game.id, owner)
    assert Catalogue.bytes(game.id) == nil
  end
end
