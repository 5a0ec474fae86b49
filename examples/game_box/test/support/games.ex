defmodule GameBox.Games do
  @moduledoc "Games for tests: the ones that are shipped, and one that does its worst."

  alias GameBox.Catalogue

  @root Path.expand("../..", __DIR__)

  @doc "The bytes of a game."
  def bytes("hostile"), do: File.read!(Path.join(@root, "test/fixtures/hostile.wasm"))
  def bytes(name), do: File.read!(Path.join(@root, "games/#{name}.wasm"))

  @doc "The id of a game in the catalogue, where it is put if it is not there."
  def id(name) do
    id = name |> bytes() |> id_of()
    if Catalogue.get(id) == nil, do: {:ok, _} = Catalogue.add(bytes(name), name, "")
    id
  end

  defp id_of(bytes), do: Base.encode16(binary_part(:crypto.hash(:sha256, bytes), 0, 10), case: :lower)

  @doc "A game with a piece of its bytes replaced by one of the same length."
  def altered(name, old, new) when byte_size(old) == byte_size(new) do
    changed = String.replace(bytes(name), old, new)
    true = changed != bytes(name)
    changed
  end
end
