#!/usr/bin/env escript
%% Shares plug-ins between processes, and ends calls that take too long.
-mode(compile).

main(_) ->
    pool(),
    cancel(<<"(module (func (export \"spin\") (result i32) (loop (br 0)) unreachable))">>).

%% snippet: pool
pool() ->
    Manifest = #{wasm => [#{path => "examples/plugins/count_vowels.wasm"}]},
    {ok, Compiled} = extism_compiled_plugin:new(Manifest),
    {ok, Pool} = extism_pool:new(Compiled, 2),
    Self = self(),
    Count = fun(Plugin) -> extism_plugin:call(Plugin, "count_vowels", "Hello, World!") end,
    [spawn_link(fun() -> Self ! extism_pool:with(Pool, 10000, Count) end) || _ <- lists:seq(1, 100)],
    Counts = [
        receive
            {ok, <<"{\"count\":", Digit, _/binary>>} -> Digit - $0
        end
     || _ <- lists:seq(1, 100)
    ],
    io:format("~b vowels~n", [lists:sum(Counts)]),
    {ok, #{instances_max := Max, waiting := Waiting}} = extism_pool:stats(Pool),
    io:format("at most ~b plug-ins at a time, all back: ~p~n", [Max, Waiting =:= 0]),
    ok = extism_pool:free(Pool).
%% end snippet

%% snippet: cancel
cancel(Spin) ->
    {ok, Plugin} = extism_plugin:new(Spin),
    Self = self(),
    spawn_link(fun() -> Self ! {ended, extism_plugin:call(Plugin, "spin")} end),
    timer:sleep(100),
    ok = extism_plugin:cancel(Plugin),
    receive
        {ended, {error, #{status := Cancelled}}} -> ok
    end,
    io:format("cancelled by another process: ~p~n", [Cancelled]),

    {error, #{status := GivenUp}} = extism_plugin:call(Plugin, "spin", "", #{timeout => 50}),
    io:format("given up by the caller: ~p~n", [GivenUp]),

    {ok, Limited} = extism_plugin:new(Spin, #{limits => #{call_time_ms_max => 50}}),
    {error, #{status := Ended}} = extism_plugin:call(Limited, "spin"),
    io:format("ended by its limit: ~p~n", [Ended]).
%% end snippet
