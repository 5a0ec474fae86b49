%% Guarantees 8 to 11: many processes, schedulers that go on, calls that end.
-module(extism_threads_tests).

-include_lib("eunit/include/eunit.hrl").

-import(extism_fixture, [count_vowels/0, wat/1, passing/1, runs/0, error_of/1]).

all_test_() ->
    {timeout, 60, [
        fun g08_a_plugin_that_runs_is_busy/0,
        fun g08_a_host_function_cannot_use_its_plugin/0,
        fun g09_other_processes_run_during_a_host_function/0,
        fun g10_cancelling_ends_a_call_soon/0,
        fun g10_timeouts_and_limits_end_a_call/0,
        fun g10_a_cancel_that_comes_when_nothing_runs_hits_nothing/0,
        {timeout, 60, fun g11_schedulers_go_on_while_four_plugins_loop/0},
        fun pools_are_shared/0
    ]}.

g08_a_plugin_that_runs_is_busy() ->
    {Source, Options} = runs(),
    {ok, Plugin} = extism_plugin:new(Source, Options),
    Caller = spawn(fun() -> extism_plugin:call(Plugin, "run") end),
    ok = wait_for(runs),
    ?assertEqual(busy, error_of(extism_plugin:call(Plugin, "ok"))),
    ?assertEqual(busy, error_of(extism_plugin:vars(Plugin))),
    exit(Caller, kill),
    until(fun() -> extism_plugin:call(Plugin, "ok") =:= {ok, <<>>} end).

g08_a_host_function_cannot_use_its_plugin() ->
    Plugin = passing(fun(_) -> atom_to_binary(error_of(extism_plugin:call(get(plugin), "run"))) end),
    put(plugin, Plugin),
    ?assertEqual({ok, <<"busy">>}, extism_plugin:call(Plugin, "run")).

g09_other_processes_run_during_a_host_function() ->
    Self = self(),
    Plugin = passing(fun(Text) ->
        spawn(fun() -> Self ! {echo, Text} end),
        receive
            {echo, Echo} -> Echo
        end
    end),
    ?assertEqual({ok, <<"text">>}, extism_plugin:call(Plugin, "run", "text")).

g10_cancelling_ends_a_call_soon() ->
    {Source, Options} = runs(),
    {ok, Plugin} = extism_plugin:new(Source, Options),
    Self = self(),
    [
        begin
            spawn(fun() -> Self ! {ended, extism_plugin:call(Plugin, "run")} end),
            ok = wait_for(runs),
            Began = erlang:monotonic_time(millisecond),
            ok = extism_plugin:cancel(Plugin),
            receive
                {ended, Ended} -> ?assertEqual(cancelled, error_of(Ended))
            end,
            ?assert(erlang:monotonic_time(millisecond) - Began < 250),
            ?assertEqual({ok, <<>>}, extism_plugin:call(Plugin, "ok"))
        end
     || _ <- lists:seq(1, 20)
    ].

g10_timeouts_and_limits_end_a_call() ->
    {ok, Plugin} = extism_plugin:new(wat("spin")),
    ?assertEqual(timeout, error_of(extism_plugin:call(Plugin, "spin", "", #{timeout => 50}))),
    {ok, Limited} = extism_plugin:new(wat("spin"), #{limits => #{call_time_ms_max => 50}}),
    ?assertEqual(timeout, error_of(extism_plugin:call(Limited, "spin"))),
    Silent = spawn(fun() -> timer:sleep(infinity) end),
    Waits = extism_fixture:passing(fun(Text) -> Text end, #{handler => Silent}, #{}),
    ?assertEqual(timeout, error_of(extism_plugin:call(Waits, "run", "", #{timeout => 50}))),
    exit(Silent, kill).

g10_a_cancel_that_comes_when_nothing_runs_hits_nothing() ->
    {ok, Plugin} = extism_plugin:new(count_vowels()),
    [
        begin
            ok = extism_plugin:cancel(Plugin),
            ?assertMatch({ok, _}, extism_plugin:call(Plugin, "count_vowels", "a"))
        end
     || _ <- lists:seq(1, 200)
    ].

g11_schedulers_go_on_while_four_plugins_loop() ->
    % What else this machine does delays beats as well.
    Before = late_beats(),
    {Source, Options} = runs(),
    Plugins = [element(2, extism_plugin:new(Source, Options)) || _ <- lists:seq(1, 4)],
    Callers = [spawn(fun() -> extism_plugin:call(Plugin, "run") end) || Plugin <- Plugins],
    [ok = wait_for(runs) || _ <- Plugins],
    Late = late_beats(),
    [exit(Caller, kill) || Caller <- Callers],
    ?assert(Late =< Before + 3).

%% How many of 200 beats came more than 40 milliseconds after the one before, which is to miss three.
late_beats() ->
    length([Time || Time <- [beat() || _ <- lists:seq(1, 200)], Time > 40]).

beat() ->
    Began = erlang:monotonic_time(millisecond),
    timer:sleep(10),
    erlang:monotonic_time(millisecond) - Began.

pools_are_shared() ->
    {ok, Compiled} = extism_compiled_plugin:new(count_vowels()),
    {ok, Pool} = extism_pool:new(Compiled, 2),
    Self = self(),
    Use = fun(Plugin) -> extism_plugin:call(Plugin, "count_vowels", "Hello, World!") end,
    [spawn(fun() -> Self ! {used, extism_pool:with(Pool, 10000, Use)} end) || _ <- lists:seq(1, 50)],
    [
        receive
            {used, Used} -> ?assertMatch({ok, <<"{\"count\":3,", _/binary>>}, Used)
        end
     || _ <- lists:seq(1, 50)
    ],
    ?assertMatch({ok, #{instances_max := 2, waiting := 0}}, extism_pool:stats(Pool)),
    % What nobody holds goes back by itself.
    {ok, First} = extism_pool:get(Pool),
    {ok, Second} = extism_pool:get(Pool),
    ?assertEqual(wait_timeout, error_of(extism_pool:get(Pool, 30))),
    [?assertEqual(ok, extism_plugin:free(Plugin)) || Plugin <- [First, Second]].

wait_for(Message) ->
    receive
        Message -> ok
    after 5000 -> {error, timeout}
    end.

until(Condition) ->
    case Condition() of
        true ->
            ok;
        false ->
            timer:sleep(1),
            until(Condition)
    end.
