defmodule GameBox.Client do
  @moduledoc "Asks a box what a browser would, and what a browser would not."

  @doc "A request: `{status, headers, body}`, the body decoded if it is JSON."
  def ask(method, path, options \\ []) do
    base = options[:base] || base()
    body = options[:body]
    type = to_charlist(options[:type] || "application/json")

    headers =
      for {k, v} <- [{"origin", base} | options[:headers] || []],
          v != nil,
          do: {to_charlist(k), to_charlist(v)}

    url = to_charlist(base <> path)
    request = if method in [:get, :delete], do: {url, headers}, else: {url, headers, type, encode(body)}

    {:ok, {{_, status, _}, headers, answer}} =
      :httpc.request(method, request, [timeout: 30_000], body_format: :binary)

    {status, headers, decode(answer, headers)}
  end

  @doc "Where the pages of this node are."
  def base, do: "http://127.0.0.1:#{GameBox.Web.port()}"

  @doc "Opens a room with these players: its code, and the cookie of each."
  def room([first | others], options \\ []) do
    {201, headers, %{"code" => code}} = ask(:post, "/api/rooms", [body: %{name: first}] ++ options)

    joined =
      for name <- others do
        {201, headers, _} = ask(:post, "/api/rooms/#{code}/players", [body: %{name: name}] ++ options)
        cookie(headers)
      end

    {code, [cookie(headers) | joined]}
  end

  @doc "Does something in a room."
  def act(code, cookie, action, options \\ []) do
    {status, _, body} =
      ask(:post, "/api/rooms/#{code}/actions", [body: action, headers: [{"cookie", cookie}]] ++ options)

    {status, body["error"]}
  end

  @doc "Does something in a game."
  def move(code, cookie, event, value \\ %{}, options \\ []),
    do: act(code, cookie, %{do: "event", event: event, value: value}, options)

  @doc "Follows a room: the process gets what `next/2` waits for."
  def follow(code, cookie, options \\ []) do
    uri = URI.parse(options[:base] || base())
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, uri.port, [:binary, active: true])
    cookie = if cookie, do: "Cookie: #{cookie}\r\n", else: ""
    path = "/api/rooms/#{code}/stream"
    :ok = :gen_tcp.send(socket, "GET #{path} HTTP/1.1\r\nHost: #{uri.authority}\r\n#{cookie}\r\n")
    socket
  end

  @doc "Waits for a state of the room for which the function is true. States before it are passed over."
  def next(socket, wanted?, deadline \\ now() + 15_000) do
    case take(socket) do
      {:ok, state} -> if wanted?.(state), do: state, else: next(socket, wanted?, deadline)
      :more -> receive_part(socket, max(deadline - now(), 0)) && next(socket, wanted?, deadline)
    end
  end

  defp now, do: System.monotonic_time(:millisecond)

  # What has come of a stream and was not looked at yet is kept under its socket.
  defp take(socket) do
    case String.split(Process.get(socket, ""), "\n\n", parts: 2) do
      [event, rest] ->
        Process.put(socket, rest)

        case String.split(event, "\n") do
          ["event: room", "data: " <> json] -> {:ok, :jiffy.decode(json, [:return_maps, :use_nil])}
          _ -> take(socket)
        end

      [_] ->
        :more
    end
  end

  defp receive_part(socket, wait_ms) do
    receive do
      {:tcp, ^socket, part} -> {Process.put(socket, Process.get(socket, "") <> part)}
      {:tcp_closed, ^socket} -> raise "the stream ended: #{Process.get(socket)}"
    after
      wait_ms -> raise "what was waited for has not come"
    end
  end

  @doc "All text of a view."
  def text(%{"view" => %{"body" => body}}), do: text(body)
  def text(nodes) when is_list(nodes), do: Enum.map_join(nodes, " ", &node_text/1)

  defp node_text([_, _, children, _]), do: text(children)
  defp node_text(text), do: text

  @doc "The cookie that an answer sets, as a request has it."
  def cookie(headers) do
    {_, cookie} = List.keyfind(headers, 'set-cookie', 0)
    cookie |> to_string() |> String.split(";") |> hd()
  end

  defp encode(body) when is_binary(body), do: body
  defp encode(body), do: :jiffy.encode(body)

  defp decode(body, headers) do
    case List.keyfind(headers, 'content-type', 0) do
      {_, 'application/json'} -> :jiffy.decode(body, [:return_maps, :use_nil])
      _ -> body
    end
  end
end
