%% @doc A process that is a plug-in: it can be supervised, registered, and called by its pid from any node.
%%
%% Requests, by `gen_server:call':
%% <ul>
%% <li>`{new, Source, WasiOrOptions}': loads a plug-in, in the place of the one there is;</li>
%% <li>`{reload, Source, WasiOrOptions}': the same, but the new plug-in gets the variables of the old one;</li>
%% <li>`{call, Name, Input}', `{call, Name, Input, CallOptions}': calls a function;</li>
%% <li>`{Function, Argument…}': any other function of {@link extism_plugin} on the plug-in;</li>
%% <li>`cancel': stops the call that runs.</li>
%% </ul>
%% The server stays responsive while a call runs: it queues what comes meanwhile, stops a call whose time is up
%% or whose caller has died, and can be told to cancel it.
%%
%% Must not know: what the plug-in does. Invariants: whoever asks is answered once; one call at a time; what
%% one asks in a wrong way is nothing to the others; when the server ends, however it does, its plug-in is freed.
-module(extism_plugin_server).

-behaviour(gen_server).

-export([start_link/1, start_link/2, child_spec/1]).
-export([new/3, reload/3, call/3, call/4, cancel/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
-export_type([options/0]).

-type options() :: #{
    source => extism_manifest:source() | extism_compiled_plugin:compiled_plugin(),
    options => boolean() | extism:options(),
    call_timeout => timeout(),
    keep_vars => term(),
    read => fun((term()) -> term()),
    translate => fun((term()) -> term()),
    handle => fun((atom(), [term()]) -> term()),
    name => term()
}.
%% `source' is loaded before the server has started. `call_timeout' is the time of calls that do not say, 5 seconds unless
%% given. `keep_vars' is a key: under it the plug-in's variables are kept after each call, and a server that is
%% restarted begins with them. `read' is applied to what callers ask, and `translate' to what they are answered.

-record(job, {
    from :: gen_server:from() | undefined,
    kind :: {call, term()} | {load, new | reload, extism:options()},
    start :: fun((term()) -> extism_call:result(extism_call:call())),
    monitor :: reference() | undefined,
    timer :: reference() | undefined,
    began = 0 :: integer(),
    call :: extism_call:call() | undefined
}).

-record(state, {
    context :: extism_context:context(),
    plugin :: extism_plugin:plugin() | undefined,
    job :: #job{} | undefined,
    queue = queue:new() :: queue:queue(#job{} | {now, gen_server:from(), fun()}),
    timeout :: timeout(),
    key :: term(),
    read :: fun((term()) -> term()),
    translate :: fun((term()) -> term()),
    handle :: fun((atom(), [term()]) -> term())
}).

%% @doc Starts a server. Its `name' is as for `gen_server:start_link'; without one it is not registered.
-spec start_link(options()) -> gen_server:start_ret().
start_link(#{name := Name} = Options) ->
    start_link(name(Name), maps:remove(name, Options));
start_link(Options) ->
    gen_server:start_link(?MODULE, Options, []).

name(Name) when is_atom(Name) -> {local, Name};
name(Name) -> Name.

%% @doc Starts a server under a name: `{local, Name}', `{global, Name}' or `{via, Module, Name}'.
-spec start_link(tuple(), options()) -> gen_server:start_ret().
start_link(Name, Options) ->
    gen_server:start_link(Name, ?MODULE, Options, []).

%% @doc How a supervisor starts one.
-spec child_spec(options()) -> supervisor:child_spec().
child_spec(Options) ->
    #{id => maps:get(name, Options, ?MODULE), start => {?MODULE, start_link, [Options]}}.

%% @doc Loads a plug-in, in the place of the one there is.
-spec new(gen_server:server_ref(), extism_manifest:source(), boolean() | extism:options()) -> term().
new(Server, Source, Options) ->
    gen_server:call(Server, {new, Source, Options}, infinity).

%% @doc As {@link new/3}, but the new plug-in gets the variables of the old one.
-spec reload(gen_server:server_ref(), extism_manifest:source(), boolean() | extism:options()) -> term().
reload(Server, Source, Options) ->
    gen_server:call(Server, {reload, Source, Options}, infinity).

%% @equiv call(Server, Name, Input, #{})
-spec call(gen_server:server_ref(), unicode:chardata(), iodata()) -> term().
call(Server, Name, Input) ->
    call(Server, Name, Input, #{}).

%% @doc Calls a function. The server answers in time: after `timeout' the call is stopped.
-spec call(gen_server:server_ref(), unicode:chardata(), iodata(), extism_plugin:call_options()) -> term().
call(Server, Name, Input, Options) ->
    gen_server:call(Server, {call, Name, Input, Options}, infinity).

%% @doc Stops the call that runs.
-spec cancel(gen_server:server_ref()) -> ok.
cancel(Server) ->
    gen_server:call(Server, cancel, infinity).

%% @private
-spec init(options()) -> {ok, #state{}} | {stop, term()}.
init(Options) ->
    false = process_flag(trap_exit, true),
    State = #state{
        context = extism_context:new(),
        timeout = maps:get(call_timeout, Options, 5000),
        key = maps:get(keep_vars, Options, undefined),
        read = maps:get(read, Options, fun(Request) -> Request end),
        translate = maps:get(translate, Options, fun(Value) -> Value end),
        handle = maps:get(handle, Options, fun(Name, Arguments) -> apply(extism_plugin, Name, Arguments) end)
    },
    case Options of
        #{source := Source} -> load(Source, options(maps:get(options, Options, #{})), State);
        _ -> {ok, State}
    end.

load(Source, Options, #state{context = Context} = State) ->
    case extism_context:new_plugin(Context, Source, Options) of
        {ok, Plugin} ->
            ok = restore(Plugin, State),
            {ok, loaded(load, State#state{plugin = Plugin})};
        {error, _} = Error ->
            {error, Reason} = (State#state.translate)(Error),
            {stop, Reason}
    end.

options(Wasi) when is_boolean(Wasi) -> #{wasi => Wasi};
options(Options) -> Options.

%% A server that crashed finds the variables of its last successful call.
restore(_Plugin, #state{key = undefined}) ->
    ok;
restore(Plugin, #state{key = Key}) ->
    case extism_vars:find(Key) of
        undefined ->
            ok;
        Vars ->
            extism_telemetry:execute([extism, server, restore], #{count => map_size(Vars)}, #{key => Key}),
            extism_plugin:change_vars(Plugin, Vars)
    end.

loaded(Event, #state{plugin = Plugin} = State) ->
    extism_telemetry:execute([extism, server, Event], #{}, #{plugin => Plugin, server => self()}),
    State.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}} | {noreply, #state{}}.
handle_call(cancel, _From, #state{job = Job} = State) ->
    ok = stop(Job, cancel),
    {reply, ok, State};
handle_call(Given, From, #state{read = Read, translate = Translate, queue = Queue} = State) ->
    case tried(fun() -> prepared(Read(Given), State) end) of
        {#job{} = Job, Timeout} -> submit(Job#job{from = From}, Timeout, State);
        {now, Work} -> {noreply, advance(State#state{queue = queue:in({now, From, Work}, Queue)})};
        {error, _} = Error -> {reply, Translate(Error), State}
    end.

%% What a client gave in the wrong way is told to it.
tried(Work) ->
    try
        Work()
    catch
        Class:Reason -> invalid(Class, Reason)
    end.

%% A request as it is queued: converted and checked, so that it raises here or not at all.
prepared({Kind, Source, Given}, #state{context = Context}) when Kind =:= new; Kind =:= reload ->
    Options = options(Given),
    case extism_plugin:start_new(Context, Source, Options) of
        {ok, Begin} ->
            Start = fun(_) -> extism_call:start(Begin, #{}) end,
            {#job{kind = {load, Kind, Options}, start = Start}, infinity};
        {error, _} = Error ->
            Error
    end;
prepared({call, Name}, State) -> prepared({call, Name, <<>>, #{}}, State);
prepared({call, Name, Input}, State) -> prepared({call, Name, Input, #{}}, State);
prepared({call, Name, Input, Given}, #state{timeout = Default}) ->
    Options = if is_map(Given) -> Given; true -> maps:from_list(Given) end,
    Begin = extism_plugin:start_call(Name, Input),
    Start = fun
        (#state{plugin = undefined}) -> {error, no_plugin()};
        (#state{plugin = Plugin}) -> extism_call:start(Begin(Plugin), maps:with([host_context], Options))
    end,
    {#job{kind = {call, Name}, start = Start}, timeout(maps:get(timeout, Options, Default))};
prepared(Request, _State) when is_tuple(Request), is_atom(element(1, Request)) ->
    [Function | Arguments] = tuple_to_list(Request),
    {now, fun(State) -> handle(Function, Arguments, State) end};
prepared(Request, _State) ->
    {error, {unknown_request, Request}}.

timeout(infinity) -> infinity;
timeout(Time) when is_integer(Time), Time >= 0, Time =< 16#FFFFFFFF -> Time;
timeout(Other) -> error({no_timeout, Other}).

handle(_Function, _Arguments, #state{plugin = undefined, translate = Translate}) ->
    Translate({error, no_plugin()});
handle(Function, Arguments, #state{plugin = Plugin, handle = Handle, translate = Translate}) ->
    try
        Handle(Function, [Plugin | Arguments])
    catch
        error:undef -> {error, {unknown_request, Function}};
        Class:Reason -> Translate(invalid(Class, Reason))
    end.

invalid(Class, Reason) ->
    {error, extism_error:error_of(invalid_argument, extism_error:text_of(Class, Reason))}.

no_plugin() ->
    extism_error:error_of(closed, "the server has no plug-in").

%% Queues a job. Its time runs from now on, and it ends with its caller.
submit(#job{from = {Caller, _}} = Job, Timeout, #state{queue = Queue} = State) ->
    Monitor = erlang:monitor(process, Caller),
    Timer =
        case Timeout of
            infinity -> undefined;
            _ -> erlang:start_timer(Timeout, self(), {job, Monitor})
        end,
    {noreply, advance(State#state{queue = queue:in(Job#job{monitor = Monitor, timer = Timer}, Queue)})}.

%% Begins what is next, if nothing runs.
advance(#state{job = undefined, queue = Queue} = State) ->
    case queue:out(Queue) of
        {empty, _} ->
            State;
        {{value, {now, From, Work}}, Rest} ->
            gen_server:reply(From, Work(State)),
            advance(State#state{queue = Rest});
        {{value, #job{start = Start} = Job}, Rest} ->
            Begun = Job#job{began = erlang:monotonic_time()},
            Next = State#state{queue = Rest},
            case tried(fun() -> Start(Next) end) of
                {ok, Call} -> Next#state{job = Begun#job{call = Call}};
                {error, _} = Error -> finish(Begun, Error, Next)
            end
    end;
advance(State) ->
    State.

finish(#job{kind = Kind, from = From} = Job, Result, State) ->
    ok = forget(Job),
    {Answer, Next} = finished(Kind, Result, State, Job),
    ok = gen_server:reply(From, (State#state.translate)(Answer)),
    advance(Next#state{job = undefined}).

forget(#job{monitor = Monitor, timer = Timer}) ->
    _ = [erlang:demonitor(Monitor, [flush]) || is_reference(Monitor)],
    _ = [erlang:cancel_timer(Timer) || Timer =/= undefined],
    ok.

finished({call, Name}, Result, #state{plugin = Plugin} = State, #job{began = Began}) ->
    Status =
        case Result of
            {ok, _} -> ok;
            {error, #{status := Error}} -> Error
        end,
    Duration = #{duration => erlang:monotonic_time() - Began},
    Metadata = #{plugin => Plugin, function => Name, status => Status, server => self()},
    extism_telemetry:execute([extism, call, stop], Duration, Metadata),
    ok = keep(Result, State),
    {Result, State};
finished({load, Kind, Options}, Result, #state{context = Context} = State, _Job) ->
    case inherit(Kind, extism_plugin:made(Context, Options, Result), State) of
        {ok, Plugin} = Loaded -> {Loaded, loaded(event(Kind), State#state{plugin = Plugin})};
        {error, _} = Error -> {Error, State}
    end.

event(new) -> load;
event(reload) -> reload.

%% Gives the new plug-in what it is to have of the old one, and frees the one that is not needed any more.
inherit(_Kind, {error, _} = Error, _State) ->
    Error;
inherit(new, {ok, Plugin} = Loaded, #state{plugin = undefined} = State) ->
    ok = restore(Plugin, State),
    Loaded;
inherit(reload, Loaded, #state{plugin = undefined}) ->
    Loaded;
inherit(new, Loaded, #state{plugin = Old} = State) ->
    ok = drop_vars(State),
    ok = extism_plugin:free(Old),
    Loaded;
inherit(reload, {ok, Plugin} = Loaded, #state{plugin = Old}) ->
    % Clients have the old one, too: one may have freed it, or be calling it.
    case extism_plugin:vars(Old) of
        {ok, Vars} ->
            ok = extism_plugin:change_vars(Plugin, Vars),
            ok = extism_plugin:free(Old),
            Loaded;
        {error, _} = Error ->
            ok = extism_plugin:free(Plugin),
            Error
    end.

keep({ok, _}, #state{key = Key, plugin = Plugin}) when Key =/= undefined ->
    case extism_plugin:vars(Plugin) of
        {ok, Vars} -> extism_vars:keep(Key, Vars);
        {error, _} -> ok
    end;
keep(_Result, _State) ->
    ok.

drop_vars(#state{key = undefined}) -> ok;
drop_vars(#state{key = Key}) -> extism_vars:forget(Key).

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Message, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_info(Message, #state{job = #job{call = Call} = Job} = State) ->
    case extism_call:message(Message, Call) of
        {done, Result} -> {noreply, finish(Job, Result, State)};
        {next, Next} -> {noreply, State#state{job = Job#job{call = Next}}};
        other -> info(Message, State)
    end;
handle_info(Message, State) ->
    info(Message, State).

info({timeout, _, {job, Monitor}}, State) ->
    {noreply, leave(Monitor, timeout, State)};
info({'DOWN', Monitor, process, _, _}, State) ->
    {noreply, leave(Monitor, cancel, State)};
info({extism_host_call, _, _} = Message, State) ->
    ok = extism_host_function:answer(Message),
    {noreply, State};
info({'EXIT', _Process, Reason}, State) when Reason =/= normal ->
    {stop, Reason, State};
info(_Message, State) ->
    {noreply, State}.

%% A job's time is up, or its caller is dead: what runs is stopped, what waits is taken out.
leave(Monitor, Why, #state{job = #job{monitor = Monitor} = Job} = State) ->
    ok = stop(Job, Why),
    State;
leave(Monitor, Why, #state{queue = Queue, translate = Translate} = State) ->
    IsMeant = fun(Waits) -> is_record(Waits, job) andalso Waits#job.monitor =:= Monitor end,
    {Left, Rest} = lists:partition(IsMeant, queue:to_list(Queue)),
    Error = extism_error:error_of(timeout, "timeout"),
    lists:foreach(
        fun(#job{from = From} = Job) ->
            ok = forget(Job),
            _ = [gen_server:reply(From, Translate({error, Error})) || Why =:= timeout]
        end,
        Left
    ),
    State#state{queue = queue:from_list(Rest)}.

stop(#job{call = Call}, Why) when Call =/= undefined -> extism_call:stop(Call, Why);
stop(_Job, _Why) -> ok.

%% @private
-spec terminate(term(), #state{}) -> ok.
terminate(Reason, #state{context = Context, job = Job} = State) ->
    ok = stop(Job, cancel),
    _ = [drop_vars(State) || is_orderly(Reason)],
    extism_context:free(Context).

%% Whoever ends in an orderly way is not restarted with what it had.
is_orderly(normal) -> true;
is_orderly(shutdown) -> true;
is_orderly({shutdown, _}) -> true;
is_orderly(_) -> false.
