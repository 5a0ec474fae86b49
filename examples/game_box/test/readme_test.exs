defmodule GameBox.ReadmeTest do
  use ExUnit.Case, async: false

  alias GameBox.{Catalogue, Inspection, Settings}

  @root Path.expand("../../..", __DIR__)
  @readme Path.expand("../README.md", __DIR__)

  @tag skip: if(System.find_executable("clang-19") == nil, do: "no clang-19")
  test "the game of the README is one" do
    folder = Path.join(System.tmp_dir!(), "game_box_readme_#{System.pid()}")
    File.mkdir_p!(folder)
    on_exit(fn -> File.rm_rf!(folder) end)
    readme = File.read!(@readme)
    [_, source] = Regex.run(~r/```c\n(.*?)```/s, readme)
    [_, command] = Regex.run(~r/```sh\n(clang-19 .*?)\n```/s, readme)
    File.write!(Path.join(folder, "clicks.c"), source)
    [program | arguments] = command |> String.replace("-I pdk/c", "-I #{@root}/pdk/c") |> String.split()
    {output, status} = System.cmd(program, arguments, cd: folder, stderr_to_stdout: true)
    assert {"", 0} = {output, status}
    assert {:ok, facts} = Inspection.inspect_game(File.read!(Path.join(folder, "clicks.wasm")))
    assert %{min: 1, max: 8, spectators: true, era: "1.x"} = facts
  end

  test "the games that come with the box are on the shelf" do
    titles = Enum.map(Catalogue.list(), & &1.title)
    assert ["Tic-tac-toe", "Liar's dice", "Race to 21"] -- titles == []
  end

  test "every variable that is read is described" do
    {:docs_v1, _, _, _, %{"en" => text}, _, _} = Code.fetch_docs(Settings)
    source = File.read!(Path.join(@root, "examples/game_box/lib/game_box/settings.ex"))
    for [variable] <- Regex.scan(~r/GAME_BOX_\w+/, source), do: assert(text =~ "`#{variable}`")
  end
end
