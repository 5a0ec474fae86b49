defmodule GameBox.Room do
  @moduledoc """
  A room: a process that is alone in the cluster under its code, with a plug-in of its own.

  Must not know: HTML, HTTP, which node it is on. Invariants: what it tells anybody is on the disks of more than
  half of the nodes first (`GameBox.Store`); one turn at a time; a turn that fails changes nothing; whatever a game
  does, the room answers.

  What is kept of a room is a map: `:roster`, `:game` (its id, when one is selected), `:play` (when it is being
  played: `:seats`, `:position`, `:moves`) and `:touched`.
  """

  use GenServer, restart: :temporary

  alias Extism.PluginServer
  alias GameBox.{Catalogue, Limits, Roster, Store, Turn}
  alias GameBox.Room.Audience

  @turn_grace_ms 2000

  @doc "A room as it is when it is opened."
  @spec new() :: map()
  def new, do: %{roster: Roster.new(), game: nil, play: nil, touched: now()}

  def start_link(code), do: GenServer.start_link(__MODULE__, code, name: {:global, {__MODULE__, code}})

  @doc "The process of a room in the whole cluster, or `nil`."
  @spec whereis(String.t()) :: pid() | nil
  def whereis(code) do
    with :undefined <- :global.whereis_name({__MODULE__, code}), do: nil
  end

  @impl true
  def init(code) do
    Process.flag(:trap_exit, true)

    case Store.room(code) do
      nil ->
        :ignore

      {serial, room} ->
        state = %{
          code: code,
          serial: serial,
          room: room,
          audience: Audience.new(),
          views: %{},
          notice: nil,
          server: nil,
          loaded: nil,
          turn: nil,
          waiting: :queue.new()
        }

        {:ok, _} = :timer.send_interval(div(Limits.room_idle_ms_max(), 24), :look_whether_idle)
        {:ok, state, {:continue, :resume}}
    end
  end

  # A room that comes back shows the last confirmed position.
  @impl true
  def handle_continue(:resume, %{room: %{play: nil}} = state), do: {:noreply, state}
  def handle_continue(:resume, state), do: {:noreply, enqueue(state, {:show, nil, nil})}

  @impl true
  def handle_call({:join, name}, _from, state) do
    case Roster.join(state.room.roster, name) do
      {:ok, roster, name, secret} ->
        keep(%{state.room | roster: roster}, state, {:ok, name, secret})

      {:error, text} ->
        {:reply, {:error, text}, state}
    end
  end

  def handle_call({:watch, pid, secret}, _from, state) do
    name = Roster.who(state.room.roster, secret)

    if Audience.count(state.audience, name) >= Limits.streams_max(name) do
      {:reply, {:error, "Too many browsers follow this room."}, state}
    else
      state = %{state | audience: Audience.add(state.audience, pid, name)}
      {:reply, {:ok, name}, show(state)}
    end
  end

  def handle_call(:summary, _from, state) do
    {:reply, {:ok, %{code: state.code, players: Roster.names(state.room.roster)}}, state}
  end

  def handle_call({:act, secret, action}, from, state) do
    case Roster.who(state.room.roster, secret) do
      nil -> {:reply, {:error, "You are not a player of this room."}, state}
      name -> act(action, name, from, state)
    end
  end

  # A move is answered when its turn is over, everything else at once.
  defp act({:event, event, value}, name, from, %{room: %{play: %{seats: seats}}} = state) do
    cond do
      name not in seats -> refuse("You joined after the game began. Watch, and play the next one.", state)
      :queue.len(state.waiting) >= Limits.queue_max() -> refuse("Too many moves at once.", state)
      true -> {:noreply, enqueue(state, {:event, {name, event, value}, from})}
    end
  end

  defp act({:event, _, _}, _name, _from, state), do: refuse("No game is being played.", state)

  defp act(:leave, name, _from, %{room: %{play: %{seats: seats}}} = state) do
    if name in seats,
      do: refuse("You cannot leave in the middle of a game; the host can end it.", state),
      else: leave(name, state)
  end

  defp act(:leave, name, _from, state), do: leave(name, state)

  defp act(_action, name, _from, %{room: %{roster: %{host: host}}} = state) when name != host,
    do: refuse("Only the host, #{host}, can do that.", state)

  defp act({:select, id}, _name, _from, state) do
    case {state.room.play, is_binary(id) && Catalogue.get(id)} do
      {nil, %{}} -> keep(%{state.room | game: id}, state, :ok, &end_game/1)
      {nil, _} -> refuse("There is no such game.", state)
      _ -> refuse("A game is being played.", state)
    end
  end

  defp act(:start, _name, from, %{room: %{play: nil, game: id}} = state) when id != nil do
    names = Roster.names(state.room.roster)

    case Catalogue.get(id) do
      nil ->
        refuse("The game has been removed.", state)

      %{min: least} when length(names) < least ->
        refuse("Not enough players to start the game: it needs at least #{least}.", state)

      game ->
        {:noreply, enqueue(state, {:begin, Enum.take(names, game.max), from})}
    end
  end

  defp act(:start, _name, _from, state), do: refuse("Select a game first.", state)

  defp act(:stop, _name, _from, state), do: keep(%{state.room | play: nil}, state, :ok, &end_game/1)

  defp act(_action, _name, _from, state), do: refuse("There is no such action.", state)

  defp refuse(text, state), do: {:reply, {:error, text}, state}

  defp leave(name, state) do
    # Whoever takes the name next is somebody else: browsers of this one only watch from now on.
    forget = &%{&1 | audience: Audience.forget(&1.audience, name)}
    keep(%{state.room | roster: Roster.leave(state.room.roster, name)}, state, :ok, forget)
  end

  defp end_game(state) do
    for {_, _, from} <- :queue.to_list(state.waiting),
        do: answer(from, {:error, "The host has ended the game."})

    unload(%{state | waiting: :queue.new(), views: %{}})
  end

  # First the disks of the cluster, then everybody who looks.
  defp keep(room, state, reply, then \\ & &1) do
    case store(room, state) do
      {:ok, state} -> {:reply, reply, show(then.(%{state | notice: nil}))}
      {:error, :stale} -> {:stop, {:shutdown, :stale}, {:error, "The room has moved. Try again."}, state}
      {:error, text} -> {:reply, {:error, "Nothing was changed: #{text}."}, state}
    end
  end

  defp store(room, state) do
    room = %{room | touched: now()}

    with :ok <- Store.advance(state.code, state.serial, room),
         do: {:ok, %{state | room: room, serial: state.serial + 1}}
  end

  # --- turns ---------------------------------------------------------------------------------------------------

  defp enqueue(state, item), do: advance(%{state | waiting: :queue.in(item, state.waiting)})

  defp advance(%{turn: nil} = state) do
    case :queue.out(state.waiting) do
      {:empty, _} -> state
      {{:value, item}, waiting} -> begin(item, %{state | waiting: waiting})
    end
  end

  defp advance(state), do: state

  # Started twice, by two clicks.
  defp begin({:begin, _, from}, %{room: %{play: play}} = state) when play != nil do
    answer(from, {:error, "A game is being played."})
    advance(state)
  end

  defp begin({kind, about, from} = item, state) do
    {seats, position, job} = job(kind, about, state.room)
    state = with_server(state)
    %{server: server, loaded: loaded, room: %{game: id}} = state

    task =
      Task.Supervisor.async_nolink(GameBox.Turns, fn ->
        bytes = if loaded != id, do: Catalogue.bytes(id) || exit(:no_bytes)
        Turn.run(server, bytes, position, seats, job)
      end)

    limit = Limits.turn_time_ms_max() + if(loaded == id, do: 0, else: Limits.load_time_ms_max())
    timer = Process.send_after(self(), {:turn_is_late, task.ref}, limit + @turn_grace_ms)
    %{state | turn: %{task: task, timer: timer, item: item, seats: seats, from: from}}
  end

  defp job(:begin, names, _room), do: {names, nil, {:begin, GameBox.Game.seed()}}
  defp job(:show, _, room), do: {room.play.seats, room.play.position, :show}

  defp job(:event, {name, event, value}, room),
    do: {room.play.seats, room.play.position, {:event, name, event, value}}

  # The plug-in lives in a process that is linked: they end together.
  defp with_server(%{server: nil} = state) do
    {:ok, server} = PluginServer.start_link(call_timeout: Limits.call_time_ms_max())
    %{state | server: server, loaded: nil}
  end

  defp with_server(state), do: state

  defp unload(state) do
    state = abandon(state)
    if state.server, do: Process.exit(state.server, :kill)
    %{state | server: nil, loaded: nil}
  end

  # A turn whose game has been ended.
  defp abandon(%{turn: nil} = state), do: state

  defp abandon(%{turn: turn} = state) do
    Process.cancel_timer(turn.timer)
    Task.shutdown(turn.task, :brutal_kill)
    answer(turn.from, {:error, "The host has ended the game."})
    %{state | turn: nil}
  end

  defp finish(result, %{turn: turn} = state) do
    Process.cancel_timer(turn.timer)
    state = settle(result, turn, %{state | turn: nil, loaded: loaded(result, state)})
    if is_tuple(state), do: state, else: {:noreply, advance(state)}
  end

  # A game that answered is loaded, whatever it answered.
  defp loaded({:ok, _, _}, state), do: state.room.game
  defp loaded({:refused, _}, state), do: state.room.game
  defp loaded(_, state), do: state.loaded

  defp settle({:ok, _position, views}, %{item: {:show, _, _}}, state), do: show(%{state | views: views})

  defp settle({:ok, position, views}, turn, state) do
    moves = if state.room.play, do: state.room.play.moves + 1, else: 0
    play = %{seats: turn.seats, position: position, moves: moves}

    case store(%{state.room | play: play}, state) do
      {:ok, state} ->
        answer(turn.from, :ok)
        show(%{state | views: views, notice: nil})

      {:error, :stale} ->
        answer(turn.from, {:error, "The room has moved. Try again."})
        {:stop, {:shutdown, :stale}, state}

      {:error, text} ->
        answer(turn.from, {:error, "This move was not made: #{text}."})
        state
    end
  end

  # The one who moved is told what the game said; nobody else has seen anything.
  defp settle({:refused, text}, %{item: {:event, _, _}} = turn, state) do
    answer(turn.from, {:error, text})
    state
  end

  # The turn is lost, and with it the plug-in: the next one is loaded anew, into the position that is confirmed.
  defp settle({_, text}, turn, state) do
    answer(turn.from, {:error, text})
    show(%{drop_server(state) | notice: "#{text}. Nothing has changed."})
  end

  defp drop_server(%{server: nil} = state), do: state

  defp drop_server(state) do
    Process.exit(state.server, :kill)
    %{state | server: nil, loaded: nil}
  end

  defp answer(nil, _), do: :ok
  defp answer(from, reply), do: GenServer.reply(from, reply)

  @impl true
  def handle_info({ref, result}, %{turn: %{task: %{ref: ref}}} = state) do
    Process.demonitor(ref, [:flush])
    finish(result, state)
  end

  def handle_info({:DOWN, ref, :process, _, _}, %{turn: %{task: %{ref: ref}}} = state),
    do: finish({:failed, "The turn could not be made"}, state)

  def handle_info({:turn_is_late, ref}, %{turn: %{task: %{ref: ref} = task}} = state) do
    Task.shutdown(task, :brutal_kill)
    finish({:failed, "The game took too long"}, state)
  end

  def handle_info({:DOWN, _, :process, pid, _}, state) do
    {name, audience} = Audience.remove(state.audience, pid)

    if name == state.room.roster.host,
      do: Process.send_after(self(), {:host_away, name}, Limits.host_away_ms_max())

    {:noreply, show(%{state | audience: audience})}
  end

  def handle_info({:host_away, host}, state) do
    here = Enum.filter(Roster.names(state.room.roster), &(Audience.count(state.audience, &1) > 0))

    if host != state.room.roster.host or host in here or here == [] do
      {:noreply, state}
    else
      room = put_in(state.room, [:roster, :host], hd(here))

      case keep(room, state, :ok) do
        {:reply, _, state} -> {:noreply, state}
        {:stop, reason, _, state} -> {:stop, reason, state}
      end
    end
  end

  def handle_info(:look_whether_idle, state) do
    if Audience.size(state.audience) == 0 and now() - state.room.touched > Limits.room_idle_ms_max() do
      Store.delete([{:game_box_room, state.code}])
      {:stop, {:shutdown, :idle}, state}
    else
      {:noreply, state}
    end
  end

  # The plug-in's process has ended, by our hand or its own: the next turn begins another.
  def handle_info({:EXIT, server, _}, %{server: server} = state),
    do: {:noreply, %{state | server: nil, loaded: nil}}

  def handle_info(_, state), do: {:noreply, state}

  defp show(state) do
    Audience.show(state.audience, fn name -> payload(state, name) end)
    state
  end

  # What somebody may know of the room: with a view of one's own, or that for everybody.
  defp payload(%{room: %{roster: roster, play: play}} = state, name) do
    seats = if play, do: play.seats, else: []
    viewer = if name in seats, do: name, else: ""

    %{
      code: state.code,
      you: name,
      host: roster.host,
      players:
        for(
          player <- Roster.names(roster),
          do: %{name: player, here: Audience.count(state.audience, player) > 0, plays: player in seats}
        ),
      watching: Audience.count(state.audience, nil),
      game: state.room.game && card(Catalogue.get(state.room.game)),
      playing: play != nil,
      plays: name in seats,
      moves: if(play, do: play.moves),
      view: Map.get(state.views, viewer),
      notice: state.notice,
      node: if(Node.alive?(), do: node())
    }
  end

  defp card(nil), do: nil
  defp card(game), do: Map.take(game, [:id, :title, :description, :min, :max])

  defp now, do: System.os_time(:millisecond)
end
