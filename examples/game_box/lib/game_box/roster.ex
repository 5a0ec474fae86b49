defmodule GameBox.Roster do
  @moduledoc """
  The people of a room: names, who is host, and the secrets by which browsers prove who they are.

  Must not know: processes. Invariant: names differ, and the host, if there are players, is one of them. Secrets
  are kept as hashes, so that the database tells nobody how to play for another.
  """

  alias GameBox.Limits

  @type player :: %{name: String.t(), token: binary()}
  @type t :: %{players: [player()], host: String.t() | nil}

  @name ~r/^[\p{L}\p{N}](?:[\p{L}\p{N} _-]{0,10}[\p{L}\p{N}])$/u

  @doc "Nobody."
  @spec new() :: t()
  def new, do: %{players: [], host: nil}

  @doc "Adds a player; the first is the host. Answers the secret that proves who it is."
  @spec join(t(), String.t()) :: {:ok, t(), String.t(), String.t()} | {:error, String.t()}
  def join(roster, name) do
    with {:ok, name} <- check_name(name),
         :ok <- check_free(roster, name),
         :ok <- check_space(roster) do
      secret = Base.url_encode64(:crypto.strong_rand_bytes(24), padding: false)
      player = %{name: name, token: hash(secret)}
      {:ok, %{roster | players: roster.players ++ [player], host: roster.host || name}, name, secret}
    end
  end

  @doc "A name as the box writes it."
  @spec check_name(term()) :: {:ok, String.t()} | {:error, String.t()}
  def check_name(name) when is_binary(name) do
    name = if String.valid?(name), do: name |> String.trim() |> String.upcase(), else: ""

    if name =~ @name,
      do: {:ok, name},
      else: {:error, "A name has 2 to 12 letters or digits, with spaces, - or _ between them."}
  end

  def check_name(_), do: {:error, "A name is missing."}

  @doc "Removes a player. The first of those who are left is host after the host."
  @spec leave(t(), String.t()) :: t()
  def leave(roster, name) do
    players = Enum.reject(roster.players, &(&1.name == name))
    first = with [%{name: first} | _] <- players, do: first
    host = if roster.host == name, do: if(first != [], do: first), else: roster.host
    %{roster | players: players, host: host}
  end

  @doc "Whose secret it is, or `nil`."
  @spec who(t(), String.t() | nil) :: String.t() | nil
  def who(_roster, nil), do: nil

  def who(roster, secret) do
    hash = hash(secret)
    with %{name: name} <- Enum.find(roster.players, &:crypto.hash_equals(&1.token, hash)), do: name
  end

  @doc "All names, in the order in which they came."
  @spec names(t()) :: [String.t()]
  def names(roster), do: Enum.map(roster.players, & &1.name)

  @doc "What is kept of a secret."
  @spec hash(String.t()) :: binary()
  def hash(secret), do: :crypto.hash(:sha256, secret)

  defp check_free(roster, name) do
    if name in names(roster), do: {:error, "#{name} is in this room already."}, else: :ok
  end

  defp check_space(roster) do
    if length(roster.players) < Limits.players_max(), do: :ok, else: {:error, "This room is full."}
  end
end
