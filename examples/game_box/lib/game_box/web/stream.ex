defmodule GameBox.Web.Stream do
  @moduledoc """
  What a room shows, sent to a browser as server-sent events for as long as both are there.

  Must not know: what is shown. Invariants: a browser that is slow gets the newest and not everything in between;
  when a room moves to another node, the stream finds it there.
  """

  alias GameBox.{Rooms, Settings}
  alias GameBox.Web.Request

  @beat_ms 15_000
  @again_ms 200

  @doc "Follows a room until the browser goes."
  @spec run(Request.t(), String.t(), String.t() | nil) :: :ok | no_return()
  def run(request, code, secret) do
    case Rooms.call(code, {:watch, self(), secret}) do
      {:error, text} ->
        Request.fail(request, 404, text)

      {:ok, _name} ->
        Request.stream(request, [{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}])
        socket = Request.socket(request)
        # Of what a browser sends now, one part is taken in at most: it has nothing to say.
        :ok = :mochiweb_socket.setopts(socket, active: :once, send_timeout: 10_000, send_timeout_close: true)
        emit(socket, "nodes", :jiffy.encode(%{urls: Settings.urls()}))
        loop(%{socket: socket, code: code, secret: secret, room: nil})
    end
  end

  defp loop(state) do
    receive do
      {:room, pid, payload} ->
        {pid, payload} = newest(pid, payload)
        emit(state.socket, "room", payload)
        loop(follow(state, pid))

      {:DOWN, ref, :process, _, _} when ref == elem(state.room, 1) ->
        again(%{state | room: nil})

      :again ->
        again(state)

      {closed, _} when closed in [:tcp_closed, :ssl_closed] ->
        exit(:normal)

      {ended, _, _} when ended in [:tcp, :ssl, :tcp_error, :ssl_error] ->
        exit(:normal)

      _ ->
        loop(state)
    after
      @beat_ms -> state |> beat() |> loop()
    end
  end

  defp newest(pid, payload) do
    receive do
      {:room, pid, payload} -> newest(pid, payload)
    after
      0 -> {pid, payload}
    end
  end

  defp follow(%{room: {pid, _}} = state, pid), do: state

  defp follow(state, pid) do
    with {_, monitor} <- state.room, do: Process.demonitor(monitor, [:flush])
    %{state | room: {pid, Process.monitor(pid)}}
  end

  # The room has moved, or is about to.
  defp again(state) do
    emit(state.socket, "moving", "{}")

    case Rooms.call(state.code, {:watch, self(), state.secret}) do
      {:ok, _} ->
        loop(state)

      {:error, _} ->
        if Rooms.find(state.code) == :none do
          emit(state.socket, "gone", "{}")
          :mochiweb_socket.close(state.socket)
          exit(:normal)
        else
          Process.send_after(self(), :again, @again_ms)
          loop(state)
        end
    end
  end

  defp beat(state) do
    write(state.socket, ": \n\n")
    state
  end

  defp emit(socket, event, json), do: write(socket, ["event: ", event, "\ndata: ", json, "\n\n"])

  defp write(socket, data) do
    case :mochiweb_socket.send(socket, data) do
      :ok -> :ok
      _ -> exit(:normal)
    end
  end
end
