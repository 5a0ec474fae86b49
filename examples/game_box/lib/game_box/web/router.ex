defmodule GameBox.Web.Router do
  @moduledoc """
  Which request is answered by what. README.md has the table.

  Must not know: how answers are sent. Invariant: whatever a request is, it gets one answer and harms no other.
  """

  require Logger

  alias GameBox.{Catalogue, Limits, Rate, Rooms, Roster}
  alias GameBox.Web.{Assets, Guard, Request, Stream}

  @doc "Answers a request."
  @spec serve(term()) :: term()
  def serve(native) do
    request = Request.new(native)
    if not Request.measured?(request), do: Request.refuse(request)

    case Guard.check(request) do
      :ok -> route(request.method, request.path, request)
      {:error, status, text} -> Request.fail(request, status, text)
    end
  rescue
    error ->
      Logger.error(Exception.format(:error, error, __STACKTRACE__))
      :mochiweb_request.respond({500, [], "The box has a fault."}, native)
  end

  defp route(method, [], request) when method in [:GET, :HEAD], do: page(request)
  defp route(method, ["room", _], request) when method in [:GET, :HEAD], do: page(request)
  defp route(method, ["games"], request) when method in [:GET, :HEAD], do: page(request)
  defp route(method, ["assets", file], request) when method in [:GET, :HEAD], do: asset(request, file)
  # Pages of other nodes ask, too, when theirs has died.
  defp route(:GET, ["health"], request) do
    anybody = [{"Access-Control-Allow-Origin", "*"}, {"Cross-Origin-Resource-Policy", "cross-origin"}]
    Request.reply(request, 200, %{node: node(), rooms: length(Rooms.here())}, anybody)
  end

  defp route(:GET, ["api", "games"], request) do
    owner = owner(request)

    games =
      for game <- Catalogue.list(),
          do: Map.put(Map.delete(game, :owner), :yours, owner != nil and game.owner == owner)

    Request.reply(request, 200, %{games: games})
  end

  defp route(:POST, ["api", "games"], request), do: limited(request, :upload, &upload/1)

  defp route(:DELETE, ["api", "games", id], request) do
    case Catalogue.remove(id, owner(request)) do
      :ok -> Request.reply(request, 200, %{})
      {:error, text} -> Request.fail(request, 422, text)
    end
  end

  defp route(:POST, ["api", "rooms"], request), do: limited(request, :open, &open/1)

  defp route(method, ["api", "rooms", code | rest], request) do
    case Rooms.code(code) do
      {:ok, code} -> room(method, code, rest, request)
      :error -> Request.fail(request, 404, "A code has four letters.")
    end
  end

  defp route(_, _, request), do: Request.fail(request, 404, "There is nothing here.")

  defp room(:GET, code, [], request) do
    limited(request, :look, fn request ->
      case Rooms.call(code, :summary) do
        {:ok, summary} -> Request.reply(request, 200, summary)
        {:error, text} -> Request.fail(request, 404, text)
      end
    end)
  end

  defp room(:GET, code, ["stream"], request),
    do: limited(request, :look, &Stream.run(&1, code, Request.cookie(&1, name(code))))

  defp room(:POST, code, ["players"], request) do
    limited(request, :look, fn request ->
      with {:ok, body} <- Request.json(request, Limits.request_bytes_max()),
           {:ok, name, secret} <- Rooms.call(code, {:join, body["name"]}) do
        Request.reply(request, 201, %{code: code, name: name}, [Guard.cookie(name(code), secret)])
      else
        error -> failed(request, error)
      end
    end)
  end

  defp room(:POST, code, ["actions"], request) do
    limited(request, :act, fn request ->
      with {:ok, body} <- Request.json(request, Limits.request_bytes_max()),
           {:ok, action} <- action(body),
           :ok <- Rooms.call(code, {:act, Request.cookie(request, name(code)), action}) do
        Request.reply(request, 200, %{})
      else
        error -> failed(request, error)
      end
    end)
  end

  defp room(_, _, _, request), do: Request.fail(request, 404, "There is nothing here.")

  defp action(%{"do" => "select", "game" => id}) when is_binary(id), do: {:ok, {:select, id}}
  defp action(%{"do" => "start"}), do: {:ok, :start}
  defp action(%{"do" => "stop"}), do: {:ok, :stop}
  defp action(%{"do" => "leave"}), do: {:ok, :leave}

  defp action(%{"do" => "event", "event" => event, "value" => %{} = value}) when is_binary(event) do
    fits? = fn text -> is_binary(text) and byte_size(text) <= Limits.value_bytes_max() end

    if fits?.(event) and map_size(value) <= Limits.values_max() and
         Enum.all?(value, fn {k, v} -> fits?.(k) and fits?.(v) end),
       do: {:ok, {:event, event, value}},
       else: {:error, "The event is too large."}
  end

  defp action(_), do: {:error, "There is no such action."}

  # Opening a room is entering it: the first player is its host.
  defp open(request) do
    with {:ok, body} <- Request.json(request, Limits.request_bytes_max()),
         {:ok, _} <- Roster.check_name(body["name"]),
         {:ok, code} <- Rooms.open(),
         {:ok, name, secret} <- Rooms.call(code, {:join, body["name"]}) do
      Request.reply(request, 201, %{code: code, name: name}, [Guard.cookie(name(code), secret)])
    else
      error -> failed(request, error)
    end
  end

  # The body is the module itself; what it is called is in the query.
  defp upload(request) do
    owner =
      Request.cookie(request, "game_box") || Base.url_encode64(:crypto.strong_rand_bytes(24), padding: false)

    with {:type, "application/wasm"} <- {:type, Request.header(request, "content-type")},
         {:ok, bytes} <- Request.body(request, Limits.module_bytes_max()),
         %{"title" => title} <- request.query,
         {:ok, game} <- Catalogue.add(bytes, title, request.query["description"] || "", Roster.hash(owner)) do
      Request.reply(request, 201, %{id: game.id, title: game.title}, [Guard.cookie("game_box", owner)])
    else
      {:type, _} -> Request.fail(request, 415, "A game is sent as application/wasm.")
      %{} -> Request.fail(request, 422, "A game needs a title.")
      error -> failed(request, error)
    end
  end

  defp failed(request, {:error, status, text}), do: Request.fail(request, status, text)
  defp failed(request, {:error, text}), do: Request.fail(request, 422, text)

  defp limited(request, what, work) do
    if Rate.allow?(what, request.address),
      do: work.(request),
      else: Request.fail(request, 429, "That was too often. Wait a minute.")
  end

  defp owner(request) do
    with secret when secret != nil <- Request.cookie(request, "game_box"), do: Roster.hash(secret)
  end

  defp name(code), do: "room_#{code}"

  defp page(request), do: asset(request, "index.html")

  defp asset(request, file) do
    case Assets.get(file) do
      nil ->
        Request.fail(request, 404, "There is nothing here.")

      {type, tag, bytes} ->
        headers = [{"Content-Type", type}, {"ETag", ~s("#{tag}")}, {"Cache-Control", "no-cache"}]

        if Request.header(request, "if-none-match") == ~s("#{tag}"),
          do: Request.respond(request, 304, headers, ""),
          else: Request.respond(request, 200, headers, bytes)
    end
  end
end
