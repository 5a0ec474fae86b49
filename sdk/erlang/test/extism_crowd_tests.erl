%% Guarantees 8 to 11 for more processes at a time than there are threads: who waits holds nobody up. And what
%% is no value is refused.
-module(extism_crowd_tests).

-include_lib("eunit/include/eunit.hrl").

-import(extism_fixture, [count_vowels/0, error_of/1]).

all_test_() ->
    {timeout, 300, [
        {timeout, 100, fun g09_more_borrowers_than_threads_get_plugins/0},
        {timeout, 100, fun g10_the_time_of_a_borrower_is_counted_from_when_it_asks/0},
        {timeout, 100, fun g10_processes_that_die_while_they_wait_take_nothing/0},
        {timeout, 100, fun g09_more_host_functions_than_threads_wait_while_they_call_plugins/0},
        fun only_undefined_and_nil_remove_a_variable/0,
        fun a_host_function_whose_results_are_no_list_fails/0
    ]}.

g09_more_borrowers_than_threads_get_plugins() ->
    Pool = pool(2),
    Use = fun(Plugin) -> extism_plugin:call(Plugin, "count_vowels", "aha") end,
    All = each(1500, fun() -> extism_pool:with(Pool, 60000, Use) end),
    ?assertEqual([], [Other || {Tag, _} = Other <- All, Tag =/= ok]),
    ?assertMatch({ok, #{alive := 2, waiting := 0}}, extism_pool:stats(Pool)),
    ok = extism_pool:free(Pool).

g10_the_time_of_a_borrower_is_counted_from_when_it_asks() ->
    Pool = pool(1),
    {ok, Plugin} = extism_pool:get(Pool),
    Others = start(1100, fun() -> extism_pool:with(Pool, infinity, fun(_) -> ok end) end),
    ok = waiting(Pool, 1100),
    ?assertEqual(wait_timeout, error_of(extism_pool:get(Pool, 20))),
    ?assertMatch({ok, _}, extism_plugin:call(Plugin, "count_vowels", "aha")),
    ?assertMatch({ok, #{waiting := 1100}}, extism_pool:stats(Pool)),
    ok = extism_plugin:free(Plugin),
    ?assertEqual([ok], lists:usort(ended(Others))),
    ok = extism_pool:free(Pool).

g10_processes_that_die_while_they_wait_take_nothing() ->
    Pool = pool(1),
    {ok, Plugin} = extism_pool:get(Pool),
    Others = start(100, fun() -> extism_pool:get(Pool, infinity) end),
    ok = waiting(Pool, 100),
    [exit(Process, kill) || {Process, _} <- Others],
    ok = waiting(Pool, 0),
    ok = extism_plugin:free(Plugin),
    {ok, Again} = extism_pool:get(Pool, 0),
    ok = extism_plugin:free(Again),
    ok = extism_pool:free(Pool).

g09_more_host_functions_than_threads_wait_while_they_call_plugins() ->
    {ok, Compiled} = extism_compiled_plugin:new(count_vowels()),
    Wat =
        <<"(module
            (import \"extism:host/user\" \"f\" (func $f (result i32)))
            (func (export \"run\") (result i32) (call $f)))">>,
    Function = fun() ->
        {ok, Inner} = extism_plugin:new(Compiled),
        {ok, _} = extism_plugin:call(Inner, "count_vowels", "aha"),
        ok = extism_plugin:free(Inner),
        0
    end,
    Functions = [extism_host_function:new("f", [], [i32], Function)],
    {ok, Outer} = extism_compiled_plugin:new(Wat, #{functions => Functions}),
    Plugins = [element(2, {ok, _} = extism_plugin:new(Outer)) || _ <- lists:seq(1, 1100)],
    Running = [hd(start(1, fun() -> extism_plugin:call(Plugin, "run") end)) || Plugin <- Plugins],
    ?assertEqual([{ok, <<>>}], lists:usort(ended(Running))),
    [ok = extism_plugin:free(Plugin) || Plugin <- Plugins],
    [ok = extism_compiled_plugin:free(Each) || Each <- [Outer, Compiled]].

only_undefined_and_nil_remove_a_variable() ->
    {ok, Plugin} = extism_plugin:new(count_vowels()),
    Change = fun(Value) -> extism_plugin:change_vars(Plugin, #{"x" => Value}) end,
    [
        begin
            ok = Change(<<"kept">>),
            ?assertError(badarg, Change(Wrong)),
            ?assertEqual({ok, #{<<"x">> => <<"kept">>}}, extism_plugin:vars(Plugin)),
            ok = Change(None),
            ?assertEqual({ok, #{}}, extism_plugin:vars(Plugin))
        end
     || {Wrong, None} <- [{true, undefined}, {null, nil}, {1, nil}, {[<<"y">> | z], undefined}]
    ],
    ok = extism_plugin:free(Plugin).

a_host_function_whose_results_are_no_list_fails() ->
    Wat =
        <<"(module
            (import \"extism:host/user\" \"f\" (func $f (result i64 i64)))
            (func (export \"run\") (drop (call $f)) (drop)))">>,
    [
        begin
            % Straight to the library, which does not rely on what stands before it.
            Answers = fun({extism_current_plugin, Request, _, _}) ->
                ok = element(1, extism_nif:host_return(Request, Results)),
                until_over(Request)
            end,
            Function = extism_host_function:new("f", [], [i64, i64], Answers),
            {ok, Plugin} = extism_plugin:new(Wat, #{functions => [Function]}),
            {error, Error} = extism_plugin:call(Plugin, "run", "", #{timeout => 20000}),
            ?assertMatch(#{status := host_function}, Error),
            ?assertNotEqual(nomatch, string:find(maps:get(message, Error), Text)),
            ok = extism_plugin:free(Plugin)
        end
     || {Results, Text} <- [
            {[1 | 2], "[1|2], which is no list of results"},
            {[1], "1 results instead of 2"},
            {[1, x], "no i64"},
            {x, "x, which is no list of results"}
        ]
    ].

%% Only the first answer of a host function counts.
until_over(Request) ->
    case extism_nif:host_must_stop(Request) of
        true -> {0, 0};
        false -> until_over(Request)
    end.

pool(Size) ->
    {ok, Compiled} = extism_compiled_plugin:new(count_vowels()),
    {ok, Pool} = extism_pool:new(Compiled, Size),
    ok = extism_compiled_plugin:free(Compiled),
    Pool.

%% What so many processes come to that do something.
each(Count, Work) ->
    ended(start(Count, Work)).

start(Count, Work) ->
    [spawn_monitor(fun() -> exit({done, Work()}) end) || _ <- lists:seq(1, Count)].

ended(Processes) ->
    [
        receive
            {'DOWN', Monitor, process, Process, {done, Done}} -> Done;
            {'DOWN', Monitor, process, Process, Other} -> {died, Other}
        end
     || {Process, Monitor} <- Processes
    ].

waiting(Pool, Count) ->
    case extism_pool:stats(Pool) of
        {ok, #{waiting := Count}} ->
            ok;
        {ok, _} ->
            timer:sleep(1),
            waiting(Pool, Count)
    end.
