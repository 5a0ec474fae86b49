defmodule GameBox.WebTest do
  use ExUnit.Case, async: false

  import GameBox.Client

  alias GameBox.{Catalogue, Games, Limits}

  test "the page and its files" do
    {200, headers, body} = ask(:get, "/")
    assert body =~ "<title>Game box</title>"
    assert {'content-type', 'text/html; charset=utf-8'} in headers
    assert {200, _, ^body} = ask(:get, "/room/BCDF")

    for file <- ["app.js", "app.css", "dom.js", "board.js", "box.js", "room.js", "icon.svg"],
        do: assert({200, _, _} = ask(:get, "/assets/#{file}"))

    {_, tag} = List.keyfind(headers, 'etag', 0)
    assert {304, _, ""} = ask(:get, "/", headers: [{"if-none-match", tag}])

    for path <- [
          "/nothing",
          "/assets/../mix.exs",
          "/assets/%2e%2e/mix.exs",
          "/assets/none.js",
          "/api",
          "/api/rooms/BCDF/nothing"
        ],
        do: assert({404, _, _} = ask(:get, path))
  end

  # Each answer, also one that failed, tells browsers what they may do with it.
  test "headers that keep a page to itself" do
    for path <- ["/", "/api/games", "/nothing", "/assets/app.js"] do
      {_, headers, _} = ask(:get, path)
      {_, policy} = List.keyfind(headers, 'content-security-policy', 0)
      directives = policy |> to_string() |> String.split("; ")

      for part <- [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'"
          ],
          do: assert(part in directives)

      refute to_string(policy) =~ "unsafe"
      assert {'x-content-type-options', 'nosniff'} in headers
      assert {'x-frame-options', 'DENY'} in headers
      assert {'referrer-policy', 'no-referrer'} in headers
    end
  end

  test "the page never makes markup of text" do
    for file <- Path.wildcard(Path.expand("../priv/static/*.js", __DIR__)),
        do:
          refute(
            File.read!(file) =~
              ~r/innerHTML\s*=|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|setHTML|srcdoc/
          )
  end

  test "requests of other pages are refused" do
    post = fn headers -> ask(:post, "/api/rooms", body: %{name: "ada"}, headers: headers) end
    assert {201, _, _} = post.([])
    own = base()

    for origin <- [
          "http://evil.example",
          "null",
          "https://127.0.0.1",
          own <> ".evil.example",
          String.replace(own, "127.0.0.1", "localhost")
        ],
        do:
          assert(
            {403, _, %{"error" => "This request comes from another page."}} = post.([{"origin", origin}])
          )

    assert {403, _, _} = post.([{"sec-fetch-site", "cross-site"}])
    assert {403, _, _} = post.([{"sec-fetch-site", "same-site"}])
    assert {201, _, _} = post.([{"sec-fetch-site", "same-origin"}])
    assert {403, _, _} = ask(:delete, "/api/games/x", headers: [{"origin", "http://evil.example"}])

    assert {403, _, _} =
             ask(:post, "/api/games?title=x",
               body: "x",
               type: "application/wasm",
               headers: [{"origin", "http://evil.example"}]
             )

    {code, _} = room(["ada"])
    assert {403, _, _} = ask(:get, "/api/rooms/#{code}/stream", headers: [{"origin", "http://evil.example"}])
    assert {403, _, _} = ask(:get, "/api/rooms/#{code}/stream", headers: [{"sec-fetch-site", "cross-site"}])
  end

  test "a length that is none is answered" do
    for length <- ["0x5", "5,5", "1e3", "-", "\xff"] do
      head = "POST /api/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json"
      assert raw("#{head}\r\nContent-Length: #{length}\r\n\r\n{}") =~ "HTTP/1.1 400", length
    end
  end

  test "a browser that sends more on its stream is let go" do
    {code, [ada]} = room(["Ada"])
    socket = follow(code, ada)
    next(socket, &(&1["you"] == "ADA"))
    :ok = :gen_tcp.send(socket, "more")
    assert_receive {:tcp_closed, ^socket}, 5000
  end

  test "a request that changes something says where it comes from" do
    assert raw(
             "POST /api/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
           ) =~ "403"
  end

  test "a name that was pointed at this address is not this box" do
    assert {421, _, %{"error" => "This is not evil.example:80."}} =
             ask(:get, "/", headers: [{"host", "evil.example:80"}])

    assert raw("GET / HTTP/1.0\r\n\r\n") =~ "421"
    assert {200, _, _} = ask(:get, "/", headers: [{"host", "LOCALHOST:1"}])
  end

  test "requests have bounds" do
    large = String.duplicate("a", Limits.request_bytes_max())

    assert {413, _, %{"error" => "The request is larger than 16384 bytes."}} =
             ask(:post, "/api/rooms", body: %{name: large})

    assert raw(
             "POST /api/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
           ) =~ "411"

    assert raw(
             "POST /api/games?title=x HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nContent-Type: application/wasm\r\nContent-Length: 99999999999\r\n\r\n"
           ) =~ "413"

    assert raw(
             "POST /api/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: -5\r\n\r\n"
           ) =~ "411"

    for type <- ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"],
        do: assert({415, _, _} = ask(:post, "/api/rooms", body: ~s({"name":"ada"}), type: type))

    for body <- ["", "{", "[]", "1", "\xff", ~s({"name":)],
        do: assert({status, _, _} = ask(:post, "/api/rooms", body: body)) && assert(status in [400, 411])

    {code, [ada]} = room(["ada"])
    assert {422, "The event is too large."} = move(code, ada, String.duplicate("e", 1025))
    assert {422, "The event is too large."} = move(code, ada, "e", Map.new(1..33, &{"k#{&1}", "v"}))
    assert {422, "The event is too large."} = move(code, ada, "e", %{"k" => 5})

    for action <- [
          %{},
          %{do: "fly"},
          %{do: "event"},
          %{do: 5},
          %{do: "select"},
          %{do: "event", event: "e", value: []}
        ],
        do: assert({422, "There is no such action."} = act(code, ada, action))
  end

  test "whatever is sent, the box goes on" do
    for bytes <- [
          "\r\n\r\n",
          "GET\r\n\r\n",
          "GET /%zz%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
          "GET /?%ff=%fe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
          "BREW /api/games HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n\r\n",
          :crypto.strong_rand_bytes(500) <> "\r\n\r\n"
        ],
        do: raw(bytes)

    assert {200, _, _} = ask(:get, "/health")
  end

  test "nobody opens rooms without end" do
    rates = Application.get_env(:game_box, :rates)
    on_exit(fn -> Application.put_env(:game_box, :rates, rates) end)
    Application.put_env(:game_box, :rates, Map.put(rates, :open, 0))

    assert {429, _, %{"error" => "That was too often. Wait a minute."}} =
             ask(:post, "/api/rooms", body: %{name: "ada"})

    Application.put_env(:game_box, :rates, Map.merge(rates, %{upload: 0, look: 0, act: 0}))
    assert {429, _, _} = ask(:post, "/api/games?title=x", body: "x", type: "application/wasm")
    assert {429, _, _} = ask(:get, "/api/rooms/BCDF")
    assert {429, _} = act("BCDF", "a=b", %{do: "start"})
  end

  test "secrets: unguessable, not for scripts, not for other sites, not in the database" do
    {201, headers, %{"code" => code}} = ask(:post, "/api/rooms", body: %{name: "ada"})
    {_, cookie} = List.keyfind(headers, 'set-cookie', 0)
    assert to_string(cookie) =~ ~r/^room_#{code}=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/
    [_, secret] = Regex.run(~r/=([\w-]{32});/, to_string(cookie))
    refute :erlang.term_to_binary(GameBox.Store.room(code)) =~ secret
    refute :jiffy.encode(next(follow(code, cookie(headers)), fn _ -> true end), [:use_nil]) =~ secret
  end

  test "uploads: in, refused with a reason, out again by whoever brought it in" do
    for %{title: "Mine"} = game <- Catalogue.list(), do: GameBox.Store.delete([{:game_box_game, game.id}])
    bytes = Games.altered("hostile", "cannot", "mustn't" |> String.slice(0, 6))

    upload = fn body, query, cookie ->
      ask(:post, "/api/games?" <> URI.encode_query(query),
        body: body,
        type: "application/wasm",
        headers: [{"cookie", cookie}]
      )
    end

    assert {422, _, %{"error" => "This is not a WebAssembly module" <> _}} =
             upload.("no", %{title: "Mine"}, nil)

    assert {422, _, %{"error" => "A game needs a title."}} = upload.(bytes, %{}, nil)
    assert {415, _, _} = ask(:post, "/api/games?title=x", body: bytes, type: "application/octet-stream")
    assert {201, headers, %{"id" => id}} = upload.(bytes, %{title: "Mine", description: "a & b é"}, nil)
    {200, _, %{"games" => games}} = ask(:get, "/api/games", headers: [{"cookie", cookie(headers)}])

    assert %{"title" => "Mine", "description" => "a & b é", "yours" => true, "min" => 2} =
             Enum.find(games, &(&1["id"] == id))

    {200, _, %{"games" => games}} = ask(:get, "/api/games")
    assert %{"yours" => false} = Enum.find(games, &(&1["id"] == id))
    assert {422, _, _} = ask(:delete, "/api/games/#{id}")
    assert {200, _, _} = ask(:delete, "/api/games/#{id}", headers: [{"cookie", cookie(headers)}])
    {200, _, %{"games" => games}} = ask(:get, "/api/games")
    refute Enum.any?(games, &(&1["id"] == id))
  end

  defp raw(bytes) do
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, GameBox.Web.port(), [:binary, active: false])
    :ok = :gen_tcp.send(socket, bytes)

    case :gen_tcp.recv(socket, 0, 3000) do
      {:ok, answer} -> answer
      {:error, _} -> ""
    end
  after
    :ok
  end
end
