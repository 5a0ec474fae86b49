%% A plug-in as a process, messages and listeners, the samples.
-module(extism_server_tests).

-include_lib("eunit/include/eunit.hrl").

-import(extism_fixture, [root/0, count_vowels/0, wat/1, runs/0, settled/0, error_of/1]).

server_test_() ->
    {setup, fun() -> application:ensure_all_started(extism) end, {timeout, 60, [
        fun loads_calls_and_reloads/0,
        fun calls_end_in_time/0,
        fun a_clumsy_client_is_told_and_nobody_else/0,
        fun a_plugin_that_was_freed_or_is_busy_leaves_the_server/0,
        fun a_handler_that_does_not_answer_holds_up_no_server/0,
        fun a_server_handles_its_own_host_functions/0,
        fun a_server_that_crashes_finds_its_variables/0,
        {timeout, 60, fun killed_servers_leave_nothing/0},
        fun messages_and_listeners/0
    ]}}.

loads_calls_and_reloads() ->
    {ok, Server} = extism_plugin_server:start_link(#{}),
    ?assertEqual(closed, error_of(extism_plugin_server:call(Server, "count_vowels", "a"))),
    {ok, {extism_plugin, _, 0}} = gen_server:call(Server, {new, wat("legacy_count_vowels"), false}),
    ?assertEqual({ok, <<"{\"count\": 4}">>}, gen_server:call(Server, {call, "count_vowels", "this is a test"})),
    {ok, _} = extism_plugin_server:new(Server, count_vowels(), false),
    {ok, _} = extism_plugin_server:call(Server, "count_vowels", "aa"),
    {ok, _} = extism_plugin_server:reload(Server, count_vowels(), #{}),
    ?assertEqual({ok, #{<<"total">> => <<2, 0, 0, 0>>}}, gen_server:call(Server, {vars})),
    ?assertEqual({error, {unknown_request, surprise}}, gen_server:call(Server, {surprise})),
    ok = gen_server:stop(Server),
    ?assertEqual(ok, settled()).

calls_end_in_time() ->
    {Source, Options} = runs(),
    {ok, Server} = extism_plugin_server:start_link(#{source => Source, options => Options, call_timeout => 50}),
    ?assertEqual(timeout, error_of(extism_plugin_server:call(Server, "run", ""))),
    Caller = spawn(fun() -> extism_plugin_server:call(Server, "run", "", #{timeout => infinity}) end),
    [
        receive
            runs -> ok
        end
     || _ <- [1, 2]
    ],
    ?assertEqual(timeout, error_of(extism_plugin_server:call(Server, "ok", "", #{timeout => 30}))),
    exit(Caller, kill),
    ?assertEqual({ok, <<>>}, extism_plugin_server:call(Server, "ok", "", #{timeout => 10000})),
    ok = gen_server:stop(Server).

a_clumsy_client_is_told_and_nobody_else() ->
    {Source, Options} = runs(),
    Start = #{source => Source, options => Options, call_timeout => 10000},
    {ok, Server} = extism_plugin_server:start_link(Start),
    Waiting = gen_server:send_request(Server, {call, "ok", ""}),
    Requests = [
        {call, "ok", not_iodata},
        {call, 1, ""},
        {call, [16#D800], ""},
        {call, "ok", "", 5},
        {call, "ok", "", #{timeout => -1}},
        {call, "ok", "", #{timeout => soon}},
        {call, "ok", "", #{timeout => 1 bsl 60}},
        {var_set, "x", bad},
        {config, 5},
        {config, #{key => 5}},
        {config, #{key => <<255>>}}
        | [
            {Kind, Wasm, Wrong}
         || Kind <- [new, reload],
            {Wasm, Wrong} <- [
                {Source, 5},
                {Source, #{functions => 5}},
                {Source, #{config => 5}},
                {Source, #{config => #{key => 5}}},
                {12, #{}},
                {{extism_compiled_plugin, make_ref()}, #{}}
            ]
        ]
    ],
    [
        ?assertEqual({Request, invalid_argument}, {Request, error_of(gen_server:call(Server, Request))})
     || Request <- Requests
    ],
    ?assertEqual({error, {unknown_request, 5}}, gen_server:call(Server, 5)),
    ?assertEqual({reply, {ok, <<>>}}, gen_server:receive_response(Waiting, 5000)),
    ?assertEqual({ok, <<>>}, gen_server:call(Server, {call, "ok"})),
    ok = gen_server:stop(Server),
    ?assertEqual(ok, settled()).

a_plugin_that_was_freed_or_is_busy_leaves_the_server() ->
    {ok, Server} = extism_plugin_server:start_link(#{keep_vars => {?MODULE, freed}, call_timeout => 50}),
    {Source, Options} = runs(),
    {ok, Plugin} = extism_plugin_server:new(Server, Source, Options),
    ?assertEqual(timeout, error_of(gen_server:call(Server, {call, "run"}))),
    Caller = spawn(fun() -> extism_plugin:call(Plugin, "run") end),
    [
        receive
            runs -> ok
        end
     || _ <- [1, 2]
    ],
    ?assertEqual(busy, error_of(extism_plugin_server:reload(Server, Source, Options))),
    exit(Caller, kill),
    ok = gen_server:call(Server, {free}),
    ?assertEqual(bad_handle, error_of(extism_plugin_server:reload(Server, Source, Options))),
    {ok, _} = extism_plugin_server:new(Server, Source, Options),
    ?assertEqual({ok, <<>>}, extism_plugin_server:call(Server, "ok", "")),
    ok = gen_server:stop(Server),
    ?assertEqual(ok, settled()).

a_handler_that_does_not_answer_holds_up_no_server() ->
    Self = self(),
    Handler = spawn_link(fun Keep() ->
        receive
            {extism_host_call, _, _} = Message -> Self ! {asked, Message}
        end,
        Keep()
    end),
    {Source, Options} = asking(Handler),
    {ok, Server} = extism_plugin_server:start_link(#{source => Source, options => Options, call_timeout => 50}),
    Asked = fun() ->
        receive
            {asked, Message} -> Message
        end
    end,
    ?assertEqual(timeout, error_of(extism_plugin_server:call(Server, "run", ""))),
    Late = Asked(),
    Run = {call, "run", "", #{timeout => infinity}},
    Caller = spawn(fun() -> gen_server:call(Server, Run, infinity) end),
    _ = Asked(),
    exit(Caller, kill),
    ?assertEqual({ok, <<>>}, extism_plugin_server:call(Server, "ok", "", #{timeout => 10000})),
    Cancelled = gen_server:send_request(Server, Run),
    _ = Asked(),
    ok = extism_plugin_server:cancel(Server),
    {reply, Answer} = gen_server:receive_response(Cancelled, 10000),
    ?assertEqual(cancelled, error_of(Answer)),
    % What comes too late is for nobody, and what comes in time is for the call that waits for it.
    Answered = gen_server:send_request(Server, Run),
    Message = Asked(),
    [ok = extism_host_function:answer(Each) || Each <- [Late, Message, Message]],
    ?assertEqual({reply, {ok, <<>>}}, gen_server:receive_response(Answered, 10000)),
    Killed = gen_server:send_request(Server, Run),
    _ = Asked(),
    unlink(Handler),
    exit(Handler, kill),
    {reply, Dead} = gen_server:receive_response(Killed, 10000),
    ?assertMatch({error, #{status := host_function, cause := {exit, killed, []}}}, Dead),
    ok = gen_server:stop(Server),
    ?assertEqual(ok, settled()).

a_server_handles_its_own_host_functions() ->
    {Source, Options} = asking(?MODULE),
    Start = #{name => ?MODULE, source => Source, options => Options},
    {ok, Server} = extism_plugin_server:start_link(Start),
    ?assertEqual({ok, <<>>}, extism_plugin_server:call(Server, "run", "", #{timeout => 10000})),
    ok = gen_server:stop(Server).

%% A source whose `run' has a handler run a function.
asking(Handler) ->
    Wat =
        <<"(module
            (import \"extism:host/user\" \"f\" (func $f))
            (func (export \"run\") (call $f))
            (func (export \"ok\")))">>,
    Function = extism_host_function:new("f", [], [], fun() -> ok end, #{handler => Handler}),
    {Wat, #{functions => [Function]}}.

a_server_that_crashes_finds_its_variables() ->
    process_flag(trap_exit, true),
    Options = #{source => count_vowels(), keep_vars => {?MODULE, counter}},
    {ok, First} = extism_plugin_server:start_link(Options),
    {ok, _} = extism_plugin_server:call(First, "count_vowels", "aa"),
    exit(First, kill),
    receive
        {'EXIT', First, killed} -> ok
    end,
    {ok, Second} = extism_plugin_server:start_link(Options),
    {ok, <<"{\"count\":1,\"total\":3,", _/binary>>} = extism_plugin_server:call(Second, "count_vowels", "a"),
    ok = gen_server:stop(Second),
    process_flag(trap_exit, false).

killed_servers_leave_nothing() ->
    process_flag(trap_exit, true),
    {ok, Compiled} = extism_compiled_plugin:new(count_vowels()),
    [
        begin
            {ok, Server} = extism_plugin_server:start_link(#{source => Compiled}),
            {ok, _} = extism_plugin_server:call(Server, "count_vowels", "a"),
            exit(Server, kill),
            receive
                {'EXIT', Server, killed} -> ok
            end
        end
     || _ <- lists:seq(1, 1000)
    ],
    ok = extism_compiled_plugin:free(Compiled),
    process_flag(trap_exit, false),
    ?assertEqual(ok, settled()).

messages_and_listeners() ->
    Self = self(),
    ok = extism_telemetry:attach(test, fun(Event, Measured, Said) -> Self ! {event, Event, Measured, Said} end),
    {ok, Plugin} = extism_plugin:new(wat("levels"), #{log => {error, self()}}),
    {ok, _} = extism_plugin:call(Plugin, "all"),
    receive
        {extism_log, <<_:16/binary>>, error, _} -> ok
    end,
    receive
        {event, [extism, call, stop], #{duration := Duration}, #{status := ok, function := "all"}} ->
            ?assert(Duration > 0)
    end,
    ok = extism_telemetry:detach(test).

samples_test_() ->
    Names = ["basic", "config_and_vars", "host_functions", "http", "pool_and_cancel"],
    [{Name, {timeout, 60, fun() -> sample(Name) end}} || Name <- Names].

sample(Name) ->
    Samples = filename:join(root(), "sdk/erlang/samples"),
    Ebin = filename:dirname(code:which(extism)),
    Command = ["cd ", root(), " && ERL_LIBS= ERL_FLAGS='-pa ", Ebin, "' escript ", Samples, "/", Name, ".escript"],
    {ok, Expected} = file:read_file(filename:join([Samples, "expected", Name ++ ".txt"])),
    ?assertEqual(Expected, unicode:characters_to_binary(os:cmd(lists:flatten(Command)))).
