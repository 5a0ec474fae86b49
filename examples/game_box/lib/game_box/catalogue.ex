defmodule GameBox.Catalogue do
  @moduledoc """
  The games there are. A game is named by the hash of its bytes.

  Must not know: rooms' processes. Invariant: every game in it has passed `GameBox.Inspection`, or was shipped
  with the box.
  """

  alias GameBox.{Inspection, Limits, Store}

  @type game :: %{
          id: String.t(),
          title: String.t(),
          description: String.t(),
          min: pos_integer(),
          max: pos_integer(),
          spectators: boolean(),
          era: String.t(),
          language: String.t() | nil,
          bytes: pos_integer(),
          owner: binary() | nil,
          added_at: integer()
        }

  @doc "All games, the oldest first."
  @spec list() :: [game()]
  def list, do: Enum.sort_by(Store.all(:game_box_game), &{&1.added_at, &1.title})

  @doc "A game, or `nil`."
  @spec get(String.t()) :: game() | nil
  def get(id), do: Store.get(:game_box_game, id)

  @doc "The bytes of a game, or `nil`."
  @spec bytes(String.t()) :: binary() | nil
  def bytes(id), do: Store.get(:game_box_wasm, id)

  @doc "Adds a game, or says in words why not. `owner` is whoever may remove it."
  @spec add(binary(), String.t(), String.t(), binary() | nil) :: {:ok, game()} | {:error, String.t()}
  def add(bytes, title, description, owner \\ nil) do
    id = id(bytes)

    with {:ok, title} <- text(title, "title", 2, Limits.title_length_max()),
         {:ok, description} <- text(description, "description", 0, Limits.description_length_max()),
         :ok <- check_new(id),
         :ok <- check_space(bytes),
         {:ok, facts} <- Inspection.inspect_game(bytes) do
      about = %{id: id, title: title, description: description, bytes: byte_size(bytes), owner: owner}
      game = facts |> Map.merge(about) |> Map.put(:added_at, System.os_time(:millisecond))

      with :ok <- Store.put([{:game_box_game, id, game}, {:game_box_wasm, id, bytes}]), do: {:ok, game}
    end
  end

  @doc "Removes a game for its owner."
  @spec remove(String.t(), binary()) :: :ok | {:error, String.t()}
  def remove(id, owner) do
    case get(id) do
      %{owner: ^owner} when owner != nil ->
        if Enum.any?(Store.all(:game_box_room), &(&1.game == id)),
          do: {:error, "The game is being played."},
          else: Store.delete([{:game_box_game, id}, {:game_box_wasm, id}])

      nil ->
        {:error, "There is no such game."}

      _ ->
        {:error, "Only whoever uploaded a game can remove it."}
    end
  end

  @shelf Path.expand("../../games", __DIR__)
  @shipped [
    {"tic_tac_toe.wasm", "Tic-tac-toe", "Three in a row, for two. Written in Rust."},
    {"liars_dice.wasm", "Liar's dice",
     "Everybody rolls under their own cup. Bid how many dice of a face there are, or call the last bid a lie. For two to eight."},
    {"race_to_21.wasm", "Race to 21",
     "Add one, two or three; whoever reaches 21 loses. A game built for the first Extism, 0.1, in C."}
  ]

  @doc "Adds the games that come with the box, as far as they are not there."
  @spec stock() :: :ok | {:error, String.t()}
  def stock do
    Enum.reduce(@shipped, :ok, fn {file, title, description}, result ->
      bytes = File.read!(Path.join(@shelf, file))

      with nil <- get(id(bytes)),
           {:error, text} <- add(bytes, title, description) do
        {:error, text}
      else
        _ -> result
      end
    end)
  end

  defp id(bytes), do: Base.encode16(binary_part(:crypto.hash(:sha256, bytes), 0, 10), case: :lower)

  defp text(text, what, least, most) do
    text = text |> to_string() |> String.trim()

    cond do
      not String.valid?(text) -> {:error, "The #{what} is not text."}
      text =~ ~r/[[:cntrl:]]/u -> {:error, "The #{what} has control characters."}
      String.length(text) < least -> {:error, "A game needs a #{what}."}
      String.length(text) > most -> {:error, "The #{what} is longer than #{most} letters."}
      true -> {:ok, text}
    end
  end

  defp check_new(id) do
    case get(id) do
      nil -> :ok
      game -> {:error, "This game is here already: #{game.title}."}
    end
  end

  defp check_space(bytes) do
    kept = list() |> Enum.map(& &1.bytes) |> Enum.sum()

    if kept + byte_size(bytes) <= Limits.catalogue_bytes_max(),
      do: :ok,
      else: {:error, "The catalogue is full."}
  end
end
