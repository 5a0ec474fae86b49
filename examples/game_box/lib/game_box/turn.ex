defmodule GameBox.Turn do
  @moduledoc """
  One turn of a game: a move, then what everybody sees of the new position. It runs in a process of its own.

  Must not know: the room. Invariant: a turn gives a position with the views of all its players, or nothing; a
  position that cannot be shown is not confirmed.

  Whoever watches is no player: if a game has no view for them, the move stands all the same.
  """

  alias GameBox.{Game, View}

  @type job ::
          {:begin, seed :: String.t()}
          | {:event, name :: String.t(), event :: String.t(), value :: map()}
          | :show
  @type views :: %{String.t() => View.t()}

  @doc "Makes a turn. `bytes` is given when the server has not loaded the game yet."
  @spec run(pid(), binary() | nil, Game.position() | nil, [String.t()], job()) ::
          {:ok, Game.position(), views()} | Game.failure()
  def run(server, bytes, position, seats, job) do
    with :ok <- load(server, bytes),
         deadline = Game.deadline(),
         {:ok, position} <- apply_job(server, position, seats, job, deadline),
         {:ok, views} <- views(server, position, seats, deadline) do
      {:ok, position, views}
    end
  end

  defp load(_server, nil), do: :ok
  defp load(server, bytes), do: Game.load(server, bytes)

  defp apply_job(server, nil, seats, {:begin, seed}, deadline), do: Game.init(server, seed, seats, deadline)
  defp apply_job(_server, position, _seats, :show, _deadline), do: {:ok, position}

  defp apply_job(server, position, _seats, {:event, name, event, value}, deadline),
    do: Game.move(server, position, name, event, value, deadline)

  defp views(server, position, seats, deadline) do
    players =
      Enum.reduce_while(seats, {:ok, %{}}, fn name, {:ok, views} ->
        case view(server, position, name, deadline) do
          {:ok, view} -> {:cont, {:ok, Map.put(views, name, view)}}
          {kind, text} -> {:halt, {if(kind == :refused, do: :failed, else: kind), text}}
        end
      end)

    with {:ok, views} <- players do
      case view(server, position, "", deadline) do
        {:ok, view} -> {:ok, Map.put(views, "", view)}
        _ -> {:ok, views}
      end
    end
  end

  defp view(server, position, name, deadline) do
    with {:ok, html} <- Game.render(server, position, name, deadline) do
      case View.from_html(html) do
        {:ok, view} -> {:ok, view}
        {:error, text} -> {:failed, "render failed: #{text}"}
      end
    end
  end
end
