defmodule GameBox.Web.Request do
  @moduledoc """
  A request, and its answer. What mochiweb knows of it is asked for here only.

  Invariants: every answer has the headers of `GameBox.Web.Guard`; no body is read that is larger than whoever wants
  it allows, and none at all that comes without its length.
  """

  alias GameBox.Settings
  alias GameBox.Web.Guard

  @body_chunk 64 * 1024
  @body_wait_ms 10_000

  @type t :: %{
          method: atom() | String.t(),
          path: [String.t()],
          query: %{String.t() => String.t()},
          address: String.t(),
          native: term()
        }

  @doc "What mochiweb hands over."
  @spec new(term()) :: t()
  def new(native) do
    method = with list when is_list(list) <- :mochiweb_request.get(:method, native), do: to_string(list)
    path = native |> then(&:mochiweb_request.get(:path, &1)) |> :erlang.list_to_binary()
    query = for {k, v} <- :mochiweb_request.parse_qs(native), into: %{}, do: {text(k), text(v)}

    %{method: method, path: String.split(path, "/", trim: true), query: query, address: "", native: native}
    |> then(&%{&1 | address: address(&1)})
  end

  # Bytes of the request line.
  defp text(list), do: :erlang.list_to_binary(list)

  defp address(request) do
    forwarded = Settings.proxy?() && header(request, "x-forwarded-for")

    if forwarded do
      forwarded |> String.split(",") |> List.last() |> String.trim()
    else
      case :mochiweb_socket.peername(socket(request)) do
        {:ok, {address, _}} -> address |> :inet.ntoa() |> to_string()
        _ -> exit(:normal)
      end
    end
  end

  @doc "The connection."
  def socket(request), do: :mochiweb_request.get(:socket, request.native)

  @doc "A header, or `nil`."
  @spec header(t(), String.t()) :: String.t() | nil
  def header(request, name) do
    case :mochiweb_request.get_header_value(name, request.native) do
      :undefined -> nil
      value -> :erlang.list_to_binary(value)
    end
  end

  @doc "A cookie, or `nil`."
  @spec cookie(t(), String.t()) :: String.t() | nil
  def cookie(request, name) do
    case :mochiweb_request.get_cookie_value(to_charlist(name), request.native) do
      :undefined -> nil
      value -> to_string(value)
    end
  end

  @doc "The body, if it has at most so many bytes."
  @spec body(t(), pos_integer()) :: {:ok, binary()} | {:error, pos_integer(), String.t()}
  def body(request, bytes_max) do
    case {header(request, "transfer-encoding"), Integer.parse(header(request, "content-length") || "")} do
      {nil, {length, ""}} when length in 0..bytes_max//1 ->
        {:ok, read(request, length, [])}

      {nil, {length, ""}} when length > bytes_max ->
        {:error, 413, "The request is larger than #{bytes_max} bytes."}

      _ ->
        {:error, 411, "The request does not say how long it is."}
    end
  end

  defp read(_request, 0, parts), do: parts |> Enum.reverse() |> IO.iodata_to_binary()

  defp read(request, left, parts) do
    part = :mochiweb_request.recv(min(left, @body_chunk), @body_wait_ms, request.native)
    read(request, left - byte_size(part), [part | parts])
  end

  @doc "The body as a JSON object."
  @spec json(t(), pos_integer()) :: {:ok, map()} | {:error, pos_integer(), String.t()}
  def json(request, bytes_max) do
    with {:type, "application/json" <> _} <- {:type, header(request, "content-type")},
         {:ok, body} <- body(request, bytes_max),
         {:ok, %{} = object} <- decode(body) do
      {:ok, object}
    else
      {:type, _} -> {:error, 415, "The request is not JSON."}
      {:error, _, _} = error -> error
      _ -> {:error, 400, "The request is not a JSON object."}
    end
  end

  defp decode(body) do
    {:ok, :jiffy.decode(body, [:return_maps])}
  catch
    _, _ -> :error
  end

  @doc "Whether the length that a request says it has is one: mochiweb cannot answer where it is not."
  @spec measured?(t()) :: boolean()
  def measured?(request), do: (header(request, "content-length") || "0") =~ ~r/\A[+-]?\d+\z/

  @doc "Answers a request that is none, and ends the connection."
  @spec refuse(t()) :: no_return()
  def refuse(request) do
    _ =
      :mochiweb_socket.send(
        socket(request),
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
      )

    close(request)
  end

  @doc "Answers with JSON."
  @spec reply(t(), pos_integer(), term(), [{String.t(), String.t()}]) :: :ok
  def reply(request, status, value, headers \\ []) do
    body = :jiffy.encode(value, [:use_nil])

    respond(
      request,
      status,
      [{"Content-Type", "application/json"}, {"Cache-Control", "no-store"} | headers],
      body
    )
  end

  @doc "Answers that it went wrong, in words."
  @spec fail(t(), pos_integer(), String.t()) :: :ok
  def fail(request, status, text) do
    # The body may not have been read: what follows on this connection cannot be trusted.
    reply(
      request,
      status,
      %{error: text},
      if(status in [403, 411, 413, 415], do: [{"Connection", "close"}], else: [])
    )
  end

  @doc "Answers with bytes."
  @spec respond(t(), pos_integer(), [{String.t(), String.t()}], iodata()) :: :ok
  def respond(request, status, headers, body) do
    :mochiweb_request.respond({status, all_headers(headers), body}, request.native)
    if {"Connection", "close"} in headers, do: close(request)
    :ok
  end

  @doc "Begins an answer without an end."
  @spec stream(t(), [{String.t(), String.t()}]) :: :ok
  def stream(request, headers) do
    :mochiweb_request.start_raw_response(
      {200, all_headers([{"Connection", "close"} | headers])},
      request.native
    )

    :ok
  end

  @spec close(t()) :: no_return()
  defp close(request) do
    :mochiweb_socket.close(socket(request))
    exit(:normal)
  end

  # Those of an answer stand in the place of those of all answers.
  defp all_headers(headers) do
    for {name, value} <- Enum.uniq_by(headers ++ Guard.headers(), &elem(&1, 0)),
        do: {to_charlist(name), value}
  end
end
